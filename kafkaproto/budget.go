package kafkaproto

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"
)

// Requests that take no more than this are not counted: MaxConnections bounds them.
const uncountedBytes = 16 << 10

var (
	errBudgetWait  = errors.New("no memory became free for it in time (MaxInFlightBytes)")
	errBudgetLarge = errors.New("it would take more memory than all requests together may (MaxInFlightBytes)")
)

// budget is the memory that all frames together may take. Those that wait for some are served in order. Holders may
// wait for more: when all wait for one another, their frame deadlines end it.
type budget struct {
	total int64

	mu      sync.Mutex
	used    int64
	waiters list.List // of *budgetWaiter
}

type budgetWaiter struct {
	n       int64
	granted chan struct{}
}

// acquire takes n bytes, waiting until deadline or the end of ctx.
func (b *budget) acquire(ctx context.Context, n int64, deadline time.Time) error {
	if n > b.total {
		return errBudgetLarge
	}
	b.mu.Lock()
	if b.waiters.Len() == 0 && b.used+n <= b.total {
		b.used += n
		b.mu.Unlock()
		return nil
	}
	w := &budgetWaiter{n: n, granted: make(chan struct{})}
	elem := b.waiters.PushBack(w)
	b.mu.Unlock()

	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	var err error
	select {
	case <-w.granted:
		return nil
	case <-timer.C:
		err = errBudgetWait
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	return b.giveUp(elem, err)
}

// giveUp takes a waiter out, unless it was served in the meantime.
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
	b.grant() // it may have held up smaller ones behind it
	return err
}

func (b *budget) release(n int64) {
	if n == 0 {
		return
	}
	b.mu.Lock()
	b.used -= n
	b.grant()
	b.mu.Unlock()
}

// grant serves waiters from the front as far as the memory goes. The caller holds mu.
func (b *budget) grant() {
	for e := b.waiters.Front(); e != nil; e = b.waiters.Front() {
		w := e.Value.(*budgetWaiter)
		if b.used+w.n > b.total {
			return
		}
		b.used += w.n
		b.waiters.Remove(e)
		close(w.granted)
	}
}

func (b *budget) inUse() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}
