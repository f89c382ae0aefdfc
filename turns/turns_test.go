package turns

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// one returns one place.
func one() *Places { return New(2) }

func newTurn(p *Places) *Turn { return p.Turn(&Usage{}) }

// take takes a turn on a goroutine of its own and returns when that waits, or has its place.
func take(t *Turn) (taken <-chan struct{}) {
	done := make(chan struct{})
	go func() { t.Take(nil); close(done) }()
	synctest.Wait()
	return done
}

// bubble runs a test with a clock of its own, at the end of which no place may be left.
func bubble(t *testing.T, p *Places, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		test(t)
		synctest.Wait()
		if !p.Idle() {
			t.Errorf("%d places are held, %d wait", len(p.holders), p.waiting.Load())
		}
	})
}

func TestHalfOfTheProcessorsStayFree(t *testing.T) {
	t.Parallel()
	for processors, want := range map[int]int{1: 1, 2: 1, 3: 1, 4: 2, 64: 32} {
		if got := New(processors).count; got != want {
			t.Errorf("%d places for %d processors, want %d", got, processors, want)
		}
	}
}

func TestEqualsAreFirstComeFirstServed(t *testing.T) {
	p := New(4)
	bubble(t, p, func(t *testing.T) {
		a, b, c, d := newTurn(p), newTurn(p), newTurn(p), newTurn(p)
		a.Take(nil)
		b.Take(nil)
		third, fourth := take(c), take(d)
		a.Yield(Slice, nil)
		if !a.Held() {
			t.Error("it has lost its place before its slice was over")
		}
		time.Sleep(Slice)
		again := make(chan struct{})
		go func() { a.Yield(Slice, nil); close(again) }()
		<-third
		if a.Held() || d.Held() {
			t.Error("the place went to another than the first that waited")
		}
		c.Drop()
		<-fourth
		d.Drop()
		<-again
		a.Drop()
		b.Drop()
	})
}

func TestWhatHasRunForTheShortestTimeRunsFirst(t *testing.T) {
	p := one()
	bubble(t, p, func(t *testing.T) {
		var users [3]*Turn
		for i := range users {
			users[i] = newTurn(p)
			users[i].Take(nil)
			time.Sleep(time.Duration(12-6*i) * Slice) // the first uses most
			users[i].Drop()
		}
		users[0].Begin() // but has used more than the last one
		holder := newTurn(p)
		holder.Take(nil)
		var taken [3]<-chan struct{}
		for i := range users {
			taken[i] = take(users[i])
		}
		holder.Drop()
		for _, i := range []int{2, 0, 1} {
			<-taken[i]
			users[i].Drop()
		}
	})
}

// A crowd with long work does not keep out one that comes with short work now and then, and all of
// the crowd have a turn in the end.
func TestACrowdDoesNotKeepOneOut(t *testing.T) {
	p := one()
	bubble(t, p, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var crowd sync.WaitGroup
		served := make([]int, 160)
		for i := range served {
			crowd.Go(func() {
				turn := newTurn(p)
				turn.Expect(time.Second)
				for turn.Take(ctx.Done()); ctx.Err() == nil; turn.Yield(Slice, ctx.Done()) {
					time.Sleep(Slice)
					served[i]++
				}
				turn.Drop()
			})
		}
		synctest.Wait()
		calm := newTurn(p)
		for range 100 {
			began := time.Now()
			calm.Take(nil)
			if waited := time.Since(began); waited > 2*Slice {
				t.Errorf("it waited %v", waited)
			}
			time.Sleep(4 * Slice)
			calm.Drop()
			calm.Begin()
			time.Sleep(20 * Slice)
		}
		stop()
		crowd.Wait()
		for i, n := range served {
			if n == 0 {
				t.Errorf("number %d of the crowd had no turn", i)
			}
		}
	})
}

// Short work has a place of its own beside long work that does not yield.
func TestShortWorkDoesNotWaitForLong(t *testing.T) {
	p := one()
	bubble(t, p, func(t *testing.T) {
		long, waiting := newTurn(p), newTurn(p)
		long.Take(nil)
		taken := take(waiting)
		first, second := newTurn(p), newTurn(p)
		for _, short := range []*Turn{first, second} {
			short.Expect(Slice)
		}
		first.Take(nil)
		next := take(second)
		if !first.Held() || second.Held() {
			t.Errorf("the first of the short ones has a place: %t, the second: %t", first.Held(),
				second.Held())
		}
		first.Drop()
		<-next
		time.Sleep(shortMax)
		yielded := make(chan struct{})
		go func() { second.Yield(shortMax, nil); close(yielded) }() // it took longer than expected
		synctest.Wait()
		if second.Held() {
			t.Error("work that is not short is on the short place")
		}
		long.Drop()
		<-taken
		waiting.Drop()
		<-yielded
		second.Drop()
	})
}

