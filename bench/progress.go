package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const progressInterval = 200 * time.Millisecond

// progress shows the current work on one line of a terminal; elsewhere it prints a line for each
// new part. Safe for concurrent use.
type progress struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	begin    time.Time
	where    string // "12/84 round 1/3 b YAKt"
	shown    time.Time
}

func newProgress(f *os.File) *progress {
	fi, err := f.Stat()
	return &progress{w: f, terminal: err == nil && fi.Mode()&os.ModeCharDevice != 0,
		begin: time.Now()}
}

// at begins a part of the run.
func (p *progress) at(where string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.where, p.shown = where, time.Time{}
	if !p.terminal {
		fmt.Fprintf(p.w, "%7s  %s\n", p.elapsed(), where)
	}
}

// show shows the progress within the part; calls in quick succession are dropped.
func (p *progress) show(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.terminal || time.Since(p.shown) < progressInterval {
		return
	}
	p.shown = time.Now()
	fmt.Fprintf(p.w, "\r\x1b[K%7s  %s: %s", p.elapsed(), p.where, fmt.Sprintf(format, args...))
}

// say prints a line that stays.
func (p *progress) say(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear := ""
	if p.terminal {
		clear = "\r\x1b[K"
	}
	fmt.Fprintf(p.w, "%s%7s  %s: %s\n", clear, p.elapsed(), p.where, text)
}

// done clears the line.
func (p *progress) done() {
	if p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

func (p *progress) elapsed() time.Duration { return time.Since(p.begin).Round(time.Second) }
