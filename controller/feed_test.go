package controller

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/feed"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// news returns the news since an offset, as a reader of the feed gets it.
func (d *testDriver) news(offset int64) feed.News {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	n := d.NewsSince(ctx, offset)
	if n.Image.EndOffset() != d.Image().EndOffset() {
		d.t.Fatalf("the feed is at %d, the image at %d", n.Image.EndOffset(), d.Image().EndOffset())
	}
	return n
}

// kinds lists the records of a delta.
func kinds(t *testing.T, n feed.News) string {
	t.Helper()
	var names []string
	for _, b := range n.Batches {
		if err := b.Records(func(offset int64, r record.Record, _ feed.State) {
			if offset > n.From {
				names = append(names, strings.TrimSuffix(r.Type().String(), "Record"))
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	return strings.Join(names, " ")
}

func (d *testDriver) last() int64 { return d.Image().EndOffset() - 1 }

func TestFeedReachesTenMinutesBack(t *testing.T) {
	d := newTestDriver(t)
	epoch := d.addBroker(1)
	held := d.last()
	d.advance(time.Second)
	d.answer(producerIDs(1, epoch))
	if n := d.news(held); n.Snapshot || kinds(t, n) != "ProducerIds" {
		t.Errorf("away for a second: snapshot %v, %s", n.Snapshot, kinds(t, n))
	}
	for range 11 { // the broker is alive all the time
		d.advance(time.Minute)
		d.answer(heartbeatRequest(1, epoch, d.last()))
	}
	d.answer(producerIDs(1, epoch))
	if n := d.news(held); !n.Snapshot || n.From != -1 {
		t.Errorf("away for eleven minutes: snapshot %v", n.Snapshot)
	}
	if n := d.news(d.last()); n.Snapshot || len(n.Batches) != 0 {
		t.Errorf("away for no time: %+v", n)
	}
	for _, offset := range []int64{-1, d.last() + 1, 1 << 50} {
		if n := d.news(offset); !n.Snapshot {
			t.Errorf("offset %d: no snapshot", offset)
		}
	}
}

func TestFeedIsFoundByTime(t *testing.T) {
	d := newTestDriver(t)
	epoch := d.addBroker(1)
	d.advance(5 * time.Second)
	held, at := d.last(), d.clock.Now().UnixMilli()
	d.answer(producerIDs(1, epoch))
	d.news(-1)
	for _, c := range []struct {
		at   int64
		want int64
		ok   bool
	}{{at, held, true}, {at - 1000, held, true}, {at + 1, 0,
		false}, {at - feed.Age.Milliseconds() - 1, 0, false}} {
		if got, ok := d.OffsetBefore(c.at); ok != c.ok || ok && got != c.want {
			t.Errorf("at %+d ms: got %d %v, want %d %v", c.at-at, got, ok, c.want, c.ok)
		}
	}
}

func TestFeedTellsWhatChangesComeTo(t *testing.T) {
	d := newTestDriver(t)
	d.addBroker(1)
	d.addBroker(2)
	d.answer(createTopicRequest("a", []int32{1, 2}))
	held := d.last()
	d.do(t, func(ctx context.Context) (Outcome, error) {
		fenced := TargetFenced
		return d.ChangeBroker(ctx, protocol.Caller{},
			BrokerChange{BrokerID: 1, BrokerEpoch: d.Image().Broker(1).Epoch, State: &fenced})
	})
	n := d.news(held)
	for _, b := range n.Batches {
		_ = b.Records(func(_ int64, r record.Record, s feed.State) {
			switch r.(type) {
			case *record.PartitionChange:
				if s.Partition == nil || s.Partition.Leader != 2 ||
					s.Partition.PartitionEpoch != 1 {
					t.Errorf("the partition becomes %+v", s.Partition)
				}
			case *record.BrokerRegistrationChange:
				if s.Broker == nil || !s.Broker.Fenced {
					t.Errorf("the broker becomes %+v", s.Broker)
				}
			default:
				t.Errorf("%v", r.Type())
			}
		})
	}
	if kinds(t, n) != "PartitionChange BrokerRegistrationChange" {
		t.Errorf("fencing is reported as %s", kinds(t, n))
	}
}

func TestFeedHidesTransactions(t *testing.T) {
	d := newTestDriver(t)
	d.addBroker(1)
	held := d.last()
	write := func(records ...record.Record) {
		t.Helper()
		d.queue.addLog(event{name: "test", run: func() {
			if err := d.core.append(d.clock.Now(),
				result{records: records, atomic: true}); err != nil {
				t.Error(err)
			}
		}})
		d.settle()
	}
	write(&record.BeginTransaction{})
	write(&record.Topic{Name: "t", TopicID: testUUID(1)})
	if n := d.news(held); len(n.Batches) != 0 {
		t.Errorf("of an open transaction: %s", kinds(t, n))
	}
	write(&record.AbortTransaction{})
	if n := d.news(held); kinds(t, n) != "" || n.Image.TopicByName("t") != nil {
		t.Errorf("of an aborted transaction: %s", kinds(t, n))
	}
	held = d.last()
	write(&record.NoOp{}, &record.BeginTransaction{},
		&record.Topic{Name: "t", TopicID: testUUID(1)})
	write(&record.AbortTransaction{}, &record.BeginTransaction{},
		&record.Topic{Name: "u", TopicID: testUUID(2)}, &record.EndTransaction{})
	if n := d.news(held); kinds(t, n) != "NoOp BeginTransaction Topic EndTransaction" ||
		n.Image.TopicByName("u") == nil {
		t.Errorf("of an aborted transaction and a further one: %s", kinds(t, n))
	}
	held = d.last()
	write(&record.BeginTransaction{})
	write(&record.Topic{Name: "t", TopicID: testUUID(1)})
	write(&record.EndTransaction{})
	if n := d.news(held); kinds(t, n) != "BeginTransaction Topic EndTransaction" {
		t.Errorf("of a transaction: %s", kinds(t, n))
	}
}

func TestFeedWakesWhoWaitsForIt(t *testing.T) {
	d := newTestDriver(t)
	epoch := d.addBroker(1)
	held := d.last()
	woken := make(chan error, 3)
	ctx, cancel := context.WithCancel(context.Background())
	for _, a := range []feed.Audience{feed.AudienceAll, feed.AudienceBrokers,
		feed.AudienceClients} {
		go func() { woken <- d.Await(ctx, a, held) }()
	}
	for d.Waiting() < 3 {
		runtime.Gosched()
	}
	d.answer(producerIDs(1, epoch))
	for range 2 {
		if err := <-woken; err != nil {
			t.Error(err)
		}
	}
	cancel()
	if err := <-woken; !errors.Is(err, context.Canceled) {
		t.Errorf("clients are woken by producer ids: %v", err)
	}
}

// deltaText is everything that a reader receives in a delta, with the states.
func deltaText(t *testing.T, n feed.News) string {
	t.Helper()
	var b strings.Builder
	for _, batch := range n.Batches {
		fmt.Fprintf(&b, "%d\n", batch.BaseOffset())
		if err := batch.Records(func(offset int64, r record.Record, s feed.State) {
			fmt.Fprintf(&b, "%d %v %q %+v %+v\n", offset, r.Type(), s.TopicName, s.Partition,
				s.Broker)
		}); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// TestStandbyTakesManyBatchesAtOnce gives the same log to two standbys, batch by batch and all at
// once.
func TestStandbyTakesManyBatchesAtOnce(t *testing.T) {
	t.Parallel()
	leader := newTestDriver(t)
	end := leader.log.End
	one, two := leader.addBroker(1), leader.addBroker(2)
	leader.answer(createTopicRequest("kept", []int32{1, 2}, []int32{2, 1}))
	leader.answer(createTopicRequest("gone", []int32{1, 2}))
	leader.answer(heartbeatRequest(1, one, -1)) // it is fenced
	remove := kmsg.NewPtrDeleteTopicsRequest()
	remove.Version, remove.TopicNames = 1, []string{"gone"}
	leader.answer(remove)
	leader.answer(heartbeatRequest(1, one, leader.last()))
	leader.answer(producerIDs(2, two))
	forget := kmsg.NewPtrUnregisterBrokerRequest()
	forget.BrokerID = 1
	leader.answer(forget)

	var together [][]byte
	for _, b := range leader.log.All {
		together = append(together, b)
	}
	standby := func(calls ...[][]byte) *testDriver {
		d := newTestDriver(t, func(cfg *Config) { cfg.NodeID = 3001 })
		d.LeaderChanged(3000, 2)
		d.work()
		d.core.load(metadata.Empty())
		for _, batches := range calls {
			d.Committed(batches)
		}
		d.work()
		if len(d.stopped) > 0 {
			t.Fatal(d.stopped)
		}
		return d
	}
	var apart [][][]byte
	for _, b := range together {
		apart = append(apart, [][]byte{b})
	}
	a, b := standby(apart...), standby(together)
	if got := snapshotOf(t, b); !bytes.Equal(got, snapshotOf(t, a)) ||
		!bytes.Equal(got, snapshotOf(t, leader)) {
		t.Error("the state is not the leader's")
	}
	want, got := deltaText(t, a.news(end-1)), deltaText(t, b.news(end-1))
	if got != want {
		t.Errorf("batches that came together are reported as\n%s\none by one as\n%s", got, want)
	}
	for _, part := range []string{
		`RemoveTopicRecord "gone"`, "UnregisterBrokerRecord", "PartitionChangeRecord",
	} {
		if !strings.Contains(want, part) {
			t.Errorf("the log of this test has no %s:\n%s", part, want)
		}
	}
}
