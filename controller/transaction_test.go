package controller

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// largeTopic asks for a topic whose records take several batches of smallBatch.
func largeTopic(name string) *kmsg.CreateTopicsRequest {
	return createTopicRequest(name, slices.Repeat([][]int32{{1}}, 20)...)
}

const smallBatch = 400 // bytes

// smallBatches has atomic operations of little more than three partitions take a transaction.
func smallBatches(d *testDriver) *testDriver {
	d.core.batchMax = smallBatch
	return d
}

func TestAtomicRecordsThatDoNotFitOneBatchAreATransaction(t *testing.T) {
	d := smallBatches(newTestDriver(t))
	d.addBroker(1)
	n := len(d.log.All)
	resp := d.answer(largeTopic("t")).(*kmsg.CreateTopicsResponse)
	if resp.Topics[0].ErrorCode != 0 || d.Image().TopicByName("t").Len() != 20 ||
		d.Image().InTransaction() {
		t.Fatalf("%+v", resp.Topics[0])
	}
	batches := d.log.All[n:]
	if len(batches) < 3 || d.log.Proposals[len(d.log.Proposals)-1] != len(batches) {
		t.Fatalf("%d batches, proposed as %v", len(batches), d.log.Proposals)
	}
	want := slices.Concat([]string{"begin CreateTopics", "TopicRecord"},
		slices.Repeat([]string{"PartitionRecord"}, 20), []string{"EndTransactionRecord"})
	got := slices.DeleteFunc(show(t, batches), func(s string) bool { return s == "." })
	if !slices.Equal(got, want) {
		t.Errorf("written: %q", got)
	}
	for _, b := range batches {
		if len(b) > smallBatch {
			t.Errorf("a batch of %d bytes", len(b))
		}
	}
}

func TestWithoutTransactionsAtomicRecordsMustFitOneBatch(t *testing.T) {
	for version, want := range map[metadata.Version]int16{
		metadata.V3_6_IV0: kerr.PolicyViolation.Code, metadata.V3_6_IV1: 0,
	} {
		d := smallBatches(newTestDriver(t,
			func(cfg *Config) { cfg.Bootstrap = metadata.BootstrapFeatures(version) }))
		d.addBroker(1)
		end := d.log.End
		resp := d.answer(largeTopic("t")).(*kmsg.CreateTopicsResponse)
		if got := resp.Topics[0].ErrorCode; got != want || (d.log.End == end) != (want != 0) {
			t.Errorf("at %v: code %d, want %d; the log grew by %d", version, got, want,
				d.log.End-end)
		}
	}
}

// TestATransactionIsSeenWholeOrNotAtAll commits a transaction batch by batch, which no log of ours
// does: another controller's does.
func TestATransactionIsSeenWholeOrNotAtAll(t *testing.T) {
	d := smallBatches(newTestDriver(t))
	epoch := d.addBroker(1)
	standby := newTestDriver(t)
	standby.LeaderChanged(3001, 2)
	standby.work()
	standby.core.load(metadata.Empty())
	for _, b := range d.log.All {
		standby.Committed([][]byte{b})
	}
	standby.work()

	before := d.Image()
	held := d.last()
	create := d.ask(largeTopic("t"))
	d.work()
	again := d.ask(largeTopic("t")) // sees what is proposed
	d.work()
	batches := d.log.Take()
	for i, b := range batches {
		for name, d := range map[string]*testDriver{"leader": d, "standby": standby} {
			if d.Image().EndOffset() != before.EndOffset() || d.Image().TopicByName("t") != nil {
				t.Fatalf("%s, %d of %d batches: the image has some of the transaction", name, i,
					len(batches))
			}
			if end, _, _ := d.Snapshot(); end != before.EndOffset() {
				t.Errorf("%s: a snapshot at %d, inside the transaction", name, end)
			}
			if news := d.news(held); name == "leader" && len(news.Batches) != 0 {
				t.Errorf("news of an open transaction: %s", kinds(t, news))
			}
		}
		if *create != nil || *again != nil {
			t.Fatalf("%d of %d batches: answered", i, len(batches))
		}
		if beat := d.ask(heartbeatRequest(1, epoch, before.EndOffset())); code(t, beat) != 0 {
			t.Errorf("%d of %d batches: a heartbeat is not answered", i, len(batches))
		}
		d.Committed([][]byte{b})
		d.work()
		standby.Committed([][]byte{b})
		standby.work()
	}
	for _, slot := range []*kmsg.Response{create, again} {
		if *slot == nil {
			t.Fatal("not answered")
		}
	}
	if c := (*again).(*kmsg.CreateTopicsResponse).Topics[0].ErrorCode; c !=
		kerr.TopicAlreadyExists.Code {
		t.Errorf("the second: code %d", c)
	}
	if a, b := snapshotOf(t, d), snapshotOf(t, standby); !bytes.Equal(a, b) ||
		d.Image().TopicByName("t").Len() != 20 {
		t.Error("leader and standby differ")
	}
}

