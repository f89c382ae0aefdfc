package kafkaproto

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Requests up to this size are not counted: the limits on connections bound them. So heartbeats and
// other small requests never wait for memory that others hold.
const uncountedBytes = 8 << 10

// A connection that wants at most modestBytes in all is served before those that want more, since
// it is soon done. 1/modestShare of the memory is reserved for such connections; the rest is more
// than one address may hold, so that no address can fill it.
const (
	modestBytes = 512 << 10
	modestShare = 5
	// modestExtra: they may take this part of the memory beyond it, so that a crowd whose requests
	// are modest while they arrive does not keep out one whose request stays so.
	modestExtra = 8
)

var (
	errBudgetWait  = errors.New("no memory became free for it in time (queued.max.request.bytes)")
	errBudgetLarge = errors.New("it takes more memory than one connection may " +
		"(half of queued.max.request.bytes)")
	errSlow = errors.New("it was the slowest to send its request or to read its response " +
		"when others waited for memory (queued.max.request.bytes)")
)

// budget is the memory that requests and responses of all connections may take together. Each
// address and each connection may hold a share of it. Connections that wait for memory are served
// in order, modest ones first; those that wait for the share of their own address are passed over.
//
// A connection may wait while it holds memory. Eviction prevents a deadlock of all of them: while a
// connection waits, connections that are slow on the network lose their memory, and then those that
// wait themselves.
type budget struct {
	total, perAddress, perConn int64 // perConn <= perAddress <= total
	chunks                     chunks

	mu   sync.Mutex
	used int64
	// part of used: held by evicted connections, which will return it
	leaving  int64
	waiters  list.List             // of *budgetWaiter
	byIP     map[string]*address   // addresses with at least one account
	holders  map[*account]struct{} // accounts that hold something
	evicting bool                  // a timer is set for evictSlow
}

func newBudget(total, perAddress, perConn int64) *budget {
	return &budget{
		total: total, perAddress: perAddress, perConn: perConn, chunks: chunks{most: total / 2},
		byIP: map[string]*address{}, holders: map[*account]struct{}{},
	}
}

// address is the memory that the connections from one address hold together. The budget's lock
// guards it.
type address struct {
	held     int64
	leaving  int64 // part of held
	accounts int
}

// account is the memory that one connection holds. The budget's lock guards its fields, except for
// moving and working, and for own, which is held as the connection's goroutine knows it.
type account struct {
	budget *budget
	ip     string
	from   *address
	evict  func(error) // closes the connection; does not block

	own     int64
	held    int64
	wants   int64     // bytes that it waits for; 0: it does not wait
	since   time.Time // when it began to wait
	evicted bool
	seen    mark     // state of moving at the last look
	moving  progress // the frame in transfer, since the connection last waited for memory
	working progress // the request in Config.Handle
}

// progress is the start of an activity and the bytes it has moved. The connection writes it and the
// budget reads it.
type progress struct {
	began atomic.Int64 // Unix nanoseconds; 0: not active
	bytes atomic.Int64
}

func (p *progress) begin(at time.Time) { p.bytes.Store(0); p.began.Store(at.UnixNano()) }
func (p *progress) end()               { p.began.Store(0) }

// took is how long the activity has lasted; 0 if there is none.
func (p *progress) took(now time.Time) time.Duration {
	if began := p.began.Load(); began != 0 {
		return time.Duration(now.UnixNano() - began)
	}
	return 0
}

// open makes the account of a connection. It must be closed.
func (b *budget) open(ip string, evict func(error)) *account {
	b.mu.Lock()
	defer b.mu.Unlock()
	from := b.byIP[ip]
	if from == nil {
		from = &address{}
		b.byIP[ip] = from
	}
	from.accounts++
	return &account{budget: b, ip: ip, from: from, evict: evict}
}

// close returns all memory of the connection.
func (a *account) close() {
	b := a.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	b.give(a, a.held)
	if a.from.accounts--; a.from.accounts == 0 {
		delete(b.byIP, a.ip)
	}
}

type budgetWaiter struct {
	account *account
	n       int64
	granted chan struct{}
}

