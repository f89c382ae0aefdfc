package metadata

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/metadata/record/recordtest"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/protocol/batch"
)

// read replays records as a node does that finds them in its log.
func read(t testing.TB, img *Image, records ...record.Record) *Image {
	t.Helper()
	held, err := recordtest.Batch(records...)
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := batch.Parse(held)
	if err != nil {
		t.Fatal(err)
	}
	b.SetPosition(img.EndOffset(), 1)
	next, err := img.ReplayBatch(b)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// heal writes the remedies of an image and returns the image after them.
func heal(t testing.TB, img *Image) *Image {
	t.Helper()
	var records []record.Record
	for r := range img.Remedies() {
		if r.Action == ActionUnregister {
			r.Record = &record.UnregisterBroker{
				BrokerID: r.BrokerID, BrokerEpoch: img.Broker(r.BrokerID).Epoch,
			}
		}
		records = append(records, r.Record)
	}
	b, err := EncodeData(records, img.Version(), 2000)
	if err != nil {
		t.Fatalf("what heals cannot be written: %v", err)
	}
	b.SetPosition(img.EndOffset(), 2)
	healed, err := img.ReplayBatch(b)
	if err != nil {
		t.Fatal(err)
	}
	return healed
}

func reload(t testing.TB, img *Image) *Image {
	t.Helper()
	var file bytes.Buffer
	if err := WriteSnapshot(&file, img); err != nil {
		t.Fatal(err)
	}
	back, err := ReadSnapshot(&file, img.EndOffset(), img.Epoch())
	if err != nil {
		t.Fatal(err)
	}
	return back
}

var (
	long     = strings.Repeat("x", 40_000)
	longText = strings.Repeat("€", 20_000)
	short    = "v"
	listener = record.Endpoint{Name: "PLAINTEXT", Host: "h", Port: 9092}
)

// poisons are records that earlier releases have written, with their remedies.
var poisons = map[string]struct {
	record record.Record
	action Action
}{
	"rack": {
		&record.RegisterBroker{
			BrokerID: 7, BrokerEpoch: 9, Endpoints: []record.Endpoint{listener},
			Rack: &long,
		},
		ActionRepair,
	},
	"a host of two": {
		&record.RegisterBroker{
			BrokerID: 7, BrokerEpoch: 9,
			Endpoints: []record.Endpoint{listener, {Name: "B", Host: long, Port: 1}},
		},
		ActionRepair,
	},
	"the only host": {
		&record.RegisterBroker{
			BrokerID: 7, BrokerEpoch: 9,
			Endpoints: []record.Endpoint{{Name: "B", Host: long, Port: 1}},
		},
		ActionUnregister,
	},
	"feature of broker": {
		&record.RegisterBroker{
			BrokerID: 7, BrokerEpoch: 9, Endpoints: []record.Endpoint{listener},
			Features: []record.FeatureRange{{Name: long, Max: 1}},
		},
		ActionRepair,
	},
	"controller listener": {
		&record.RegisterController{
			ControllerID: 3,
			Endpoints:    []record.Endpoint{listener, {Name: long, Host: "h", Port: 1}},
		},
		ActionRepair,
	},
	"only listener": {
		&record.RegisterController{
			ControllerID: 3, Endpoints: []record.Endpoint{{Name: long, Host: "h", Port: 1}},
		},
		ActionDrop,
	},
	"config key": {
		&record.Config{ResourceType: ConfigBroker, Name: long, Value: &short}, ActionDrop,
	},
	"group name": {
		&record.Config{ResourceType: ConfigGroup, ResourceName: long, Name: "k", Value: &short},
		ActionDrop,
	},
	"client metrics name": {
		&record.Config{
			ResourceType: ConfigClientMetrics, ResourceName: long, Name: "k",
			Value: &short,
		},
		ActionDrop,
	},
	"config value": {
		&record.Config{ResourceType: ConfigTopic, ResourceName: "a", Name: "k", Value: &longText},
		ActionRemove,
	},
	"feature level": {&record.FeatureLevel{Name: long, Level: 1}, ActionDrop},
	"quota key": {
		&record.ClientQuota{
			Entity: []record.QuotaEntity{{Type: "user", Name: &short}, {Type: "client-id"}},
			Key:    long, Value: 1,
		},
		ActionDrop,
	},
	"SCRAM user": {&record.UserScramCredential{Name: long, Mechanism: 1}, ActionDrop},
	"port 0": {
		&record.RegisterBroker{
			BrokerID: 7, BrokerEpoch: 9,
			Endpoints: []record.Endpoint{listener, {Name: "B", Host: "h"}},
		},
		ActionRepair,
	},
	"no name": {
		&record.RegisterBroker{
			BrokerID: 7, BrokerEpoch: 9,
			Endpoints: []record.Endpoint{{Host: "h", Port: 1}, listener},
		},
		ActionRepair,
	},
	"one name twice": {
		&record.RegisterBroker{
			BrokerID: 7, BrokerEpoch: 9, Endpoints: []record.Endpoint{listener, listener},
		},
		ActionRepair,
	},
	"log directories": {
		&record.RegisterBroker{
			BrokerID: 7, BrokerEpoch: 9, Endpoints: []record.Endpoint{listener},
			LogDirs: []protocol.UUID{{9}, {9}, protocol.DirLost},
		},
		ActionRepair,
	},
	"no broker's id": {
		&record.RegisterBroker{
			BrokerID: -1, BrokerEpoch: 9, Endpoints: []record.Endpoint{listener},
		},
		ActionUnregister,
	},
	"no controller's id": {
		&record.RegisterController{ControllerID: -1, Endpoints: []record.Endpoint{listener}},
		ActionDrop,
	},
	"a group without name": {
		&record.Config{ResourceType: ConfigGroup, Name: "k", Value: &short}, ActionDrop,
	},
	"token":          {&record.DelegationToken{TokenID: long}, ActionDrop},
	"token of owner": {&record.DelegationToken{TokenID: "t", Owner: long}, ActionRemove},
	"ACL": {
		&record.AccessControlEntry{ID: protocol.UUID{5}, ResourceName: long}, ActionRemove,
	},
}

// Every kind of poison is found in the log, survives a snapshot, and is healed by records that can
// be written; a node that replays the log and one that begins with the snapshot reach the same
// state, which is that before the poison.
func TestPoisonIsFoundAndHealed(t *testing.T) {
	t.Parallel()
	clean := smallCluster(t)
	for name, p := range poisons {
		img := read(t, clean, &record.NoOp{}, p.record)
		found := slices.Collect(img.Poison())
		if len(found) != 1 || found[0].Offset != 5 || found[0].Type != p.record.Type() ||
			found[0].Problem == "" ||
			len(found[0].Entity) > 200 {
			t.Fatalf("%s: found %+v", name, found)
		}
		if from, ok := img.CleanFrom(); ok || from != 6 {
			t.Errorf("%s: clean from %d, %v", name, from, ok)
		}
		if r := slices.Collect(img.Remedies()); r[0].Action != p.action {
			t.Errorf("%s: remedy %s, want %s", name, r[0].Action, p.action)
		}
		loaded := reload(t, img)
		if n := loaded.PoisonCount(); n != 1 {
			t.Fatalf("%s: %d poisoned after a snapshot", name, n)
		}
		healed, healedLoaded := heal(t, img), heal(t, loaded)
		requireHealed(t, name, healed)
		requireHealed(t, name, healedLoaded)
		if !bytes.Equal(recordBytes(t, healed), recordBytes(t, healedLoaded)) {
			t.Errorf("%s: healing has two outcomes", name)
		}
		if p.action != ActionRepair && !bytes.Equal(recordBytes(t, healed), recordBytes(t, clean)) {
			t.Errorf("%s: something else was healed away", name)
		}
	}
}

// requireHealed makes sure that a snapshot of the image holds nothing that brokers refuse.
func requireHealed(t *testing.T, name string, img *Image) {
	t.Helper()
	if from, ok := img.CleanFrom(); !ok || from != img.EndOffset() || img.PoisonCount() != 0 {
		t.Errorf("%s: clean from %d, %v, at %d", name, from, ok, img.EndOffset())
	}
	img.Records(func(r record.Record) bool {
		if err := record.Check(r); err != nil {
			t.Errorf("%s: after healing: %v", name, err)
		}
		return true
	})
	if n := reload(t, img).PoisonCount(); n != 0 {
		t.Errorf("%s: %d poisoned after a snapshot of the healed state", name, n)
	}
}

// TestRepairedRegistration: a repair keeps every part of a registration that brokers accept.
func TestRepairedRegistration(t *testing.T) {
	t.Parallel()
	rack := "r"
	second := record.Endpoint{Name: "B", Host: "h2", Port: 9093}
	whole := record.RegisterBroker{
		BrokerID: 7, BrokerEpoch: 9, IncarnationID: protocol.UUID{1},
		Endpoints: []record.Endpoint{listener, second},
		Features: []record.FeatureRange{
			{Name: "f", Max: 2},
		}, Rack: &rack, Fenced: true, LogDirs: []protocol.UUID{{8}},
	}
	spoiled := whole
	spoiled.Endpoints = []record.Endpoint{listener, {Name: long, Host: "h", Port: 1}, second}
	spoiled.Features = append([]record.FeatureRange{{Name: long}}, whole.Features...)
	clean := smallCluster(t)
	want := read(t, clean, &whole)
	got := heal(t, read(t, clean, &spoiled))
	if !bytes.Equal(recordBytes(t, got), recordBytes(t, want)) {
		t.Errorf("repaired: %+v", got.Broker(7))
	}
}

// Poison that a valid record has replaced or removed is no longer in the state, and the log is
// clean after that record.
func TestPoisonIsSuperseded(t *testing.T) {
	t.Parallel()
	clean := smallCluster(t)
	spoiled := read(
		t,
		clean,
		&record.Config{ResourceType: ConfigTopic, ResourceName: "a", Name: "k", Value: &longText},
		&record.RegisterController{
			ControllerID: 3, Endpoints: []record.Endpoint{{Name: long, Host: "h", Port: 1}},
		},
		&record.UnregisterBroker{BrokerID: 99},
	)
	half := read(
		t, spoiled,
		&record.RegisterController{ControllerID: 3, Endpoints: []record.Endpoint{listener}},
	)
	if n := half.PoisonCount(); n != 1 {
		t.Fatalf("%d poisoned, want the topic's configuration alone", n)
	}
	for name, r := range map[string]record.Record{
		"a valid value": &record.Config{
			ResourceType: ConfigTopic, ResourceName: "a", Name: "k", Value: &short,
		},
		"the value's end": &record.Config{ResourceType: ConfigTopic, ResourceName: "a", Name: "k"},
		"the topic's end": &record.RemoveTopic{TopicID: topicA},
	} {
		requireHealed(t, name, read(t, half, r))
	}
}

// A record that leaves nothing in the state is still in the log, and so is one of a transaction
// that was aborted.
func TestPoisonOfTheLogAlone(t *testing.T) {
	t.Parallel()
	clean := smallCluster(t)
	for name, records := range map[string][]record.Record{
		"a reason": {&record.BeginTransaction{}, &record.AbortTransaction{Reason: &long}},
		"an aborted transaction": {
			&record.BeginTransaction{}, &record.FeatureLevel{Name: long, Level: 1},
			&record.AbortTransaction{},
		},
	} {
		img := read(t, clean, records...)
		from, ok := img.CleanFrom()
		if !ok || from != 6 && from != 5 ||
			!bytes.Equal(recordBytes(t, img), recordBytes(t, clean)) {
			t.Errorf("%s: clean from %d, %v", name, from, ok)
		}
	}
	if from, ok := clean.CleanFrom(); from != 0 || !ok {
		t.Errorf("without poison: clean from %d, %v", from, ok)
	}
}

// TestHealingIsAborted: aborting a transaction restores the poison that it healed.
func TestHealingIsAborted(t *testing.T) {
	t.Parallel()
	spoiled := read(
		t, smallCluster(t),
		&record.Config{ResourceType: ConfigTopic, ResourceName: "a", Name: "k", Value: &longText},
	)
	img := read(
		t, spoiled, &record.BeginTransaction{}, &record.RemoveTopic{TopicID: topicA},
		&record.AbortTransaction{},
	)
	if n := img.PoisonCount(); n != 1 || spoiled.PoisonCount() != 1 {
		t.Errorf("%d poisoned after the abort, want 1", n)
	}
}

// TestRandomPoisonIsHealed: the poison of every record that replays can be healed, and log and
// snapshot give the same state.
func TestRandomPoisonIsHealed(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 8))
	clean := smallCluster(t)
	poisoned := 0
	for _, kind := range record.Types() {
		for range 100 {
			r := kind.New()
			recordtest.Fill(rng, r)
			spoil(rng, reflect.ValueOf(r).Elem())
			img := clean.Edit()
			if img.Read(clean.EndOffset(), r) != nil {
				continue
			}
			spoiled := img.Done(clean.EndOffset()+1, 1, 0)
			if spoiled.PoisonCount() == 0 {
				continue
			}
			poisoned++
			healed, healedLoaded := heal(t, spoiled), heal(t, reload(t, spoiled))
			requireHealed(t, kind.String(), healed)
			if !bytes.Equal(recordBytes(t, healed), recordBytes(t, healedLoaded)) {
				t.Errorf("%v: healing has two outcomes", kind)
			}
		}
	}
	if poisoned < 300 {
		t.Errorf("%d poisoned records, the test needs more", poisoned)
	}
}

// spoil makes some of the values in v ones that brokers may not accept.
func spoil(rng *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			spoil(rng, v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			spoil(rng, v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			spoil(rng, v.Index(i))
		}
		if n := v.Len(); n > 1 && rng.IntN(4) == 0 {
			v.Index(0).Set(v.Index(n - 1))
		}
	case reflect.String:
		if wrong := []string{"", long, "\xff"}; rng.IntN(4) == 0 {
			v.SetString(wrong[rng.IntN(len(wrong))])
		}
	case reflect.Int8, reflect.Int16, reflect.Int32:
		if rng.IntN(4) == 0 {
			v.SetInt(int64(rng.IntN(5) - 2))
		}
	case reflect.Uint16:
		if rng.IntN(4) == 0 {
			v.SetUint(0)
		}
	}
}
