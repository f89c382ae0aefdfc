package httpapi

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/yakt/yakt/controller"
)

// patient is a response that a slow reader may take its time with, as long as it takes something now and then.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
}

func patiently(w http.ResponseWriter) *patient {
	return &patient{w, http.NewResponseController(w)}
}

func (p *patient) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(answerTimeout))
	return p.ResponseWriter.Write(b)
}

// Unwrap lets an http.ResponseController reach the writer below.
func (p *patient) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// idle waits for news with a comment now and then, so that a connection whose other end has gone is noticed. It is false when the
// stream is over.
func (a *API) idle(ctx context.Context, w io.Writer, out *http.ResponseController, offset int64, audience controller.Audience) bool {
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
		if _, err := io.WriteString(w, ": still here\n\n"); err != nil || out.Flush() != nil {
			return false
		}
	}
	return false
}
