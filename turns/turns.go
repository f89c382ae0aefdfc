// Package turns shares the processor among those that use it without a pause: connections with
// many requests at once, large requests, responses in parts. They run on a few places, so that
// processors are always left for small requests, the core and the log. Of those that wait, the
// shortest work runs first, as it is expected to be or as long as it has run already, so that what
// is soon done does not wait for what is not; one more place is for work that is expected to be
// short. What its client has used lately counts, too, but less.
package turns

import (
	"container/list"
	"context"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// Slice is how long a holder that is blocked keeps its place while others wait. It is also the
	// unit in which use is compared.
	Slice = time.Millisecond
	// LargeSlice is how long one large piece of work runs before it yields: most are done by then.
	LargeSlice = 5 * time.Millisecond

	// heldMax bounds how long a holder keeps its place while others wait. No piece of work is that
	// long: one that holds a place while it waits for something is a fault, and must not keep all
	// others out.
	heldMax = time.Second
	// pauseShare: a pause makes up for this part of its length in use.
	pauseShare = 4
	// usageShare: this part of what a client has used lately counts as use by its work in hand.
	usageShare = 8
	// lastShare: of so many places that are given out, one is for the longest work, so that none
	// waits for ever.
	lastShare = 8
	// shortMax: work that is expected to be shorter may also run on the short place.
	shortMax = 2 * Slice
	// lines is how many waiting lines there are: one for each doubling of the time.
	lines = 8
)

// Places are those on which work may run at the same time. Safe for concurrent use.
type Places struct {
	count int

	mu      sync.Mutex
	holders map[*Turn]uint32 // and what blocking was at the last look
	short   *Turn            // the holder of the short place, which is beside the others
	waiters [lines]list.List // lists of *Turn, by lineOf
	granted uint             // places given out to waiters
	looking bool             // a timer is set for look
	waiting atomic.Int32     // length of all lines
}

// New returns the places for a process with so many processors: half of them, at least one.
func New(processors int) *Places {
	return &Places{count: max(1, processors/2), holders: make(map[*Turn]uint32)}
}

// Usage is how much of the processor a client has used lately. Turns of one client share it. The
// zero value has used nothing.
type Usage struct {
	// Guarded by Places.mu.
	used time.Duration
	left time.Time // when a place was last given back or asked for
}

// Turn is a client's place, or its wait for one. Its methods are for one goroutine, except for
// Held.
type Turn struct {
	places   *Places
	usage    *Usage
	ready    chan struct{} // receives when the place is granted
	begun    bool          // by Begin, and no place was asked for since
	expected time.Duration // by Expect

	// Guarded by Places.mu.
	since time.Time     // when it was granted
	work  time.Duration // for how long the work in hand has had a place

	held atomic.Bool // set by grant, cleared by remove, which look may call
	// blocking is odd while the client may be blocked.
	blocking atomic.Uint32
}

// Turn returns a turn, without a place, of the client whose usage is given.
func (p *Places) Turn(usage *Usage) *Turn {
	return &Turn{places: p, usage: usage, ready: make(chan struct{}, 1)}
}

// Held reports whether the turn has a place. A turn that is blocked may lose it at any time.
func (t *Turn) Held() bool { return t.held.Load() }

// Begin says that the client has new work. Without it, what the turn does next counts as a
// continuation: so it is for a client that asks without waiting for answers.
func (t *Turn) Begin() { t.begun, t.expected = true, 0 }

// Expect says for how long the work in hand will have a place in all.
func (t *Turn) Expect(work time.Duration) { t.expected = work }

// Take waits for a place until done is closed. It returns at once if the turn has one.
func (t *Turn) Take(done <-chan struct{}) {
	if t.held.Load() {
		return
	}
	elem := t.places.enter(t)
	if elem == nil {
		return
	}
	select {
	case <-t.ready:
	case <-done:
		t.places.leave(t, elem)
	}
}

// Drop gives the place back, if the turn has one.
func (t *Turn) Drop() {
	if t.held.Load() {
		t.places.giveBack(t)
	}
}

// Yield lets a waiter run if this turn has had its place for a slice, and takes a place again.
func (t *Turn) Yield(slice time.Duration, done <-chan struct{}) {
	if t.places.waiting.Load() > 0 && t.held.Load() && t.places.heldFor(t) >= slice {
		t.Drop()
	}
	t.Take(done)
}

// Block says that the client may be blocked until Unblock, by a write for example. The place is
// lost if that takes longer than a slice and others wait.
func (t *Turn) Block() {
	if t.held.Load() {
		t.blocking.Add(1)
	}
}

// Unblock ends what Block began.
func (t *Turn) Unblock() {
	if t.blocking.Load()%2 == 1 {
		t.blocking.Add(1)
	}
}

type contextKey struct{}

// NewContext returns a context that carries a turn, for Blocked.
func NewContext(ctx context.Context, t *Turn) context.Context {
	return context.WithValue(ctx, contextKey{}, t)
}

