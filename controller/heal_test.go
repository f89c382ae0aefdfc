package controller

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/metadata/record/recordtest"
	"github.com/yakt/yakt/protocol"
)

// commitHeld commits records as an earlier release may have written them, whether brokers accept
// them or not.
func (d *testDriver) commitHeld(records ...record.Record) {
	d.t.Helper()
	b, err := recordtest.Batch(records...)
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.log.Propose(1, b); err != nil {
		d.t.Fatal(err)
	}
	d.commit()
}

func (d *testDriver) heal() Outcome {
	d.t.Helper()
	outcome, err := d.do(d.t, func(ctx context.Context) (Outcome,
		error) {
		return d.Heal(ctx, protocol.Caller{}, nil)
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return outcome
}

// poisonedTopic is a topic with a configuration that brokers do not read.
func poisonedTopic(name string) *record.Config {
	return &record.Config{ResourceType: metadata.ConfigTopic, ResourceName: name, Name: "k",
		Value: &tooLong}
}

// TestHeal: healing appends records that supersede the invalid ones of each kind, removes a broker
// that cannot be repaired from its partitions, and has the log cut once, after the last such
// record.
func TestHeal(t *testing.T) {
	t.Parallel()
	var cuts []int64
	d := newTestDriver(t, func(cfg *Config) {
		cfg.CutLog = func(offset int64) {
			cuts = append(cuts,
				offset)
		}
	})
	d.core.partMax = 1
	epoch := d.addBroker(1)
	d.addBroker(2)
	d.answer(createTopicRequest("t", []int32{1, 2}, []int32{1, 2}, []int32{2, 1}))
	d.commitHeld(
		&record.RegisterBroker{BrokerID: 3, BrokerEpoch: 7,
			Endpoints: []record.Endpoint{{Name: "P", Host: tooLong, Port: 1}}},
		&record.RegisterBroker{BrokerID: 4, BrokerEpoch: 8,
			Endpoints: []record.Endpoint{{Name: "P", Host: tooLong, Port: 1}}},
		&record.RegisterBroker{BrokerID: 1, BrokerEpoch: epoch,
			Endpoints: []record.Endpoint{{Name: "P", Host: tooLong, Port: 1}}},
		&record.Config{ResourceType: metadata.ConfigGroup, ResourceName: tooLong, Name: "k",
			Value: &tooLong},
		poisonedTopic("t"),
	)
	if n := d.Image().PoisonCount(); n != 5 || len(cuts) != 0 {
		t.Fatalf("%d poisoned, cuts %v", n, cuts)
	}
	held := d.Image().EndOffset() - 1
	outcome := d.heal()
	if n := d.news(held); len(n.Batches) > 0 {
		t.Errorf("readers of the feed receive %s: they keep what was dropped", kinds(t, n))
	}
	img := d.Image()
	if n := img.PoisonCount(); n != 0 || img.Broker(1) != nil || img.Broker(2) == nil {
		t.Errorf("%d poisoned after healing; broker 1 %v, broker 2 %v", n, img.Broker(1),
			img.Broker(2))
	}
	for id, p := range img.TopicByName("t").Partitions() {
		if p.Leader != 2 || len(p.ISR) != 1 {
			t.Errorf("partition %d of the broker that was unregistered: %+v", id, p)
		}
	}
	if from, _ := img.CleanFrom(); len(cuts) != 1 || cuts[0] != from || len(outcome.Written) < 6 {
		t.Errorf("cuts %v, want %d; written %+v", cuts, from, outcome.Written)
	}
	if outcome := d.heal(); len(outcome.Written) != 0 || len(cuts) != 1 {
		t.Errorf("healed again: %+v, cuts %v", outcome.Written, cuts)
	}
	if len(d.stopped) > 0 {
		t.Error(d.stopped)
	}
}

// TestHealChecksFirst: a check that fails ends the operation before anything is done.
func TestHealChecksFirst(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t)
	d.commitHeld(&record.Config{ResourceType: metadata.ConfigGroup, ResourceName: tooLong,
		Name: "k", Value: &tooLong})
	end, refused := d.Image().EndOffset(), errors.New("refused")
	check := func(newest *metadata.Image) error {
		if newest.EndOffset() != end {
			t.Errorf("checked at %d, not %d", newest.EndOffset(), end)
		}
		return refused
	}
	_, err := d.do(t, func(ctx context.Context) (Outcome, error) {
		return d.Heal(ctx, protocol.Caller{}, check)
	})
	if img := d.Image(); !errors.Is(err, refused) || img.PoisonCount() != 1 ||
		img.EndOffset() != end {
		t.Errorf("%v; %d poisoned, end %d", err, img.PoisonCount(), img.EndOffset())
	}
}

// Much is healed in parts, between which other requests run.
func TestHealInParts(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t)
	for i := range 3 * healEntities {
		d.commitHeld(&record.Config{ResourceType: metadata.ConfigGroup,
			ResourceName: fmt.Sprint(i) + tooLong, Name: "k", Value: &tooLong})
	}
	before := d.stats.events.Load()
	d.heal()
	if n := d.Image().PoisonCount(); n != 0 {
		t.Errorf("%d poisoned after healing", n)
	}
	if n := d.stats.events.Load() - before; n < 4 {
		t.Errorf("healed in %d events", n)
	}
}

// TestLogIsCutWithoutACommand: the log is also cut when later records happen to supersede the
// invalid ones, and when a node finds at its start that they have.
func TestLogIsCutWithoutACommand(t *testing.T) {
	t.Parallel()
	var cuts []int64
	d := newTestDriver(t, func(cfg *Config) {
		cfg.CutLog = func(offset int64) {
			cuts = append(cuts,
				offset)
		}
	})
	d.addBroker(1)
	d.answer(createTopicRequest("t", []int32{1}))
	d.commitHeld(poisonedTopic("t"))
	poisoned := d.Image()
	d.commitHeld(&record.Config{ResourceType: metadata.ConfigTopic, ResourceName: "t", Name: "k"})
	if len(cuts) != 1 || cuts[0] != d.Image().EndOffset() {
		t.Errorf("cuts %v, want %d", cuts, d.Image().EndOffset())
	}
	standby := newStandby(t, poisoned,
		func(cfg *Config) { cfg.CutLog = func(offset int64) { cuts = append(cuts, offset) } })
	if len(cuts) != 1 {
		t.Errorf("a snapshot that is poisoned cuts: %v", cuts)
	}
	for _, b := range d.log.All {
		if b.BaseOffset() >= poisoned.EndOffset() {
			standby.Committed([][]byte{b})
		}
	}
	standby.work()
	if len(cuts) != 2 || cuts[1] != cuts[0] || len(standby.stopped) > 0 {
		t.Errorf("a standby cuts %v, %v", cuts, standby.stopped)
	}
}

// newStandby makes a controller that has loaded a snapshot of an image.
func newStandby(t testing.TB, img *metadata.Image, options ...func(*Config)) *testDriver {
	t.Helper()
	d := newTestDriver(t, options...)
	d.LeaderChanged(-1, 2)
	var file bytes.Buffer
	if err := metadata.WriteSnapshot(&file, img); err != nil {
		t.Fatal(err)
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(&file), nil }
	if err := d.LoadSnapshot(img.EndOffset(), img.Epoch(), open); err != nil {
		t.Fatal(err)
	}
	d.work()
	return d
}
