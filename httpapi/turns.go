package httpapi

import (
	"context"
	"net"
	"runtime"
	"sync/atomic"
	"time"
)

// turns are places for requests that use the processor for long, so that HTTP never has all of
// it: first come, first served. Who asks for little now and then needs none. While some wait, each
// place is left empty for as long as it was used: a crowd that has much made has the collector
// work much, too, and everybody help it.
type turns struct {
	places  chan struct{}
	waiting atomic.Int32
	owed    atomic.Int64 // nanoseconds that places were used while others waited, less rests
}

func newTurns() *turns {
	return &turns{places: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))}
}

const (
	// stretchMax is how long a connection may use the processor before it takes turns.
	stretchMax = 5 * time.Millisecond
	// restMin is the least worth a rest.
	restMin = time.Millisecond
	// turnMax bounds the wait for a turn: a request that holds one while it waits for something
	// else is a fault of ours, and must not keep all others.
	turnMax = 5 * time.Second
)

// turn is a request's use of the processor. It is for the request's goroutine; nil counts nothing.
type turn struct {
	of    *turns
	conn  *useOfConn // may be nil
	held  bool
	began time.Time // of the stretch that runs
	busy  time.Duration
}

// useOfConn is a connection's use of the processor. Its requests come one after the other.
type useOfConn struct {
	debt time.Duration // what it used, less the time that it was quiet since
	end  time.Time     // of its last request
}

type (
	useKey  struct{} // context key of a *useOfConn
	turnKey struct{} // context key of a *turn
)

// ConnContext is for an http.Server that serves an API: it has the API know the connections that
// ask without a pause.
func ConnContext(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, useKey{}, &useOfConn{})
}

// begin is the turn of a request, which waits for its place if its connection has used much.
func (t *turns) begin(ctx context.Context) *turn {
	r := &turn{of: t, began: time.Now()}
	r.conn, _ = ctx.Value(useKey{}).(*useOfConn)
	if c := r.conn; c != nil {
		c.debt = max(0, c.debt-r.began.Sub(c.end))
		if c.debt > stretchMax {
			r.enter()
		}
	}
	return r
}

// turnOf is the turn of the request of a context; nil without one.
func turnOf(ctx context.Context) *turn {
	r, _ := ctx.Value(turnKey{}).(*turn)
	return r
}

// enter waits for a place, which the request has from then on while it runs.
func (r *turn) enter() {
	if r == nil || r.held {
		return
	}
	r.stop()
	select {
	case r.of.places <- struct{}{}:
		r.held = true
	default:
		r.held = r.wait()
	}
	r.began = time.Now()
}

func (r *turn) wait() bool {
	r.of.waiting.Add(1)
	defer r.of.waiting.Add(-1)
	patience := time.NewTimer(turnMax)
	defer patience.Stop()
	select {
	case r.of.places <- struct{}{}:
		return true
	case <-patience.C:
		return false
	}
}

// stop ends a stretch.
func (r *turn) stop() {
	used := time.Since(r.began)
	r.busy += used
	if r.held {
		r.of.rest(used)
		<-r.of.places
		r.held = false
	}
}

// rest leaves a place empty that was used while others waited. The caller has it.
func (t *turns) rest(used time.Duration) {
	if t.waiting.Load() == 0 {
		return
	}
	if owed := time.Duration(t.owed.Add(int64(used))); owed >= restMin {
		t.owed.Add(-int64(owed))
		time.Sleep(owed)
	}
}

// pause gives the place back while the request waits, or may have to; resume ends that.
func (r *turn) pause() (resume func()) {
	if r == nil {
		return func() {}
	}
	held := r.held
	r.stop()
	if held {
		runtime.Gosched() // those who need little go first
	}
	return func() {
		r.began = time.Now()
		if held {
			r.enter()
		}
	}
}

// end is the end of the request.
func (r *turn) end() {
	r.stop()
	if r.conn != nil {
		r.conn.debt += r.busy
		r.conn.end = time.Now()
	}
}
