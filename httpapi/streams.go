package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/yakt/yakt/controller"
)

// answerMax is how long a client may take over one answer, or one event of a stream, as long as
// it takes something each answerTimeout.
const answerMax = 10 * time.Minute

var errCut = errors.New("cut off: the client was slow, and others need the room")

// patient is a response that a slow reader may take its time with. It is for one goroutine.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
	cut     *atomic.Bool // of the request; may be nil
	until   time.Time    // the end of all patience; zero: none
	turn    turns        // that the writer holds, and gives back while it writes; nil: none
}

func patiently(w http.ResponseWriter) *patient {
	p := &patient{ResponseWriter: w, control: http.NewResponseController(w)}
	if r, ok := w.(*reply); ok {
		p.cut = &r.cut
	}
	p.renew()
	return p
}

// renew begins the time for a further answer.
func (p *patient) renew() { p.until = time.Now().Add(answerMax) }

func (p *patient) Write(b []byte) (int, error) {
	if p.cut != nil && p.cut.Load() {
		return 0, errCut
	}
	if p.turn != nil {
		p.turn.give()
		runtime.Gosched() // whoever has little to do goes first
		defer p.turn.take()
	}
	deadline := time.Now().Add(answerTimeout)
	if !p.until.IsZero() && deadline.After(p.until) {
		deadline = p.until
	}
	_ = p.control.SetWriteDeadline(deadline)
	return p.ResponseWriter.Write(b)
}

// inTurns has f write an answer that is long to make: others have their turn between two writes.
func (p *patient) inTurns(t turns, f func() error) error {
	defer t.take()()
	p.turn = t
	defer func() { p.turn = nil }()
	return f()
}

// Unwrap lets an http.ResponseController reach the writer below.
func (p *patient) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// turns are places for what takes long to make, so that HTTP never has all processors: first
// come, first served.
type turns chan struct{}

func newTurns() turns { return make(turns, max(1, runtime.GOMAXPROCS(0)/2)) }

// take waits for a turn; give, or the function returned, ends it.
func (t turns) take() (give func()) {
	t <- struct{}{}
	return t.give
}

func (t turns) give() { <-t }

// idle waits for news with a comment now and then, so that a connection whose other end has gone is noticed. It is false when the
// stream is over.
func (a *API) idle(ctx context.Context, w *patient, offset int64, audience controller.Audience) bool {
	for ctx.Err() == nil {
		turn, end := context.WithTimeout(ctx, keepAlive)
		err := a.cfg.Controller.Await(turn, audience, offset)
		end()
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			break
		}
		w.renew()
		if _, err := io.WriteString(w, ": still here\n\n"); err != nil || w.control.Flush() != nil {
			return false
		}
	}
	return false
}
