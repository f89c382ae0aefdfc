// Package limits reports refusals by a limit, and other events that a client can cause as often as
// it likes: the first at once and later ones at most once a minute. So no client can fill the disk
// with log lines, and an operator still sees what happens.
package limits

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// reportInterval is the least time between two lines about one limit.
const reportInterval = time.Minute

// Pace counts events, and allows one log line a minute about them. Its methods may be called from
// any goroutine; the zero value is ready.
type Pace struct {
	count    atomic.Int64
	reported atomic.Int64 // the part of count that earlier lines have reported
	next     atomic.Int64 // no line before this time, in Unix nanoseconds; 0: none yet
}

// Add counts one event. If due, the caller logs it: since is the number of events after the last
// line, this one included, and count their total.
func (p *Pace) Add() (since, count int64, due bool) {
	count = p.count.Add(1)
	now, next := time.Now().UnixNano(), p.next.Load()
	if now < next || !p.next.CompareAndSwap(next, now+int64(reportInterval)) {
		return 0, count, false
	}
	return max(count-p.reported.Swap(count), 1), count, true
}

// Count returns the number of events.
func (p *Pace) Count() int64 { return p.count.Load() }

// Refusals counts the refusals of one limit, and logs them. Its methods may be called from any
// goroutine.
type Refusals struct {
	name   string
	logger *slog.Logger
	pace   Pace
}

// NewRefusals makes the counter of a limit. name is the limit's configuration key or, without one,
// its name in the documentation.
func NewRefusals(name string, logger *slog.Logger) *Refusals {
	return &Refusals{name: name, logger: logger}
}

// Add counts one refusal. The first is logged at level warn with attrs, which are pairs as slog
// takes them and describe what was refused. A later one is logged only if the last line is a minute
// old, with the number of refusals since.
func (r *Refusals) Add(attrs ...any) {
	since, count, due := r.pace.Add()
	if !due {
		return
	}
	line := append([]any{"limit", r.name, "refused", since, "in_all", count}, attrs...)
	r.logger.Warn("a limit refuses requests", line...)
}

// Count returns the number of refusals.
func (r *Refusals) Count() int64 { return r.pace.Count() }

// Name returns the name of the limit.
func (r *Refusals) Name() string { return r.name }
