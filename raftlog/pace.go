package raftlog

import (
	"context"
	"io"
	"time"
)

const (
	// paceBytes of a snapshot are written and made durable at a time: what the disk has to flush at once is what an
	// acknowledgement may have to wait behind.
	paceBytes = 1 << 20
	// paceRest is how long the writer then rests, in times of how long it worked; never longer than paceRestMax.
	paceRest    = 2
	paceRestMax = 50 * time.Millisecond
)

// pacedWriter spreads the writing of a snapshot over time, so that requests have processor and disk to themselves for most
// of it. When ctx ends it hurries.
type pacedWriter struct {
	ctx   context.Context
	w     io.Writer // synced at every rest, if it can be
	bytes int       // since the last rest
	began time.Time
}

func newPacedWriter(ctx context.Context, w io.Writer) *pacedWriter {
	return &pacedWriter{ctx: ctx, w: w, began: time.Now()}
}

func (p *pacedWriter) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	if p.bytes += n; err != nil || p.bytes < paceBytes || p.ctx.Err() != nil {
		return n, err
	}
	if f, ok := p.w.(interface{ Sync() error }); ok {
		if err := f.Sync(); err != nil {
			return n, err
		}
	}
	rest := time.NewTimer(min(paceRest*time.Since(p.began), paceRestMax))
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-p.ctx.Done():
	}
	p.bytes, p.began = 0, time.Now()
	return n, nil
}
