package kafkaproto

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// A connection that does nothing gives way to one that may: idle ones must not keep others out. Which
// connections do nothing is known from their requests and the sweeps.

var errGaveWay = errors.New("it did nothing when others had no room to connect (max.connections, max.connections.per.ip)")

const (
	// roomInterval is how often connections are closed for others at most, and how long a new one
	// waits for that.
	roomInterval = 20 * time.Millisecond
	// silentAfter is how long a connection may be without its first request when others need room.
	silentAfter = 100 * time.Millisecond
	// idleSweeps and parkedSweeps are the same between two requests, and during one.
	idleSweeps   = 5
	parkedSweeps = 3
)

// roomShare is the part of all connections that is closed at a time.
const roomShare = 50

// makeRoom closes connections that do nothing so that another one can be let in, and waits for the
// first of them to go. reason is the limit that keeps the other one out.
func (s *Server) makeRoom(reason closeReason, ip string) bool {
	victims := s.idlers(reason, ip, time.Now())
	if len(victims) == 0 {
		return false
	}
	select {
	case <-s.freed: // by an earlier one
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

// idlers chooses connections that do nothing: such as have never sent a request first, then those of
// the address that has most. There are none when others were closed just before.
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
			cmp.Compare(min(x.asked.Load(), 1), min(y.asked.Load(), 1)),
			cmp.Compare(s.perIP[y.caller.ClientAddr], s.perIP[x.caller.ClientAddr]),
			cmp.Compare(y.still.sweeps, x.still.sweeps),
			x.accepted.Compare(y.accepted),
		)
	})
	return idle[:min(len(idle), 1+len(idle)/roomShare)]
}

// doesNothing reports whether a connection is to give way. The server's lock is held.
func (c *conn) doesNothing(now time.Time) bool {
	asked := c.asked.Load()
	switch {
	case c.guest || c.isPeer.Load():
		return false
	case asked == 0:
		return now.Sub(c.accepted) >= silentAfter
	case asked != c.still.asked:
		return false
	case asked%2 == 1:
		return c.still.sweeps >= parkedSweeps
	}
	return c.still.sweeps >= idleSweeps
}
