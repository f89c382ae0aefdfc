package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"
)

// forwardedBy is the header with the standby that forwarded a request. Such a request is not
// forwarded again: two nodes that each believe the other leads would send it back and forth.
const forwardedBy = "X-Yakt-Forwarded-By"

// forwarder forwards requests to the leader.
type forwarder struct {
	cfg     *Config
	closing context.Context // done when this node stops
}

// HostOf is the host of URLs for a node. It is a name for logs and headers, and never resolved.
func HostOf(node int32) string { return "controller-" + itoa(node) }

// serve forwards a request to the leader, or answers why it cannot. data is the request's body, s
// the service of its path.
func (f *forwarder) serve(w http.ResponseWriter, r *http.Request, data []byte, s service) {
	id, address := f.cfg.Leader()
	switch by := r.Header.Get(forwardedBy); {
	case by != "":
		writeProblem(w, noLeader("Node %s forwarded this to a node that does not lead. Try again.", by))
	case id < 0:
		writeProblem(w, noLeader("The quorum has no leader now. Try again."))
	case id == f.cfg.NodeID:
		writeProblem(w, noLeader("This node has just been elected and is not active yet. Try again."))
	case r.URL.Query().Get("redirect") == "true":
		redirect(w, r, id, address)
	default:
		h := &hop{forwarder: f, leader: id, service: s}
		out := withDeadlines(w)
		if h.stream(r) {
			out.until = time.Time{} // only the leader knows where an event ends
		}
		h.pass(out, r, data)
	}
}

// confirmQuorum asks the leader for a confirmation by a majority that it leads.
func (f *forwarder) confirmQuorum(ctx context.Context) error {
	id, _ := f.cfg.Leader()
	if id < 0 || id == f.cfg.NodeID {
		return noLeader("The quorum has no leader now.")
	}
	ctx, cancel := context.WithTimeout(ctx, confirmTimeout+time.Second) // longer than the leader's own
	defer cancel()
	address := "http://" + HostOf(id) + "/readyz?quorum=true"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	r.Header.Set(forwardedBy, itoa(f.cfg.NodeID))
	resp, err := f.cfg.PassTo(id).RoundTrip(r)
	if err != nil {
		return noLeader("Controller %d leads, but this node cannot reach it: %v.", id, err)
	}
	defer resp.Body.Close()
	var h Health
	if err := json.NewDecoder(io.LimitReader(resp.Body, bodyMax)).Decode(&h); err != nil {
		return noLeader("Controller %d leads, but its answer cannot be read: %v.", id, err)
	}
	for _, c := range h.Checks {
		if c.Name == quorumConfirmed && c.OK {
			return nil
		} else if c.Name == quorumConfirmed {
			return noLeader("Controller %d answered: %s", id, c.Message)
		}
	}
	return noLeader("Controller %d leads, but did not answer whether a majority confirms it.", id)
}

// redirect answers with the leader's address, unless the client cannot reach it there.
func redirect(w http.ResponseWriter, r *http.Request, leader int32, address string) {
	if address == "" || isLoopback(address) && !fromThisMachine(r) {
		writeProblem(w, noLeader("Controller %d leads, but has no HTTP listener that this client can "+
			"reach (yakt.http.listeners). Without redirect, this node forwards the request.",
			leader).retry("5"))
		return
	}
	to := url.URL{
		Scheme: schemeOf(r), Host: address, Path: r.URL.Path, RawQuery: without(r, "redirect"),
	}
	w.Header().Set("Location", to.String())
	w.WriteHeader(http.StatusPermanentRedirect)
}

