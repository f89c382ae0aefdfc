package controller

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// tooLong is one byte longer than brokers read.
var tooLong = strings.Repeat("n", record.StringMax+1)

func brokerRegistration(
	tc *testCore,
	change func(*kmsg.BrokerRegistrationRequest),
) *kmsg.BrokerRegistrationRequest {
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.Version, req.BrokerID, req.ClusterID, req.IncarnationID = 4, 1, tc.cfg.ClusterID, testUUID(
		1,
	)
	req.Listeners = []kmsg.BrokerRegistrationRequestListener{
		{Name: "PLAINTEXT", Host: "b", Port: 9092},
	}
	req.LogDirs = [][16]byte{testUUID(2)}
	for _, f := range tc.cfg.supportedFeatures() {
		req.Features = append(req.Features, kmsg.BrokerRegistrationRequestFeature{
			Name: f.Name, MinSupportedVersion: f.Min, MaxSupportedVersion: f.Max,
		})
	}
	change(req)
	return req
}

// A registration that brokers would not accept is refused and writes nothing; the greatest one that
// they would is taken.
func TestRegistrationsThatBrokersDoNotAccept(t *testing.T) {
	t.Parallel()
	longest := tooLong[1:]
	feature := func(name string) kmsg.BrokerRegistrationRequestFeature {
		return kmsg.BrokerRegistrationRequestFeature{Name: name, MaxSupportedVersion: 1}
	}
	type request = kmsg.BrokerRegistrationRequest
	for name, test := range map[string]struct {
		change func(*request)
		err    *kerr.Error
	}{
		"longest": {change: func(r *request) {
			r.Rack, r.Features = &longest, append(r.Features, feature(longest))
			r.Listeners[0].Name, r.Listeners[0].Host = longest, longest
		}},
		"rack": {func(r *request) { r.Rack = &tooLong }, kerr.InvalidRequest},
		"host": {func(r *request) { r.Listeners[0].Host = tooLong },
			kerr.InvalidRequest},
		"listener": {func(r *request) { r.Listeners[0].Name = tooLong },
			kerr.InvalidRequest},
		"feature": {func(r *request) { r.Features = append(r.Features, feature(tooLong)) },
			kerr.InvalidRequest},
		"unnamed feature": {func(r *request) { r.Features = append(r.Features, feature("")) },
			kerr.InvalidRequest},
		"two features": {func(r *request) { r.Features = append(r.Features, r.Features[0]) },
			kerr.InvalidRequest},
		"unnamed listener": {func(r *request) { r.Listeners[0].Name = "" }, kerr.InvalidRequest},
		"two listeners": {func(r *request) { r.Listeners = append(r.Listeners, r.Listeners[0]) },
			kerr.InvalidRequest},
		"no host": {func(r *request) { r.Listeners[0].Host = "" }, kerr.InvalidRequest},
		"no port": {func(r *request) { r.Listeners[0].Port = 0 }, kerr.InvalidRequest},
		"not UTF-8": {func(r *request) { r.Listeners[0].Host = "\xff" },
			kerr.InvalidRequest},
		"negative id": {func(r *request) { r.BrokerID = -1 }, kerr.InvalidRequest},
	} {
		tc := newTestCore(t)
		records, resp := tc.handle(brokerRegistration(tc, test.change))
		code := resp.(*kmsg.BrokerRegistrationResponse).ErrorCode
		if kerr.TypedErrorForCode(code) != test.err || (len(records) > 0) != (test.err == nil) {
			t.Errorf("%s: code %d, %d records", name, code, len(records))
		}
	}
}

