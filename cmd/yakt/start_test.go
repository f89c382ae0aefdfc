package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestNothingThatHangsKeepsTheProcess ends nodes that close at once, slowly, with an error, and
// never.
func TestNothingThatHangsKeepsTheProcess(t *testing.T) {
	t.Parallel()
	broken := errors.New("input/output error")
	for name, c := range map[string]struct {
		end     func(context.Context) error
		takes   time.Duration
		is      error
		stopped bool // the process ends although the node does not
	}{
		"at once":  {func(context.Context) error { return nil }, 0, nil, false},
		"an error": {func(context.Context) error { return broken }, 0, broken, false},
		"uses its courtesy": {func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}, 2 * time.Second, context.DeadlineExceeded, false},
		"closes slowly": {func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(900 * time.Millisecond)
			return nil
		}, 2900 * time.Millisecond, nil, false},
		"hangs": {func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(time.Hour)
			return nil
		}, 3 * time.Second, nil, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			err := stop(c.end, 2*time.Second, time.Second)
			var exit *exitError
			stopped := errors.As(err, &exit) && exit.code == exitStopped
			took := time.Since(began)
			if took != c.takes || stopped != c.stopped || !stopped && !errors.Is(err, c.is) {
				t.Errorf("%s: %v after %v", name, err, took)
			}
			time.Sleep(2 * time.Hour) // of the bubble: what hangs ends with the test
		})
	}
}
