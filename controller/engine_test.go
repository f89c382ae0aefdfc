package controller

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/controllertest"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/protocol/batch"
)

// testDriver is a Controller whose events run when the test says so, on the test's goroutine.
type testDriver struct {
	*Controller
	t       testing.TB
	log     *fakeLog
	clock   *controllertest.Clock
	stopped []error
}

// newTestDriver makes a controller that leads epoch 1 of a new cluster, with everything committed.
func newTestDriver(t testing.TB, options ...func(*Config)) *testDriver {
	t.Helper()
	cfg := testConfig()
	d := &testDriver{t: t, log: new(fakeLog), clock: cfg.Clock.(*controllertest.Clock)}
	cfg.Stop = func(err error) { d.stopped = append(d.stopped, err) }
	for _, o := range options {
		o(&cfg)
	}
	d.Controller = New(cfg)
	d.SetLog(d.log)
	d.lead(1)
	d.settle()
	return d
}

// lead opens an epoch and reports it, as the log does.
func (d *testDriver) lead(epoch int32) {
	d.t.Helper()
	if _, err := d.log.Propose(epoch, d.EpochStart(epoch, d.log.End == 0)); err != nil {
		d.t.Fatal(err)
	}
	d.commit()
	d.LeaderChanged(d.cfg.NodeID, epoch)
	d.work()
}

// commit commits what is proposed.
func (d *testDriver) commit() {
	for _, b := range d.log.Take() {
		d.Committed([][]byte{b})
	}
	d.work()
}

// settle commits until nothing is proposed any more.
func (d *testDriver) settle() {
	d.work()
	for len(d.log.Waiting) > 0 {
		d.commit()
	}
}

// ask sends a request. The answer arrives in the returned slot, once.
func (d *testDriver) ask(req kmsg.Request) *kmsg.Response {
	d.t.Helper()
	slot := new(kmsg.Response)
	d.Handle(context.Background(), protocol.Caller{}, req, func(resp kmsg.Response) {
		if *slot != nil {
			d.t.Errorf("%s is answered twice", kmsg.NameForKey(req.Key()))
		}
		*slot = whole(resp)
	})
	return slot
}

// answer asks, lets everything commit and returns the answer.
func (d *testDriver) answer(req kmsg.Request) kmsg.Response {
	d.t.Helper()
	slot := d.ask(req)
	d.settle()
	if *slot == nil {
		d.t.Fatalf("%s is not answered", kmsg.NameForKey(req.Key()))
	}
	return *slot
}

func (d *testDriver) advance(by time.Duration) { d.clock.Advance(by, d.settle) }

func (d *testDriver) addBroker(id int32) (epoch int64) {
	d.t.Helper()
	epoch = d.answer(registrationRequest(d.cfg.ClusterID, id,
		1)).(*kmsg.BrokerRegistrationResponse).BrokerEpoch
	d.answer(heartbeatRequest(id, epoch, 1<<40))
	if !d.Image().Broker(id).Active() {
		d.t.Fatalf("broker %d did not become active", id)
	}
	return epoch
}

func registrationRequest(
	cluster string, id int32, incarnation int,
) *kmsg.BrokerRegistrationRequest {
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.Version, req.BrokerID, req.ClusterID = 4, id, cluster
	req.IncarnationID = testUUID(int(id)*1000 + incarnation)
	req.LogDirs = [][16]byte{testUUID(int(id))}
	for _, f := range metadata.SupportedFeatures(false) {
		req.Features = append(req.Features, kmsg.BrokerRegistrationRequestFeature{Name: f.Name,
			MinSupportedVersion: f.Min, MaxSupportedVersion: f.Max})
	}
	return req
}

func heartbeatRequest(id int32, epoch, offset int64) *kmsg.BrokerHeartbeatRequest {
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.Version, req.BrokerID, req.BrokerEpoch = 2, id, epoch
	req.CurrentMetadataOffset, req.CordonedLogDirs = offset, [][16]byte{}
	return req
}

func producerIDs(id int32, epoch int64) *kmsg.AllocateProducerIDsRequest {
	req := kmsg.NewPtrAllocateProducerIDsRequest()
	req.BrokerID, req.BrokerEpoch = id, epoch
	return req
}

