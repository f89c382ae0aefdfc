package kafkaproto

import (
	"container/list"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// turnSlice is how long a connection keeps the processor for pipelined requests while others wait
	// for a turn, and how long it may be blocked before a waiting one takes its place.
	turnSlice = time.Millisecond
	// largeSlice is the same for one large request or response: most are done in one turn.
	largeSlice = 5 * time.Millisecond
	// freeFrames is how many pipelined requests, net of those that were not, a connection has
	// answered before it needs a turn for more.
	freeFrames = 32
	// framesPerLook is how many pipelined requests are answered between two looks at the clock.
	framesPerLook = 8
	// heavyAfter is how much of the processor a connection uses before others go first. A pause
	// makes up for the pauseShare-th part of its length, so that a client that asks now and then
	// stays light.
	heavyAfter = 10 * time.Millisecond
	pauseShare = 4
	// heavyShare: of so many places that are given out one is for a heavy connection that waits.
	heavyShare = 8
	// crowded: if more light connections wait, the newest goes first, for most of them have come with
	// a crowd and nothing can serve all of those in time.
	crowded = 16
)

// turns shares the processor out among the connections that use it without a pause: many requests
// in one packet, a response in parts, a large request. They take one of a few places, so that there
// are always processors left for small requests, the core and the log. Connections that have used
// little come first.
type turns struct {
	mu      sync.Mutex
	places  int
	holders map[*turn]uint32 // and what blocking was at the last look
	light   list.List        // of *turn, those that wait
	heavy   list.List        // of *turn, likewise, that have used much
	granted uint             // how many places have been given out to waiters
	looking bool             // a timer is set for look

	waiting atomic.Int32 // how many waiters there are
}

// newTurns leaves half of procs processors to others.
func newTurns(procs int) *turns {
	return &turns{places: max(1, procs/2), holders: make(map[*turn]uint32)}
}

// turn is a connection's place, or its want of one. All methods are called by its goroutine.
type turn struct {
	of      *turns
	granted chan struct{}
	since   time.Time // when it was granted
	used    time.Duration
	left    time.Time // when it was last given back, or asked for

	held atomic.Bool // also cleared by look
	// blocking is odd while the connection may be blocked: by a write, or in Config.Handle.
	blocking atomic.Uint32

	pipelined int // requests that others followed at once, less those that none did
	looks     int // requests since the last look at the clock
}

func newTurn(of *turns) turn { return turn{of: of, granted: make(chan struct{}, 1)} }

// take waits for a place; done ends the wait, without one.
func (t *turn) take(done <-chan struct{}) {
	if t.held.Load() {
		return
	}
	t.rested()
	elem := t.of.enter(t)
	if elem != nil {
		select {
		case <-t.granted:
		case <-done:
			t.of.leave(t, elem)
			return
		}
	}
	t.since = time.Now()
}

// rested counts the pause that ends now. To wait for a turn is none.
func (t *turn) rested() {
	now := time.Now()
	if t.used > 0 {
		t.used = max(0, t.used-now.Sub(t.left)/pauseShare)
	}
	t.left = now
}

// drop gives the place back.
func (t *turn) drop() {
	if t.held.Load() {
		t.left = time.Now()
		t.used += t.left.Sub(t.since)
		t.of.giveBack(t)
	}
}

// yield lets others have their turn if they wait and this one's slice is over.
func (t *turn) yield(slice time.Duration, done <-chan struct{}) {
	if t.of.waiting.Load() > 0 && time.Since(t.since) >= slice {
		t.drop()
	}
	t.take(done)
}

// block says that what follows may block, until unblock: the place may be lost meanwhile.
func (t *turn) block() {
	if t.held.Load() {
		t.blocking.Add(1)
	}
}

func (t *turn) unblock() {
	if t.blocking.Load()%2 == 1 {
		t.blocking.Add(1)
	}
}

// answered counts a request. begun says that bytes of the next one have arrived already, whole that
// all of it has. A connection that keeps pipelining waits for its turn.
func (t *turn) answered(begun, whole bool, done <-chan struct{}) {
	if begun {
		t.pipelined = min(t.pipelined+1, 2*freeFrames)
	} else {
		t.pipelined = max(t.pipelined-2, 0)
	}
	if !whole || t.pipelined < freeFrames {
		t.drop() // the next read may block
		return
	}
	if t.looks++; t.looks >= framesPerLook || !t.held.Load() {
		t.looks = 0
		t.yield(turnSlice, done)
	}
}

// enter takes a place if one is free; otherwise it returns the place in the line.
func (s *turns) enter(t *turn) *list.Element {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.holders) < s.places {
		s.grant(t)
		return nil
	}
	line := &s.light
	if t.used >= heavyAfter {
		line = &s.heavy
	}
	elem := line.PushBack(t)
	s.waiting.Add(1)
	s.watch()
	return elem
}

// leave ends a wait, or gives back what was granted meanwhile.
func (s *turns) leave(t *turn, elem *list.Element) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-t.granted:
		s.remove(t)
	default:
		s.light.Remove(elem) // it is in one of them
		s.heavy.Remove(elem)
		s.waiting.Add(-1)
	}
}

func (s *turns) giveBack(t *turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(t)
}

// What follows is called with the lock held.

func (s *turns) grant(t *turn) {
	s.holders[t] = t.blocking.Load()
	t.held.Store(true)
}

// remove takes a place away, if it is held, and grants it to the first that waits.
func (s *turns) remove(t *turn) {
	if _, held := s.holders[t]; !held {
		return
	}
	delete(s.holders, t)
	t.held.Store(false)
	if next := s.next(); next != nil {
		s.waiting.Add(-1)
		s.grant(next)
		next.granted <- struct{}{}
	}
}

// next takes the waiter whose turn it is out of its line; nil if nobody waits.
func (s *turns) next() *turn {
	s.granted++
	line := &s.light
	if line.Len() == 0 || s.heavy.Len() > 0 && s.granted%heavyShare == 0 {
		line = &s.heavy
	}
	elem := line.Front()
	if line == &s.light && line.Len() > crowded {
		elem = line.Back()
	}
	if elem == nil {
		return nil
	}
	return line.Remove(elem).(*turn)
}

// watch has look called while there are waiters.
func (s *turns) watch() {
	if s.waiting.Load() > 0 && !s.looking {
		s.looking = true
		time.AfterFunc(turnSlice, s.look)
	}
}

// look takes the places of holders that have been blocked since the last look.
func (s *turns) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t, was := range s.holders {
		now := t.blocking.Load()
		if now%2 == 1 && now == was {
			s.remove(t)
		} else {
			s.holders[t] = now
		}
	}
	s.looking = false
	s.watch()
}
