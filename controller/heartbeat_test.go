package controller

import (
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

// atOnce sends a heartbeat and returns its answer if it came without a turn of the core.
func (d *testDriver) atOnce(req *kmsg.BrokerHeartbeatRequest) *kmsg.BrokerHeartbeatResponse {
	before := d.Stats().SteadyHeartbeats
	slot := d.ask(req)
	if d.Stats().SteadyHeartbeats == before {
		if *slot != nil {
			d.t.Errorf("answered %+v, not as a steady heartbeat", *slot)
		}
		return nil
	}
	return (*slot).(*kmsg.BrokerHeartbeatResponse)
}

func TestSteadyHeartbeatsNeedNoTurn(t *testing.T) {
	d := newTestDriver(t)
	epoch := d.addBroker(1)
	resp := d.atOnce(heartbeatRequest(1, epoch, 1<<40))
	if resp == nil || resp.IsFenced || !resp.IsCaughtUp || resp.ShouldShutdown ||
		resp.ErrorCode != 0 {
		t.Errorf("unfenced: %+v", resp)
	}
	// Other pending changes do not matter.
	d.ask(producerIDs(1, epoch))
	d.work()
	if d.atOnce(heartbeatRequest(1, epoch, 1<<40)) == nil {
		t.Error("a heartbeat waits for somebody else's commit")
	}
	d.settle()

	starting := d.answer(registrationRequest(d.cfg.ClusterID, 2,
		1)).(*kmsg.BrokerRegistrationResponse).BrokerEpoch
	req := heartbeatRequest(2, starting, starting-1)
	req.CordonedLogDirs = nil
	if resp := d.atOnce(req); resp == nil || !resp.IsFenced || resp.IsCaughtUp {
		t.Errorf("fenced and not caught up: %+v", resp)
	}
	req.CurrentMetadataOffset, req.WantFence = starting, true
	if resp := d.atOnce(req); resp == nil || !resp.IsFenced || !resp.IsCaughtUp {
		t.Errorf("fenced and caught up: %+v", resp)
	}
	if d.brokerAge(1) != 0 || d.brokerAge(2) != 0 {
		t.Error("a steady heartbeat is not noted")
	}
}

func (d *testDriver) brokerAge(id int32) time.Duration {
	d.t.Helper()
	status, ok := d.BrokerStatus(id)
	if !ok {
		d.t.Fatalf("no status of broker %d", id)
	}
	return d.clock.Now().Sub(status.LastHeartbeat)
}

func TestHeartbeatsThatChangeSomethingTakeTheQueue(t *testing.T) {
	d := newTestDriver(t)
	epoch := d.addBroker(1)
	for name, change := range map[string]func(*kmsg.BrokerHeartbeatRequest){
		"wants to be fenced": func(r *kmsg.BrokerHeartbeatRequest) { r.WantFence = true },
		"wants to shut down": func(r *kmsg.BrokerHeartbeatRequest) { r.WantShutdown = true },
		"lost a directory": func(r *kmsg.BrokerHeartbeatRequest) {
			r.OfflineLogDirs = [][16]byte{testUUID(1)}
		},
		"cordoned a directory": func(r *kmsg.BrokerHeartbeatRequest) {
			r.CordonedLogDirs = [][16]byte{testUUID(1)}
		},
		"has an old epoch":        func(r *kmsg.BrokerHeartbeatRequest) { r.BrokerEpoch-- },
		"is of an unknown broker": func(r *kmsg.BrokerHeartbeatRequest) { r.BrokerID = 77 },
	} {
		req := heartbeatRequest(1, epoch, 1<<40)
		change(req)
		if resp := d.atOnce(req); resp != nil {
			t.Errorf("a heartbeat that %s is answered without the core: %+v", name, resp)
		}
		d.queue.drain()
	}
	if len(d.core.brokers.contacts) != 1 {
		t.Errorf("%d sessions: strangers are noted", len(d.core.brokers.contacts))
	}
}

// TestSteadyHeartbeatsNeverOutrunTheLog: a change of the broker that is proposed and not committed
// sends its heartbeats through the core, which answers them after the commit.
func TestSteadyHeartbeatsNeverOutrunTheLog(t *testing.T) {
	d := newTestDriver(t)
	epoch := d.addBroker(1)
	fence := heartbeatRequest(1, epoch, 1<<40)
	fence.WantFence = true
	fenced := d.ask(fence)
	d.work()
	if resp := d.atOnce(fence); resp != nil {
		t.Errorf("an uncommitted fence is reported: %+v", resp)
	}
	if resp := d.atOnce(heartbeatRequest(1, epoch, 1<<40)); resp != nil {
		t.Errorf("a broker that is being fenced hears that it is not: %+v", resp)
	}
	d.queue.drain()
	d.commit()
	if resp := d.atOnce(fence); resp == nil || !resp.IsFenced {
		t.Errorf("after the commit: %+v", resp)
	}
	wantCode(t, "the fence", fenced, 0)

	// The same for an unfence whose commit fails with the leadership.
	unfenced := d.ask(heartbeatRequest(1, epoch, 1<<40))
	d.work()
	if resp := d.atOnce(heartbeatRequest(1, epoch, 1<<40)); resp != nil {
		t.Errorf("an uncommitted unfence is reported: %+v", resp)
	}
	d.LeaderChanged(3001, 2)
	d.work()
	if resp := (*unfenced).(*kmsg.BrokerHeartbeatResponse); resp.ErrorCode == 0 || !resp.IsFenced {
		t.Errorf("the unfence after the leadership is lost: %+v", resp)
	}
}

func TestAHeartbeatThatWaitsKeepsItsSession(t *testing.T) {
	d := newTestDriver(t)
	epoch := d.addBroker(1)
	d.advance(8 * time.Second)
	req := heartbeatRequest(1, epoch, 1<<40)
	req.WantShutdown = true
	d.ask(req)
	// nothing ran: past the session's end and the heartbeat's deadline
	d.clock.Jump(1500 * time.Millisecond)
	d.settle()
	if !d.core.working.Broker(1).Active() {
		t.Error("the broker was fenced although its heartbeat lay in the queue")
	}
	d.advance(9500 * time.Millisecond)
	if d.core.working.Broker(1).Active() {
		t.Error("the broker was never fenced")
	}
}

func TestAControllerThatStoodStillBlamesNoBroker(t *testing.T) {
	d := newTestDriver(t)
	d.addBroker(1)
	d.advance(5 * time.Second)
	d.clock.Jump(time.Minute) // the process is stopped; its timers fire when it resumes
	d.advance(0)
	if !d.Image().Broker(1).Active() {
		t.Fatal("fenced for a minute in which nobody could be heard")
	}
	d.advance(6 * time.Second)
	if d.Image().Broker(1).Active() {
		t.Error("not fenced after what was left of its session")
	}
}

// TestHeartbeatsFromManyConnections runs the real loop, for the race detector: heartbeats of steady
// brokers while others are fenced, unfenced and expire. Every answer must be one that the state at
// that time allowed.
func TestHeartbeatsFromManyConnections(t *testing.T) {
	d := newTestDriver(t)
	const brokers, heartbeats = 8, 300
	var epochs [brokers]int64
	for i := range epochs {
		epochs[i] = d.addBroker(int32(i))
	}
	log := &lockedLog{fakeLog: d.log, proposed: make(chan struct{}, 1)}
	d.SetLog(log)
	d.Start()
	var committer sync.WaitGroup
	committer.Go(func() {
		for range log.proposed {
			for _, b := range log.Take() {
				d.Committed([][]byte{b})
			}
		}
	})
	var clients sync.WaitGroup
	for i, epoch := range epochs {
		clients.Go(func() {
			for n := range heartbeats {
				req := heartbeatRequest(int32(i), epoch, 1<<40)
				req.WantFence = i%2 == 1 && n%3 == 0
				done := make(chan *kmsg.BrokerHeartbeatResponse, 1)
				d.Handle(t.Context(), protocol.Caller{}, req,
					func(resp kmsg.Response) { done <- resp.(*kmsg.BrokerHeartbeatResponse) })
				if resp := <-done; resp.ErrorCode != 0 || resp.IsFenced != req.WantFence {
					t.Errorf("broker %d, heartbeat %d, wants to be fenced %v: %+v", i, n,
						req.WantFence, resp)
					return
				}
				d.BrokerStatus(int32(i))
				d.Stats()
			}
		})
	}
	clients.Wait()
	d.Stop()
	close(log.proposed)
	committer.Wait()
}

// lockedLog is a fakeLog for several goroutines that says when something is proposed.
type lockedLog struct {
	*fakeLog
	proposed chan struct{} // capacity 1
}

func (l *lockedLog) Propose(epoch int32, batches ...[]byte) (int64, error) {
	select {
	case l.proposed <- struct{}{}:
	default:
	}
	return l.fakeLog.Propose(epoch, batches...)
}

func BenchmarkSteadyHeartbeat(b *testing.B) {
	d := newTestDriver(b)
	const brokers = 500
	reqs := make([]*kmsg.BrokerHeartbeatRequest, brokers)
	for i := range reqs {
		reqs[i] = heartbeatRequest(int32(i), d.addBroker(int32(i)), 1<<40)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			d.Handle(b.Context(), protocol.Caller{}, reqs[i%brokers], func(kmsg.Response) {})
		}
	})
	if d.Stats().SteadyHeartbeats == 0 {
		b.Fatal("no heartbeat took the short way")
	}
}
