package httpapi

import (
	"context"

	"github.com/yakt/yakt/metadata"
)

// WriteParams are the parameters of every write of an administrator.
type WriteParams struct {
	// A standby answers 308 with the leader's address instead of forwarding the request.
	Redirect bool `query:"redirect" example:"false"`
	// Answer as if the change were made, with the same errors, and change nothing.
	DryRun bool `query:"dryRun" example:"false"`
	// Make the change only if the cluster's state is that of the answer with this ETag; otherwise
	// the answer is 412.
	IfMatch string `header:"If-Match" maxLength:"1000" pattern:"^[!-~ ]*$" example:"\"42-3\""`
	// A random text of the client's choice. A request with the key of an earlier one gets the same
	// answer and does nothing.
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" pattern:"^[!-~]*$" example:"7d1c"`
}

// HeartbeatParams are the parameters of a broker's heartbeat, which is no write of an
// administrator.
type HeartbeatParams struct {
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

// StateParams are the parameters of a read by GET whose answer shows nothing but the cluster's
// state.
type StateParams struct {
	ReadParams
	// The ETag of the answer that the caller has; if the state is still the same, the answer is 304.
	IfNoneMatch string `header:"If-None-Match" maxLength:"1000" pattern:"^[!-~ ]*$" example:"\"42-3\""`
}

// PositionHeaders state which position in the log an answer shows.
type PositionHeaders struct {
	// Offset of the last record that the answer's state contains.
	Offset int64 `header:"X-Yakt-Offset" example:"42"`
	// Leader epoch of that record.
	Epoch int32 `header:"X-Yakt-Epoch" example:"3"`
}

// StateHeaders are the headers of an answer that shows the cluster's state.
type StateHeaders struct {
	PositionHeaders
	// Names the state, for If-None-Match and If-Match. It is made from offset and epoch.
	ETag string `header:"ETag" example:"\"42-3\""`
}

// headersOf are the position headers of an answer that shows an image.
func headersOf(img *metadata.Image) PositionHeaders { return imagePosition(img).headers() }

// stateOf are the headers of an answer that shows nothing but an image's state.
func stateOf(img *metadata.Image) StateHeaders {
	return StateHeaders{headersOf(img), tagOf(img).String()}
}

// stateAnswer is a JSON body that shows nothing but the cluster's state.
type stateAnswer[T any] struct {
	StateHeaders
	Body T
}

// answer is a JSON body with the position that it shows.
type answer[T any] struct {
	PositionHeaders
	Body T
}

// read returns the image of an answer that shows nothing but its state, as image does, or the error
// that answers 304 if the caller has the same state already.
func (a *API) read(ctx context.Context, p ReadParams) (*metadata.Image, error) {
	img, err := a.image(ctx, p)
	if err != nil {
		return nil, err
	}
	return img, a.unchanged(ctx, img)
}

// image returns the image that a read is answered from, with the consistency that it asks for.
func (a *API) image(ctx context.Context, p ReadParams) (*metadata.Image, error) {
	if p.Consistency != linearizable {
		return a.cfg.Controller.Image(), nil
	}
	return a.confirmed(ctx)
}

// linearizable is the value of the parameter consistency that the leader must answer.
const linearizable = "linearizable"
