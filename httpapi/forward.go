package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"
)

// forwardedBy names the standby that a request came through. It is not forwarded a second time: two nodes that take each other for the leader
// would send it round and round.
const forwardedBy = "X-Yakt-Forwarded-By"

// forwarder sends requests on to the leader.
type forwarder struct {
	cfg     *Config
	closing context.Context // done when this node stops
}

// HostOf is what requests to a node name it by: nobody resolves it.
func HostOf(node int32) string { return "controller-" + itoa(node) }

// serve answers a request by the leader, or says why it cannot. data is the request's body;
// write says that the request may change something.
func (f *forwarder) serve(w http.ResponseWriter, r *http.Request, data []byte, write bool) {
	id, address := f.cfg.Leader()
	switch by := r.Header.Get(forwardedBy); {
	case by != "":
		writeProblem(w, noLeader("Node %s took this node for the leader, which it is not. Try again.", by))
	case id < 0:
		writeProblem(w, noLeader("The quorum has no leader now. Try again."))
	case id == f.cfg.NodeID:
		writeProblem(w, noLeader("This node was elected a moment ago and is not ready yet. Try again."))
	case r.URL.Query().Get("redirect") == "true":
		redirect(w, r, id, address)
	default:
		h := &hop{forwarder: f, leader: id, write: write}
		out := patiently(w)
		if longPoll(r) && streams(r) {
			out.until = time.Time{} // of an event only the leader knows
		}
		h.pass(out, r, data)
	}
}

// confirmQuorum asks the leader whether a majority confirms that it leads.
func (f *forwarder) confirmQuorum(ctx context.Context) error {
	id, _ := f.cfg.Leader()
	if id < 0 || id == f.cfg.NodeID {
		return noLeader("The quorum has no leader now.")
	}
	ctx, cancel := context.WithTimeout(ctx, confirmTimeout+time.Second) // the leader's own time, and then some
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+HostOf(id)+"/readyz?quorum=true", nil)
	if err != nil {
		return err
	}
	r.Header.Set(forwardedBy, itoa(f.cfg.NodeID))
	resp, err := f.cfg.PassTo(id).RoundTrip(r)
	if err != nil {
		return noLeader("Controller %d leads, but this node cannot ask it: %v.", id, err)
	}
	defer resp.Body.Close()
	var h Health
	if err := json.NewDecoder(io.LimitReader(resp.Body, bodyMax)).Decode(&h); err != nil {
		return noLeader("Controller %d leads, but its answer is not understood: %v.", id, err)
	}
	for _, c := range h.Checks {
		if c.Name == quorumConfirmed && c.OK {
			return nil
		} else if c.Name == quorumConfirmed {
			return noLeader("Controller %d says: %s", id, c.Message)
		}
	}
	return noLeader("Controller %d leads, but has not said whether a majority confirms it.", id)
}

// redirect answers with the leader's address, unless the client cannot reach it there.
func redirect(w http.ResponseWriter, r *http.Request, leader int32, address string) {
	if address == "" || isLoopback(address) && !fromThisMachine(r) {
		writeProblem(w, noLeader("Controller %d leads, but serves no HTTP that this client could reach "+
			"(yakt.http.listeners). Leave redirect out, and this node forwards the request.", leader).retry("5"))
		return
	}
	to := url.URL{Scheme: "http", Host: address, Path: r.URL.Path, RawQuery: without(r, "redirect")}
	w.Header().Set("Location", to.String())
	w.WriteHeader(http.StatusPermanentRedirect)
}

// isLoopback reports whether only its own machine reaches an address.
func isLoopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// fromThisMachine reports whether a request came in by a loopback address.
func fromThisMachine(r *http.Request) bool {
	at, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && isLoopback(at.String())
}

// without is a request's query but for one parameter.
func without(r *http.Request, parameter string) string {
	q := r.URL.Query()
	q.Del(parameter)
	return q.Encode()
}

// hop is one request on its way to the leader.
type hop struct {
	*forwarder
	leader int32
	write  bool
	done   bool // the client of a long poll has closed its side while the leader waited
}

// pass forwards a request. A half-closed connection does not end it: whether a write was
// carried out only the leader can say. The time limit is this node's own.
func (h *hop) pass(w http.ResponseWriter, r *http.Request, data []byte) {
	ctx := context.WithoutCancel(r.Context())
	if longPoll(r) && streams(r) {
		ctx, cancel := h.untilClosing(ctx)
		defer cancel()
		h.proxy().ServeHTTP(w, withBody(ctx, r, data))
		return
	}
	wait := min(duration(r.URL.Query().Get("wait")), h.cfg.WaitMax)
	limit := h.cfg.OperationTimeout*3/2 + wait // the leader's own limits, and then some
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if longPoll(r) {
		h.poll(ctx, w, r, data)
		return
	}
	h.proxy().ServeHTTP(w, withBody(ctx, r, data))
}

// longPoll reports whether a request may wait for news; all of these may be repeated.
func longPoll(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "_mgmt") || r.URL.Path == "/v1/records"
}

// streams reports whether a client asks for server-sent events.
func streams(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/event-stream")
}

// untilClosing ends with ctx, and when this node stops.
func (h *hop) untilClosing(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(h.closing, cancel)
	return ctx, func() { stop(); cancel() }
}

// poll forwards a long poll. When its client closes its side the wait is over, here as at the
// leader, and what there is now is the answer: the request is repeated without its wait. A read
// and a heartbeat may be repeated.
func (h *hop) poll(ctx context.Context, w http.ResponseWriter, r *http.Request, data []byte) {
	ctx, cancel := h.untilClosing(ctx)
	defer cancel()
	waiting, end := context.WithCancel(ctx)
	defer end()
	stop := hangUp(ctx, end)
	first := h.proxy()
	first.ModifyResponse = func(resp *http.Response) error {
		if !stop() {
			end()                   // which may have begun on another goroutine, and not ended
			return context.Canceled // its body may be cut short
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
			p.Out.Header.Del("Origin") // checked here
			p.Out.Header.Del("Sec-Fetch-Site")
		},
		ModifyResponse: tidy, Transport: h.cfg.PassTo(h.leader), FlushInterval: -1, ErrorHandler: h.failed,
	}
}

// tidy removes what this node has set already.
func tidy(resp *http.Response) error {
	resp.Header.Del("X-Content-Type-Options")
	resp.Header.Del("Cache-Control")
	return nil
}

// failed tells a leader that could not be reached, where nothing was done, from one that did not answer.
func (h *hop) failed(w http.ResponseWriter, r *http.Request, err error) {
	var dial *net.OpError
	switch {
	case h.closing.Err() != nil && r.Context().Err() != nil:
		writeProblem(w, noLeader("This node is stopping. Ask another one."))
	case errors.As(err, &dial) && dial.Op == "dial":
		writeProblem(w, noLeader("Controller %d leads, but this node cannot reach it: %v. "+
			"Try again, or ask that node.", h.leader, dial.Err))
	case !h.write:
		writeProblem(w, noLeader("Controller %d leads, but did not answer. "+
			"Try again, or ask that node.", h.leader))
	default:
		writeProblem(w, unknownOutcome())
	}
}