// Pauses make up for use, waiting for a place does not.
func TestPausesMakeUpForUse(t *testing.T) {
	p := one()
	bubble(t, p, func(t *testing.T) {
		calm, hasty := newTurn(p), newTurn(p)
		for range 100 {
			calm.Take(nil)
			time.Sleep(Slice)
			calm.Drop()
			time.Sleep(pauseShare * Slice)
		}
		if calm.usage.used > Slice {
			t.Errorf("with pauses it has used %v", calm.usage.used)
		}
		for range 5 {
			calm.Take(nil)
			waits := take(hasty)
			time.Sleep(pauseShare * Slice)
			calm.Drop()
			<-waits
			time.Sleep(Slice)
			hasty.Drop()
		}
		if hasty.usage.used < 4*Slice {
			t.Errorf("without pauses it has used %v", hasty.usage.used)
		}
	})
}

// Several turns of one client count together.
func TestTurnsOfOneClientShareItsUsage(t *testing.T) {
	p := one()
	bubble(t, p, func(t *testing.T) {
		var usage Usage
		for range usageShare {
			turn := p.Turn(&usage)
			turn.Take(nil)
			time.Sleep(Slice)
			turn.Drop()
		}
		holder, other, eighth := newTurn(p), newTurn(p), p.Turn(&usage)
		holder.Take(nil)
		last, first := take(eighth), take(other)
		holder.Drop()
		<-first
		if eighth.Held() {
			t.Error("who has used more has run first")
		}
		other.Drop()
		<-last
		eighth.Drop()
	})
}

// One that waits for its client does not keep others out, and one that works does.
func TestABlockedTurnLosesItsPlace(t *testing.T) {
	p := one()
	bubble(t, p, func(t *testing.T) {
		a, b := newTurn(p), newTurn(p)
		a.Take(nil)
		taken := take(b)
		time.Sleep(10 * Slice)
		select {
		case <-taken:
			t.Fatal("one that works has lost its place")
		default:
		}
		began := time.Now()
		a.Block()
		<-taken
		if took := time.Since(began); took > 2*Slice {
			t.Errorf("its place was taken after %v", took)
		}
		a.Unblock()
		if a.Held() {
			t.Error("it thinks that it has its place still")
		}
		a.Drop()
		if !b.Held() {
			t.Error("it has given back another's place")
		}
		b.Drop()
	})
}

// A request that waits for another server does not keep others out, and the wait within a wait
// changes nothing.
func TestARequestIsBlockedByItsContext(t *testing.T) {
	p := one()
	bubble(t, p, func(t *testing.T) {
		a, b := newTurn(p), newTurn(p)
		Blocked(t.Context())() // without a turn
		ctx := NewContext(t.Context(), a)
		Blocked(ctx)() // without a place
		a.Take(nil)
		taken := take(b)
		unblock := Blocked(ctx)
		Blocked(ctx)()
		<-taken
		unblock()
		if a.Held() {
			t.Error("it has its place still")
		}
		b.Drop()
	})
}

// A fault of ours, a place that is held for ever, must not stop everything.
func TestAPlaceIsNotHeldForEver(t *testing.T) {
	p := one()
	bubble(t, p, func(t *testing.T) {
		a, b := newTurn(p), newTurn(p)
		a.Take(nil)
		began := time.Now()
		b.Take(nil)
		if waited := time.Since(began); waited < heldMax || waited > heldMax+2*Slice || a.Held() {
			t.Errorf("it waited %v; the place is held still: %t", waited, a.Held())
		}
		b.Drop()
	})
}

// A wait ends with the client, whether or not the place was granted at the same time.
func TestAWaitEnds(t *testing.T) {
	p := one()
	bubble(t, p, func(t *testing.T) {
		a, b := newTurn(p), newTurn(p)
		a.Take(nil)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { b.Take(ctx.Done()); close(done) }()
		synctest.Wait()
		cancel()
		<-done
		if b.Held() {
			t.Error("it has a place that it did not wait for")
		}
		elem := p.enter(b) // and once more, granted before it leaves
		a.Drop()
		p.leave(b, elem)
	})
}
