package controller

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// apply writes records as one batch and commits it.
func (d *testDriver) apply(records ...record.Record) {
	d.t.Helper()
	if err := d.core.append(d.clock.Now(), result{records: records, atomic: true}); err != nil {
		d.t.Fatal(err)
	}
	d.settle()
}

// addPartitions makes a topic of n partitions; replicas says who has partition i, the first of them
// leading.
func (d *testDriver) addPartitions(name string, n int, replicas func(i int) []int32) {
	d.t.Helper()
	id := newUUID(d.cfg.Random)
	records := []record.Record{&record.Topic{Name: name, TopicID: id}}
	for i := range n {
		r := replicas(i)
		dirs := make([]protocol.UUID, len(r))
		for j, b := range r {
			dirs[j] = testUUID(int(b))
		}
		records = append(records, &record.Partition{PartitionID: int32(i), TopicID: id, Replicas: r,
			ISR: r, Leader: r[0], Directories: dirs})
		if len(records) == recordsPerUserOp || i == n-1 {
			d.apply(records...)
			records = nil
		}
	}
}

// step runs one turn, commits, and returns the name of the event.
func (d *testDriver) step() (name string, ok bool) {
	events := d.queue.take(d.core.mayRunPart())
	for i, e := range events {
		d.turn(e)
		d.afterTurns()
		name = e.name
		if i == len(events)-1 {
			break
		}
	}
	for _, b := range d.log.Take() {
		d.Committed([][]byte{b})
	}
	return name, len(events) > 0
}

// stepUntil runs turns until the condition holds.
func (d *testDriver) stepUntil(what string, holds func() bool) {
	d.t.Helper()
	for range 10_000 {
		if holds() {
			return
		}
		if _, ok := d.step(); !ok {
			break
		}
	}
	if !holds() {
		d.t.Fatalf("never: %s", what)
	}
}

// checkDeparted checks that inactive brokers lead nothing and are in no ISR that could do without
// them.
func (d *testDriver) checkDeparted() {
	d.t.Helper()
	img := d.Image()
	for id, b := range img.Brokers() {
		if b.Active() {
			continue
		}
		if n := img.Leads(id); n != 0 {
			d.t.Errorf("broker %d is inactive and leads %d partitions", id, n)
		}
		for tp := range img.Hosted(id) {
			if slices.Contains(tp.Partition.ISR, id) && len(tp.Partition.ISR) > 1 {
				d.t.Errorf("broker %d is inactive and in the ISR %v of %s-%d", id, tp.Partition.ISR,
					tp.Topic.Name, tp.ID)
				return
			}
		}
	}
}

const manyPartitions = 3*partitionsPerPart + 7

// longFence makes brokers 1 to 3 with many partitions on all of them, led by 1, and fences 1 as far
// as the first part.
func longFence(t *testing.T) (d *testDriver, epoch int64, slot *kmsg.Response) {
	d = newTestDriver(t)
	epoch = d.addBroker(1)
	d.addBroker(2)
	d.addBroker(3)
	d.addPartitions("foo", manyPartitions, func(int) []int32 { return []int32{1, 2, 3} })
	req := heartbeatRequest(1, epoch, 1<<40)
	req.WantFence = true
	slot = d.ask(req)
	d.stepUntil("the first part", func() bool { return d.Image().Broker(1).Fenced })
	if n := d.Image().Leads(1); n != manyPartitions-partitionsPerPart {
		t.Fatalf("broker 1 leads %d partitions after the first part, want %d", n,
			manyPartitions-partitionsPerPart)
	}
	return d, epoch, slot
}

func TestALongFenceGoesInPartsAndAnswersAtTheEnd(t *testing.T) {
	d, _, slot := longFence(t)
	for *slot == nil {
		if _, ok := d.step(); !ok {
			t.Fatal("no answer")
		}
		if *slot != nil && d.Image().Leads(1) != 0 {
			t.Error("answered before the end")
		}
	}
	if resp := (*slot).(*kmsg.BrokerHeartbeatResponse); !resp.IsFenced || resp.ErrorCode != 0 {
		t.Errorf("%+v", resp)
	}
	d.checkDeparted()
	if n := d.Image().Leads(2); n != manyPartitions {
		t.Errorf("broker 2 leads %d", n)
	}
}