// code is a response's top-level error; -2 when there is no response.
func code(t testing.TB, slot *kmsg.Response) int16 {
	switch r := (*slot).(type) {
	case nil:
		return -2
	case *kmsg.AllocateProducerIDsResponse:
		return r.ErrorCode
	case *kmsg.BrokerHeartbeatResponse:
		return r.ErrorCode
	case *kmsg.BrokerRegistrationResponse:
		return r.ErrorCode
	case *kmsg.UnregisterBrokerResponse:
		return r.ErrorCode
	}
	t.Fatalf("no code in %T", *slot)
	return 0
}

func wantCode(t testing.TB, what string, slot *kmsg.Response, want int16) {
	t.Helper()
	if got := code(t, slot); got != want {
		t.Errorf("%s: code %d, want %d", what, got, want)
	}
}

const unanswered = -2

func TestRepliesWaitForTheCommitOfWhatTheySaw(t *testing.T) {
	d := newTestDriver(t)
	epoch := d.addBroker(1)
	write := d.ask(producerIDs(1, epoch))
	d.work()
	wantCode(t, "a write", write, unanswered)

	// It writes nothing, but it saw what is not committed.
	refused := d.ask(producerIDs(1, epoch+1))
	d.work()
	wantCode(t, "an answer from uncommitted state", refused, unanswered)

	second := d.ask(producerIDs(1, epoch))
	d.work()
	batches := d.log.Take()
	d.Committed([][]byte{batches[0]})
	d.work()
	wantCode(t, "the first write", write, 0)
	wantCode(t, "an answer from what is committed now", refused, kerr.StaleBrokerEpoch.Code)
	wantCode(t, "the second write", second, unanswered)
	d.Committed([][]byte{batches[1]})
	d.work()
	wantCode(t, "the second write", second, 0)

	now := d.ask(producerIDs(1, epoch+1))
	d.work()
	wantCode(t, "an answer with nothing pending", now, kerr.StaleBrokerEpoch.Code)
}

func TestLosingLeadershipFailsWhoWaitsAndForgetsWhatIsProposed(t *testing.T) {
	d := newTestDriver(t)
	epoch := d.addBroker(1)
	waiting := d.ask(producerIDs(1, epoch))
	d.work()
	queued := d.ask(producerIDs(1, epoch))
	d.LeaderChanged(3001, 2)
	d.work()
	wantCode(t, "a parked reply", waiting, kerr.NotController.Code)
	wantCode(t, "a queued request", queued, kerr.NotController.Code)
	wantCode(t, "a later request", d.ask(producerIDs(1, epoch)), kerr.NotController.Code)
	wantCode(t, "a heartbeat", d.ask(heartbeatRequest(1, epoch, 1<<40)), kerr.NotController.Code)
	if d.core.working != d.core.committed {
		t.Error("the working image still holds what was proposed")
	}

	// The proposed batches still commit, under the next leader, and are replayed.
	d.commit()
	if got := d.Image().NextProducerID(); got != 1000 {
		t.Errorf("next producer id %d, want 1000: the batch was committed", got)
	}
	d.lead(3)
	slot := d.ask(producerIDs(1, epoch))
	d.settle()
	if start := (*slot).(*kmsg.AllocateProducerIDsResponse).ProducerIDStart; start != 1000 {
		t.Errorf("block starts at %d, want 1000", start)
	}
}

func TestARefusedProposalIsAnAnswerAndNoStateChange(t *testing.T) {
	for _, test := range []struct {
		refuse error
		want   int16
	}{
		{fmt.Errorf("log: %w", ErrTooManyPending), kerr.RequestTimedOut.Code},
		{errors.New("not the leader"), kerr.NotController.Code},
	} {
		d := newTestDriver(t)
		epoch := d.addBroker(1)
		end := d.core.working.EndOffset()
		d.log.Refuse = test.refuse
		slot := d.ask(producerIDs(1, epoch))
		d.work()
		wantCode(t, test.refuse.Error(), slot, test.want)
		if _, ok := d.Active(); !ok || d.core.working.EndOffset() != end {
			t.Errorf("%v: active %v, end %d: want a controller as before (%d)", test.refuse, ok,
				d.core.working.EndOffset(), end)
		}
		d.log.Refuse = nil
		if resp := d.answer(producerIDs(1,
			epoch)).(*kmsg.AllocateProducerIDsResponse); resp.ErrorCode != 0 ||
			resp.ProducerIDStart != 0 {
			t.Errorf("%v: the next request: %+v", test.refuse, resp)
		}
	}
}

