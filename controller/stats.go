package controller

import (
	"sync/atomic"
	"time"
)

// counters count since the start of the process.
type counters struct {
	events, slowEvents, faults, timedOut, refused, steadyHeartbeats atomic.Int64
}

// Stats are counters since the start of the process, and the length of the queue now.
type Stats struct {
	Events           int64 // turns of the core
	SlowEvents       int64 // turns longer than Config.SlowEvent
	Faults           int64 // internal faults that the core survived
	TimedOut         int64 // requests whose deadline passed in the queue
	Refused          int64 // requests that found the queue full
	SteadyHeartbeats int64 // heartbeats answered without the core
	Waiting          int   // requests and parts of long operations in the queue
}

// Stats may be called from any goroutine.
func (c *Controller) Stats() Stats {
	return Stats{
		Events: c.stats.events.Load(), SlowEvents: c.stats.slowEvents.Load(),
		Faults:   c.stats.faults.Load(),
		TimedOut: c.stats.timedOut.Load(), Refused: c.stats.refused.Load(),
		SteadyHeartbeats: c.stats.steadyHeartbeats.Load(),
		Waiting:          c.queue.len(),
	}
}

// BrokerStatus is the active controller's soft state of a broker.
type BrokerStatus struct {
	// State is fenced, unfenced or controlled shutdown.
	State string
	// LastHeartbeat is zero when this controller has received no heartbeat of the present
	// registration.
	LastHeartbeat time.Time
	// MetadataOffset is the last one that the broker has reported; -1: none yet.
	MetadataOffset int64
	// ShutdownOffset is the offset that all active brokers must reach before the broker may shut
	// down; -1: it is not shutting down.
	ShutdownOffset int64
}

// BrokerStatus returns the soft state of a broker; ok is false on a standby and for a broker that
// is not registered. It may be called from any goroutine.
func (c *Controller) BrokerStatus(id int32) (status BrokerStatus, ok bool) {
	view := c.core.brokers.view.Load()
	if view == nil {
		return BrokerStatus{}, false
	}
	b := view.committed.Broker(id)
	if b == nil {
		return BrokerStatus{}, false
	}
	k := c.core.brokers.contact(sessionOf(b))
	return BrokerStatus{stateOf(b, k).String(), k.last, k.metadataOffset, k.shutdownOffset}, true
}
