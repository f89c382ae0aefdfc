package httpapi

import (
	"context"

	"github.com/yakt/yakt/metadata"
)

// WriteParams are the query parameters of every write.
type WriteParams struct {
	// A standby answers 308 with the leader's address instead of forwarding the request.
	Redirect bool `query:"redirect" example:"false"`
}

// ReadParams are the query parameters of every read.
type ReadParams struct {
	// local: this node's committed state. linearizable: the newest state, which the leader confirms
	// with a majority first.
	Consistency string `query:"consistency" enum:"local,linearizable" default:"local" example:"local"`
	// A standby answers a linearizable read with 308 instead of forwarding it.
	Redirect bool `query:"redirect" example:"false"`
}

// PositionHeaders state which position in the log an answer shows.
type PositionHeaders struct {
	// Offset of the last record that the answer's state contains.
	Offset int64 `header:"X-Yakt-Offset" example:"42"`
	// Leader epoch of that record.
	Epoch int32 `header:"X-Yakt-Epoch" example:"3"`
}

// headersOf are the position headers of an answer that shows an image.
func headersOf(img *metadata.Image) PositionHeaders { return imagePosition(img).headers() }

// answer is a JSON body with the position that it shows.
type answer[T any] struct {
	PositionHeaders
	Body T
}

// read returns the image that a read is answered from, with the consistency that it asks for.
func (a *API) read(ctx context.Context, p ReadParams) (*metadata.Image, error) {
	if p.Consistency != linearizable {
		return a.cfg.Controller.Image(), nil
	}
	return a.confirmed(ctx)
}

// linearizable is the value of the parameter consistency that the leader must answer.
const linearizable = "linearizable"
