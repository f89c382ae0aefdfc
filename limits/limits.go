// Package limits reports that a limit refuses work, or that something else happens which a client
// can cause as often as it likes: the first time at once, and then once a minute, so that nobody can
// fill the disk with log lines and an operator still sees what goes on.
package limits

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// reportInterval is the least time between two lines about one limit.
const reportInterval = time.Minute

// Pace counts events, and lets one line a minute through about them. Its methods may be called from
// any goroutine; the zero value is ready.
type Pace struct {
	count    atomic.Int64
	reported atomic.Int64 // of count, in the lines so far
	next     atomic.Int64 // no line before this time, in Unix nanoseconds; 0: none was written
}

// Note counts one event. It is to be logged if due: since is how many there were since the last
// line, this one included, and count how many in all.
func (p *Pace) Note() (since, count int64, due bool) {
	count = p.count.Add(1)
	now, next := time.Now().UnixNano(), p.next.Load()
	if now < next || !p.next.CompareAndSwap(next, now+int64(reportInterval)) {
		return 0, count, false
	}
	return max(count-p.reported.Swap(count), 1), count, true
}

// Count is how many events there were.
func (p *Pace) Count() int64 { return p.count.Load() }

// Refusals counts what one limit has refused, and logs it. Its methods may be called from any
// goroutine.
type Refusals struct {
	name   string
	logger *slog.Logger
	pace   Pace
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
	since, count, due := r.pace.Note()
	if !due {
		return
	}
	line := append([]any{"limit", r.name, "refused", since, "in_all", count}, attrs...)
	r.logger.Warn("a limit refuses requests", line...)
}

// Count is how often the limit has refused something.
func (r *Refusals) Count() int64 { return r.pace.Count() }

// Name is the name of the limit.
func (r *Refusals) Name() string { return r.name }