// Parts that wait for their commit keep further parts back, and nothing else.
func TestPartsDoNotRunFarAheadOfTheLog(t *testing.T) {
	d := newTestDriver(t)
	epoch := d.addBroker(1)
	d.addBroker(2)
	d.addBroker(3)
	d.addPartitions("foo", (partsAhead+3)*partitionsPerPart,
		func(int) []int32 { return []int32{1, 2, 3} })
	req := heartbeatRequest(1, epoch, 1<<40)
	req.WantFence = true
	slot := d.ask(req)
	d.work() // without commits
	if n := len(d.core.partEnds); n != partsAhead || len(d.log.Waiting) != partsAhead {
		t.Fatalf("%d parts and %d batches wait for their commit, want %d", n, len(d.log.Waiting),
			partsAhead)
	}
	topic := d.ask(createTopicRequest("bar", []int32{2, 3}))
	d.work()
	if len(d.log.Waiting) != partsAhead+1 {
		t.Fatalf("%d batches wait, want %d: the topic's too", len(d.log.Waiting), partsAhead+1)
	}
	d.settle()
	if *topic == nil || *slot == nil || d.Image().Leads(1) != 0 {
		t.Errorf("the topic: %v, the fence: %v; broker 1 leads %d", *topic, *slot,
			d.Image().Leads(1))
	}
}

func TestABrokerThatComesBackEndsItsLongFence(t *testing.T) {
	d, epoch, slot := longFence(t)
	back := d.ask(heartbeatRequest(1, epoch, 1<<40))
	d.stepUntil("the unfence", func() bool { return d.Image().Broker(1).Active() })
	d.settle()
	wantCode(t, "the heartbeat that comes back", back, 0)
	if resp := (*slot).(*kmsg.BrokerHeartbeatResponse); resp.IsFenced || resp.ErrorCode != 0 {
		t.Errorf("the fence is answered, after the broker came back, with %+v", resp)
	}
	img := d.Image()
	if n := img.Leads(1); n == 0 || n == manyPartitions {
		t.Errorf("broker 1 leads %d", n)
	}
	for tp := range img.Hosted(1) {
		if tp.Partition.Leader != 1 || len(tp.Partition.ISR) != 3 {
			t.Fatalf("%s-%d: %+v", tp.Topic.Name, tp.ID, tp.Partition)
		}
	}
}

func TestALongFenceSurvivesTheLossOfLeadership(t *testing.T) {
	d, _, slot := longFence(t)
	d.LeaderChanged(3001, 2)
	d.work()
	wantCode(t, "the fence", slot, kerr.NotController.Code)
	if d.Image().Leads(1) == 0 {
		t.Fatal("nothing was left to do")
	}
	d.lead(3)
	d.settle()
	d.checkDeparted()
}

func TestAnOperationEndsWithTheEpochItBeganIn(t *testing.T) {
	d, _, slot := longFence(t)
	if len(d.queue.parts) == 0 {
		t.Fatal("no part waits")
	}
	d.LeaderChanged(-1, 1)
	if _, err := d.log.Propose(3, d.EpochStart(3, false)); err != nil {
		t.Fatal(err)
	}
	for _, b := range d.log.Take() {
		d.Committed([][]byte{b})
	}
	d.LeaderChanged(d.cfg.NodeID, 3)
	d.settle()
	wantCode(t, "an operation of the last epoch", slot, kerr.NotController.Code)
	d.checkDeparted()
}

func TestALongFenceWaitsForABusyLog(t *testing.T) {
	d, _, slot := longFence(t)
	d.log.Refuse = ErrTooManyPending
	d.settle()
	wantCode(t, "the fence", slot, unanswered)
	d.advance(5 * againAfter)
	wantCode(t, "the fence", slot, unanswered)
	d.log.Refuse = nil
	d.advance(againAfter)
	wantCode(t, "the fence", slot, 0)
	d.checkDeparted()
}

