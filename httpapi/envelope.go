package httpapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/protocol"
)

// A standby authenticates a client and forwards its request to the leader, which authorizes it. Who
// the client is travels with the request in the header X-Yakt-Caller, as in Kafka's ENVELOPE. The
// header counts only in requests that come through the tunnel of another controller; it is removed
// from all others, so a client cannot choose to be somebody else.
const callerHeader = "X-Yakt-Caller"

// envelope is what the header holds, as base64 of JSON.
type envelope struct {
	Principal string `json:"principal"`
	Addr      string `json:"addr"`
	Protocol  int16  `json:"protocol"`
	Token     bool   `json:"token,omitempty"`
}

// envelopeBytesMax bounds the header. The longest principal of a record has 32,767 bytes; those of
// clients come from shorter headers and certificates.
const envelopeBytesMax = 24 << 10

// tunnelKey is the context key that marks requests from other controllers.
type tunnelKey struct{}

func tunnelled(ctx context.Context) bool { return ctx.Value(tunnelKey{}) != nil }

// Tunnel is the handler for the requests that other controllers forward. Their word is taken for
// who has sent a request, so nobody else may reach it.
func (a *API) Tunnel() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), tunnelKey{}, true)))
	})
}

// ServeHTTP answers a client's request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Header.Del(callerHeader)
	r.Header.Del(forwardedBy)
	a.handler.ServeHTTP(w, r)
}

// enclose writes a caller into the header of a request to another controller.
func enclose(h http.Header, c protocol.Caller) {
	data, err := json.Marshal(envelope{
		c.Principal, c.ClientAddr, c.SecurityProtocol, c.TokenAuthenticated,
	})
	if err != nil {
		panic(err) // a struct of plain values
	}
	h.Set(callerHeader, base64.StdEncoding.EncodeToString(data))
}

// openEnvelope reads the header; ok is false if it is malformed.
func openEnvelope(text string) (e envelope, ok bool) {
	if len(text) > envelopeBytesMax {
		return e, false
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(data, &e) != nil {
		return e, false
	}
	kind, name, typed := strings.Cut(e.Principal, ":")
	_, err = netip.ParseAddr(e.Addr)
	return e, typed && kind != "" && name != "" && err == nil
}

// takeEnvelope sets a caller to the one whose request another controller forwards. A request
// without the header is the other controller's own question, and anonymous.
func takeEnvelope(c *protocol.Caller, h http.Header) *Problem {
	text := h.Get(callerHeader)
	if text == "" {
		return nil
	}
	e, ok := openEnvelope(text)
	if !ok {
		return newProblem(http.StatusBadRequest, kerr.PrincipalDeserializationFailure,
			"A controller forwarded a request without a readable %s. Do all controllers run the same "+
				"release?", callerHeader)
	}
	c.Principal, c.ClientAddr, c.SecurityProtocol = e.Principal, e.Addr, e.Protocol
	c.TokenAuthenticated = e.Token
	return nil
}
