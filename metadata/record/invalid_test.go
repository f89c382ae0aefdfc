package record_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/metadata/record/recordtest"
	"github.com/yakt/yakt/protocol"
)

func TestStringsThatKafkaDoesNotRead(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		strings.Repeat("a", 32_767):       true,
		strings.Repeat("a", 32_768):       false,
		strings.Repeat("€", 10_922) + "a": true,
		strings.Repeat("€", 10_923):       false,
		"\xff":                            false,
		"\xed\xa0\x80":                    false, // half of a surrogate pair
		"a\x00b":                          true,
	} {
		for field, r := range map[string]record.Record{
			"ResourceName": &record.Config{ResourceType: 2, ResourceName: text, Name: "k"},
			"Name":         &record.Config{ResourceType: 2, ResourceName: "t", Name: text},
			"Value":        &record.Config{ResourceType: 2, ResourceName: "t", Name: "k", Value: &text},
			"Entity[1].Name": &record.ClientQuota{
				Entity: []record.QuotaEntity{{Type: "user"}, {Type: "client-id", Name: &text}}, Key: "k",
				Value: 1,
			},
			"Reason": &record.AbortTransaction{Reason: &text},
		} {
			var invalid *record.InvalidError
			err := record.Check(r)
			if refused := errors.As(err, &invalid) && invalid.Field == field &&
				invalid.Type == r.Type(); refused == ok ||
				ok && err != nil {
				t.Errorf("%s of %d bytes: %v", field, len(text), err)
			}
			if b, written := record.Append(nil, r, 0); (written == nil) != ok || !ok && len(b) > 0 {
				t.Errorf("%s of %d bytes is written: %v", field, len(text), written)
			}
		}
	}
}

// broken makes a valid record of a type and changes it.
func broken[R record.Record](change func(R)) record.Record {
	rng := rand.New(rand.NewPCG(9, 10))
	var none R
	kind := none.Type()
	r := recordtest.Random(rng, kind, kind.MaxVersion())
	change(r.(R))
	return r
}

func endpoint(change func(*record.Endpoint)) []record.Endpoint {
	list := []record.Endpoint{
		{Name: "A", Host: "h", Port: 1},
		{Name: "B", Host: "h", Port: 1},
		{Name: "C", Host: "h", Port: 65535, SecurityProtocol: 3},
	}
	change(&list[1])
	return list
}

