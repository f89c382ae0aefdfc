package controller

import "github.com/yakt/yakt/protocol"

// deferred holds replies until the state that they were computed from is committed. Offsets are added in ascending order.
type deferred struct {
	waiting []waiting
}

type waiting struct {
	offset int64 // the reply goes out when the stable end offset has reached it
	done   func(*protocol.Error)
}

func (d *deferred) add(offset int64, done func(*protocol.Error)) {
	d.waiting = append(d.waiting, waiting{offset, done})
}

// complete answers everything up to the stable end offset.
func (d *deferred) complete(stableEnd int64) {
	n := 0
	for n < len(d.waiting) && d.waiting[n].offset <= stableEnd {
		done := d.waiting[n].done
		d.waiting[n].done = nil // the array outlives the entry
		done(nil)
		n++
	}
	d.waiting = d.waiting[n:]
	if len(d.waiting) == 0 {
		d.waiting = nil
	}
}

// fail answers everything with err.
func (d *deferred) fail(err *protocol.Error) {
	waiting := d.waiting
	d.waiting = nil
	for _, w := range waiting {
		w.done(err)
	}
}
