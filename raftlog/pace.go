package raftlog

import (
	"context"
	"io"
	"time"
)

const (
	// paceBytes of a snapshot are written and made durable, or read, between two pauses: an
	// acknowledgement may have to wait until the disk has flushed that much.
	paceBytes = 1 << 20
	// paceRest is the length of a pause relative to the work before it; paceRestMax bounds it.
	paceRest    = 2
	paceRestMax = 50 * time.Millisecond
)

// Clock is the time as a log sees it. The zero value is the system's; tests and simulations replace
// it. Both functions may be called from any goroutine.
type Clock struct {
	// Now returns the current time.
	Now func() time.Time
	// Sleep returns after d, or earlier when ctx ends.
	Sleep func(ctx context.Context, d time.Duration)
}

func (c Clock) filled() Clock {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Sleep == nil {
		c.Sleep = sleep
	}
	return c
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// pacer inserts pauses into long work on the disk.
type pacer struct {
	ctx   context.Context
	clock Clock
	bytes int // since the last pause
	began time.Time
}

func newPacer(ctx context.Context, clock Clock) pacer {
	return pacer{ctx: ctx, clock: clock, began: clock.Now()}
}

// due counts n further bytes and reports whether a pause is due.
func (p *pacer) due(n int) bool {
	p.bytes += n
	return p.bytes >= paceBytes && p.ctx.Err() == nil
}

// pause sleeps in proportion to the time worked since the last pause.
func (p *pacer) pause() {
	worked := p.clock.Now().Sub(p.began)
	p.clock.Sleep(p.ctx, min(paceRest*worked, paceRestMax))
	p.bytes, p.began = 0, p.clock.Now()
}

// pacedWriter spreads the writing of a snapshot over time, so that requests have the processor and
// the disk to themselves for most of it. After ctx has ended it writes without pauses.
type pacedWriter struct {
	pacer
	w io.Writer // synced before every pause, if it is a syncer
}

// syncer is a writer whose bytes can be made durable.
type syncer interface{ Datasync() error }

func newPacedWriter(ctx context.Context, clock Clock, w io.Writer) *pacedWriter {
	return &pacedWriter{newPacer(ctx, clock), w}
}

func (p *pacedWriter) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	if !p.due(n) || err != nil {
		return n, err
	}
	if f, ok := p.w.(syncer); ok {
		if err := f.Datasync(); err != nil {
			return n, err
		}
	}
	p.pause()
	return n, nil
}

// cancellableReader fails once ctx has ended.
type cancellableReader struct {
	ctx context.Context
	r   io.Reader
}

func (c cancellableReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

// pacedReader spreads the reading of a file over time as pacedWriter does. It fails once ctx has
// ended.
type pacedReader struct {
	pacer
	r cancellableReader
}

func newPacedReader(ctx context.Context, clock Clock, r io.Reader) *pacedReader {
	return &pacedReader{newPacer(ctx, clock), cancellableReader{ctx, r}}
}

func (p *pacedReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b[:min(len(b), paceBytes)])
	if p.due(n) && err == nil {
		p.pause()
	}
	return n, err
}
