package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/controller/feed"
	"github.com/yakt/yakt/metadata"
)

// confirmTimeout bounds a round with the quorum. A leader that is cut off from its quorum notices
// that within its election timeout.
const confirmTimeout = 5 * time.Second

// confirmed returns an image that contains everything acknowledged before the call (raft's
// ReadIndex).
func (a *API) confirmed(ctx context.Context) (*metadata.Image, error) {
	ctx, cancel := context.WithTimeout(ctx, confirmTimeout)
	defer cancel()
	resume := turnOf(ctx).pause()
	end, err := a.cfg.Log.Barrier(ctx)
	resume()
	if err == nil {
		err = a.awaitNews(ctx, feed.AudienceAll, end-2) // the first change after end-2 is at end-1
	}
	switch {
	case err == nil:
		return a.cfg.Controller.Image(), nil
	case ctx.Err() != nil:
		return nil, newProblem(http.StatusGatewayTimeout, kerr.RequestTimedOut,
			"A majority did not confirm in time that this state is the newest. "+
				"Try again, or read with consistency=local.")
	}
	return nil, noLeader("This node could not confirm with a majority that its state is the newest: "+
		"%v. Try again.", err)
}

// awaitNews waits for a change as the controller's Await does, and holds no turn meanwhile.
func (a *API) awaitNews(ctx context.Context, audience feed.Audience, offset int64) error {
	defer turnOf(ctx).pause()()
	return a.cfg.Controller.Await(ctx, audience, offset)
}
