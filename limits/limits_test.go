package limits

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// lines returns the log's lines without their time.
func lines(log *bytes.Buffer) []string {
	text := strings.TrimSpace(log.String())
	log.Reset()
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

func TestTheFirstRefusalIsLoggedAndThenOneAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := NewRefusals("max.connections", slog.New(slog.NewTextHandler(&log, nil)))
		r.Add("client", "10.0.0.1")
		if got := lines(&log); len(got) != 1 ||
			!strings.Contains(got[0], "level=WARN") ||
			!strings.Contains(got[0], "limit=max.connections") ||
			!strings.Contains(got[0], "refused=1 in_all=1 client=10.0.0.1") {
			t.Errorf("after the first: %q", got)
		}
		for range 500 {
			r.Add("client", "10.0.0.2")
		}
		time.Sleep(reportInterval - time.Nanosecond) // on the bubble's clock
		r.Add()
		if got := lines(&log); got != nil {
			t.Errorf("within a minute: %q", got)
		}
		time.Sleep(time.Nanosecond)
		r.Add("client", "10.0.0.3")
		if got := lines(&log); len(got) != 1 ||
			!strings.Contains(got[0], "refused=502 in_all=503 client=10.0.0.3") {
			t.Errorf("after a minute: %q", got)
		}
		if r.Count() != 503 {
			t.Errorf("count %d", r.Count())
		}
	})
}

func TestRefusalsOfManyGoroutines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer // slog's handler locks it
		r := NewRefusals("x", slog.New(slog.NewTextHandler(&log, nil)))
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				for range 100 {
					r.Add()
				}
			})
		}
		wg.Wait()
		if got := lines(&log); len(got) != 1 || r.Count() != 1000 {
			t.Errorf("%d refusals, %q", r.Count(), got)
		}
		time.Sleep(reportInterval)
		r.Add()
		if got := lines(&log); len(got) != 1 || !strings.Contains(got[0], "in_all=1001") {
			t.Errorf("%q", got)
		}
	})
}
