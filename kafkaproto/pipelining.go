package kafkaproto

import (
	"time"

	"github.com/yakt/yakt/turns"
)

const (
	// freeFrames is how many pipelined requests, minus twice the others, a connection may have had
	// answered before it needs a turn for more.
	freeFrames = 32
	// framesPerLook is how many pipelined requests are answered between two looks at the clock.
	framesPerLook = 8

	// elementTime is about the time that one element of a list takes in a response, and
	// elementBytes the size of a short one in a request.
	elementTime  = time.Microsecond
	elementBytes = 10
	// pieceElements is how many elements take as long as writing one piece of a response that is in
	// memory already: short work, which does not wait for long work to yield.
	pieceElements = 100
)

// turn is a connection's turn at the processor. Its goroutine makes all calls.
type turn struct {
	*turns.Turn
	usage     turns.Usage
	pipelined int // requests that another one followed at once, minus twice the others
	looks     int // requests since the last look at the clock
}

func newTurn(of *turns.Places) *turn {
	t := &turn{}
	t.Turn = of.Turn(&t.usage)
	return t
}

// expect sets the number of elements that the request in hand is about.
func (t *turn) expect(elements int) { t.Expect(time.Duration(elements) * elementTime) }

// answered counts a request. begun reports that bytes of the next one have already arrived, whole
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