func TestAWrongOffsetStopsTheReplica(t *testing.T) {
	d := newTestDriver(t)
	epoch := d.addBroker(1)
	d.log.End += 5
	slot := d.ask(producerIDs(1, epoch))
	d.work()
	if len(d.stopped) == 0 {
		t.Error("the replica does not stop although the log and the image disagree on offsets")
	}
	wantCode(t, "the request", slot, kerr.UnknownServerError.Code)
}

func TestACommitThatWasNotProposedStopsTheReplica(t *testing.T) {
	d := newTestDriver(t)
	epoch := d.addBroker(1)
	d.ask(producerIDs(1, epoch))
	d.work()
	b := d.log.Take()[0]
	b.SetPosition(b.BaseOffset()+1, 1)
	d.Committed([][]byte{b})
	d.work()
	if len(d.stopped) == 0 {
		t.Error("the replica does not stop although another batch was committed than proposed")
	}
}

func TestDeadlinesBoundTheQueueAndNotTheCommit(t *testing.T) {
	d := newTestDriver(t)
	epoch := d.addBroker(1)
	req := heartbeatRequest(1, epoch, 1<<40)
	req.WantFence = true
	late := d.ask(req)
	d.clock.Jump(d.cfg.HeartbeatInterval/2 + time.Millisecond)
	d.work()
	wantCode(t, "a heartbeat that waited", late, kerr.RequestTimedOut.Code)
	if !d.core.working.Broker(1).Active() {
		t.Error("a heartbeat that timed out has fenced its broker")
	}
	inTime := d.ask(req)
	d.work()
	d.clock.Jump(time.Minute)
	d.commit()
	wantCode(t, "a heartbeat whose commit took a minute", inTime, 0)
	if d.Stats().TimedOut != 1 {
		t.Errorf("%+v", d.Stats())
	}
}

func TestTheQueueIsBoundedAndClosesOnWhoWaits(t *testing.T) {
	d := newTestDriver(t, func(cfg *Config) { cfg.QueueMax = 2 })
	epoch := d.addBroker(1)
	parked := d.ask(producerIDs(1, epoch))
	d.work()
	first, second, third := d.ask(producerIDs(1, epoch)), d.ask(producerIDs(1,
		epoch)), d.ask(producerIDs(1, epoch))
	wantCode(t, "a request to a full queue", third, kerr.RequestTimedOut.Code)
	d.queue.close()
	d.end()
	wantCode(t, "a queued request", first, kerr.RequestTimedOut.Code)
	wantCode(t, "a queued request", second, kerr.RequestTimedOut.Code)
	wantCode(t, "a reply that waits for its commit", parked, kerr.NotController.Code)
	wantCode(t, "a request after the end", d.ask(producerIDs(1, epoch)), kerr.NotController.Code)
}

func TestAPanicIsAFaultAndTheControllerGoesOn(t *testing.T) {
	d := newTestDriver(t)
	epoch := d.addBroker(1)
	var got *protocol.Error
	p := &pendingOp{c: d.Controller, name: "test",
		reply: func(kmsg.Response,
			error) {
			t.Error("answered")
		}, fail: func(err *protocol.Error) { got = err }}
	d.queue.addNew(administrator, false, p.begin(func(op) result { panic("a bug") }))
	d.work()
	if got != errFault || d.Stats().Faults != 1 {
		t.Errorf("%v, %+v", got, d.Stats())
	}
	d.Handle(t.Context(), protocol.Caller{}, producerIDs(1, epoch),
		func(kmsg.Response) { panic("a bug of the connection") })
	d.settle()
	if resp := d.answer(producerIDs(1,
		epoch)).(*kmsg.AllocateProducerIDsResponse); resp.ProducerIDStart != 1000 ||
		len(d.stopped) != 0 {
		t.Errorf("%+v, stopped %v", resp, d.stopped)
	}
}

