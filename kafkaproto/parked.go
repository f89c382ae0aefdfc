package kafkaproto

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

var (
	errHungUp    = errors.New("the client has gone while its request was worked on")
	errWaitEnded = errors.New("a request is no longer to wait: its client has closed its side of the connection, " +
		"too many wait, or it has waited for as long as any may")
)

// sweepInterval is how often connections are looked at whose request is outstanding.
const sweepInterval = time.Second

// patience is how long requests of a connection may wait in Config.Handle. The zero value is ready.
type patience struct{ current atomic.Pointer[wait] }

type wait struct {
	ctx context.Context
	end context.CancelCauseFunc
}

// renew returns the context that a request is handed over with: the same for all until one was ended.
func (p *patience) renew(connection context.Context) context.Context {
	if w := p.current.Load(); w != nil && w.ctx.Err() == nil {
		return w.ctx
	}
	w := &wait{}
	w.ctx, w.end = context.WithCancelCause(connection)
	p.current.Store(w)
	return w.ctx
}

// end makes the request that waits answer now. It may be called from any goroutine.
func (p *patience) end() {
	if w := p.current.Load(); w != nil {
		w.end(errWaitEnded)
	}
}

// sweeper finds connections whose request has been outstanding for long. While a reply is
// outstanding nothing is read, so nothing else would notice that the client has gone.
type sweeper struct {
	server *Server
	seen   map[*conn]parked // those whose request was outstanding at the last sweep
}

// parked is a request that waits.
type parked struct {
	asked  uint64 // conn.asked
	sweeps int    // at how many it was outstanding before
}

// run sweeps until the server drains.
func (w *sweeper) run() {
	ticker := time.NewTicker(sweepInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			w.sweep()
		case <-w.server.stop:
			return
		}
	}
}

// sweep ends the requests of clients that have gone, that wait for too long or are too many. A client
// that has only closed its side gets its answer at once.
func (w *sweeper) sweep() {
	cfg, all, perIP := w.server.cfg, 0, make(map[string]int)
	for c, p := range w.outstanding() {
		if p.sweeps == 0 {
			continue
		}
		ip := c.caller.ClientAddr
		gone, closedSide := hungUp(c.nc)
		switch {
		case gone:
			c.close(errHungUp)
			continue
		case closedSide:
			c.patience.end()
			continue
		case time.Duration(p.sweeps)*sweepInterval >= cfg.MaxWait:
			c.patience.end()
			w.server.refused.wait.Note("client", c.remote)
			continue
		case all >= cfg.MaxParked:
			c.patience.end()
			w.server.refused.parked.Note("client", c.remote)
			continue
		case perIP[ip] >= cfg.MaxParkedPerIP:
			c.patience.end()
			w.server.refused.parkedPerIP.Note("client", c.remote)
			continue
		}
		all++
		perIP[ip]++
	}
}

// outstanding returns the connections whose request is outstanding, and notes them for the next sweep.
func (w *sweeper) outstanding() map[*conn]parked {
	s, now := w.server, make(map[*conn]parked)
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		asked := c.asked.Load()
		if asked%2 == 0 {
			continue
		}
		before, known := w.seen[c]
		if known && before.asked == asked {
			now[c] = parked{asked, before.sweeps + 1}
		} else {
			now[c] = parked{asked: asked}
		}
	}
	w.seen = now
	return now
}
