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

// fakeHeap is what the runtime would be told and tell.
type fakeHeap struct {
	live, allocated uint64
	mu              sync.Mutex
	percents        []int
	givenBack       int
}

func (h *fakeHeap) pacer() *pacer {
	return newPacer(
		func() (uint64, uint64) { return h.live, h.allocated },
		func(percent int) { h.note(func() { h.percents = append(h.percents, percent) }) },
		func() { h.note(func() { h.givenBack++ }) },
	)
}

func (h *fakeHeap) note(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}

// expect compares what the runtime was told.
func (h *fakeHeap) expect(t *testing.T, when string, givenBack int, percents ...int) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Equal(h.percents, percents) || h.givenBack != givenBack {
		t.Fatalf("%s: set to %v, want %v; memory given back %d times, want %d", when, h.percents, percents, h.givenBack, givenBack)
	}
}

func TestPacer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &fakeHeap{live: 10 * mib, allocated: 10 * mib}
		p := h.pacer()
		step := func(after time.Duration, allocated uint64) {
			time.Sleep(after)
			h.allocated += allocated * mib
			p.collected()
		}
		step(time.Minute, 0)
		step(time.Minute, 30)
		h.expect(t, "with little to do", 0)
		step(200*time.Millisecond, 10) // 50 MiB/s
		step(time.Second, 45)          // much the same
		step(time.Second, 25)
		h.expect(t, "under load", 0, 500, 250)
		time.Sleep(quiet - time.Millisecond)
		synctest.Wait()
		h.expect(t, "a moment after", 0, 500, 250)
		time.Sleep(time.Second)
		synctest.Wait()
		h.expect(t, "when it is quiet", 1, 500, 250, 100)
		step(0, 1) // the collection that giving back is
		time.Sleep(time.Hour)
		synctest.Wait()
		h.expect(t, "much later", 1, 500, 250, 100)
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
	if live, allocated := readHeap(); live == 0 || allocated < live {
		t.Errorf("the runtime says %d bytes of %d allocated ones are live", live, allocated)
	}
}
