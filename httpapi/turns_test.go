package httpapi

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A connection that asks without a pause takes turns, one that asks now and then does not.
func TestWhoTakesTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		places := &turns{places: make(chan struct{}, 1)}
		hasty, calm := ConnContext(t.Context(), nil), ConnContext(t.Context(), nil)
		use := func(ctx context.Context) (held bool) {
			r := places.begin(ctx)
			held = r.held
			time.Sleep(stretchMax)
			r.end()
			return held
		}
		for i := range 10 {
			if held := use(hasty); held != (i > 1) {
				t.Errorf("request %d without a pause: in turn %t", i, held)
			}
		}
		for i := range 10 {
			time.Sleep(2 * stretchMax)
			if use(calm) {
				t.Errorf("request %d now and then is in turn", i)
			}
		}
		time.Sleep(time.Second)
		if use(hasty) {
			t.Error("a connection that has been quiet is in turn")
		}
	})
}

// A place is free while its holder waits for something else, and one that is not given back is
// not waited for for ever.
func TestATurnIsGivenBackInPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		places := &turns{places: make(chan struct{}, 1)}
		first, second := places.begin(t.Context()), places.begin(t.Context())
		first.enter()
		resume := first.pause()
		second.enter()
		if !second.held || first.held {
			t.Errorf("held %t by who waits and %t by who does not", first.held, second.held)
		}
		began := time.Now()
		resume()
		if waited := time.Since(began); first.held || waited != turnMax {
			t.Errorf("waited %v, held %t", waited, first.held)
		}
		first.end()
		second.end()
		if len(places.places) != 0 || second.busy > turnMax {
			t.Errorf("%d places are taken; used %v", len(places.places), second.busy)
		}
	})
}

// A place rests as long as it was used while others wait, and not otherwise.
func TestPlacesRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		places := &turns{places: make(chan struct{}, 1)}
		use := func(ctx context.Context) {
			r := places.begin(ctx)
			r.enter()
			time.Sleep(3 * restMin)
			r.end()
		}
		began := time.Now()
		use(t.Context())
		if took := time.Since(began); took != 3*restMin {
			t.Errorf("alone it took %v", took)
		}
		began = time.Now()
		for range 4 {
			go use(t.Context())
		}
		synctest.Wait()
		use(t.Context())
		synctest.Wait()
		if took := time.Since(began); took != (4*2+1)*3*restMin {
			t.Errorf("five took %v", took)
		}
	})
}
