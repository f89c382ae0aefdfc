package controller

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// sessions is the soft state of brokers: the time of the last heartbeat and the offset that each
// has replayed. It is not in the log, so a new leader starts without it. Connections update it on
// their own goroutines, so it has a lock.
type sessions struct {
	timeout time.Duration
	// view is the part of the core's images that connections read; nil on a standby.
	view atomic.Pointer[brokerView]

	mu       sync.Mutex
	contacts map[session]*contact
}

// brokerView is the newest pair of images. A broker whose registration is the same in both has no
// change pending.
type brokerView struct{ working, committed *metadata.Image }

// session names one registration of a broker. A new incarnation is a new session.
type session struct {
	broker int32
	epoch  int64
}

func sessionOf(b *metadata.Broker) session { return session{b.ID, b.Epoch} }

// contact is the soft state of one session.
type contact struct {
	last           time.Time
	metadataOffset int64 // last reported; -1: not yet
	shutdownOffset int64 // end of its controlled shutdown's records, less one; -1: not in one
	// walkedDirs are the offline directories whose partitions this leader has already taken from
	// the broker.
	walkedDirs []protocol.UUID
}

func newSessions(cfg *Config) *sessions {
	return &sessions{timeout: cfg.SessionTimeout, contacts: make(map[session]*contact)}
}

// claim starts a session for every unfenced broker, since a new leader has no heartbeats yet.
// Fenced brokers get none, so that a new incarnation may register at once.
func (s *sessions) claim(now time.Time, img *metadata.Image) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.contacts)
	for _, b := range img.Brokers() {
		if !b.Fenced {
			s.at(sessionOf(b)).last = now
		}
	}
}

// renounce forgets everything.
func (s *sessions) renounce() {
	s.view.Store(nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.contacts)
}

// at returns the contact of a session, and creates it if there is none. The caller holds the lock.
func (s *sessions) at(k session) *contact {
	c := s.contacts[k]
	if c == nil {
		c = &contact{metadataOffset: -1, shutdownOffset: -1}
		s.contacts[k] = c
	}
	return c
}

// contact returns a copy of the contact of a session; one with a zero last if there is none.
func (s *sessions) contact(k session) contact {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.contacts[k]; c != nil {
		return *c
	}
	return contact{metadataOffset: -1, shutdownOffset: -1}
}

// touch records a heartbeat.
func (s *sessions) touch(now time.Time, k session, metadataOffset int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.at(k)
	c.last, c.metadataOffset = now, metadataOffset
}

// update changes the contact of a session, if there is one.
func (s *sessions) update(k session, f func(*contact)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.contacts[k]; c != nil {
		f(c)
	}
}

func (s *sessions) drop(k session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.contacts, k)
}

// valid reports whether the last heartbeat of a session is within the timeout.
func (s *sessions) valid(now time.Time, k session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.contacts[k]
	return c != nil && !s.over(now, c)
}

func (s *sessions) over(now time.Time, c *contact) bool { return now.Sub(c.last) > s.timeout }

// expired returns the session that ended first.
func (s *sessions) expired(now time.Time) (oldest session, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var last time.Time
	for k, c := range s.contacts {
		if !s.over(now, c) {
			continue
		}
		if !ok || c.last.Before(last) || c.last.Equal(last) && k.broker < oldest.broker {
			oldest, last, ok = k, c.last, true
		}
	}
	return oldest, ok
}

// extend lets every session last longer by d.
func (s *sessions) extend(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.contacts {
		c.last = c.last.Add(d)
	}
}

// lowestActiveOffset is the lowest metadata offset that an active broker has reported; ok is false
// when none is active. A broker that has not reported since this leader claimed holds it at -1.
func (s *sessions) lowestActiveOffset(img *metadata.Image) (lowest int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range img.Brokers() {
		if !b.Active() {
			continue
		}
		offset := int64(-1)
		if c := s.contacts[sessionOf(b)]; c != nil {
			if c.shutdownOffset >= 0 {
				continue
			}
			offset = c.metadataOffset
		}
		if !ok || offset < lowest {
			lowest, ok = offset, true
		}
	}
	return lowest, ok
}

// Contact is what the active controller knows from a broker's heartbeats.
type Contact struct {
	// Last is when the last heartbeat arrived; the zero time if none has.
	Last time.Time
	// MetadataOffset is the offset that the broker reported last; -1 if it has not.
	MetadataOffset int64
}

// Contact returns what this node knows of a registration's heartbeats; ok is false if it is not the
// active controller. It may be called by any goroutine.
func (c *Controller) Contact(b *metadata.Broker) (known Contact, ok bool) {
	if _, active := c.Active(); !active {
		return Contact{MetadataOffset: -1}, false
	}
	k := c.core.brokers.contact(sessionOf(b))
	return Contact{k.last, k.metadataOffset}, true
}