// schemeOf is the scheme of a request; those of all nodes are the same.
func schemeOf(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// isLoopback reports whether an address can be reached from its own machine only.
func isLoopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// fromThisMachine reports whether a request arrived at a loopback address.
func fromThisMachine(r *http.Request) bool {
	at, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && isLoopback(at.String())
}

// without is a request's query without one parameter.
func without(r *http.Request, parameter string) string {
	q := r.URL.Query()
	q.Del(parameter)
	return q.Encode()
}

// hop is one request on its way to the leader.
type hop struct {
	*forwarder
	leader  int32 // as this node knew it when the request arrived
	service service
	done    bool // the client of a long poll closed its side while the leader was waiting
}

// pass forwards a request. It has a time limit of its own, and continues when the client closes its
// side of the connection: only the leader knows whether a write was carried out.
func (h *hop) pass(w http.ResponseWriter, r *http.Request, data []byte) {
	ctx := context.WithoutCancel(r.Context())
	if h.stream(r) {
		ctx, cancel := h.untilClosing(ctx)
		defer cancel()
		h.proxy().ServeHTTP(w, withBody(ctx, r, data))
		return
	}
	wait := min(duration(r.URL.Query().Get("wait")), h.cfg.WaitMax)
	limit := h.cfg.OperationTimeout*3/2 + wait // longer than the leader's own
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if h.service.waits {
		h.poll(ctx, w, r, data)
		return
	}
	h.proxy().ServeHTTP(w, withBody(ctx, r, data))
}

// stream reports whether the answer to a request is a stream of events.
func (h *hop) stream(r *http.Request) bool {
	return h.service.streams && strings.Contains(r.Header.Get("Accept"), eventStream)
}

// untilClosing returns a context that ends with ctx, and when this node stops.
func (h *hop) untilClosing(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(h.closing, cancel)
	return ctx, func() { stop(); cancel() }
}

// poll forwards a long poll. When the client closes its side of the connection, the wait ends as it
// does at the leader, and the request is repeated without its wait for an answer with the present
// state. Reads and heartbeats can be repeated.
func (h *hop) poll(ctx context.Context, w http.ResponseWriter, r *http.Request, data []byte) {
	ctx, cancel := h.untilClosing(ctx)
	defer cancel()
	waiting, end := context.WithCancel(ctx)
	defer end()
	stop := hangUp(ctx, end)
	first := h.proxy()
	first.ModifyResponse = func(resp *http.Response) error {
		if !stop() {
			end()                   // hangUp may be calling it on another goroutine
			return context.Canceled // the body may be incomplete
		}
		return tidy(resp)
	}
	first.ErrorHandler = func(w http.ResponseWriter, r *http.Request, err error) {
		if h.done = waiting.Err() != nil && ctx.Err() == nil; !h.done {
			h.failed(w, r, err)
		}
	}
	first.ServeHTTP(w, withBody(waiting, r, data))
	if h.done {
		again := withBody(ctx, r, data)
		again.URL.RawQuery = without(r, "wait")
		h.proxy().ServeHTTP(w, again)
	}
}

func withBody(ctx context.Context, r *http.Request, data []byte) *http.Request {
	r = r.Clone(ctx)
	r.Body, r.ContentLength = http.NoBody, 0
	if len(data) > 0 {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	}
	return r
}

func (h *hop) proxy() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(&url.URL{Scheme: "http", Host: HostOf(h.leader)})
			p.SetXForwarded()
			p.Out.Header.Set(forwardedBy, itoa(h.cfg.NodeID))
			enclose(p.Out.Header, caller(p.In.Context()))
			p.Out.Header.Del("Authorization") // the leader takes this node's word
			p.Out.Header.Del("Origin")        // this node has checked it
			p.Out.Header.Del("Sec-Fetch-Site")
		},
		ModifyResponse: tidy, ErrorHandler: h.failed,
		ErrorLog:  slog.NewLogLogger(h.cfg.Logger.Handler(), slog.LevelDebug),
		Transport: h.cfg.PassTo(h.leader), FlushInterval: -1,
	}
}

// tidy removes the headers that this node has already set.
func tidy(resp *http.Response) error {
	resp.Header.Del("X-Content-Type-Options")
	resp.Header.Del("Cache-Control")
	return nil
}

// failed answers a request that the leader did not answer. If the leader was not reached, or the
// request is a read, nothing was done; otherwise the outcome is unknown.
func (h *hop) failed(w http.ResponseWriter, r *http.Request, err error) {
	var dial *net.OpError
	switch {
	case h.closing.Err() != nil && r.Context().Err() != nil:
		writeProblem(w, noLeader("This node is stopping. Ask another one."))
	case errors.As(err, &dial) && dial.Op == "dial":
		writeProblem(w, noLeader("Controller %d leads, but this node cannot reach it: %v. "+
			"Try again, or ask that node.", h.leader, dial.Err))
	case h.service.kind != writeKind:
		writeProblem(w, noLeader("Controller %d leads, but did not answer. "+
			"Try again, or ask that node.", h.leader))
	default:
		writeProblem(w, unknownOutcome())
	}
}