func TestSlowEventsAreCounted(t *testing.T) {
	d := newTestDriver(t, func(cfg *Config) { cfg.SlowEvent = time.Second })
	d.queue.addLog(event{name: "slow", run: func() { d.clock.Jump(1001 * time.Millisecond) }})
	d.queue.addLog(event{name: "quick", run: func() { d.clock.Jump(time.Second) }})
	d.work()
	if d.Stats().SlowEvents != 1 {
		t.Errorf("%+v", d.Stats())
	}
}

// noOps makes n records that change nothing.
func noOps(n int) []record.Record {
	return slices.Repeat([]record.Record{&record.NoOp{}}, n)
}

// largeRecords are of a mebibyte each.
func largeRecords(n int) []record.Record {
	salt := make([]byte, 1<<20)
	var all []record.Record
	for i := range n {
		all = append(all, &record.UserScramCredential{Name: fmt.Sprint("u", i), Mechanism: 1,
			Salt: salt, Iterations: 4096})
	}
	return all
}

func TestResultsAreCutIntoBatches(t *testing.T) {
	for _, test := range []struct {
		name    string
		result  result
		batches []int
		err     *protocol.Error
	}{
		{"nothing", result{}, nil, nil},
		{"one batch", result{records: noOps(recordsPerBatch)}, []int{recordsPerBatch}, nil},
		{"two batches", result{records: noOps(recordsPerBatch + 1)}, []int{recordsPerBatch, 1},
			nil},
		{"atomic", result{records: noOps(recordsPerUserOp), atomic: true}, []int{recordsPerUserOp},
			nil},
		{"too many", result{records: noOps(recordsPerUserOp + 1), atomic: true}, nil, errTooLarge},
		{"large", result{records: largeRecords(9)}, []int{7, 2}, nil},
		{"large and atomic", result{records: largeRecords(9), atomic: true}, []int{8, 3}, nil},
		{"too large", result{records: largeRecords(32), atomic: true}, nil, errTooLarge},
	} {
		tc := newTestCore(t)
		n, end := len(tc.log.All), tc.nextOffset()
		err := tc.append(tc.clock.Now(), test.result)
		if got := tc.explain(err); err != nil && got != test.err || err == nil && test.err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		var counts []int
		for _, b := range tc.log.All[n:] {
			counts = append(counts, b.Count())
		}
		if !slices.Equal(counts, test.batches) {
			t.Errorf("%s: batches of %v records, want %v", test.name, counts, test.batches)
		}
		if test.err != nil && tc.nextOffset() != end {
			t.Errorf("%s: something has moved", test.name)
		}
	}
}

func TestAProposalRefusedMidwayKeepsWhatWasProposed(t *testing.T) {
	tc := newTestCore(t)
	end, asked := tc.nextOffset(), 0
	tc.log.Refused = func() error {
		if asked++; asked == 2 {
			return ErrTooManyPending
		}
		return nil
	}
	ran := false
	err := tc.append(tc.clock.Now(), result{records: noOps(2*recordsPerBatch + 1),
		then: func(int64) { ran = true }})
	if !errors.Is(err, ErrTooManyPending) || ran {
		t.Errorf("err %v, soft state changed %v", err, ran)
	}
	if tc.nextOffset() != end+recordsPerBatch || len(tc.pending) != 1 {
		t.Errorf("next offset %d, want %d: one batch was accepted", tc.nextOffset(),
			end+recordsPerBatch)
	}
	tc.commitAll()
	tc.apply(&record.NoOp{})
}

func TestRecordsThatCannotBeWrittenAreAFaultAndMoveNothing(t *testing.T) {
	tc := newTestCore(t)
	end := tc.nextOffset()
	for name, r := range map[string]record.Record{
		"does not replay": &record.RemoveTopic{TopicID: testUUID(1)},
		"does not encode": &record.PartitionChange{EligibleLeaderReplicas: []int32{1}},
	} {
		mv := tc.working.Version()
		if name == "does not encode" {
			tc = newTestCore(t,
				func(cfg *Config) { cfg.Bootstrap = metadata.BootstrapFeatures(metadata.V3_3_IV3) })
			end = tc.nextOffset()
		}
		for _, atomic := range []bool{true, false} {
			err := tc.append(tc.clock.Now(), result{records: []record.Record{&record.NoOp{}, r},
				atomic: atomic})
			if err == nil || tc.explain(err) != errFault || tc.nextOffset() != end ||
				len(tc.pending) != 0 {
				t.Errorf("%s at %v, atomic %v: %v", name, mv, atomic, err)
			}
		}
	}
}

