package wal

import (
	"errors"
	"math"
	"sync/atomic"
)

// sparePace is how much faster the next segment is zeroed than the rest of the active one fills.
// Zeroing all 64 MiB at once would delay every append in the meantime, and on all nodes together,
// because their segments end at the same entry.
const sparePace = 2

// spare is the segment after the active one, while it is prepared.
type spare struct {
	ready chan prepared // holds one
	// the end of the active segment when this one was begun; after Open that is not its start
	from int64
	pace *pace
}

type prepared struct {
	segment *segment
	err     error
}

func (w *WAL) newSpare() *spare {
	return &spare{
		ready: make(chan prepared, 1),
		from:  w.active.off,
		pace:  &pace{more: make(chan struct{}, 1), stop: w.stop},
	}
}

// prepareSpare makes the segment after the active one in the background.
func (w *WAL) prepareSpare() {
	seq, size := w.active.seq+1, w.nextBytes()
	s := w.newSpare()
	w.spare = s
	build := func() {
		made, err := createSegment(w.fs, w.dir, seq, size, w.owner, s.pace)
		if err != nil && !errors.Is(err, errStopped) {
			w.log.Warn(
				"wal: cannot prepare the next segment ahead; it will be "+
					"tried again when it is needed",
				"error", err,
			)
		}
		s.ready <- prepared{made, err}
	}
	if w.inline {
		s.pace.hurry()
		build()
		return
	}
	go build()
}

// keepSpare makes an unused segment the spare one.
func (w *WAL) keepSpare(s *segment) {
	w.spare = w.newSpare()
	w.spare.ready <- prepared{segment: s}
}

// paceSpare allows the spare segment to be prepared as far as the active one has filled.
func (w *WAL) paceSpare() {
	if s := w.spare; s != nil {
		s.pace.allow(sparePace * float64(w.active.off-s.from) / float64(max(w.active.size-s.from, 1)))
	}
}

// wait waits for the segment.
func (s *spare) wait() prepared {
	s.pace.hurry()
	return <-s.ready
}

// pace limits how much of some work may be done by now. One goroutine calls allow and another wait;
// a nil pace allows everything.
type pace struct {
	part atomic.Uint64 // finished share of the work, as the bits of a float64
	more chan struct{} // part has grown
	stop <-chan struct{}
}

func (p *pace) allow(part float64) {
	p.part.Store(math.Float64bits(part))
	signal(p.more)
}

func (p *pace) hurry() { p.allow(1) }

// wait returns when the work after the fraction done is allowed, or errStopped.
func (p *pace) wait(done float64) error {
	for p != nil {
		select {
		case <-p.stop:
			return errStopped
		default:
		}
		if done < math.Float64frombits(p.part.Load()) {
			return nil
		}
		select {
		case <-p.more:
		case <-p.stop:
		}
	}
	return nil
}
