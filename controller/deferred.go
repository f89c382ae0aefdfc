package controller

import (
	"fmt"

	"github.com/yakt/yakt/protocol"
)

// deferred holds answers until the state that they were computed from is committed. Their offsets
// ascend, so that answers go out in the order in which their operations ran.
type deferred struct {
	waiting []waiting
}

type waiting struct {
	offset int64 // the answer is due when the stable end offset has reached it
	done   func(*protocol.Error)
}

func (d *deferred) add(offset int64, done func(*protocol.Error)) {
	if n := len(d.waiting); n > 0 && d.waiting[n-1].offset > offset {
		panic(fmt.Sprintf("an answer waits for offset %d, after one for %d",
			offset, d.waiting[n-1].offset))
	}
	d.waiting = append(d.waiting, waiting{offset, done})
}

// complete appends the answers that are due at a stable end offset to a list.
func (d *deferred) complete(answers []func(), stableEnd int64) []func() {
	n := 0
	for ; n < len(d.waiting) && d.waiting[n].offset <= stableEnd; n++ {
		done := d.waiting[n].done
		d.waiting[n].done = nil // the array outlives the entry
		answers = append(answers, func() { done(nil) })
	}
	d.waiting = d.waiting[n:]
	if len(d.waiting) == 0 {
		d.waiting = nil
	}
	return answers
}

// fail appends all answers to a list, each an error.
func (d *deferred) fail(answers []func(), err *protocol.Error) []func() {
	for _, w := range d.waiting {
		answers = append(answers, func() { w.done(err) })
	}
	d.waiting = nil
	return answers
}
