package raftlog

import (
	"context"
	"io"
	"time"
)

const (
	// paceBytes of a snapshot are written and made durable, or read, at a time: what the disk has
	// to flush at once is what an acknowledgement may have to wait behind.
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
	rest(p.ctx, p.began)
	p.bytes, p.began = 0, time.Now()
	return n, nil
}

// rest pauses after work that began at a time, or until ctx ends.
func rest(ctx context.Context, began time.Time) {
	pause := time.NewTimer(min(paceRest*time.Since(began), paceRestMax))
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
	}
}

// cancellableReader reads until ctx ends.
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

// pacedReader spreads the reading of a file over time as pacedWriter does. It reads until ctx ends.
type pacedReader struct {
	cancellableReader
	bytes int // since the last rest
	began time.Time
}

func newPacedReader(ctx context.Context, r io.Reader) *pacedReader {
	return &pacedReader{cancellableReader: cancellableReader{ctx, r}, began: time.Now()}
}

func (p *pacedReader) Read(b []byte) (int, error) {
	n, err := p.cancellableReader.Read(b[:min(len(b), paceBytes)])
	if p.bytes += n; err == nil && p.bytes >= paceBytes {
		rest(p.ctx, p.began)
		p.bytes, p.began = 0, time.Now()
	}
	return n, err
}
