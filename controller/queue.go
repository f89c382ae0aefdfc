package controller

import "sync"

// event is one turn of the core. name is for logs.
type event struct {
	name string
	run  func()
}

// queue feeds the core's goroutine. Events of the log go first and are always taken; requests are bounded; the rest of long
// operations comes last, one part at a time, so that short ones never wait for more than one part.
type queue struct {
	mu       sync.Mutex
	log      []event
	requests []event
	rest     []event
	max      int
	closed   bool
	wake     chan struct{} // capacity 1
}

func newQueue(max int) *queue {
	return &queue{max: max, wake: make(chan struct{}, 1)}
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// addLog queues an event of the log or of a timer.
func (q *queue) addLog(e event) { q.add(&q.log, e, 0) }

// addRest queues the next part of a long operation.
func (q *queue) addRest(e event) { q.add(&q.rest, e, 0) }

// addRequest reports false when the queue is full or closed.
func (q *queue) addRequest(e event) bool { return q.add(&q.requests, e, q.max) }

func (q *queue) add(list *[]event, e event, max int) bool {
	q.mu.Lock()
	ok := !q.closed && (max == 0 || len(*list) < max)
	if ok {
		*list = append(*list, e)
	}
	q.mu.Unlock()
	if ok {
		q.signal()
	}
	return ok
}

// requestsPerTurn bounds how long a commit waits behind requests.
const requestsPerTurn = 64

// take returns what is to run now: all of the log's events, else some waiting requests, else one part of a long operation.
func (q *queue) take() []event {
	q.mu.Lock()
	defer q.mu.Unlock()
	var events []event
	switch {
	case len(q.log) > 0:
		events, q.log = q.log, nil
	case len(q.requests) > 0:
		n := min(len(q.requests), requestsPerTurn)
		events, q.requests = q.requests[:n:n], q.requests[n:]
	case len(q.rest) > 0:
		events, q.rest = q.rest[:1:1], q.rest[1:]
	}
	return events
}

// close refuses all further events and returns the requests that nobody will run.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.signal()
}

func (q *queue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}