func TestAnotherIncarnationTakesOverFromALongFence(t *testing.T) {
	d, _, _ := longFence(t)
	d.clock.Jump(d.cfg.SessionTimeout + 1)
	slot := d.ask(registrationRequest(d.cfg.ClusterID, 1, 2))
	d.settle()
	resp := (*slot).(*kmsg.BrokerRegistrationResponse)
	b := d.Image().Broker(1)
	if resp.ErrorCode != 0 || b.Epoch != resp.BrokerEpoch || b.IncarnationID != testUUID(1002) {
		t.Errorf("%+v, %+v", resp, b)
	}
	d.checkDeparted()
}

func TestALongFenceEndsWhenItsBrokerIsUnregistered(t *testing.T) {
	d, _, fence := longFence(t)
	req := kmsg.NewPtrUnregisterBrokerRequest()
	req.BrokerID = 1
	slot := d.ask(req)
	d.settle()
	wantCode(t, "unregister", slot, 0)
	wantCode(t, "the fence", fence, kerr.StaleBrokerEpoch.Code)
	img := d.Image()
	if img.Broker(1) != nil || img.Leads(1) != 0 {
		t.Errorf("broker %+v leads %d", img.Broker(1), img.Leads(1))
	}
	for tp := range img.Hosted(1) {
		t.Fatalf("%s-%d: %+v", tp.Topic.Name, tp.ID, tp.Partition)
	}
}

func TestALongUnregistrationOfALivingBroker(t *testing.T) {
	d := newTestDriver(t)
	epoch := d.addBroker(1)
	d.addBroker(2)
	d.addPartitions("foo", manyPartitions, func(int) []int32 { return []int32{1, 2} })
	req := kmsg.NewPtrUnregisterBrokerRequest()
	req.BrokerID = 1
	slot := d.ask(req)
	d.stepUntil("the first part", func() bool { return d.Image().Broker(1).Fenced })
	// It does not know what happens to it, and unfences itself; it is fenced again and taken out
	// from the beginning.
	back := d.ask(heartbeatRequest(1, epoch, 1<<40))
	d.stepUntil("the unfence", func() bool { return d.core.working.Broker(1).Active() })
	foo := d.Image().TopicByName("foo")
	rejoin := record.NewPartitionChange(foo.ID, 0)
	rejoin.ISR = []int32{2, 1}
	if foo.Partition(0).Leader == 1 || d.core.append(d.clock.Now(),
		result{records: []record.Record{rejoin}}) != nil {
		t.Fatal("the first partition should be behind the walk")
	}
	d.settle()
	wantCode(t, "unregister", slot, 0)
	for tp := range d.Image().Hosted(1) {
		t.Fatalf("%s-%d: %+v", tp.Topic.Name, tp.ID, tp.Partition)
	}
	wantCode(t, "the heartbeat meanwhile", back, 0)
	if d.Image().Broker(1) != nil || d.Image().Leads(1) != 0 ||
		d.Image().Leads(2) != manyPartitions {
		t.Errorf("%+v leads %d, broker 2 %d", d.Image().Broker(1), d.Image().Leads(1),
			d.Image().Leads(2))
	}
	wantCode(t, "a heartbeat after", d.ask(heartbeatRequest(1, epoch, 1<<40)), unanswered)
}

