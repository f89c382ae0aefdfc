package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/yakt/yakt/protocol"
)

// requestIDHeader carries the id of a request. A client may choose it; otherwise the first node
// that the request reaches makes one. It is in the answer, in problem documents and in the log of
// every node that handles the request.
const requestIDHeader = "X-Request-Id"

// requestIDMax bounds the length of an id that a client chooses, in bytes.
const requestIDMax = 128

// requestIDKey is the context key of the request's id.
type requestIDKey struct{}

// identified returns a request whose context and header hold its id, which is also in the answer's
// header.
func identified(w http.ResponseWriter, r *http.Request) *http.Request {
	id := r.Header.Get(requestIDHeader)
	if !printable(id, requestIDMax) {
		id = protocol.NewUUID().String()
		r.Header.Set(requestIDHeader, id) // for the leader, if the request is forwarded
	}
	w.Header().Set(requestIDHeader, id)
	return r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id))
}

// requestIDOf is the id of the request that a context belongs to; "" if there is none.
func requestIDOf(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// printable reports whether a text has 1 to most bytes, all of them visible ASCII. Other text is
// neither logged nor compared.
func printable(s string, most int) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= most
}

// nameRequest puts the request's id into problem documents; huma calls it before it encodes an
// answer.
func nameRequest(ctx huma.Context, _ string, v any) (any, error) {
	if p, ok := v.(*Problem); ok {
		return p.of(requestIDOf(ctx.Context())), nil
	}
	return v, nil
}

// of returns the problem with the id of the request that it answers.
func (p *Problem) of(requestID string) *Problem {
	named := *p
	named.RequestID = requestID
	return &named
}

// logRequest logs a request that has been answered: writes always, others for debugging.
func (a *API) logRequest(w *reply, r *http.Request, k kind, began time.Time) {
	log := a.cfg.Logger.Debug
	if k == writeKind && w.status != http.StatusOK || k == writeKind && !heartbeats[r.URL.Path] {
		log = a.cfg.Logger.Info
	}
	log("HTTP request", "method", r.Method, "path", r.URL.Path, "status", w.status,
		"request_id", requestIDOf(r.Context()), "client", clientOf(r.Context()),
		"principal", caller(r.Context()).Principal,
		"took", time.Since(began).Round(time.Microsecond))
}

// heartbeats are the writes that a broker repeats all the time; the log shows only their failures.
var heartbeats = map[string]bool{"/v1/broker_mgmt": true}
