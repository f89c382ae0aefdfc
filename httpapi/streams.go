package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/yakt/yakt/controller/feed"
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
	turn    *turn        // of the request; may be nil
	until   time.Time    // the end of all patience; zero: none
}

func patiently(w http.ResponseWriter) *patient {
	p := &patient{ResponseWriter: w, control: http.NewResponseController(w)}
	if r, ok := w.(*reply); ok {
		p.cut, p.turn = &r.cut, r.turn
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
	deadline := time.Now().Add(answerTimeout)
	if !p.until.IsZero() && deadline.After(p.until) {
		deadline = p.until
	}
	_ = p.control.SetWriteDeadline(deadline)
	return p.ResponseWriter.Write(b)
}

// Unwrap lets an http.ResponseController reach the writer below.
func (p *patient) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// idle waits for news with a comment now and then, so that a connection whose other end has gone is noticed. It is false when the
// stream is over.
func (a *API) idle(ctx context.Context, w *patient, offset int64, audience feed.Audience) bool {
	for ctx.Err() == nil {
		turn, end := context.WithTimeout(ctx, keepAlive)
		err := a.awaitNews(turn, audience, offset)
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