func TestALongRegistrationRegistersLast(t *testing.T) {
	d := newTestDriver(t)
	epoch := d.addBroker(1)
	d.addBroker(2)
	d.addPartitions("foo", manyPartitions, func(int) []int32 { return []int32{1, 2} })
	d.clock.Jump(d.cfg.SessionTimeout + 1) // the task has not run yet
	slot := d.ask(registrationRequest(d.cfg.ClusterID, 1, 2))
	d.stepUntil("the first part", func() bool { return d.Image().Broker(1).Fenced })
	if d.Image().Broker(1).Epoch != epoch {
		t.Fatal("registered before the old incarnation has left")
	}
	d.settle()
	resp := (*slot).(*kmsg.BrokerRegistrationResponse)
	b := d.Image().Broker(1)
	if resp.ErrorCode != 0 || b.Epoch != resp.BrokerEpoch || b.RegisteredAt < b.Epoch || !b.Fenced {
		t.Errorf("%+v, %+v", resp, b)
	}
	d.checkDeparted()

	// If the old process turns out to live, it keeps its id.
	d.answer(heartbeatRequest(1, b.Epoch, 1<<40))
	d.addPartitions("bar", manyPartitions, func(int) []int32 { return []int32{1, 2} })
	d.clock.Jump(d.cfg.SessionTimeout + 1)
	slot = d.ask(registrationRequest(d.cfg.ClusterID, 1, 3))
	d.stepUntil("the first part", func() bool { return d.Image().Broker(1).Fenced })
	d.ask(heartbeatRequest(1, b.Epoch, 1<<40))
	d.settle()
	wantCode(t, "the other incarnation", slot, kerr.DuplicateBrokerRegistration.Code)
	if now := d.Image().Broker(1); now.Epoch != b.Epoch || !now.Active() {
		t.Errorf("%+v", now)
	}
}

func TestALongControlledShutdownWaitsForItsLastMove(t *testing.T) {
	d := newTestDriver(t)
	epoch, other := d.addBroker(1), d.addBroker(2)
	d.addPartitions("foo", manyPartitions, func(int) []int32 { return []int32{1, 2} })
	req := heartbeatRequest(1, epoch, 1<<40)
	req.WantShutdown = true
	if resp := d.answer(req).(*kmsg.BrokerHeartbeatResponse); resp.ShouldShutdown || resp.IsFenced {
		t.Errorf("at first: %+v", resp)
	}
	end := d.Image().EndOffset()
	if status, _ := d.BrokerStatus(1); status.ShutdownOffset != end-1 ||
		status.State != "controlled shutdown" || d.Image().Leads(1) != 0 {
		t.Errorf("%+v, leads %d; the log ends at %d", status, d.Image().Leads(1), end)
	}
	d.answer(heartbeatRequest(2, other, end-2))
	if resp := d.answer(req).(*kmsg.BrokerHeartbeatResponse); resp.ShouldShutdown {
		t.Error("may shut down although broker 2 has not seen the last move")
	}
	d.answer(heartbeatRequest(2, other, end-1))
	if resp := d.answer(req).(*kmsg.BrokerHeartbeatResponse); !resp.ShouldShutdown ||
		!resp.IsFenced {
		t.Errorf("at last: %+v", resp)
	}
	d.checkDeparted()
}

func TestALongUnfenceLeadsEverythingAgain(t *testing.T) {
	for name, failover := range map[string]bool{"in one reign": false, "across a failover": true} {
		t.Run(name, func(t *testing.T) {
			d := newTestDriver(t)
			epoch := d.addBroker(1)
			d.addPartitions("foo", manyPartitions, func(int) []int32 { return []int32{1} })
			req := heartbeatRequest(1, epoch, 1<<40)
			req.WantFence = true
			d.answer(req)
			if n := d.Image().LeaderlessCount(); n != manyPartitions {
				t.Fatalf("%d leaderless", n)
			}
			slot := d.ask(heartbeatRequest(1, epoch, 1<<40))
			d.stepUntil("the first part", func() bool { return d.Image().Broker(1).Active() })
			if failover {
				d.LeaderChanged(3001, 2)
				d.work()
				d.lead(3)
			}
			d.settle()
			if *slot == nil || d.Image().LeaderlessCount() != 0 {
				t.Errorf("answer %+v, %d leaderless", *slot, d.Image().LeaderlessCount())
			}
		})
	}
}

