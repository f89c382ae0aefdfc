package kafka

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Patience is how long a test waits for an expected event before it fails. Only a failing test
// waits that long, so it is generous: enough for a machine that has a tenth of a core left.
const Patience = 3 * time.Minute

// The pause between two checks grows with the time waited, since a check costs a busy machine time
// too.
const (
	pollMin   = 50 * time.Millisecond
	pollMax   = time.Second
	pollShare = 20 // the pause is the time waited so far divided by this
)

// finalError ends a poll at once: waiting cannot help.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

func final(err error) error { return finalError{err} }

// poll calls check, at once and then repeatedly, until it returns nil or a final error, or ctx
// ends.
func poll(ctx context.Context, check func() error) error {
	begin := time.Now()
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
		case <-time.After(min(pollMin+time.Since(begin)/pollShare, pollMax)):
		}
	}
}

// Eventually fails the test unless check returns nil within the given time, and returns how long
// that took. what names the condition.
func Eventually(t testing.TB, within time.Duration, what string, check func() error) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	begin := time.Now()
	if err := poll(ctx, check); err != nil {
		t.Fatal(missed(what, time.Since(begin), err))
	}
	return time.Since(begin)
}

// Poll is Eventually for a caller that goes on if the condition does not come true: it returns the
// last error of check.
func Poll(ctx context.Context, within time.Duration, check func() error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return poll(ctx, check)
}

// Logf logs the progress of a test. Without -v, Go prints such lines only if the test fails; then
// the failure comes first and the lines follow, newest first.
func Logf(t testing.TB, format string, args ...any) {
	t.Helper()
	text := fmt.Sprintf(format, args...)
	if testing.Verbose() {
		t.Log(text)
		return
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("before that: " + text)
		}
	})
}

// missed is the failure message: the expected event, the last error, and the load of the machine,
// in case that is the cause.
func missed(what string, waited time.Duration, got error) string {
	return fmt.Sprintf("want: %s\n got: %v\nwaited %v, %s", what, got,
		waited.Round(time.Millisecond), machineLoad())
}

func machineLoad() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return fmt.Sprintf("%d cores", runtime.NumCPU())
	}
	average, _, _ := strings.Cut(string(b), " ")
	return fmt.Sprintf("load average %s on %d cores", average, runtime.NumCPU())
}
