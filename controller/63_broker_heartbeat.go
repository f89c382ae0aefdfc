package controller

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// BrokerHeartbeat: v0-2
//
// Behaviour: notes that the broker lives, moves it between fenced, unfenced and controlled shutdown (broker_state.go), takes
// offline directories out of its registration and their partitions from it, and notes cordoned directories.
// A heartbeat that changes nothing is answered on the connection's goroutine; see (*Controller).steadyHeartbeat.
//
// Versions: v1 OfflineLogDirs (KIP-858), v2 CordonedLogDirs (KIP-1066).
//
// Differs from Kafka on purpose: only the registered epoch of a broker is noted, not any number that is sent; a broker that is
// fenced already is not fenced again; directories are dealt with before elections, so that no election picks an offline
// one; a granted shutdown ends the session, so that a restart need not wait for it; a broker whose last directory goes offline is
// fenced (Kafka writes a registration change that says "no change", and may elect it again); partitions of a directory that went offline under
// the last leader are looked at again, since that leader may not have come to the end of them; a broker that has begun a controlled shutdown and
// is unfenced without having registered again leads nothing.

func (c *core) brokerHeartbeat(o op, req *kmsg.BrokerHeartbeatRequest) result {
	img := c.working
	b, err := registered(img, req.BrokerID, req.BrokerEpoch)
	if err != nil {
		return result{response: failBrokerHeartbeat(req, err)}
	}
	key := sessionOf(b)
	known := c.brokers.contact(key)
	offline, rest := c.takeDirsOffline(img, b, known, req.OfflineLogDirs)
	walked := func() { c.brokers.update(key, func(k *contact) { k.walkedDirs = uuids(req.OfflineLogDirs) }) }
	if rest != nil {
		return result{records: offline, more: c.goOn(*rest, func(o op) result { return c.brokerHeartbeat(o, req) }), then: func(int64) {
			c.brokers.touch(o.now, key, req.CurrentMetadataOffset)
			walked()
		}}
	}
	if len(offline) > 0 {
		img = preview(img, offline)
		b = img.Broker(b.ID)
	}
	current := stateOf(b, known)
	state := nextState(current, b, req, func() bool { return img.Leads(b.ID) > 0 }, func() bool { return c.drained(img, known) })
	if state != current {
		c.cfg.Logger.Info("a broker asks for a change of its state", "broker", b.ID, "epoch", b.Epoch, "from", current, "to", state)
	}
	records, rest := c.transition(img, b, current, state)
	r := result{records: append(offline, records...), then: func(end int64) {
		c.brokers.touch(o.now, key, req.CurrentMetadataOffset)
		walked()
		c.settle(key, state, end)
	}}
	if rest != nil {
		r.more = c.goOn(*rest, func(op) result { return c.endHeartbeat(req, state) })
		return r
	}
	r.records = append(r.records, c.cordon(b, req)...)
	r.response = heartbeatResponse(b, req, state)
	return r
}

// endHeartbeat answers a heartbeat whose change of state took several parts. If a later heartbeat has moved the broker on, that
// one counts: the change is not made again.
func (c *core) endHeartbeat(req *kmsg.BrokerHeartbeatRequest, state brokerState) result {
	b, err := registered(c.working, req.BrokerID, req.BrokerEpoch)
	if err != nil {
		return result{response: failBrokerHeartbeat(req, err)}
	}
	if b.Fenced != state.fenced() {
		state = stateOf(b, c.brokers.contact(sessionOf(b)))
	}
	return result{records: c.cordon(b, req), response: heartbeatResponse(b, req, state)}
}

// cordon returns what the heartbeat says of cordoned directories, if that is new.
func (c *core) cordon(b *metadata.Broker, req *kmsg.BrokerHeartbeatRequest) []record.Record {
	if !c.working.Version().HasCordonedDirectories() || !cordonChanged(b, req.CordonedLogDirs) {
		return nil
	}
	return []record.Record{&record.BrokerRegistrationChange{BrokerID: b.ID, BrokerEpoch: b.Epoch, CordonedLogDirs: uuids(req.CordonedLogDirs)}}
}

