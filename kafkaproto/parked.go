package kafkaproto

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/yakt/yakt/limits"
)

var (
	errHungUp    = errors.New("the client has gone while its request was worked on")
	errWaitEnded = errors.New("a request is no longer to wait: its client has closed its side of " +
		"the connection, " +
		"too many wait, or it has waited for as long as any may")
)

// sweepInterval is the pause between two checks of the connections with an outstanding request.
const sweepInterval = time.Second

// endsPerSweep bounds the requests that one sweep ends: their answers need the processor.
const endsPerSweep = 2000

// patience bounds how long the requests of a connection wait in Config.Handle. The zero value is
// ready.
type patience struct{ current atomic.Pointer[wait] }

type wait struct {
	ctx context.Context
	end context.CancelCauseFunc
}

// renew returns the context for the next request: the same one until a request was ended.
func (p *patience) renew(connection context.Context) context.Context {
	if w := p.current.Load(); w != nil && w.ctx.Err() == nil {
		return w.ctx
	}
	w := &wait{}
	w.ctx, w.end = context.WithCancelCause(connection)
	p.current.Store(w)
	return w.ctx
}

// end ends the context of the outstanding request, so that it is answered now. It may be called
// from any goroutine.
func (p *patience) end() {
	if w := p.current.Load(); w != nil {
		w.end(errWaitEnded)
	}
}

// sweeper finds connections whose request has been outstanding for long. While a reply is
// outstanding nothing is read, so nothing else would detect that the client has gone.
type sweeper struct{ server *Server }

// still records since when a connection has not changed. The server's lock guards it.
type still struct {
	asked  uint64 // conn.asked, odd if a request is outstanding
	sweeps int    // number of sweeps that have found the same value
	ended  bool   // the request's context was ended
}

// run sweeps until the server drains.
func (w *sweeper) run() {
	ticker := time.NewTicker(sweepInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			w.sweep()
			w.server.budget.chunks.rest()
			w.server.peerBudget.chunks.rest()
			w.server.strangers.chunks.rest()
		case <-w.server.stop:
			return
		}
	}
}

// sweep ends the requests of clients that have gone, and of those beyond a limit on time or number,
// the newest first. A client that has only closed its sending side gets its answer at once.
func (w *sweeper) sweep() {
	all, perIP, ends := 0, make(map[string]int), 0
	for _, p := range w.outstanding() {
		ip := p.conn.caller.ClientAddr
		gone, closedSide := hungUp(p.conn.raw)
		switch limit := w.limit(p, all, perIP[ip]); {
		case gone:
			p.conn.close(errHungUp)
		case p.ended:
		case closedSide && ends < endsPerSweep:
			ends++
			w.end(p.conn)
		case limit != nil && ends < endsPerSweep:
			ends++
			w.end(p.conn)
			limit.Add("client", p.conn.remote)
		default:
			all++
			perIP[ip]++
		}
	}
}

// limit returns the limit that a request has reached if that many older ones are parked; nil if
// there is none.
func (w *sweeper) limit(p parked, all, ofAddress int) *limits.Refusals {
	cfg, refused := w.server.cfg, &w.server.refused
	switch {
	case time.Duration(p.sweeps)*sweepInterval >= cfg.MaxWait:
		return refused.wait
	case all >= cfg.MaxParked:
		return refused.parked
	case ofAddress >= cfg.MaxParkedPerIP:
		return refused.parkedPerIP
	}
	return nil
}

func (w *sweeper) end(c *conn) {
	w.server.mu.Lock()
	c.still.ended = true
	w.server.mu.Unlock()
	c.patience.end()
}

// parked is a request that was already outstanding at the last sweep.
type parked struct {
	conn *conn
	still
}

// outstanding checks all connections and returns the parked requests, the oldest first.
func (w *sweeper) outstanding() []parked {
	var old []parked
	s := w.server
	s.mu.Lock()
	for c := range s.conns {
		asked := c.asked.Load()
		if asked != c.still.asked {
			c.still = still{asked: asked}
			continue
		}
		c.still.sweeps++
		if asked%2 == 1 {
			old = append(old, parked{c, c.still})
		}
	}
	s.mu.Unlock()
	slices.SortFunc(old, func(x, y parked) int { return cmp.Compare(y.sweeps, x.sweeps) })
	return old
}
