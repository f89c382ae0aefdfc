package httpapi

import (
	"context"
	"net"

	"github.com/yakt/yakt/turns"
)

// turn is a request's turn at the processor: all requests but those about health work in turns.
// Its methods are for the request's goroutine; a nil one does nothing.
type turn struct {
	at   *turns.Turn
	done <-chan struct{} // ends a wait
}

// requestWork is how long a request over HTTP is expected to work, whatever it asks for: it yields
// seldom, and the shorter requests of brokers and Kafka clients go first.
const requestWork = 4 * turns.LargeSlice

type (
	usageKey struct{} // context key of a connection's *turns.Usage
	turnKey  struct{} // context key of a request's *turn
)

// ConnContext is for an http.Server that serves an API: the API then knows which connections ask
// without a pause, and serves the others first.
func ConnContext(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, usageKey{}, &turns.Usage{})
}

// takeTurn waits for a place for the request of a context.
func (a *API) takeTurn(ctx context.Context) *turn {
	usage, ok := ctx.Value(usageKey{}).(*turns.Usage)
	if !ok {
		usage = &turns.Usage{}
	}
	t := &turn{a.cfg.Turns.Turn(usage), ctx.Done()}
	t.at.Expect(requestWork)
	t.at.Take(t.done)
	return t
}

// turnOf is the turn of the request of a context; nil without one.
func turnOf(ctx context.Context) *turn {
	t, _ := ctx.Value(turnKey{}).(*turn)
	return t
}

// pause gives the place back while the request waits for something; resume takes one again.
func (t *turn) pause() (resume func()) {
	if t == nil {
		return func() {}
	}
	t.at.Drop()
	return func() { t.at.Take(t.done) }
}

// blocking calls f, which may block on the client, and lets others have their turn after it if
// this one has had enough. A request that is in a pause stays in it.
func (t *turn) blocking(f func() error) error {
	if t == nil || !t.at.Held() {
		return f()
	}
	t.at.Block()
	err := f()
	t.at.Unblock()
	t.yield()
	return err
}

// yield lets others have their turn if this one has had enough.
func (t *turn) yield() {
	if t != nil {
		t.at.Yield(turns.LargeSlice, t.done)
	}
}

// end gives the place back: the request is over.
func (t *turn) end() {
	if t != nil {
		t.at.Drop()
	}
}