// TestSnapshotsEndWhereTheLogCanBeCut looks at what a snapshot would be made of while batches that
// came together are taken.
func TestSnapshotsEndWhereTheLogCanBeCut(t *testing.T) {
	d := newTestDriver(t)
	epoch := d.addBroker(1)
	for range 3 {
		d.ask(producerIDs(1, epoch))
	}
	d.work()
	var batches [][]byte
	for _, b := range d.log.Take() {
		batches = append(batches, b)
	}
	if end, _, _ := d.Snapshot(); end == d.log.End {
		t.Fatalf("a snapshot at %d, before the commit", end)
	}
	seen := 0
	d.Committed(batches)
	for _, e := range d.queue.take(false) {
		d.turn(e)
		seen++
	}
	if end, _, _ := d.Snapshot(); seen != 1 || len(batches) != 3 || end != d.log.End {
		t.Errorf("a snapshot at %d of %d, after %d batches that were committed in %d turns", end,
			d.log.End, len(batches), seen)
	}
}

func snapshotOf(t testing.TB, d *testDriver) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, _, write := d.Snapshot(); write(&b) != nil {
		t.Fatal("no snapshot")
	}
	return b.Bytes()
}

func TestARefusedTransactionMovesNothing(t *testing.T) {
	d := smallBatches(newTestDriver(t))
	d.addBroker(1)
	end, working := d.log.End, d.core.working
	d.log.Refuse = ErrTooManyPending
	resp := d.answer(largeTopic("t")).(*kmsg.CreateTopicsResponse)
	if c := resp.Topics[0].ErrorCode; c != kerr.RequestTimedOut.Code {
		t.Errorf("code %d", c)
	}
	d.log.Refuse = nil
	if d.log.End != end || d.core.working != working || len(d.core.pending) != 0 {
		t.Error("something has moved")
	}
	if c := d.answer(largeTopic("t")).(*kmsg.CreateTopicsResponse).Topics[0].ErrorCode; c != 0 {
		t.Errorf("the second try: code %d", c)
	}
}

func TestLeadershipLostBehindATransactionLeavesAllOfItOrNothing(t *testing.T) {
	for _, survives := range []bool{true, false} {
		d := smallBatches(newTestDriver(t))
		d.addBroker(1)
		create := d.ask(largeTopic("t"))
		d.work()
		batches := d.log.Take()
		d.LeaderChanged(3001, 2)
		d.work()
		if c := (*create).(*kmsg.CreateTopicsResponse).Topics[0].ErrorCode; c != kerr.NotController.Code {
			t.Errorf("code %d", c)
		}
		if survives {
			for _, b := range batches {
				d.Committed([][]byte{b})
			}
			d.work()
		} else {
			d.log.End = batches[0].BaseOffset()
		}
		n := len(d.log.All)
		d.lead(3)
		d.settle()
		if (d.Image().TopicByName("t") != nil) != survives {
			t.Errorf("survives %v, topic %v", survives, d.Image().TopicByName("t"))
		}
		wantLog(t, d.log.All[n:], "[*record.LeaderChange]", ".") // nothing to abort
	}
}

// TestNothingIsWrittenIntoAnotherControllersTransaction has the log refuse the abort at first.
func TestNothingIsWrittenIntoAnotherControllersTransaction(t *testing.T) {
	d := newTestDriver(t)
	epoch := d.addBroker(1)
	d.core.batchMax = smallBatch
	half := d.ask(largeTopic("t"))
	d.work()
	batches := d.log.Take()
	d.LeaderChanged(3001, 2)
	d.Committed([][]byte{batches[0]}) // as a log would that takes them one by one
	d.work()
	if *half == nil || !d.core.committed.InTransaction() {
		t.Fatal("no open transaction to begin with")
	}
	d.log.End = batches[0].EndOffset()
	if _, err := d.log.Propose(3, d.EpochStart(3, false)); err != nil {
		t.Fatal(err)
	}
	d.commit()
	d.log.Refuse = ErrTooManyPending
	d.LeaderChanged(d.cfg.NodeID, 3)
	d.work()
	d.log.Refuse = nil
	n := len(d.log.All)
	early := d.ask(producerIDs(1, epoch))
	d.advance(againAfter)
	wantCode(t, "a write before the abort", early, kerr.NotController.Code)
	wantLog(t, d.log.All[n:], "abort Controller failover", ".")
	if d.Image().TopicByName("t") != nil || d.Image().InTransaction() {
		t.Error("the half transaction is seen")
	}
	if resp := d.answer(producerIDs(1,
		epoch)).(*kmsg.AllocateProducerIDsResponse); resp.ErrorCode != 0 {
		t.Errorf("after the abort: %+v", resp)
	}
	if len(d.core.periodic) == 0 {
		t.Error("no periodic tasks")
	}
}

func TestDoTellsWhatATransactionWrote(t *testing.T) {
	d := smallBatches(newTestDriver(t))
	d.addBroker(1)
	base := d.Image().EndOffset()
	outcome, err := d.do(t, func(ctx context.Context) (Outcome,
		error) {
		return d.Do(ctx, protocol.Caller{}, largeTopic("t"))
	})
	if err != nil || len(outcome.Written) != 21 || outcome.Image.TopicByName("t").Len() != 20 {
		t.Fatalf("%d written, %v", len(outcome.Written), err)
	}
	offsets := make(map[int64]record.Type)
	for _, b := range d.log.All {
		_ = b.Each(func(offset int64, _, value []byte) error {
			offsets[offset] = record.Type(value[1]) // behind the version of the frame
			return nil
		})
	}
	for i, w := range outcome.Written {
		if w.Offset != base+1+int64(i) || offsets[w.Offset] != w.Record.Type() {
			t.Errorf("record %d, a %v, is said to be at %d, where the log has a %v", i,
				w.Record.Type(), w.Offset, offsets[w.Offset])
		}
	}
}
