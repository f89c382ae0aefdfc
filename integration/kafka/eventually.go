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

// Patience is how long a test waits for what must happen before it fails. Only a test that fails waits that long, so there is enough of it
// for a machine that has a tenth of a core left for the test.
const Patience = 3 * time.Minute

// Between two looks at what is waited for: the longer it takes, the longer, since looking costs a busy machine time too.
const (
	pollMin   = 50 * time.Millisecond
	pollMax   = time.Second
	pollShare = 20 // of the time waited so far
)

// finalError ends a poll at once: waiting longer cannot help.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

func final(err error) error { return finalError{err} }

// poll asks check at once and then again and again until it returns nil, a final error, or ctx ends.
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

// Eventually fails the test unless check returns nil within the time given. what names the condition; it returns how
// long it took.
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

// Note tells how a test goes. Unless all is told as it happens (-v), what failed comes first in the report, and then the notes, the last first.
func Note(t testing.TB, format string, args ...any) {
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

// missed says what did not happen, what did instead, and how busy the machine is, in case it is that.
func missed(what string, waited time.Duration, got error) string {
	return fmt.Sprintf("want: %s\n got: %v\nwaited %v, %s", what, got, waited.Round(time.Millisecond), machineLoad())
}

func machineLoad() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return fmt.Sprintf("%d cores", runtime.NumCPU())
	}
	average, _, _ := strings.Cut(string(b), " ")
	return fmt.Sprintf("load average %s on %d cores", average, runtime.NumCPU())
}
