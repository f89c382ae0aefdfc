package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// forwardedBy names the standby that a request came through. It is not forwarded a second time: two nodes that take each other for the leader
// would send it round and round.
const forwardedBy = "X-Yakt-Forwarded-By"

// forwarder sends requests on to the leader.
type forwarder struct {
	nodeID    int32
	transport *http.Transport
	closing   context.Context // done when this node stops
}

const dialTimeout = 2 * time.Second

func newForwarder(closing context.Context, nodeID int32) *forwarder {
	dialer := net.Dialer{Timeout: dialTimeout}
	return &forwarder{nodeID: nodeID, closing: closing, transport: &http.Transport{
		DialContext: dialer.DialContext, MaxIdleConnsPerHost: 64, IdleConnTimeout: 30 * time.Second, DisableCompression: true,
	}}
}

func (f *forwarder) close() { f.transport.CloseIdleConnections() }

// serve answers a request by the leader, or says why it cannot.
func (f *forwarder) serve(w http.ResponseWriter, r *http.Request, data []byte, leader func() (int32, string)) {
	id, address := leader()
	switch by := r.Header.Get(forwardedBy); {
	case by == strconv.Itoa(int(f.nodeID)):
		writeProblem(w, noLeader("Controller %d leads, but serves HTTP at %s only, which is this machine's own from here. Ask that node, or set yakt.http.listeners there.", id, address).retry("5"))
	case by != "":
		writeProblem(w, noLeader("Node %s took this node for the leader, which it is not. Try again.", by))
	case id < 0:
		writeProblem(w, noLeader("The quorum has no leader now. Try again."))
	case id == f.nodeID:
		writeProblem(w, noLeader("This node was elected a moment ago and is not ready yet. Try again."))
	case address == "":
		writeProblem(w, noLeader("Controller %d leads, but this node does not know where it serves HTTP. Ask that node, or set yakt.http.listeners there.", id).retry("5"))
	case r.URL.Query().Get("redirect") == "true":
		w.Header().Set("Location", (&url.URL{Scheme: "http", Host: address, Path: r.URL.Path, RawQuery: withoutRedirect(r.URL.Query())}).String())
		w.WriteHeader(http.StatusPermanentRedirect)
	default:
		r = withBody(r, data)
		if strings.HasSuffix(r.URL.Path, "_mgmt") { // a long poll or a stream; a heartbeat may be repeated
			ctx, cancel := context.WithCancel(r.Context())
			defer cancel()
			defer context.AfterFunc(f.closing, cancel)()
			r = r.WithContext(ctx)
		}
		f.proxy(id, address).ServeHTTP(patiently(w), r)
	}
}

func withoutRedirect(q url.Values) string {
	q.Del("redirect")
	return q.Encode()
}

func withBody(r *http.Request, data []byte) *http.Request {
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = http.NoBody, 0
	if len(data) > 0 {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	}
	return r
}

func (f *forwarder) proxy(id int32, address string) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(&url.URL{Scheme: "http", Host: address})
			p.SetXForwarded()
			p.Out.Header.Set(forwardedBy, strconv.Itoa(int(f.nodeID)))
			p.Out.Header.Del("Origin") // checked here
			p.Out.Header.Del("Sec-Fetch-Site")
		},
		ModifyResponse: func(resp *http.Response) error { // set here already
			resp.Header.Del("X-Content-Type-Options")
			resp.Header.Del("Cache-Control")
			return nil
		},
		Transport: f.transport, FlushInterval: -1,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { f.failed(w, r, id, err) },
	}
}

// failed tells a leader that could not be reached, where nothing was done, from one that did not answer.
func (f *forwarder) failed(w http.ResponseWriter, r *http.Request, id int32, err error) {
	var dial *net.OpError
	switch {
	case f.closing.Err() != nil && r.Context().Err() != nil:
		writeProblem(w, noLeader("This node is stopping. Ask another one."))
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil: // nobody listens any more
	case errors.As(err, &dial) && dial.Op == "dial":
		writeProblem(w, noLeader("Controller %d leads, but its HTTP API cannot be reached from this node. Try again, or ask that node.", id))
	default:
		writeProblem(w, unknownOutcome())
	}
}
