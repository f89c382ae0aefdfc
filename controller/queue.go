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
	// drop, if not nil, answers whoever waits for the event when it will not run any more.
	drop func(*protocol.Error)
}

// queue feeds the core's goroutine. Events of the log go first and are always taken, so that a
// commit
// waits for one other event at most. Then those that keep brokers alive, in front of whatever
// administrators ask for. Short requests and parts of long operations take turns: some requests,
// one
// part, so that neither waits long for the other; and so do the parts that brokers need, as when
// one
// of them is fenced, and the long requests of administrators.
type queue struct {
	mu       sync.Mutex
	log      []event
	urgent   []event // heartbeats and registrations of brokers
	requests []event // that are short
	parts    []event // of what brokers need, and of what the core does on its own
	long     []event // requests of administrators that list much, and parts of such

	sinceOther int // urgent ones taken since any other
	sincePart  int // requests taken since the last part
	sinceLong  int // parts taken since the last of long
	taken      [1]event

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
	// partsPerLong is how many parts that brokers need run for one of the long requests.
	partsPerLong = 4
	// urgentPerOther bounds the urgent events in a row while others wait: anybody can send them.
	urgentPerOther = 32
)

// take returns what is to run now: all of the log's events, or one other event. Parts may have to
// wait. The result holds until the next call.
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

// choose returns the list whose first event runs next; nil when there is none to run.
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

// choosePart chooses between the lists of parts, of which one is not empty.
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
	events := slices.Concat(q.log, q.urgent, q.requests, q.parts, q.long)
	q.log, q.urgent, q.requests, q.parts, q.long = nil, nil, nil, nil, nil
	return events
}
