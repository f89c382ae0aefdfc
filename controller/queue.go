package controller

import (
	"slices"
	"sync"
)

// event is one turn of the core. name is for logs.
type event struct {
	name string
	run  func()
	// drop, if not nil, answers whoever waits for the event when it will not run any more.
	drop func(*apiError)
}

// queue feeds the core's goroutine. Events of the log go first and are always taken. Requests, which are bounded, and the parts of long
// operations take turns: some requests, one part, so that neither waits long for the other. A commit waits for one of them at most.
type queue struct {
	mu        sync.Mutex
	log       []event
	requests  []event
	parts     []event
	sincePart int // requests taken since the last part
	max       int
	closed    bool
	abandoned bool          // nothing is taken any more
	wake      chan struct{} // capacity 1
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

// addLog queues an event of the log or of a timer; false when the queue is closed.
func (q *queue) addLog(e event) bool { return q.add(&q.log, e, 0) }

// addPart queues the next part of a long operation; false when the queue is closed.
func (q *queue) addPart(e event) bool { return q.add(&q.parts, e, 0) }

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

// requestsPerPart is how many requests run between two parts when both wait. A part takes about as long as that many requests.
const requestsPerPart = 16

// take returns what is to run now: all of the log's events, or one request, or one part of a long operation unless parts have to wait.
func (q *queue) take(parts bool) []event {
	q.mu.Lock()
	defer q.mu.Unlock()
	var events []event
	switch {
	case q.abandoned:
	case len(q.log) > 0:
		events, q.log = q.log, nil
	case parts && len(q.parts) > 0 && (q.sincePart >= requestsPerPart || len(q.requests) == 0):
		events, q.parts = q.parts[:1:1], q.parts[1:]
		q.sincePart = 0
	case len(q.requests) > 0:
		events, q.requests = q.requests[:1:1], q.requests[1:]
		q.sincePart++
	}
	return events
}

// len is how many requests and parts wait.
func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.requests) + len(q.parts)
}

// close refuses all further events.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.signal()
}

// abandon closes the queue and keeps what waits from being run; drain returns it.
func (q *queue) abandon() {
	q.mu.Lock()
	q.abandoned = true
	q.mu.Unlock()
	q.close()
}

func (q *queue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// drain returns the events that nobody will run, once the queue is closed.
func (q *queue) drain() []event {
	q.mu.Lock()
	defer q.mu.Unlock()
	events := slices.Concat(q.log, q.requests, q.parts)
	q.log, q.requests, q.parts = nil, nil, nil
	return events
}
