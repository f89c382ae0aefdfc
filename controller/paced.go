package controller

import (
	"sync"
	"time"
)

// paced decides which of many events are worth a line in a log: of equal ones the first, and then
// one a minute with the number of those in between. Its memory is bounded: when there are too many
// different events within a minute, the others count as equal. Safe for concurrent use.
type paced[K comparable] struct {
	now func() time.Time

	mu     sync.Mutex
	seen   map[K]*pace
	others pace
	sweep  time.Time // not before, see room
}

const (
	pacedMax   = 4096
	pacedEvery = time.Minute
)

// pace is when an event was logged last, and how often it has occurred since.
type pace struct {
	logged time.Time
	since  int64
}

func newPaced[K comparable](now func() time.Time) *paced[K] {
	return &paced[K]{now: now, seen: make(map[K]*pace)}
}

// add counts an event. If a line is due, count is how many events it stands for; same says that all
// of them are equal.
func (p *paced[K]) add(k K) (count int64, same, due bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	at, same := p.seen[k]
	if !same {
		at = &p.others
		if same = p.room(now); same {
			at = &pace{}
			p.seen[k] = at
		}
	}
	at.since++
	if !at.logged.IsZero() && now.Sub(at.logged) < pacedEvery {
		return 0, same, false
	}
	count = at.since
	*at = pace{logged: now}
	return count, same, true
}

// room reports whether there is room for one more event, after it has forgotten those that have not
// occurred for a while. It looks at all of them at most once a second.
func (p *paced[K]) room(now time.Time) bool {
	if len(p.seen) < pacedMax {
		return true
	}
	if now.Before(p.sweep) {
		return false
	}
	p.sweep = now.Add(time.Second)
	for k, at := range p.seen {
		if now.Sub(at.logged) >= pacedEvery {
			delete(p.seen, k)
		}
	}
	return len(p.seen) < pacedMax
}
