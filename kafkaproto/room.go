package kafkaproto

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// When no connection is free, an idle one is closed for a new one, so that idle connections keep
// nobody out. Their requests and the sweeps show which connections are idle.

var errGaveWay = errors.New("it did nothing when others had no room to connect (max.connections, " +
	"max.connections.per.ip)")

const (
	// roomInterval is the least time between two such closings, and how long a new connection waits
	// for one.
	roomInterval = 20 * time.Millisecond
	// silentAfter is how long a connection may exist without a request before it counts as idle.
	silentAfter = 100 * time.Millisecond
	// strangerAfter is how long an authentication may take before the connection counts as idle.
	strangerAfter = time.Second
	// idleSweeps and parkedSweeps are the same between two requests, and during one.
	idleSweeps   = 5
	parkedSweeps = 3
)

// roomShare is the divisor of the part of all connections that is closed at a time.
const roomShare = 50

// makeRoom closes idle connections so that another one can be accepted, and waits until the first
// of them is gone. reason is the limit that the other one exceeds.
func (s *Server) makeRoom(reason closeReason, ip string) bool {
	victims := s.idlers(reason, ip, time.Now())
	if len(victims) == 0 {
		return false
	}
	select {
	case <-s.freed: // left by an earlier call
	default:
	}
	for _, c := range victims {
		c.close(errGaveWay)
	}
	timer := time.NewTimer(roomInterval)
	defer timer.Stop()
	select {
	case <-s.freed:
		return true
	case <-timer.C:
		return false
	}
}

// idlers chooses idle connections to close: first those that have never sent a request, then those
// of the address that has most. There are none if connections were closed just before.
func (s *Server) idlers(reason closeReason, ip string, now time.Time) []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.roomMade) < roomInterval {
		return nil
	}
	s.roomMade = now
	var idle []*conn
	for c := range s.conns {
		if c.doesNothing(now) && (reason != refusedConnectionsPerIP || c.caller.ClientAddr == ip) {
			idle = append(idle, c)
		}
	}
	slices.SortFunc(idle, func(x, y *conn) int {
		return cmp.Or(
			cmp.Compare(x.rank(), y.rank()),
			cmp.Compare(s.perIP[y.caller.ClientAddr], s.perIP[x.caller.ClientAddr]),
			cmp.Compare(y.still.sweeps, x.still.sweeps),
			x.accepted.Compare(y.accepted),
		)
	})
	return idle[:min(len(idle), 1+len(idle)/roomShare)]
}

// rank is lower for connections of clients that have never done anything.
func (c *conn) rank() uint64 {
	if c.stranger.Load() {
		return 0
	}
	return min(c.asked.Load(), 1)
}

// doesNothing reports whether a connection is idle. The server's lock is held.
func (c *conn) doesNothing(now time.Time) bool {
	asked := c.asked.Load()
	switch {
	case c.guest || c.isPeer.Load():
		return false
	case c.stranger.Load():
		return now.Sub(c.accepted) >= strangerAfter
	case asked == 0:
		return now.Sub(c.accepted) >= silentAfter
	case asked != c.still.asked:
		return false
	case asked%2 == 1:
		return c.still.sweeps >= parkedSweeps
	}
	return c.still.sweeps >= idleSweeps
}