// acquire takes n bytes, waiting until deadline or the end of ctx.
func (a *account) acquire(ctx context.Context, n int64, deadline time.Time) error {
	err := a.budget.acquire(ctx, a, n, deadline)
	if err == nil {
		a.own += n
	}
	return err
}

func (b *budget) acquire(ctx context.Context, a *account, n int64, deadline time.Time) error {
	b.mu.Lock()
	if a.held+n > b.perConn {
		b.mu.Unlock()
		return fmt.Errorf("%w: %d bytes", errBudgetLarge, a.held+n)
	}
	if b.waiters.Len() == 0 && b.fits(a, n) {
		b.take(a, n)
		b.mu.Unlock()
		return nil
	}
	w := &budgetWaiter{account: a, n: n, granted: make(chan struct{})}
	elem := b.enqueue(w)
	a.wants, a.since = n, time.Now()
	b.grant() // those in front may all wait for their own addresses
	b.watch()
	b.mu.Unlock()

	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-w.granted:
		return nil
	case <-timer.C:
		return b.giveUp(elem, errBudgetWait)
	case <-ctx.Done():
		return b.giveUp(elem, context.Cause(ctx))
	}
}

// giveUp removes a waiter, unless it has been served meanwhile.
func (b *budget) giveUp(elem *list.Element, err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := elem.Value.(*budgetWaiter)
	select {
	case <-w.granted:
		return nil
	default:
	}
	b.waiters.Remove(elem)
	w.account.wants = 0
	b.grant() // smaller waiters behind it may now be served
	return err
}

// force takes n bytes that are already in use, and never waits. Waiters will wait longer.
func (a *account) force(n int64) {
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	a.budget.take(a, n)
	a.own += n
}

// release returns all that the connection holds.
func (a *account) release() {
	if a.own == 0 {
		return
	}
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	a.budget.give(a, a.own)
	a.own = 0
}

// The functions below are called with the lock held.

// enqueue puts a waiter at the end, or a modest one in front of those that are not.
func (b *budget) enqueue(w *budgetWaiter) *list.Element {
	for e := b.waiters.Front(); w.modest() && e != nil; e = e.Next() {
		if !e.Value.(*budgetWaiter).modest() {
			return b.waiters.InsertBefore(w, e)
		}
	}
	return b.waiters.PushBack(w)
}

func (w *budgetWaiter) modest() bool { return modest(w.account, w.n) }

func modest(a *account, n int64) bool { return a.held+n <= modestBytes }

// totalFor is the limit on used, including n more bytes for a connection.
func (b *budget) totalFor(a *account, n int64) int64 {
	if modest(a, n) {
		return b.total + b.total/modestExtra/modestBytes*modestBytes
	}
	return max(b.total-b.total/modestShare, b.perConn)
}

func (b *budget) fits(a *account, n int64) bool {
	return b.used+n <= b.totalFor(a, n) && a.from.held+n <= b.perAddress
}

func (b *budget) take(a *account, n int64) {
	b.used += n
	a.held += n
	a.from.held += n
	if a.evicted {
		b.leave(a, n)
	}
	b.holders[a] = struct{}{}
}

func (b *budget) give(a *account, n int64) {
	b.used -= n
	a.held -= n
	a.from.held -= n
	if a.evicted {
		b.leave(a, -n)
	}
	if a.held == 0 {
		delete(b.holders, a)
	}
	b.grant()
}

// leave counts the memory of an evicted connection as leaving.
func (b *budget) leave(a *account, n int64) {
	b.leaving += n
	a.from.leaving += n
}

// grant serves waiters from the front as far as the memory suffices. It passes over those whose
// address has used its share, and stops at the first that waits for the total.
func (b *budget) grant() {
	for e := b.waiters.Front(); e != nil; {
		next := e.Next()
		w := e.Value.(*budgetWaiter)
		if b.used+w.n > b.totalFor(w.account, w.n) {
			return
		}
		if b.fits(w.account, w.n) {
			b.take(w.account, w.n)
			w.account.wants = 0
			b.waiters.Remove(e)
			close(w.granted)
		}
		e = next
	}
}

func (b *budget) inUse() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}
