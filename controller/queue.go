package controller

import (
	"slices"
	"sync"

	"github.com/yakt/yakt/protocol"
)

// event is one turn of the core. name is for logs.
type event struct {
	name string
	run  func()
	// drop, if not nil, fails the callers that wait for the event when it will not run.
	drop func(*protocol.Error)
}

// queue orders the events of the core's goroutine:
//
//  1. events of the log and timers, all at once, so that a commit waits for one event at most;
//  2. heartbeats and registrations, which keep brokers alive, before anything of administrators;
//  3. short requests and parts of long operations in turns: some requests, then one part, so that
//     neither waits long for the other. Among the parts, those that brokers need (as when one is
//     fenced) take turns with the long requests of administrators.
type queue struct {
	mu       sync.Mutex
	log      []event
	urgent   []event // heartbeats and registrations of brokers
	requests []event // short ones
	parts    []event // needed by brokers, or begun by the core
	long     []event // long requests of administrators, and their parts

	sinceOther int // urgent events taken since any other
	sincePart  int // requests taken since the last part
	sinceLong  int // parts taken since the last of long
	taken      [1]event

	max       int
	closed    bool
	abandoned bool          // take returns nothing any more
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

// addNew queues a new request; false when there are too many, or the queue is closed.
func (q *queue) addNew(from sender, long bool, e event) bool {
	list := &q.requests
	switch {
	case from == livingBroker:
		list = &q.urgent
	case long && from == broker:
		list = &q.parts
	case long:
		list = &q.long
	}
	return q.add(list, e, q.max)
}

// addPart queues the next part of an operation that has begun; false when the queue is closed.
func (q *queue) addPart(admin bool, e event) bool {
	if admin {
		return q.add(&q.long, e, 0)
	}
	return q.add(&q.parts, e, 0)
}

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

const (
	// requestsPerPart is how many requests run between two parts when both wait. A part takes about
	// as long as that many requests.
	requestsPerPart = 16
	// partsPerLong is how many parts that brokers need run for each long request.
	partsPerLong = 4
	// urgentPerOther bounds the urgent events in a row while others wait: anybody can send them.
	urgentPerOther = 32
)

// take returns the events to run now: all of the log's events, or one other event. parts reports
// whether a part may run. The result is valid until the next call.
func (q *queue) take(parts bool) []event {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.abandoned {
		return nil
	}
	if len(q.log) > 0 {
		events := q.log
		q.log = nil
		return events
	}
	list := q.choose(parts)
	if list == nil {
		return nil
	}
	q.taken[0] = (*list)[0]
	(*list)[0] = event{} // the array outlives the event, which may hold a large request
	*list = (*list)[1:]
	return q.taken[:]
}

// choose returns the list whose first event runs next; nil when none may run.
func (q *queue) choose(parts bool) *[]event {
	parts = parts && len(q.parts)+len(q.long) > 0
	if len(q.urgent) > 0 && (q.sinceOther < urgentPerOther || len(q.requests) == 0 && !parts) {
		q.sinceOther++
		return &q.urgent
	}
	q.sinceOther = 0
	switch {
	case parts && (q.sincePart >= requestsPerPart || len(q.requests) == 0):
		q.sincePart = 0
		return q.choosePart()
	case len(q.requests) > 0:
		q.sincePart++
		return &q.requests
	}
	return nil
}

// choosePart chooses between the lists of parts. At least one of them is not empty.
func (q *queue) choosePart() *[]event {
	if len(q.parts) > 0 && (q.sinceLong < partsPerLong || len(q.long) == 0) {
		q.sinceLong++
		return &q.parts
	}
	q.sinceLong = 0
	return &q.long
}

// len is how many requests and parts wait.
func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.urgent) + len(q.requests) + len(q.parts) + len(q.long)
}

// close refuses all further events.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.signal()
}

// abandon closes the queue and keeps the waiting events from running; drain returns them.
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

// drain returns the events that will not run, once the queue is closed.
func (q *queue) drain() []event {
	q.mu.Lock()
	defer q.mu.Unlock()
	events := slices.Concat(q.log, q.urgent, q.requests, q.parts, q.long)
	q.log, q.urgent, q.requests, q.parts, q.long = nil, nil, nil, nil, nil
	return events
}
