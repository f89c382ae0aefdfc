package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/controller/feed"
)

// answerMax is how long a client may take to read one answer, or one event of a stream, provided
// that it reads something within each answerTimeout.
const answerMax = 10 * time.Minute

var errCut = errors.New("cut off: the client was slow, and other requests need the memory")

// deadlineWriter is a response whose write deadline moves with each write, so that a slow client
// may read a long answer. It is for one goroutine.
type deadlineWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	cut     *atomic.Bool // set when the request is cut off; may be nil
	until   time.Time    // the deadline of the whole answer; zero if it has none
}

func withDeadlines(w http.ResponseWriter) *deadlineWriter {
	d := &deadlineWriter{ResponseWriter: w, control: http.NewResponseController(w)}
	if r, ok := w.(*reply); ok {
		d.cut = &r.cut
	}
	d.renew()
	return d
}

// renew starts the time of a further answer.
func (d *deadlineWriter) renew() { d.until = time.Now().Add(answerMax) }

// Write sets the deadline and writes.
func (d *deadlineWriter) Write(b []byte) (int, error) {
	if d.cut != nil && d.cut.Load() {
		return 0, errCut
	}
	deadline := time.Now().Add(answerTimeout)
	if !d.until.IsZero() && deadline.After(d.until) {
		deadline = d.until
	}
	_ = d.control.SetWriteDeadline(deadline)
	return d.ResponseWriter.Write(b)
}

// Unwrap gives an http.ResponseController access to the underlying writer.
func (d *deadlineWriter) Unwrap() http.ResponseWriter { return d.ResponseWriter }

// keepAlive is how often a stream sends a comment while there is no change.
const keepAlive = 15 * time.Second

// stream writes News as server-sent events, the first at once, until this node stops or a write
// fails. A client that has only closed its own side of the connection still reads.
func (a *API) stream(hc huma.Context, p feedParams, audience feed.Audience) {
	r, below := humago.Unwrap(hc)
	w := withDeadlines(below)
	w.Header().Set("Content-Type", eventStream)
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer cancel()
	defer context.AfterFunc(a.streams, cancel)()
	for first := true; first || ctx.Err() == nil; first = false {
		if !a.mayFollow(ctx) {
			return
		}
		news := a.cfg.Controller.NewsSince(ctx, p.offset)
		if end := imagePosition(news.Image).offset; first || news.Snapshot || end > p.offset {
			w.renew()
			if err := errors.Join(a.writeEvent(w, news, audience), w.control.Flush()); err != nil {
				panic(broken{err})
			}
			p.offset = end
		}
		if !a.idle(ctx, w, p.offset, audience) {
			return
		}
	}
}

// mayFollow reports whether the client of a stream may still have it: its permission can be taken
// away, and its credentials can expire.
func (a *API) mayFollow(ctx context.Context) bool {
	until, ends := ctx.Value(credentialsEnd{}).(time.Time)
	return a.mayKnow(ctx, acls.ClusterAction, acls.Cluster, acls.ClusterName) &&
		(!ends || a.now().Before(until))
}

func (a *API) writeEvent(w *deadlineWriter, n feed.News, audience feed.Audience) error {
	_, err := fmt.Fprintf(w, "id: %d\nevent: %s\ndata: ", imagePosition(n.Image).offset, newsKind(n))
	if err != nil {
		return err
	}
	return a.writeNews(w, n, audience, "\n\n")
}

// idle waits for a change. It sends a comment now and then, so that a connection whose other end
// has gone is noticed. It returns false if the stream is over.
func (a *API) idle(
	ctx context.Context, w *deadlineWriter, offset int64, audience feed.Audience,
) bool {
	for ctx.Err() == nil {
		interval, end := context.WithTimeout(ctx, keepAlive)
		err := a.awaitNews(interval, audience, offset)
		end()
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			break
		}
		if !a.mayFollow(ctx) {
			return false
		}
		w.renew()
		if _, err := io.WriteString(w, ": still here\n\n"); err != nil || w.control.Flush() != nil {
			return false
		}
	}
	return false
}
