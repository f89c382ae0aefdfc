package httpapi

import (
	"container/list"
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/limits"
)

// budgetLimit is the budget's name in the log: the key that sets it.
const budgetLimit = "yakt.http.queued.max.bytes"

// Shares of the memory that requests and answers may take.
const (
	smallBytes = 16 << 10 // what a request and its answer may each take uncounted
	// clientShares is how many addresses it takes to use the budget up.
	clientShares = 2
	// graceTime is how long one that took memory may be slow before others need it.
	graceTime = 2 * time.Second
)

// budget is the memory that large requests and their answers may take: in all, and for each
// address. A request that has held its share for longer than graceTime is ended when others need
// room. It is safe for concurrent use.
type budget struct {
	total    int64 // bytes
	refusals *limits.Refusals

	mu      sync.Mutex
	used    int64            // bytes: the sum of of, and of the shares in holders
	of      map[string]int64 // bytes by client address
	holders list.List        // holds *share values, the oldest first
}

func newBudget(total int64, refusals *limits.Refusals) *budget {
	return &budget{total: total, refusals: refusals, of: map[string]int64{}}
}

// share is what one request has taken. Its methods are for one goroutine.
type share struct {
	budget *budget
	client string
	cut    func() // ends the request's reading and writing; from any goroutine

	began time.Time
	// The fields below are guarded by budget.mu.
	bytes int64
	at    *list.Element // place in budget.holders; nil while bytes is 0
	ended bool          // cut was called: the share gets no more
}

// share returns an empty share for a request. release must be called at the request's end.
func (b *budget) share(client string, cut func()) *share {
	return &share{budget: b, client: client, cut: cut, began: time.Now()}
}

// take adds n bytes to what the request holds, or says why it cannot.
func (s *share) take(n int64) *Problem {
	b := s.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used+n > b.total || b.of[s.client]+n > b.total/clientShares {
		b.makeRoom(s, n)
		b.refusals.Add("client", s.client, "bytes", n, "free", b.total-b.used)
		return tooMany()
	}
	s.add(n)
	return nil
}

// tryTake adds n bytes to what the request holds if there is room. Unlike take it ends no other
// request and counts no refusal: the request can do without.
func (s *share) tryTake(n int64) bool {
	if s == nil {
		return false
	}
	b := s.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used+n > b.total || b.of[s.client]+n > b.total/clientShares {
		return false
	}
	s.add(n)
	return true
}

// add counts n bytes for the request. The caller holds the lock.
func (s *share) add(n int64) {
	b := s.budget
	b.used += n
	b.of[s.client] += n
	s.bytes += n
	if s.at == nil {
		s.at = b.holders.PushBack(s)
	}
}

func tooMany() *Problem {
	return newProblem(http.StatusServiceUnavailable, kerr.RequestTimedOut,
		"Too many large requests at a time, or this one was slow while others waited. "+
			"Try again in a moment.").retry("1")
}

// makeRoom ends requests that have had their time, the oldest first: those of the same address if
// that has used its part up. The caller holds the lock; the memory is free when they have ended.
func (b *budget) makeRoom(s *share, n int64) {
	own := b.of[s.client]+n > b.total/clientShares
	for e := b.holders.Front(); e != nil && n > 0; e = e.Next() {
		old := e.Value.(*share)
		if time.Since(old.began) < graceTime || own && old.client != s.client {
			continue
		}
		if n -= old.bytes; !old.ended {
			old.ended = true
			old.cut()
		}
	}
}

// release gives back all that the request has taken.
func (s *share) release() {
	b := s.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.at == nil {
		return
	}
	b.holders.Remove(s.at)
	b.used -= s.bytes
	if b.of[s.client] -= s.bytes; b.of[s.client] == 0 {
		delete(b.of, s.client)
	}
	s.at, s.bytes = nil, 0
}

// shareKey is the context key of a request's share.
type shareKey struct{}

// afford takes the memory that an answer of about n bytes costs, until the request is over.
func afford(ctx context.Context, n int64) error {
	s, ok := ctx.Value(shareKey{}).(*share)
	if !ok || n <= smallBytes {
		return nil
	}
	if problem := s.take(n); problem != nil {
		return problem
	}
	return nil
}
