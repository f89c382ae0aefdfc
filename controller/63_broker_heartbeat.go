package controller

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// BROKER_HEARTBEAT (63), versions 0 to 2: a broker reports that it lives, and what it wants.
//
// Behaviour: extends the broker's session, moves the broker between fenced, unfenced and controlled
// shutdown (broker_state.go), removes offline directories from its registration and the broker from
// the partitions in them, and records cordoned directories. A heartbeat that changes nothing is
// answered on the connection's goroutine: see (*Controller).steadyHeartbeat.
//
// Versions: 1 has OfflineLogDirs (KIP-858), 2 CordonedLogDirs (KIP-1066).
//
// Differs from Kafka: only the registered epoch of a broker extends its session, not any number
// that is sent. A fenced broker is not fenced again. Directories go before elections, so that no
// election chooses an offline one. A granted shutdown ends the session, so that a restart need not
// wait for it. A broker whose last directory goes offline is fenced; Kafka writes a registration
// change without a change, and may elect the broker again. Partitions of a directory that went
// offline under the last leader are walked again, because that leader may not have finished them. A
// broker that has begun a controlled shutdown and is unfenced without registering again leads
// nothing.
func (c *core) brokerHeartbeat(o op, req *kmsg.BrokerHeartbeatRequest) result {
	img := c.working
	b, err := registered(img, req.BrokerID, req.BrokerEpoch)
	if err != nil {
		return result{response: failBrokerHeartbeat(req, err)}
	}
	key := sessionOf(b)
	known := c.brokers.contact(key)
	offline, rest := c.takeDirsOffline(img, b, known, req.OfflineLogDirs)
	walked := func() {
		c.brokers.update(key,
			func(k *contact) { k.walkedDirs = uuids(req.OfflineLogDirs) })
	}
	if rest != nil {
		again := func(o op) result { return c.brokerHeartbeat(o, req) }
		return result{records: offline, more: c.continueWalk(*rest, again), then: func(int64) {
			c.brokers.touch(o.now, key, req.CurrentMetadataOffset)
			walked()
		}}
	}
	if len(offline) > 0 {
		img = preview(img, offline)
		b = img.Broker(b.ID)
	}
	current := stateOf(b, known)
	state := nextState(current, b, req, func() bool { return img.Leads(b.ID) > 0 },
		func() bool { return c.drained(img, known) })
	if state != current {
		c.cfg.Logger.Info("a broker asks for a change of its state", "broker", b.ID, "epoch",
			b.Epoch, "from", current, "to", state)
	}
	records, rest := c.transition(img, b, current, state)
	r := result{records: append(offline, records...), then: func(end int64) {
		c.brokers.touch(o.now, key, req.CurrentMetadataOffset)
		walked()
		c.updateSession(key, state, end)
	}}
	if rest != nil {
		r.more = c.continueWalk(*rest, func(op) result { return c.endHeartbeat(req, state) })
		return r
	}
	r.records = append(r.records, c.cordon(b, req)...)
	r.response = heartbeatResponse(b, req, state)
	return r
}

// endHeartbeat answers a heartbeat whose change of state took several parts. If a later heartbeat
// has changed the state again, that change stays.
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

// cordon returns the record of the heartbeat's cordoned directories, if they have changed.
func (c *core) cordon(b *metadata.Broker, req *kmsg.BrokerHeartbeatRequest) []record.Record {
	if !c.working.Version().HasCordonedDirectories() || !cordonChanged(b, req.CordonedLogDirs) {
		return nil
	}
	return []record.Record{&record.BrokerRegistrationChange{BrokerID: b.ID, BrokerEpoch: b.Epoch,
		CordonedLogDirs: uuids(req.CordonedLogDirs)}}
}

// updateSession stores the new state in a broker's session; end is the offset after its records.
func (c *core) updateSession(key session, state brokerState, end int64) {
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

// drained reports whether all active brokers have replayed that a broker in controlled shutdown
// leads nothing any more.
func (c *core) drained(img *metadata.Image, known contact) bool {
	lowest, ok := c.brokers.lowestActiveOffset(img)
	return !ok || known.shutdownOffset <= lowest
}

func failBrokerHeartbeat(
	req *kmsg.BrokerHeartbeatRequest, err *protocol.Error,
) *kmsg.BrokerHeartbeatResponse {
	resp := req.ResponseKind().(*kmsg.BrokerHeartbeatResponse)
	resp.ErrorCode = err.Code()
	return resp
}

func heartbeatTimeout(c *Controller, _ kmsg.Request) time.Duration {
	return c.cfg.HeartbeatInterval / 2
}

// steadyHeartbeat records a heartbeat on arrival, so that the wait in the queue never costs a
// broker its session, and answers it when it changes nothing; nil leaves it to the core.
//
// The answer is never ahead of the log. It is made from the committed registration, and only when
// the working image has the same one: once a change of this broker is proposed, the core answers,
// after the commit of the change. Other pending changes do not matter, because the answer depends
// only on this registration and this session. A change that is proposed at the same time counts as
// later than the heartbeat. A session that is dropped at the same time may be recorded again, which
// is correct: the broker is alive.
func (c *Controller) steadyHeartbeat(o op, request kmsg.Request) kmsg.Response {
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
	k.last, k.metadataOffset = o.now, req.CurrentMetadataOffset
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
