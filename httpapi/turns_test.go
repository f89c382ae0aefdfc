package httpapi

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/yakt/yakt/turns"
)

// Requests of one connection share its usage: a connection that asks without a pause waits for one
// that asks now and then.
func TestConnectionsThatAskLittleAreServedFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &API{cfg: Config{Turns: turns.New(2)}}
		hasty, calm := ConnContext(t.Context(), nil), ConnContext(t.Context(), nil)
		for range 40 {
			r := a.takeTurn(hasty)
			time.Sleep(turns.LargeSlice)
			r.end()
		}
		holder := a.takeTurn(t.Context())
		var order []string
		for name, ctx := range map[string]context.Context{"calm": calm, "hasty": hasty} {
			go func() {
				r := a.takeTurn(ctx)
				order = append(order, name) // the one place is the lock
				r.end()
			}()
		}
		synctest.Wait()
		holder.end()
		synctest.Wait()
		if len(order) != 2 || order[0] != "calm" {
			t.Errorf("served were %v", order)
		}
	})
}

// A request gives its place back while it waits for something else than its client.
func TestATurnIsGivenBackInPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &API{cfg: Config{Turns: turns.New(2)}}
		first := a.takeTurn(t.Context())
		resume := first.pause()
		second := a.takeTurn(t.Context())
		if !second.at.Held() || first.at.Held() {
			t.Errorf("held %t by who works and %t by who waits", second.at.Held(), first.at.Held())
		}
		go func() {
			time.Sleep(time.Millisecond)
			second.end()
		}()
		resume()
		if !first.at.Held() {
			t.Error("it went on without a place")
		}
		resume = first.pause()
		_ = first.blocking(func() error { return nil })
		if first.at.Held() {
			t.Error("a write has ended the pause")
		}
		resume()
		first.end()
		if !a.cfg.Turns.Idle() {
			t.Error("a place is held still")
		}
	})
}