// One resource that brokers could not read costs no other of the request, by either API.
func TestConfigsThatBrokersDoNotRead(t *testing.T) {
	t.Parallel()
	euros, value := strings.Repeat("€", 20_000), "v"
	resources := []struct {
		kind             int8
		name, key, value string
		ok               bool
	}{
		{metadata.ConfigBroker, "3000", "k", value, true},
		{metadata.ConfigBroker, "", tooLong, value, false},
		{metadata.ConfigGroup, tooLong, "consumer.session.timeout.ms", "50000", false},
		{metadata.ConfigGroup, tooLong[1:], "consumer.session.timeout.ms", "50000", true},
		{metadata.ConfigGroup, "\xff", "consumer.session.timeout.ms", "50000", false},
		{metadata.ConfigClientMetrics, tooLong, "interval.ms", "1000", false},
		{metadata.ConfigClientMetrics, "m", "metrics", euros, false},
		{metadata.ConfigClientMetrics, "n", "metrics", tooLong[1:], true},
	}
	incremental := kmsg.NewPtrIncrementalAlterConfigsRequest()
	legacy := kmsg.NewPtrAlterConfigsRequest()
	for _, r := range resources {
		kind := kmsg.ConfigResourceType(r.kind)
		incremental.Resources = append(
			incremental.Resources,
			kmsg.IncrementalAlterConfigsRequestResource{
				ResourceType: kind,
				ResourceName: r.name,
				Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{
					{Name: r.key, Value: &r.value},
				},
			},
		)
		legacy.Resources = append(legacy.Resources, kmsg.AlterConfigsRequestResource{
			ResourceType: kind, ResourceName: r.name,
			Configs: []kmsg.AlterConfigsRequestResourceConfig{{Name: r.key, Value: &r.value}},
		})
	}
	for _, req := range []kmsg.Request{incremental, legacy} {
		records, resp := newTestCore(t).handle(req)
		var codes []int16
		switch resp := resp.(type) {
		case *kmsg.IncrementalAlterConfigsResponse:
			for _, r := range resp.Resources {
				codes = append(codes, r.ErrorCode)
			}
		case *kmsg.AlterConfigsResponse:
			for _, r := range resp.Resources {
				codes = append(codes, r.ErrorCode)
			}
		}
		for i, r := range resources {
			if (codes[i] == 0) != r.ok || !r.ok && codes[i] != kerr.InvalidConfig.Code {
				t.Errorf("%T, resource %d: code %d", req, i, codes[i])
			}
		}
		if len(records) != 3 {
			t.Errorf("%T: %d records", req, len(records))
		}
	}
}

// A peer that describes itself with what brokers would not accept is not registered, and the others
// are.
func TestPeerThatDescribesItselfInvalidly(t *testing.T) {
	t.Parallel()
	tc := newTestCore(t)
	good := &record.RegisterController{
		ControllerID: 3001,
		Endpoints:    []record.Endpoint{{Name: "C", Host: "h", Port: 1}},
	}
	info, err := record.Append(nil, good, 0)
	if err != nil {
		t.Fatal(err)
	}
	bad := []byte(strings.Replace(string(info), "\x02h\x00\x01", "\x02h\x00\x00", 1)) // port 0
	bad[6]++                                                                          // the next id
	tc.log.peers = []Peer{
		{ID: 3002, Connected: true, Info: bad},
		{ID: 3001, Connected: true, Info: info},
	}
	tc.do(tc.upkeep)
	if tc.working.Controller(3001) == nil || tc.working.Controller(3002) != nil {
		t.Errorf(
			"registered: 3001 %v, 3002 %v",
			tc.working.Controller(3001), tc.working.Controller(3002),
		)
	}
}

// A record that its operation did not check is refused when it is encoded; the caller gets the
// error.
func TestAnInvalidRecordOfAnyOperationIsAnAPIError(t *testing.T) {
	t.Parallel()
	tc := newTestCore(t)
	err := tc.append(
		time.Now(),
		result{records: []record.Record{&record.Topic{Name: "a/b", TopicID: protocol.UUID{9}}}},
	)
	if got := tc.explain(err); err == nil || got.Kafka != kerr.InvalidRequest ||
		!strings.Contains(got.Message, "Name is no topic's: ") {
		t.Errorf("%v: %v", err, got)
	}
}

// Callers outside Kafka's protocol get a sentence, even where the response has only a code, and
// from a dry run too.
func TestDoSaysWhatBrokersWouldNotAccept(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t)
	req := brokerRegistration(
		&testCore{core: d.core},
		func(r *kmsg.BrokerRegistrationRequest) { r.Listeners[0].Host = "" },
	)
	for _, dry := range []bool{false, true} {
		outcome, err := d.do(t, func(ctx context.Context) (Outcome, error) {
			return d.DoNext(
				ctx,
				protocol.Caller{},
				Operation{
					DryRun: dry,
					Make:   func(*metadata.Image) (kmsg.Request, error) { return req, nil },
				},
			)
		})
		if err != nil || outcome.Message == nil ||
			!strings.Contains(*outcome.Message, "Endpoints[0].Host is empty") ||
			len(outcome.Written) > 0 {
			t.Errorf("dry run %v: %+v, %v", dry, outcome, err)
		}
	}
	epoch, rack := d.addBroker(1), tooLong
	var refused *protocol.Error
	_, err := d.do(t, func(ctx context.Context) (Outcome, error) {
		return d.ChangeBroker(
			ctx,
			protocol.Caller{},
			BrokerChange{BrokerID: 1, BrokerEpoch: epoch, Rack: &rack},
		)
	})
	if !errors.As(err, &refused) || refused.Kafka != kerr.InvalidRequest ||
		!strings.Contains(refused.Message, "Rack has 32768 bytes") {
		t.Errorf("a rack that is too long: %v", err)
	}
}