// Blocked says that the request of a context waits for something other than the processor, another
// server for example, until unblock is called. It is Block for code that does not know whether the
// request works in a turn, and whether that is blocked already: then it does nothing. It is called
// by the goroutine of the turn.
func Blocked(ctx context.Context) (unblock func()) {
	t, _ := ctx.Value(contextKey{}).(*Turn)
	if t == nil || !t.held.Load() || t.blocking.Load()%2 == 1 {
		return func() {}
	}
	t.Block()
	return t.Unblock
}

// Idle reports whether no turn has a place or waits for one.
func (p *Places) Idle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.holders) == 0 && p.waiting.Load() == 0
}

func (p *Places) heldFor(t *Turn) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(t.since)
}

// enter grants a place if one is free; otherwise it returns the turn's element in its line.
func (p *Places) enter(t *Turn) *list.Element {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	t.usage.recover(now)
	if t.begun {
		t.begun, t.work = false, 0
	}
	if p.free(t) {
		p.grant(t, now)
		return nil
	}
	elem := p.waiters[lineOf(max(t.work, t.expected)+t.usage.used/usageShare)].PushBack(t)
	p.waiting.Add(1)
	p.watch()
	return elem
}

// leave ends a wait, or gives back what was granted meanwhile.
func (p *Places) leave(t *Turn, elem *list.Element) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-t.ready:
		p.remove(t, time.Now())
	default:
		for i := range p.waiters {
			p.waiters[i].Remove(elem) // a no-op in all lines but its own
		}
		p.waiting.Add(-1)
	}
}

func (p *Places) giveBack(t *Turn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remove(t, time.Now())
}

// The functions below are called with the lock held.

// recover counts the pause that ends now. Waiting for a place is no pause, since left is set when
// the wait begins.
func (u *Usage) recover(now time.Time) {
	if u.used > 0 {
		u.used = max(0, u.used-now.Sub(u.left)/pauseShare)
	}
	u.left = now
}

// lineOf is the waiting line for work of such length: less than one slice, than two, than four and
// so on.
func lineOf(work time.Duration) int {
	return min(bits.Len64(uint64(work/Slice)), lines-1)
}

// usual reports whether one of the places for all work is free.
func (p *Places) usual() bool {
	held := len(p.holders)
	if p.short != nil {
		held--
	}
	return held < p.count
}

// free reports whether there is a place for a turn.
func (p *Places) free(t *Turn) bool { return p.usual() || p.short == nil && t.isShort() }

func (t *Turn) isShort() bool { return t.expected > 0 && max(t.expected, t.work) < shortMax }

// grant gives a turn a place, of which there must be one.
func (p *Places) grant(t *Turn, now time.Time) {
	if !p.usual() {
		p.short = t
	}
	t.since = now
	p.holders[t] = t.blocking.Load()
	t.held.Store(true)
}

// remove takes a place away, if it is held, and grants it to the next waiter.
func (p *Places) remove(t *Turn, now time.Time) {
	if _, held := p.holders[t]; !held {
		return
	}
	delete(p.holders, t)
	if p.short == t {
		p.short = nil
	}
	t.held.Store(false)
	used := now.Sub(t.since)
	t.work += used
	t.usage.used += used
	t.usage.left = now
	if next := p.next(); next != nil {
		p.waiting.Add(-1)
		p.grant(next, now)
		next.ready <- struct{}{}
	}
}

// next removes the waiter that runs next from its line; nil if there is none for the free place.
func (p *Places) next() *Turn {
	if !p.usual() {
		return p.nextShort()
	}
	p.granted++
	first, last := (*list.List)(nil), (*list.List)(nil)
	for i := range p.waiters {
		if line := &p.waiters[i]; line.Len() > 0 {
			if last = line; first == nil {
				first = line
			}
		}
	}
	switch {
	case first == nil:
		return nil
	case first != last && p.granted%lastShare == 0:
		return last.Remove(last.Front()).(*Turn)
	}
	return first.Remove(first.Front()).(*Turn)
}

// nextShort is next for the short place.
func (p *Places) nextShort() *Turn {
	for i := range p.waiters[:lineOf(shortMax)+1] {
		line := &p.waiters[i]
		if first := line.Front(); first != nil && first.Value.(*Turn).isShort() {
			return line.Remove(first).(*Turn)
		}
	}
	return nil
}

// watch has look called while there are waiters.
func (p *Places) watch() {
	if p.waiting.Load() > 0 && !p.looking {
		p.looking = true
		time.AfterFunc(Slice, p.look)
	}
}

// look takes the places of holders that have been blocked since the last look, and of those that
// have had theirs for too long.
func (p *Places) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for t, was := range p.holders {
		is := t.blocking.Load()
		blocked := is%2 == 1 && is == was
		if blocked || now.Sub(t.since) >= heldMax {
			p.remove(t, now)
		} else {
			p.holders[t] = is
		}
	}
	p.looking = false
	p.watch()
}