// settle notes in a broker's session what its heartbeat came to; end is the offset after what was written.
func (c *core) settle(key session, state brokerState, end int64) {
	if state == brokerShutdownNow {
		c.brokers.drop(key)
		return
	}
	c.brokers.update(key, func(k *contact) {
		switch {
		case state != brokerControlledShutdown:
			k.shutdownOffset = -1
		case k.shutdownOffset < 0:
			k.shutdownOffset = end - 1
		}
	})
}

// drained reports whether all active brokers have seen that a broker in controlled shutdown leads nothing any more.
func (c *core) drained(img *metadata.Image, known contact) bool {
	lowest, ok := c.brokers.lowestActiveOffset(img)
	return !ok || known.shutdownOffset <= lowest
}

// preview is the image as records will leave it, to compute further records of the same operation from.
func preview(img *metadata.Image, records []record.Record) *metadata.Image {
	e := img.Edit()
	for i, r := range records {
		if err := e.Replay(img.EndOffset()+int64(i), r); err != nil {
			panic(err)
		}
	}
	return e.Done(img.EndOffset()+int64(len(records)), img.Epoch(), img.TimestampMs())
}

func failBrokerHeartbeat(req *kmsg.BrokerHeartbeatRequest, err *protocol.Error) *kmsg.BrokerHeartbeatResponse {
	resp := req.ResponseKind().(*kmsg.BrokerHeartbeatResponse)
	resp.ErrorCode = err.Code()
	return resp
}

// registered returns the registration that a request of a broker speaks for.
func registered(img *metadata.Image, id int32, epoch int64) (*metadata.Broker, *protocol.Error) {
	b := img.Broker(id)
	if b == nil {
		return nil, protocol.Errorf(kerr.StaleBrokerEpoch, "Broker %d is not registered.", id)
	}
	if b.Epoch != epoch {
		return nil, protocol.Errorf(kerr.StaleBrokerEpoch, "Broker %d has epoch %d, not %d.", id, b.Epoch, epoch)
	}
	return b, nil
}

func heartbeatTimeout(c *Controller, _ kmsg.Request) time.Duration {
	return c.cfg.HeartbeatInterval / 2
}

// steadyHeartbeat notes a heartbeat as it arrives, so that waiting in the queue never costs a broker its session, and answers
// it when it changes nothing; nil leaves it to the core.
//
// The answer is never ahead of the log. It is made from the committed registration, and only when that is the very registration
// of the working image: as soon as a change of this broker is proposed, the core answers, behind that change's commit. Whatever
// else is pending does not matter, since the answer depends on this registration and this session alone. A change that is
// proposed while the answer is made comes after it, as if the heartbeat had arrived a moment earlier; a session that is
// dropped meanwhile may be noted again, which is right: the broker is alive.
func (c *Controller) steadyHeartbeat(now time.Time, request kmsg.Request) kmsg.Response {
	req := request.(*kmsg.BrokerHeartbeatRequest)
	s := c.core.brokers
	view := s.view.Load()
	if view == nil {
		return nil
	}
	b := view.working.Broker(req.BrokerID)
	if b == nil || b.Epoch != req.BrokerEpoch {
		return nil
	}
	key := sessionOf(b)
	s.mu.Lock()
	k := s.at(key)
	k.last, k.metadataOffset = now, req.CurrentMetadataOffset
	known := *k
	s.mu.Unlock()
	if b != view.committed.Broker(req.BrokerID) {
		return nil
	}
	state, ok := steady(b, known, view.committed.Version(), req)
	if !ok {
		return nil
	}
	c.stats.steadyHeartbeats.Add(1)
	return heartbeatResponse(b, req, state)
}
