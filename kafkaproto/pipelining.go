package kafkaproto

import (
	"time"

	"github.com/yakt/yakt/turns"
)

const (
	// freeFrames is how many pipelined requests, less those that were not, a connection has
	// answered before it needs a turn for more.
	freeFrames = 32
	// framesPerLook is how many pipelined requests are answered between two looks at the clock.
	framesPerLook = 8

	// elementTime is about how long one element of a list takes in a response, and elementBytes how
	// long a short one is in a request.
	elementTime  = time.Microsecond
	elementBytes = 10
)

// turn is a connection's turn at the processor. Its goroutine makes all calls.
type turn struct {
	*turns.Turn
	usage     turns.Usage
	pipelined int // requests that others followed at once, less those that none did
	looks     int // requests since the last look at the clock
}

func newTurn(of *turns.Places) *turn {
	t := &turn{}
	t.Turn = of.Turn(&t.usage)
	return t
}

// expect says how many elements the work in hand is about.
func (t *turn) expect(elements int) { t.Expect(time.Duration(elements) * elementTime) }

// answered counts a request. begun says that bytes of the next one have arrived already, whole
// that all of it has. A connection that keeps pipelining waits for its turn.
func (t *turn) answered(begun, whole bool, done <-chan struct{}) {
	if begun {
		t.pipelined = min(t.pipelined+1, 2*freeFrames)
	} else {
		t.pipelined = max(t.pipelined-2, 0)
		t.Begin()
	}
	if !whole || t.pipelined < freeFrames {
		t.Drop() // the next read may block
		return
	}
	if t.looks++; t.looks >= framesPerLook || !t.Held() {
		t.looks = 0
		t.Yield(turns.Slice, done)
	}
}
