// Package limits reports that a limit refuses work: the first time at once, and then by rate, so
// that an attacker cannot fill the disk with log lines and an operator still sees what goes on.
package limits

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// reportInterval is the least time between two lines about one limit.
const reportInterval = time.Minute

// Refusals counts what one limit has refused, and logs it. Its methods may be called from any
// goroutine.
type Refusals struct {
	name   string
	logger *slog.Logger

	count    atomic.Int64
	reported atomic.Int64 // of count, in the lines so far
	next     atomic.Int64 // no line before this time, in Unix nanoseconds; 0: none was written
}

// NewRefusals is for the limit that an operator changes by the configuration key name, or that has
// that name in the documentation.
func NewRefusals(name string, logger *slog.Logger) *Refusals {
	return &Refusals{name: name, logger: logger}
}

// Note counts one refusal. The first is logged at level warn with attrs, which are pairs as slog
// takes them and say what was refused; a later one only if the last line is a minute old, with the
// number of refusals since.
func (r *Refusals) Note(attrs ...any) {
	count := r.count.Add(1)
	now, next := time.Now().UnixNano(), r.next.Load()
	if now < next || !r.next.CompareAndSwap(next, now+int64(reportInterval)) {
		return
	}
	since := count - r.reported.Swap(count)
	line := append([]any{"limit", r.name, "refused", max(since, 1), "in_all", count}, attrs...)
	r.logger.Warn("a limit refuses requests", line...)
}

// Count is how often the limit has refused something.
func (r *Refusals) Count() int64 { return r.count.Load() }

// Name is the name of the limit.
func (r *Refusals) Name() string { return r.name }