func TestRequestsAndPartsTakeTurns(t *testing.T) {
	q := newQueue(0)
	for range requestsPerPart + 2 {
		q.addNew(administrator, false, event{name: "request"})
	}
	for range 3 {
		q.addPart(true, event{name: "part"})
	}
	q.addLog(event{name: "log"})
	q.addLog(event{name: "log"})
	var got []string
	for events := q.take(true); events != nil; events = q.take(true) {
		got = append(got, fmt.Sprint(events[0].name, len(events)))
	}
	want := slices.Concat([]string{"log2"}, slices.Repeat([]string{"request1"}, requestsPerPart),
		[]string{"part1", "request1", "request1", "part1", "part1"})
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestTimersRunThoughRequestsNeverEnd(t *testing.T) {
	d := newTestDriver(t, func(cfg *Config) { cfg.MaxIdle = 500 * time.Millisecond })
	end := d.core.working.EndOffset()
	var again func()
	turns := 0
	again = func() {
		if turns++; turns < 50 {
			d.clock.Jump(100 * time.Millisecond)
			d.queue.addNew(administrator, false, event{name: "endless", run: again})
		}
		if due, ok := d.clock.Next(d.clock.Now()); ok {
			due()
		}
	}
	d.queue.addNew(administrator, false, event{name: "endless", run: again})
	d.work()
	if written := d.core.working.EndOffset() - end; written < 8 || written > 10 {
		t.Errorf("%d records in 5 s of requests without an end, want a NoOp every 500 ms", written)
	}
}

func TestNoOpsAreWrittenOnlyWhenAskedFor(t *testing.T) {
	d := newTestDriver(t)
	end := d.Image().EndOffset()
	d.advance(time.Minute)
	if d.Image().EndOffset() != end {
		t.Error("an idle controller writes, although metadata.max.idle.interval.ms is 0")
	}
}

func TestASnapshotGivesAnotherNodeTheSameImage(t *testing.T) {
	d := newTestDriver(t)
	epoch := d.addBroker(1)
	d.addPartitions("foo", 3, func(int) []int32 { return []int32{1} })
	end, snapshotEpoch, write := d.Snapshot()
	var file bytes.Buffer
	if err := write(&file); err != nil {
		t.Fatal(err)
	}
	cfg := testConfig()
	cfg.NodeID = 3001
	other := New(cfg)
	other.SetLog(new(fakeLog))
	open := func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(file.Bytes())),
			nil
	}
	if err := other.LoadSnapshot(end, snapshotEpoch, open); err != nil {
		t.Fatal(err)
	}
	d.answer(producerIDs(1, epoch))
	other.Committed([][]byte{d.log.All[len(d.log.All)-1]})
	other.work()
	var a, b bytes.Buffer
	if err := errors.Join(metadata.WriteSnapshot(&a, d.Image()),
		metadata.WriteSnapshot(&b, other.Image())); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) || other.Image().EndOffset() != d.Image().EndOffset() {
		t.Error("the images differ")
	}
	if err := other.LoadSnapshot(end, 1, func() (io.ReadCloser,
		error) {
		return io.NopCloser(bytes.NewReader(file.Bytes()[:50])), nil
	}); err == nil {
		t.Error("half a snapshot is taken for a whole one")
	}
}

func TestACommittedBatchThatDoesNotReplayStopsTheReplica(t *testing.T) {
	for name, spoil := range map[string]func(batch.Batch) []byte{
		"damaged":         func(b batch.Batch) []byte { b[70] ^= 1; return b },
		"more than one":   func(b batch.Batch) []byte { return append(b, b...) },
		"does not replay": func(b batch.Batch) []byte { return b },
	} {
		var stopped error
		cfg := testConfig()
		cfg.Stop = func(err error) { stopped = err }
		c := New(cfg)
		b, err := metadata.EncodeData([]record.Record{&record.RemoveTopic{TopicID: testUUID(1)}},
			metadata.LatestVersion, 0)
		if err != nil {
			t.Fatal(err)
		}
		c.Committed([][]byte{spoil(b)})
		c.work()
		if stopped == nil {
			t.Errorf("%s: the replica does not stop", name)
		}
	}
}
