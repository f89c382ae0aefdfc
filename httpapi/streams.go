package httpapi

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/yakt/yakt/controller"
)

// idle waits for news with a comment now and then, so that a connection whose other end has gone is noticed. It is false when the
// stream is over.
func (a *API) idle(ctx context.Context, w io.Writer, out *http.ResponseController, offset int64, audience controller.Audience) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.streams, cancel)()
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
		_ = out.SetWriteDeadline(time.Now().Add(streamTimeout))
		if _, err := io.WriteString(w, ": still here\n\n"); err != nil || out.Flush() != nil {
			return false
		}
	}
	return false
}
