package httpapi

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// reply is a response that knows what has become of it. Go's server answers 200 with an empty
// body for a handler that returns without a word; settle sees to it that no request ends like
// that.
type reply struct {
	http.ResponseWriter
	begun bool        // the status is written: nothing else can be said
	lost  bool        // the client could not be written to
	cut   atomic.Bool // others need what this request holds
	turn  *turn       // of the request; may be nil
}

// cutOff ends the request's reading, and soon its writing. It may be called from any goroutine.
func (w *reply) cutOff() {
	w.cut.Store(true)
	control := http.NewResponseController(w.ResponseWriter)
	_ = control.SetReadDeadline(time.Unix(1, 0))
	_ = control.SetWriteDeadline(time.Now().Add(lingerTimeout))
}

func (w *reply) WriteHeader(status int) {
	w.begun = w.begun || status >= http.StatusOK
	w.ResponseWriter.WriteHeader(status)
}

func (w *reply) Write(b []byte) (int, error) {
	w.begun = true
	var n int
	err := w.turn.blocking(func() (err error) {
		n, err = w.ResponseWriter.Write(b)
		return err
	})
	w.lost = w.lost || err != nil
	return n, err
}

// FlushError is for an http.ResponseController.
func (w *reply) FlushError() error {
	return w.turn.blocking(http.NewResponseController(w.ResponseWriter).Flush)
}

// Unwrap lets an http.ResponseController reach the writer below.
func (w *reply) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// broken is the panic of an operation that cannot complete its answer. settle turns it into a
// problem, or breaks the connection off where a part of the answer has gone out: a client must
// not take that for the whole.
type broken struct{ err error }

// settle is deferred around every request: it keeps a fault in one from the others, and answers
// where nothing did.
func (a *API) settle(w *reply, r *http.Request, k kind) {
	p := recover()
	if p == nil && w.begun {
		return
	}
	err, _ := p.(error)
	if b, ok := p.(broken); ok {
		err = b.err
	}
	aborted := errors.Is(err, http.ErrAbortHandler)
	if !aborted && !w.lost {
		a.cfg.Logger.Error("internal fault in an HTTP request", "method", r.Method,
			"path", r.URL.Path, "fault", fault(p, err), "stack", string(debug.Stack()))
	}
	switch {
	case aborted || w.begun:
		panic(http.ErrAbortHandler)
	case k == writeKind:
		writeProblem(w, unknownOutcome())
	default:
		writeProblem(w, internalFault())
	}
}

// fault is what a log says of a panic, or of a handler that returned without an answer.
func fault(p any, err error) any {
	switch {
	case err != nil:
		return err
	case p != nil:
		return p
	}
	return "the operation ended without an answer"
}

// detached gives a request a context with a time limit of its own. Go's server ends a request's
// context when it has read the end of what the client sends, be it that the client has gone or
// that it has said all it has to say: that must not cut off an operation whose client still
// listens. hangUp tells of it.
func (a *API) detached(r *http.Request) (*http.Request, context.CancelFunc) {
	ctx := context.WithValue(context.WithoutCancel(r.Context()), clientEnd{}, r.Context())
	ctx, cancel := context.WithTimeout(ctx, a.cfg.OperationTimeout+a.cfg.WaitMax)
	return r.WithContext(ctx), cancel
}

// clientEnd is the context key of the context that ends with the client's side of the connection.
type clientEnd struct{}

// hangUp calls f once the client has closed its side of the connection: it may have gone, so
// there is nothing left to wait for in its name. stop is that of context.AfterFunc.
func hangUp(ctx context.Context, f func()) (stop func() bool) {
	end, ok := ctx.Value(clientEnd{}).(context.Context)
	if !ok {
		return func() bool { return true }
	}
	return context.AfterFunc(end, f)
}
