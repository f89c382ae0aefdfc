package gcpace

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const mib = 1 << 20

func TestPercent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		live, rate uint64 // MiB, MiB a second
		want       int
	}{
		{0, 0, 100},
		{10, 0, 100},
		{10, 10, 100},      // one collection in a second by itself
		{10, 20, 200},      // 20 MiB in a second
		{10, 50, 500},      // 50 MiB
		{10, 1000, 640},    // no more than 64 MiB
		{2, 1000, 3200},    // nor with a small heap
		{64, 1000, 100},    // which is what GOGC=100 gives this one
		{1000, 10000, 100}, // and less than it gives this one
	} {
		if got := Percent(c.live*mib, c.rate*mib); got != c.want {
			t.Errorf("%d MiB live, %d MiB/s: %d %%, want %d", c.live, c.rate, got, c.want)
		}
	}
	if got := Percent(10*mib, 1<<62); got != 640 {
		t.Errorf("an absurd rate: %d %%", got)
	}
}

// fakeHeap stands in for the runtime: it records the settings it gets and reports set values.
type fakeHeap struct {
	heap
	least uint64 // bytes to spare that cannot be given back

	mu        sync.Mutex
	percents  []int
	givenBack int
}

func (h *fakeHeap) pacer() *pacer {
	return newPacer(
		func() heap {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.heap
		},
		func(percent int) { h.note(func() { h.percents = append(h.percents, percent) }) },
		func() {
			h.note(func() {
				h.givenBack++
				h.spare = h.least
			})
		},
	)
}

func (h *fakeHeap) note(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}

// allocate lets time pass, allocates, and collects.
func (h *fakeHeap) allocate(p *pacer, after time.Duration, mibs, spare uint64) {
	time.Sleep(after)
	h.note(func() {
		h.allocated += mibs * mib
		h.spare = spare * mib
	})
	p.collected()
	synctest.Wait()
}

// expect compares the settings that the runtime got.
func (h *fakeHeap) expect(t *testing.T, when string, givenBack int, percents ...int) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Equal(h.percents, percents) || h.givenBack != givenBack {
		t.Fatalf("%s: set to %v, want %v; memory given back %d times, want %d", when, h.percents,
			percents, h.givenBack, givenBack)
	}
}

func TestPacer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &fakeHeap{heap: heap{live: 10 * mib, allocated: 10 * mib}}
		p := h.pacer()
		p.watch()
		h.allocate(p, time.Minute, 0, 0)
		h.allocate(p, time.Minute, 30, 10)
		h.expect(t, "with little to do", 0)
		h.allocate(p, 200*time.Millisecond, 10, 50) // 50 MiB/s
		h.allocate(p, time.Second, 45, 50)          // much the same
		h.allocate(p, time.Second, 25, 50)
		h.expect(t, "under load", 0, 500, 250)
		time.Sleep(quiet - time.Millisecond)
		synctest.Wait()
		h.expect(t, "a moment after", 0, 500, 250)
		time.Sleep(2 * quiet)
		synctest.Wait()
		h.expect(t, "when it is quiet", 1, 500, 250, 100)
		h.allocate(p, 0, 1, 0) // the collection that giving back is
		time.Sleep(time.Hour)
		synctest.Wait()
		h.expect(t, "much later", 1, 500, 250, 100)
	})
}

// A large heap stays at Go's own pace, and a peak is given back all the same: once.
func TestPeakIsGivenBackWhenQuiet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &fakeHeap{heap: heap{live: 500 * mib, allocated: 500 * mib}, least: 40 * mib}
		p := h.pacer()
		p.watch()
		h.allocate(p, time.Second, 500, 1600)
		h.quiet(quiet)
		h.expect(t, "in a peak", 0)
		h.quiet(2 * quiet)
		h.expect(t, "quiet after a peak", 1)
		h.allocate(p, 0, 1, 40) // the collection that giving back is
		h.quiet(time.Minute)
		h.allocate(p, 0, 1, 40+125)
		h.quiet(time.Minute)
		h.expect(t, "with what is not worth a collection", 1)
		h.note(func() { h.spare = 400 * mib })
		h.quiet(2 * quiet)
		h.expect(t, "quiet after a peak without a collection", 2)
	})
}

// quiet lets time pass.
func (h *fakeHeap) quiet(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// TestPeakIsGivenBackUnderLoad: when a load continues after a peak, the memory that it does not
// need is returned while it runs.
func TestPeakIsGivenBackUnderLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &fakeHeap{heap: heap{live: 100 * mib, allocated: 100 * mib}}
		p := h.pacer()
		p.watch()
		for range 60 {
			h.allocate(p, time.Second, 100, 150)
		}
		h.expect(t, "under a load that needs what it has", 0)
		for range 3 {
			h.allocate(p, time.Second, 100, 1600)
		}
		h.expect(t, "in a peak", 0)
		h.allocate(p, time.Second, 100, 1600)
		h.expect(t, "behind a peak", 1)
		h.allocate(p, time.Second, 100, 150)
		h.expect(t, "and then", 1)
	})
}

func TestAfterEachCollection(t *testing.T) {
	t.Parallel()
	heard, left := make(chan bool, 3), 3
	afterEach(func() bool {
		left--
		heard <- true
		return left > 0
	})
	for n := 0; n < cap(heard); {
		runtime.GC() // one that runs while the next sentinel is made passes it over
		select {
		case <-heard:
			n++
		default:
		}
	}
	if h := readHeap(); h.live == 0 || h.allocated < h.live || h.spare == 0 {
		t.Errorf("the runtime says %+v", h)
	}
}