// One record for each rule: the field that breaks it is named.
func TestRecordsThatBrokersDoNotAccept(t *testing.T) {
	t.Parallel()
	dir := protocol.UUID{1}
	text := func(s string) *string { return &s }
	for _, test := range []struct {
		field string
		r     record.Record
	}{
		{"BrokerID", broken(func(r *record.RegisterBroker) { r.BrokerID = -1 })},
		{"Endpoints[1].Name", broken(func(r *record.RegisterBroker) {
			r.Endpoints = endpoint(func(e *record.Endpoint) { e.Name = "" })
		})},
		{"Endpoints[1].Name", broken(func(r *record.RegisterBroker) {
			r.Endpoints = endpoint(func(e *record.Endpoint) { e.Name = "A" })
		})},
		{"Endpoints[1].Host", broken(func(r *record.RegisterBroker) {
			r.Endpoints = endpoint(func(e *record.Endpoint) { e.Host = "" })
		})},
		{"Endpoints[1].Port", broken(func(r *record.RegisterBroker) {
			r.Endpoints = endpoint(func(e *record.Endpoint) { e.Port = 0 })
		})},
		{"Endpoints[1].SecurityProtocol", broken(func(r *record.RegisterBroker) {
			r.Endpoints = endpoint(func(e *record.Endpoint) { e.SecurityProtocol = 4 })
		})},
		{"Endpoints[1].SecurityProtocol", broken(func(r *record.RegisterController) {
			r.Endpoints = endpoint(func(e *record.Endpoint) { e.SecurityProtocol = -1 })
		})},
		{"Features[0].Name", broken(
			func(r *record.RegisterBroker) { r.Features = []record.FeatureRange{{Name: "", Max: 1}} },
		)},
		{"Features[1].Name", broken(
			func(r *record.RegisterBroker) { r.Features = []record.FeatureRange{{Name: "f"}, {Name: "f"}} },
		)},
		{"Features[0].Max", broken(func(r *record.RegisterController) {
			r.Features = []record.FeatureRange{{Name: "f", Min: 2, Max: 1}}
		})},
		{"Features[0].Max", broken(func(r *record.RegisterController) {
			r.Features = []record.FeatureRange{{Name: "f", Min: -1, Max: 1}}
		})},
		{
			"LogDirs[0]",
			broken(func(r *record.RegisterBroker) { r.LogDirs = []protocol.UUID{protocol.DirLost} }),
		},
		{"LogDirs[1]", broken(func(r *record.RegisterBroker) { r.LogDirs = []protocol.UUID{dir, dir} })},
		{"ControllerID", broken(func(r *record.RegisterController) { r.ControllerID = -1 })},
		{"Fenced", broken(func(r *record.BrokerRegistrationChange) { r.Fenced = 2 })},
		{
			"InControlledShutdown",
			broken(func(r *record.BrokerRegistrationChange) { r.InControlledShutdown = -1 }),
		},
		{
			"LogDirs[1]",
			broken(func(r *record.BrokerRegistrationChange) { r.LogDirs = []protocol.UUID{dir, dir} }),
		},
		{"Name", broken(func(r *record.Topic) { r.Name = "" })},
		{"Name", broken(func(r *record.Topic) { r.Name = ".." })},
		{"Name", broken(func(r *record.Topic) { r.Name = "a/b" })},
		{"Name", broken(func(r *record.Topic) { r.Name = strings.Repeat("a", 250) })},
		{"TopicID", broken(func(r *record.Topic) { r.TopicID = protocol.UUID{} })},
		{"TopicID", broken(func(r *record.Topic) { r.TopicID = protocol.MetadataTopicID })},
		{"PartitionID", broken(func(r *record.Partition) { r.PartitionID = -1 })},
		{"LeaderRecoveryState", broken(func(r *record.Partition) { r.LeaderRecoveryState = -1 })},
		{"Directories", broken(
			func(r *record.Partition) { r.Replicas, r.Directories = []int32{1, 2}, []protocol.UUID{dir} },
		)},
		{"PartitionID", broken(func(r *record.PartitionChange) { r.PartitionID = -1 })},
		{"LeaderRecoveryState", broken(func(r *record.PartitionChange) { r.LeaderRecoveryState = 2 })},
		{"Directories", broken(func(r *record.PartitionChange) {
			r.Replicas, r.Directories = []int32{1, 2}, []protocol.UUID{dir}
		})},
		{"ResourceType", broken(func(r *record.Config) { r.ResourceType = 8 })},
		{"ResourceName", broken(func(r *record.Config) { r.ResourceType, r.ResourceName = 16, "" })},
		{"Name", broken(func(r *record.FeatureLevel) { r.Name = "" })},
		{"Level", broken(func(r *record.FeatureLevel) { r.Level = -1 })},
		{"NextProducerID", broken(func(r *record.ProducerIDs) { r.NextProducerID = -1 })},
		{"Name", broken(func(r *record.UserScramCredential) { r.Name = "" })},
		{"Mechanism", broken(func(r *record.UserScramCredential) { r.Mechanism = 3 })},
		{"Iterations", broken(func(r *record.UserScramCredential) { r.Iterations = 0 })},
		{"Mechanism", broken(func(r *record.RemoveUserScramCredential) { r.Mechanism = 0 })},
		{"Owner", broken(func(r *record.DelegationToken) { r.Owner = "bob" })},
		{"Requester", broken(func(r *record.DelegationToken) { r.Requester = "" })},
		{"Renewers[1]", broken(func(r *record.DelegationToken) { r.Renewers = []string{"User:a", "b"} })},
		{"TokenID", broken(func(r *record.DelegationToken) { r.TokenID = "" })},
		{"ResourceType", broken(func(r *record.AccessControlEntry) { r.ResourceType = 1 })},
		{"PatternType", broken(func(r *record.AccessControlEntry) { r.PatternType = 2 })},
		{"Operation", broken(func(r *record.AccessControlEntry) { r.Operation = 16 })},
		{"PermissionType", broken(func(r *record.AccessControlEntry) { r.PermissionType = 1 })},
		{"ResourceName", broken(func(r *record.AccessControlEntry) { r.ResourceName = "" })},
		{"Principal", broken(func(r *record.AccessControlEntry) { r.Principal = "bob" })},
		{"Host", broken(func(r *record.AccessControlEntry) { r.Host = "" })},
		{"Entity", broken(func(r *record.ClientQuota) { r.Entity = nil })},
		{"Entity", broken(
			func(r *record.ClientQuota) { r.Entity = []record.QuotaEntity{{Type: "ip"}, {Type: "user"}} },
		)},
		{
			"Entity[0].Type",
			broken(func(r *record.ClientQuota) { r.Entity = []record.QuotaEntity{{Type: "host"}} }),
		},
		{"Entity[1].Type", broken(
			func(r *record.ClientQuota) { r.Entity = []record.QuotaEntity{{Type: "user"}, {Type: "user"}} },
		)},
		{"Entity[0].Name", broken(
			func(r *record.ClientQuota) { r.Entity = []record.QuotaEntity{{Type: "user", Name: text("")}} },
		)},
		{"Value", broken(func(r *record.ClientQuota) { r.Remove, r.Value = false, math.NaN() })},
		{"Key", broken(func(r *record.ClientQuota) { r.Key = "" })},
	} {
		var invalid *record.InvalidError
		if err := record.Check(
			test.r,
		); !errors.As(err, &invalid) || invalid.Field != test.field ||
			invalid.Type != test.r.Type() {
			t.Errorf("%v, want %s: %v", test.r.Type(), test.field, err)
		}
	}
}

func TestVotersThatBrokersDoNotAccept(t *testing.T) {
	t.Parallel()
	at := func(name, host string, port uint16) []record.VoterEndpoint {
		return []record.VoterEndpoint{{Name: name, Host: host, Port: port}}
	}
	for _, voters := range [][]record.Voter{
		{{ID: -1}}, {{ID: 1}, {ID: 1}}, {{ID: 1, KRaftVersionMin: 1}},
		{{ID: 1, KRaftVersionMin: -1}},
		{{ID: 1, Endpoints: at("", "h", 1)}}, {{ID: 1, Endpoints: at("C", "", 1)}},
		{{ID: 1, Endpoints: at(strings.Repeat("C", 1<<15), "h", 1)}},
	} {
		if b, err := record.AppendControl(nil, &record.Voters{Voters: voters}); err == nil {
			t.Errorf("%+v is written: %x", voters, b)
		}
	}
}

// A snapshot has a million of them. Not parallel: others' memory would be counted.
func TestAppendTakesNoMemoryOfItsOwn(t *testing.T) {
	p := &record.Partition{
		Replicas: []int32{1, 2}, ISR: []int32{1, 2},
		Directories: []protocol.UUID{{1}, {2}},
	}
	buf := make([]byte, 0, 1024)
	n := testing.AllocsPerRun(1000, func() {
		if _, err := record.Append(buf, p, 2); err != nil {
			t.Error(err)
		}
	})
	if n > 0 {
		t.Errorf("%v allocations for each record", n)
	}
}
