// Package gcpace lets the heap grow while there is much to do and gives the memory back when there
// is not. A controller lives in little memory, so that Go's own rule, a collection whenever the
// heap has doubled, collects many times a second under load and takes a third of the processor for
// it. And Go gives the memory of a peak back in minutes: here it goes in seconds.
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
	// quiet is how long there must have been no collection before memory is given back, and how
	// often that is looked at.
	quiet = 2 * time.Second
	// peakOver is how long memory must have been far more than the load needs before it is given
	// back under that load.
	peakOver = 3 * time.Second
	// quietBytes is the most that is allocated in that time: more is a load, which collects by itself.
	quietBytes = 16 << 20
	// keptBytes are not worth a collection, nor is a quarter of what is in use.
	keptBytes = 16 << 20
)

// heap is what the runtime tells of its memory, in bytes.
type heap struct {
	live      uint64 // in use, as of the last collection
	allocated uint64 // since the process began
	spare     uint64 // resident and not live: garbage, and what is free and was not given back
}

// tooMuch reports whether there is more to spare than the collector's pace needs.
func (h heap) tooMuch() bool {
	needed := max(h.live, roomBytes)
	return h.spare > needed+needed/2+roomBytes
}

// Percent is the GOGC for a heap of which live bytes are in use, at a rate of allocation in bytes a
// second.
func Percent(live, rate uint64) int {
	room := uint64(float64(rate) * interval.Seconds())
	return max(goPercent, int(min(room, roomBytes)*100/max(live, 1)))
}

// Start paces the collections of this process from now on. It does nothing where GOGC or GOMEMLIMIT
// is set: then the operator has decided.
func Start() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	p := newPacer(readHeap, func(percent int) { debug.SetGCPercent(percent) }, debug.FreeOSMemory)
	p.watch()
	afterEach(p.collected)
}

// afterEach has f called after every garbage collection, on a goroutine of the runtime, until it
// returns false.
func afterEach(f func() bool) {
	// with a pointer: others share their memory and may live longer
	sentinel := &struct{ self *byte }{}
	runtime.AddCleanup(sentinel, func(f func() bool) {
		if f() {
			afterEach(f)
		}
	}, f)
}

func readHeap() heap {
	names := [...]string{
		"/gc/heap/live:bytes", "/gc/heap/allocs:bytes",
		"/memory/classes/heap/objects:bytes", "/memory/classes/heap/unused:bytes",
		"/memory/classes/heap/free:bytes",
	}
	var s [len(names)]metrics.Sample
	for i, name := range names {
		s[i].Name = name
	}
	metrics.Read(s[:])
	live := s[0].Value.Uint64()
	resident := s[2].Value.Uint64() + s[3].Value.Uint64() + s[4].Value.Uint64()
	return heap{live: live, allocated: s[1].Value.Uint64(), spare: max(resident, live) - live}
}

// pacer follows the collections. Its functions are the runtime's.
type pacer struct {
	read     func() heap
	set      func(percent int)
	giveBack func() // collects, too

	mu        sync.Mutex
	percent   int // in force
	last      time.Time
	allocated uint64    // at the last collection, since the process began
	over      time.Time // since when there is too much to spare; zero while there is not
	looked    uint64    // allocated when it was last looked whether it is quiet
	kept      uint64    // bytes that were to spare still when memory was given back last
}

func newPacer(read func() heap, set func(percent int), giveBack func()) *pacer {
	p := &pacer{read: read, set: set, giveBack: giveBack, percent: goPercent, last: time.Now()}
	p.allocated = read().allocated
	return p
}

// collected adapts the pace to what was allocated since the last collection.
func (p *pacer) collected() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, h := time.Now(), p.read()
	since := max(now.Sub(p.last), time.Millisecond)
	percent := Percent(h.live, uint64(float64(h.allocated-p.allocated)/since.Seconds()))
	p.last, p.allocated = now, h.allocated
	if changed := max(percent, p.percent) - min(percent, p.percent); changed > p.percent/4 {
		// setting it stops the world for a moment
		p.percent = percent
		p.set(percent)
	}
	switch {
	case !h.tooMuch():
		p.over = time.Time{}
	case p.over.IsZero():
		p.over = now
	case now.Sub(p.over) >= peakOver:
		p.over = time.Time{}
		go p.release() // it collects, and this is called by a collection
	}
	return true
}

// watch gives memory back whenever it is quiet, for as long as the process lives: a peak may end
// without a collection behind it.
func (p *pacer) watch() {
	time.AfterFunc(quiet, func() {
		if p.rested() {
			p.release()
		}
		p.watch()
	})
}

// rested reports whether memory is to be given back now that nothing happens: what the last time
// did not give back would stay again.
func (p *pacer) rested() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.read()
	busy := h.allocated-p.looked > quietBytes || time.Since(p.last) < quiet
	p.looked = h.allocated
	if busy {
		return false
	}
	if p.percent != goPercent {
		p.percent = goPercent
		p.set(goPercent)
	}
	worth := h.spare > p.kept+max(keptBytes, h.live/4)
	p.kept = min(p.kept, h.spare)
	return worth
}

// release gives memory back. It waits for nothing that waits for the lock.
func (p *pacer) release() {
	p.giveBack()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept = p.read().spare
}
