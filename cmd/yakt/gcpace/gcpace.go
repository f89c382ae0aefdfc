// Package gcpace lets the heap grow while there is much to do and gives the memory back when there is not. A controller lives in little
// memory, so that Go's own rule, a collection whenever the heap has doubled, collects many times a second under load and takes a third of
// the processor for it.
package gcpace

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// goPercent is Go's own GOGC, below which the pace never goes.
	goPercent = 100
	// interval is how far apart collections are to be under load.
	interval = time.Second
	// roomBytes is how much garbage may pile up for that; where GOGC=100 allows more, it stays so.
	roomBytes = 64 << 20
	// quiet is how long there must have been no collection before memory is given back. Under any load that made the heap grow
	// collections are closer.
	quiet = 2 * time.Second
)

// Percent is the GOGC for a heap of which live bytes are in use, at a rate of allocation in bytes a second.
func Percent(live, rate uint64) int {
	room := uint64(float64(rate) * interval.Seconds())
	return max(goPercent, int(min(room, roomBytes)*100/max(live, 1)))
}

// Start paces the collections of this process from now on. It does nothing where GOGC or GOMEMLIMIT is set: then the operator has decided.
func Start() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	p := newPacer(readHeap, func(percent int) { debug.SetGCPercent(percent) }, debug.FreeOSMemory)
	afterEach(p.collected)
}

// afterEach has f called after every garbage collection, on a goroutine of the runtime, until it returns false.
func afterEach(f func() bool) {
	sentinel := &struct{ self *byte }{} // with a pointer: others share their memory and may live longer
	runtime.AddCleanup(sentinel, func(f func() bool) {
		if f() {
			afterEach(f)
		}
	}, f)
}

func readHeap() (live, allocated uint64) {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64(), s[1].Value.Uint64()
}

// pacer follows the collections. Its functions are the runtime's.
type pacer struct {
	read     func() (live, allocated uint64)
	set      func(percent int)
	giveBack func()

	mu        sync.Mutex
	percent   int // in force
	last      time.Time
	allocated uint64 // at the last collection, since the process began
	rest      *time.Timer
}

func newPacer(read func() (live, allocated uint64), set func(percent int), giveBack func()) *pacer {
	p := &pacer{read: read, set: set, giveBack: giveBack, percent: goPercent, last: time.Now()}
	_, p.allocated = read()
	return p
}

// collected adapts the pace to what was allocated since the last collection.
func (p *pacer) collected() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	live, allocated := p.read()
	since := max(now.Sub(p.last), time.Millisecond)
	percent := Percent(live, uint64(float64(allocated-p.allocated)/since.Seconds()))
	p.last, p.allocated = now, allocated
	if changed := max(percent, p.percent) - min(percent, p.percent); changed > p.percent/4 { // setting it stops the world for a moment
		p.percent = percent
		p.set(percent)
	}
	if p.percent > goPercent {
		p.restLater()
	}
	return true
}

// restLater gives memory back when no collection follows for a while. The caller holds the lock.
func (p *pacer) restLater() {
	if p.rest != nil {
		p.rest.Stop()
	}
	p.rest = time.AfterFunc(quiet, func() {
		p.mu.Lock()
		busy := time.Since(p.last) < quiet
		if !busy {
			p.percent = goPercent
			p.set(goPercent)
		}
		p.mu.Unlock()
		if !busy {
			p.giveBack() // a collection: it waits for nothing that waits for the lock
		}
	})
}
