package kafkaproto

import (
	"cmp"
	"slices"
	"time"
)

const (
	// evictAfter is how long a connection may take to send or read before it can lose its memory to
	// others that wait.
	evictAfter = 50 * time.Millisecond
	// stuckAfter is how long a request may be in Handle before its connection can lose its memory.
	stuckAfter = time.Second
	// evictInterval is the pause between two evictions while a connection waits.
	evictInterval = 10 * time.Millisecond
	// readGrace is how much more time a client has before it must have read part of its response.
	readGrace = 50 * time.Millisecond
	// slowBytesPerSecond: a slower connection loses its memory to any waiter, a faster one only to
	// the waiter that is served next.
	slowBytesPerSecond = 1 << 20
)

// shortage is the memory that waiters lack: those for the total, or those for one address.
type shortage struct {
	first int64 // for the waiter that is served next
	all   int64 // for all of them
}

// candidate is a connection that may lose its memory.
type candidate struct {
	account *account
	works   bool    // in Handle, not on the network or waiting for more memory
	rate    float64 // bytes per second on the network
}

// watch schedules evictSlow while there are waiters. The caller holds the lock.
func (b *budget) watch() {
	if b.waiters.Len() > 0 && !b.evicting {
		b.evicting = true
		time.AfterFunc(evictInterval, b.evictSlow)
	}
}

// evictSlow closes connections whose memory others wait for.
func (b *budget) evictSlow() {
	b.mu.Lock()
	victims := b.victims(time.Now())
	b.evicting = false
	b.watch()
	b.mu.Unlock()
	for _, a := range victims {
		a.evict(errSlow)
	}
}

// victims chooses the connections to close. The caller holds the lock.
func (b *budget) victims(now time.Time) []*account {
	lacked := b.shortages()
	if len(lacked) == 0 {
		return nil
	}
	var victims []*account
	for _, c := range b.candidates(now) {
		if !c.helps(lacked[nil]) && !c.helps(lacked[c.account.from]) {
			continue
		}
		held := c.account.held
		for _, of := range []*address{nil, c.account.from} {
			if s := lacked[of]; s != nil {
				s.first -= held
				s.all -= held + c.account.wants
			}
		}
		c.account.evicted = true
		b.leave(c.account, held)
		victims = append(victims, c.account)
	}
	return victims
}

// worth is lower for slower connections and for those that hold more.
func (c candidate) worth() float64 {
	const still = 1024 // bytes a second
	return (c.rate + still) / float64(max(c.account.held, 1))
}

func (c candidate) helps(s *shortage) bool {
	switch {
	case s == nil:
		return false
	case s.first > 0:
		return true
	}
	return s.all > 0 && !c.works && c.rate < slowBytesPerSecond
}

// shortages is the memory that waiters will lack after evicted connections have returned theirs: by
// address for those that wait for their own share, under nil for all others.
func (b *budget) shortages() map[*address]*shortage {
	lacked := make(map[*address]*shortage)
	for e := b.waiters.Front(); e != nil; e = e.Next() {
		w := e.Value.(*budgetWaiter)
		scope := w.account.from
		over := scope.held - scope.leaving + w.n - b.perAddress
		if over <= 0 {
			scope, over = nil, b.used-b.leaving+w.n-b.totalFor(w.account, w.n)
		}
		s := lacked[scope]
		if s == nil {
			s = &shortage{first: over, all: over - w.n}
			lacked[scope] = s
		}
		s.all += w.n
	}
	for _, s := range lacked { // not all of them lose theirs at once
		s.all = min(s.all, b.total*3/4)
	}
	return lacked
}

// mark is the state of a frame's transfer at some time.
type mark struct {
	began int64
	at    time.Time
	bytes int64
}

// rate is the speed of a frame's transfer in bytes per second: the average since its start or, if
// that is less, since the last look. ok is false while it is too early to tell. The budget's lock
// is held.
func (a *account) rate(now time.Time) (rate float64, ok bool) {
	took := a.moving.took(now)
	if took < evictAfter {
		return 0, false
	}
	began, bytes := a.moving.began.Load(), a.moving.bytes.Load()
	rate = float64(bytes) / took.Seconds()
	lately := now.Sub(a.seen.at)
	if a.seen.began == began && lately < evictAfter {
		return rate, true
	}
	if a.seen.began == began {
		rate = min(rate, float64(bytes-a.seen.bytes)/lately.Seconds())
	}
	a.seen = mark{began, now, bytes}
	return rate, true
}

// candidates are the connections that may lose their memory, in this order: the slowest on the
// network for the memory they hold, then those whose request is in Handle for too long, then those
// that wait for more memory themselves. Of the last kind, the one that would hold most comes first;
// and while another connection is about to return memory, only a wait of stuckAfter counts.
func (b *budget) candidates(now time.Time) []candidate {
	var slow, stuck, waiting []candidate
	patience := evictAfter
	if b.busy(now) {
		patience = stuckAfter
	}
	for a := range b.holders {
		rate, moves := a.rate(now)
		switch {
		case a.evicted:
		case a.wants > 0 && now.Sub(a.since) >= patience:
			waiting = append(waiting, candidate{account: a})
		case a.wants > 0:
		case moves:
			slow = append(slow, candidate{account: a, rate: rate})
		case a.working.took(now) >= stuckAfter:
			stuck = append(stuck, candidate{account: a, works: true})
		}
	}
	slices.SortFunc(slow, func(x, y candidate) int { return cmp.Compare(x.worth(), y.worth()) })
	slices.SortFunc(waiting, func(x, y candidate) int {
		return cmp.Or(
			cmp.Compare(y.account.held+y.account.wants, x.account.held+x.account.wants),
			x.account.since.Compare(y.account.since),
		)
	})
	return slices.Concat(slow, stuck, waiting)
}

// busy reports whether a connection will return memory without being closed: its request is in
// Handle, or its transfer has only just begun.
func (b *budget) busy(now time.Time) bool {
	for a := range b.holders {
		if !a.evicted && a.wants == 0 &&
			a.moving.took(now) < evictAfter && a.working.took(now) < stuckAfter {
			return true
		}
	}
	return false
}
