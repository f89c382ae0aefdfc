package kafka

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

const pollInterval = 50 * time.Millisecond

// finalError ends a poll at once: waiting longer cannot help.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

func final(err error) error { return finalError{err} }

// poll asks check now and then every 50 ms until it returns nil, a final error, or ctx ends.
func poll(ctx context.Context, check func() error) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		err := check()
		if err == nil {
			return nil
		}
		if end := (finalError{}); errors.As(err, &end) {
			return end.error
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (gave up: %w)", err, ctx.Err())
		case <-ticker.C:
		}
	}
}

// Eventually fails the test unless check returns nil within the time given. what names the condition; it returns how
// long it took.
func Eventually(t testing.TB, within time.Duration, what string, check func() error) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	begin := time.Now()
	if err := poll(ctx, check); err != nil {
		t.Fatalf("%s: not within %v: %v", what, within, err)
	}
	return time.Since(begin)
}
