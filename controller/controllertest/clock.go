// Package controllertest has the clock and the log in memory that tests of the controller share. It
// does not import the controller, whose own tests use it.
package controllertest

import (
	"slices"
	"sync"
	"time"

	"github.com/yakt/yakt/protocol"
)

// Start is when every test begins.
var Start = time.UnixMilli(1_700_000_000_000)

// UUID is an id that is not reserved and that sorts by n.
func UUID(n int) protocol.UUID {
	return protocol.UUID{0: 0x40, 12: byte(n >> 24), 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)}
}

// Clock stands still until a test moves it. Timers fire on the goroutine that moves it, in the
// order of their times, and of their making where these are equal. It may be read from any
// goroutine.
type Clock struct {
	mu     sync.Mutex
	now    time.Time
	timers []*timer
}

type timer struct {
	at time.Time
	f  func()
}

// NewClock returns a clock that stands at Start.
func NewClock() *Clock { return &Clock{now: Start} }

// Now is the time at which the clock stands.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// AfterFunc has f called when the clock has been moved by d.
func (c *Clock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{c.now.Add(d), f}
	c.timers = append(c.timers, t)
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		i := slices.Index(c.timers, t)
		if i >= 0 {
			c.timers = slices.Delete(c.timers, i, i+1)
		}
		return i >= 0
	}
}

// Jump moves the clock by d and fires nothing, as for a process that was suspended.
func (c *Clock) Jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Advance moves the clock by d, fires each timer that falls due at its time, and calls after
// following each.
func (c *Clock) Advance(d time.Duration, after func()) {
	end := c.Now().Add(d)
	for f, ok := c.Next(end); ok; f, ok = c.Next(end) {
		f()
		after()
	}
}

// Next moves the clock to the earliest timer that is due by end and returns its function; without
// one it moves the clock to end, and ok is false.
func (c *Clock) Next(end time.Time) (f func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := -1
	for i, t := range c.timers {
		if !t.at.After(end) && (first < 0 || t.at.Before(c.timers[first].at)) {
			first = i
		}
	}
	if first < 0 {
		c.now = end
		return nil, false
	}
	t := c.timers[first]
	c.timers = slices.Delete(c.timers, first, first+1)
	if t.at.After(c.now) {
		c.now = t.at
	}
	return t.f, true
}