func TestALongDirectoryFailureSurvivesTheLossOfLeadership(t *testing.T) {
	d := newTestDriver(t)
	reg := registrationRequest(d.cfg.ClusterID, 1, 1)
	reg.LogDirs = append(reg.LogDirs, testUUID(11))
	epoch := d.answer(reg).(*kmsg.BrokerRegistrationResponse).BrokerEpoch
	d.answer(heartbeatRequest(1, epoch, 1<<40))
	d.addBroker(2)
	d.addPartitions("foo", manyPartitions, func(int) []int32 { return []int32{1, 2} })
	req := heartbeatRequest(1, epoch, 1<<40)
	req.OfflineLogDirs = [][16]byte{testUUID(1)}
	slot := d.ask(req)
	d.stepUntil("the first part", func() bool { return len(d.Image().Broker(1).LogDirs) == 1 })
	d.LeaderChanged(3001, 2)
	d.work()
	wantCode(t, "the heartbeat", slot, kerr.NotController.Code)
	d.lead(3)
	d.settle()
	if n := d.Image().Leads(1); n != manyPartitions-partitionsPerPart {
		t.Fatalf("broker 1 leads %d before its next heartbeat", n)
	}
	// Its directories are reported again with every heartbeat; the new leader finds what is left.
	d.answer(req)
	if n := d.Image().Leads(1); n != 0 {
		t.Errorf("broker 1 leads %d partitions in a directory that is offline", n)
	}
	if d.atOnce(req) == nil {
		t.Error("the next heartbeat is not a steady one")
	}
}

// TestAStormLeavesTurnsToTheLiving fences three of ten brokers at once, while heartbeats that need
// a turn of the core keep coming.
func TestAStormLeavesTurnsToTheLiving(t *testing.T) {
	const brokers, partitions = 10, 30_000
	d := newTestDriver(t)
	var epochs [brokers]int64
	for i := range epochs {
		epochs[i] = d.addBroker(int32(i))
	}
	d.addPartitions("foo", partitions, func(i int) []int32 {
		return []int32{int32(i % brokers), int32((i + 1 + i/10%9) % brokers),
			int32((i + 1 + (i/10+4)%9) % brokers)}
	})
	d.advance(5 * time.Second)
	for i := 3; i < brokers; i++ {
		d.answer(heartbeatRequest(int32(i), epochs[i], 1<<40))
	}
	d.clock.Jump(4100 * time.Millisecond)
	d.fireTimers()
	parts, worst := d.stepThroughStorm(epochs[:])
	if worst > 2 {
		t.Errorf("a heartbeat waited for %d parts", worst)
	}
	if parts < 3*3*partitions/brokers/partitionsPerPart-3 {
		t.Errorf("the storm took %d parts: they are too long", parts)
	}
	d.checkDeparted()
	for id := range int32(brokers) {
		if fenced := d.Image().Broker(id).Fenced; fenced != (id < 3) {
			t.Errorf("broker %d fenced: %v", id, fenced)
		}
	}
}

// stepThroughStorm runs turns until the first three brokers are gone from everything. Before each,
// a heartbeat of another broker asks for a change. It counts the parts of fences that run, and the
// most of them that ran between a heartbeat and its answer.
func (d *testDriver) stepThroughStorm(epochs []int64) (parts, worst int) {
	d.t.Helper()
	asked := map[*kmsg.Response]int{}
	for n := range 10_000 {
		req := heartbeatRequest(int32(3+n%7), epochs[3+n%7], 1<<40)
		if n/7%2 == 0 {
			req.CordonedLogDirs = [][16]byte{testUUID(int(req.BrokerID))}
		}
		asked[d.ask(req)] = parts
		if name, _ := d.step(); name == "fenceStale" {
			parts++
		}
		for slot, since := range asked {
			if *slot != nil {
				worst = max(worst, parts-since)
				delete(asked, slot)
			}
		}
		if n%10 == 0 {
			d.clock.Advance(againAfter, func() {})
		}
		if img := d.Image(); img.Leads(0)+img.Leads(1)+img.Leads(2) == 0 &&
			len(d.queue.parts) == 0 {
			d.settle()
			return parts, worst
		}
	}
	d.t.Fatal("the storm does not end")
	return 0, 0
}

func BenchmarkFence(b *testing.B) {
	for _, hosted := range []int{100, 10_000, 100_000} {
		b.Run(fmt.Sprint(hosted), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				d := newTestDriver(b)
				epoch := d.addBroker(1)
				d.addBroker(2)
				d.addPartitions("foo", hosted, func(int) []int32 { return []int32{1, 2} })
				req := heartbeatRequest(1, epoch, 1<<40)
				req.WantFence = true
				b.StartTimer()
				d.answer(req)
			}
		})
	}
}
