// Package gcpace paces the garbage collector: it lets the heap grow under load and returns the
// memory soon after. A controller lives in little memory, so that Go's own rule, a collection
// whenever the heap has doubled, collects many times a second under load and takes a third of the
// processor. And Go returns the memory of a peak within minutes; here that takes seconds.
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
	// goPercent is Go's own GOGC, the least that is ever set.
	goPercent = 100
	// interval is the time between collections to aim at under load.
	interval = time.Second
	// roomBytes bounds the garbage that may accumulate in that time. Where GOGC=100 allows more, it
	// stays 100.
	roomBytes = 64 << 20
	// quiet is how long there must have been no collection before memory is returned, and how often
	// that is checked.
	quiet = 2 * time.Second
	// peakOver is how long far more memory than a load needs must have been in use before it is
	// returned under that load.
	peakOver = 3 * time.Second
	// quietBytes is the most that may be allocated in that time. More is a load, which collects by
	// itself.
	quietBytes = 16 << 20
	// keptBytes is not worth a collection, nor is a quarter of the live heap.
	keptBytes = 16 << 20
)

// heap holds the runtime's figures about its memory, in bytes.
type heap struct {
	live      uint64 // in use, as of the last collection
	allocated uint64 // since the process began
	spare     uint64 // resident but not live: garbage, and free memory not returned
}

// tooMuch reports whether more memory is resident than the pace needs.
func (h heap) tooMuch() bool {
	needed := max(h.live, roomBytes)
	return h.spare > needed+needed/2+roomBytes
}

// Percent is the GOGC for a heap with live bytes in use and a rate of allocation in bytes per
// second.
func Percent(live, rate uint64) int {
	room := uint64(float64(rate) * interval.Seconds())
	return max(goPercent, int(min(room, roomBytes)*100/max(live, 1)))
}

// Start paces the collections of this process from now on. It does nothing if GOGC or GOMEMLIMIT is
// set: then the operator has decided.
func Start() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	p := newPacer(readHeap, func(percent int) { debug.SetGCPercent(percent) }, debug.FreeOSMemory)
	p.watch()
	afterEach(p.collected)
}

// afterEach calls f after every garbage collection, on a goroutine of the runtime, until f returns
// false.
func afterEach(f func() bool) {
	// It has a pointer: objects without one share memory, and may live longer.
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

// pacer adapts GOGC after each collection. Its functions are the runtime's, or a test's.
type pacer struct {
	read     func() heap
	set      func(percent int)
	giveBack func() // returns memory to the system; collects first

	mu        sync.Mutex
	percent   int // in force
	last      time.Time
	allocated uint64    // at the last collection, since the process began
	over      time.Time // since when tooMuch has held; zero when it does not
	looked    uint64    // allocated at the last check for quiet
	kept      uint64    // spare bytes that the last release left
}

func newPacer(read func() heap, set func(percent int), giveBack func()) *pacer {
	p := &pacer{read: read, set: set, giveBack: giveBack, percent: goPercent, last: time.Now()}
	p.allocated = read().allocated
	return p
}

// collected adapts GOGC to what was allocated since the last collection.
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
		go p.release() // not here: it collects, and a collection calls this
	}
	return true
}

// watch returns memory whenever the process is quiet, for as long as it lives: a peak may end
// without another collection.
func (p *pacer) watch() {
	time.AfterFunc(quiet, func() {
		if p.rested() {
			p.release()
		}
		p.watch()
	})
}

// rested reports whether the process is quiet and returning memory is worth a collection. Memory
// that the last attempt could not return does not count: it would stay again.
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

// release returns memory to the system. It runs without the lock, which collected takes.
func (p *pacer) release() {
	p.giveBack()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept = p.read().spare
}
