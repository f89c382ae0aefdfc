package httpapi

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// reply is a response that records whether it was written. Go's server answers 200 with an empty
// body if a handler returns without writing; finish makes sure that no request ends like that.
type reply struct {
	http.ResponseWriter
	status int         // 0 until WriteHeader
	begun  bool        // WriteHeader was called, and the answer can no longer be replaced
	lost   bool        // a write to the client failed
	cut    atomic.Bool // other requests need the memory of this one
	// principal is the sender, whom the answer's ETag is for.
	principal string
	turn      *turn // the request's; may be nil
	body      body
	// record, if not nil, gets a copy of the answer, for requests that are repeated with the same
	// Idempotency-Key.
	record *recording
}

// cutOff ends the request's reading, and soon its writing. It may be called from any goroutine.
func (w *reply) cutOff() {
	w.cut.Store(true)
	control := http.NewResponseController(w.ResponseWriter)
	_ = control.SetReadDeadline(time.Unix(1, 0))
	_ = control.SetWriteDeadline(time.Now().Add(lingerTimeout))
}

// WriteHeader sets the status, which is sent with the first part of the body. A status below 200
// does not begin the answer, and is sent at once.
func (w *reply) WriteHeader(status int) {
	if status < http.StatusOK {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	if !w.begun {
		w.begun, w.status = true, status
		if t := w.Header().Get("ETag"); t != "" {
			w.Header().Set("ETag", boundTag(t, w.principal))
		}
	}
}

// Write writes a part of the body. It may let other requests have their turn.
func (w *reply) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK) // unless there is one
	w.record.write(b)
	if !w.body.decided {
		if len(w.body.held)+len(b) < compressMin && compressible(w.Header().Get("Content-Type")) {
			w.body.held = append(w.body.held, b...)
			return len(b), nil
		}
		if err := w.decide(true); err != nil {
			return 0, err
		}
	}
	if err := w.encode(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// FlushError sends what is written; http.ResponseController calls it. An answer that is flushed
// before it is large is not compressed.
func (w *reply) FlushError() error {
	if w.begun && !w.body.decided {
		if err := w.decide(false); err != nil {
			return err
		}
	}
	if gz := w.body.writer; gz != nil {
		if err := gz.Flush(); err != nil {
			return err
		}
	}
	return w.turn.blocking(http.NewResponseController(w.ResponseWriter).Flush)
}

// Unwrap gives an http.ResponseController access to the underlying writer.
func (w *reply) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// broken is the panic of an operation that cannot complete its answer. finish answers with a
// problem instead, or breaks the connection if a part of the answer was sent, so that the client
// cannot mistake that part for the whole.
type broken struct{ err error }

// finish is deferred around every request. It recovers from a panic, so that other requests
// continue, and answers a request that has no answer.
func (a *API) finish(w *reply, r *http.Request, k kind) {
	p := recover()
	if p == nil && w.begun && w.end() == nil {
		return
	}
	err, _ := p.(error)
	if b, ok := p.(broken); ok {
		err = b.err
	}
	aborted := errors.Is(err, http.ErrAbortHandler)
	if !aborted && !w.lost {
		a.cfg.Logger.Error("internal fault in an HTTP request", "method", r.Method,
			"path", r.URL.Path, "request_id", requestIDOf(r.Context()), "fault", fault(p, err),
			"stack", string(debug.Stack()))
	}
	switch {
	case aborted || w.begun:
		panic(http.ErrAbortHandler)
	case k == writeKind:
		writeProblem(w, unknownOutcome())
	default:
		writeProblem(w, internalFault())
	}
	_ = w.end()
}

// fault describes a panic, or a handler that returned without an answer, for the log.
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
// context when the client closes its side of the connection, whether the client has gone or still
// reads. That must not interrupt an operation whose client still reads; hangUp reports it to those
// that wait.
func (a *API) detached(r *http.Request) (*http.Request, context.CancelFunc) {
	ctx := context.WithValue(context.WithoutCancel(r.Context()), clientEnd{}, r.Context())
	ctx, cancel := context.WithTimeout(ctx, a.cfg.OperationTimeout+a.cfg.WaitMax)
	return r.WithContext(ctx), cancel
}

// clientEnd is the context key of the context that ends with the client's side of the connection.
type clientEnd struct{}

// hangUp calls f when the client closes its side of the connection: the client may have gone, so
// the request should no longer wait. stop is that of context.AfterFunc.
func hangUp(ctx context.Context, f func()) (stop func() bool) {
	end, ok := ctx.Value(clientEnd{}).(context.Context)
	if !ok {
		return func() bool { return true }
	}
	return context.AfterFunc(end, f)
}
