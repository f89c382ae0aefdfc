package httpapi

import (
	"context"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Limits of every request.
const (
	bodyMax       = 1 << 20     // bytes of a body
	bodySmall     = 4 << 10     // bytes of a body that needs no share of the budget
	answerTimeout = time.Minute // for a client to read an answer, after the time that it asked to wait
)

// guard does for every request what comes before its operation: it reads the body within the
// limits, takes a turn, checks the host, the origin and the query, and forwards what only the
// leader can do.
func (a *API) guard(mux *http.ServeMux) http.Handler {
	served := a.services
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(below http.ResponseWriter, r *http.Request) {
		began := time.Now()
		w := &reply{ResponseWriter: below}
		w.body.gzip = acceptsGzip(r.Header)
		r = identified(w, r)
		r, problem := a.authenticated(known(r, served))
		r, done := a.detached(r)
		defer done()
		at := served[r.URL.Path]
		defer func() { a.logRequest(w, r, at.kind, began) }()
		defer w.drop()
		defer a.finish(w, r, at.kind)
		if problem != nil {
			a.refuseUnread(w, r, problem)
			return
		}
		w.principal = caller(r.Context()).Principal
		taken := a.budget.share(clientOf(r.Context()), w.cutOff)
		defer taken.release()
		w.body.share = taken
		defer func() { w.turn.end() }()
		a.serve(w, conditional(r, at.kind), taken, mux, origin)
		if err := w.end(); err != nil {
			panic(broken{err})
		}
	})
}

// serve answers one request.
func (a *API) serve(
	w *reply, r *http.Request, taken *share, mux *http.ServeMux, origin *http.CrossOriginProtection,
) {
	at := a.services[r.URL.Path]
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	deadline := time.Now().Add(answerTimeout + a.cfg.WaitMax)
	_ = http.NewResponseController(w).SetWriteDeadline(deadline)
	r = r.WithContext(context.WithValue(r.Context(), shareKey{}, taken))
	body, problem := a.readBody(w, r, taken)
	if problem != nil {
		writeProblem(w, problem)
		return
	}
	if at.kind != healthKind {
		w.turn = a.takeTurn(r.Context())
		r = r.WithContext(context.WithValue(r.Context(), turnKey{}, w.turn))
	}
	if problem := a.refusal(r, origin); problem != nil {
		writeProblem(w, problem)
		return
	}
	if problem := checkLarge(r, body, w.turn); problem != nil {
		writeProblem(w, problem)
		return
	}
	if a.services.wantsLeader(r) && !a.leads() {
		defer w.turn.pause()()
		a.forward.serve(w, r, body, at)
		return
	}
	if problem := a.permitOnCluster(r.Context(), at.needs); problem != nil {
		writeProblem(w, problem)
		return
	}
	switch {
	case at.kind == writeKind && a.serves(r):
		a.once(w, r, body, func() { route(w, r, mux) })
	default:
		route(w, r, mux)
	}
}

const crossSite = "A web page of another site sent this request, which is not allowed. " +
	"Send it from a program."

// refusal checks a request before its operation is known. It returns why it is refused, or nil.
func (a *API) refusal(r *http.Request, origin *http.CrossOriginProtection) *Problem {
	served := a.services
	if !a.answersTo(r.Host) {
		return misnamed(r)
	}
	if err := origin.Check(asUnsafe(r, served)); err != nil {
		return newProblem(http.StatusForbidden, kerr.ClusterAuthorizationFailed, crossSite)
	}
	if err := a.failure.Load(); err != nil && served[r.URL.Path].kind != healthKind {
		return noLeader("This node has failed and is about to exit: %v. Ask another node.", *err)
	}
	if problem := checkQuery(r, served); problem != nil {
		return problem
	}
	return checkConditions(r, served[r.URL.Path])
}

// checkConditions refuses a precondition or a key on a change that does not have it: to ignore it
// would do what the client asked not to do.
func checkConditions(r *http.Request, at service) *Problem {
	ofNode := at.kind == localKind && r.Method == http.MethodPost
	if at.kind != writeKind && !ofNode || at.conditional {
		return nil
	}
	for _, name := range []string{"If-Match", idempotencyHeader} {
		if r.Header.Get(name) != "" {
			return badField("header."+name, "this operation does not have it; leave it out")
		}
	}
	return nil
}

// known replaces the short path of an operation by the canonical one, and puts the client's address
// into the context.
func known(r *http.Request, served services) *http.Request {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	r = r.WithContext(context.WithValue(r.Context(), clientAddr{}, host))
	long := "/v1" + r.URL.Path
	if _, ok := served[long]; !ok {
		return r
	}
	u := *r.URL
	u.Path, u.RawPath = long, ""
	r.URL = &u
	return r
}

// asUnsafe returns a heartbeat by GET as a POST, so that its origin is checked like that of any
// other write.
func asUnsafe(r *http.Request, served services) *http.Request {
	if served[r.URL.Path].kind != writeKind || r.Method != http.MethodGet {
		return r
	}
	c := *r
	c.Method = http.MethodPost
	return &c
}

// wantsLeader reports whether the active controller has to answer a request.
func (s services) wantsLeader(r *http.Request) bool {
	switch s[r.URL.Path].kind {
	case writeKind:
		return true
	case readKind:
		return r.URL.Query().Get("consistency") == linearizable
	}
	return false
}

func (a *API) leads() bool {
	_, ok := a.cfg.Controller.Active()
	return ok
}

// checkQuery refuses queries that huma would misread: with an empty parameter, a parameter that is
// given twice, or a wrong encoding.
func checkQuery(r *http.Request, served services) *Problem {
	if _, ok := served[r.URL.Path]; !ok || r.URL.RawQuery == "" {
		return nil
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return newProblem(http.StatusBadRequest, kerr.InvalidRequest,
			"The query is malformed: %v.", err)
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(q)) {
		switch values := q[name]; {
		case len(values) > 1:
			errs = append(errs, fieldError("query."+name, "is given more than once"))
		case values[0] == "":
			errs = append(errs, fieldError("query."+name, "is empty; set a value or leave it out"))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return humaProblem(http.StatusBadRequest, "", errs)
}

// route serves a request with the mux. Unknown paths and methods are answered with a problem, too.
func route(w http.ResponseWriter, r *http.Request, mux *http.ServeMux) {
	h, pattern := mux.Handler(r)
	if pattern != "" {
		mux.ServeHTTP(w, r)
		return
	}
	probe := &probe{header: http.Header{}}
	h.ServeHTTP(probe, r)
	if probe.status != http.StatusMethodNotAllowed {
		writeProblem(w, newProblem(http.StatusNotFound, kerr.InvalidRequest,
			"There is no such path. /openapi.json and /docs list all paths."))
		return
	}
	allow := probe.header.Get("Allow")
	w.Header().Set("Allow", allow)
	writeProblem(w, newProblem(http.StatusMethodNotAllowed, kerr.InvalidRequest,
		"This path does not accept %s. Use %s.", r.Method, allow))
}

// probe records the status and header that the mux answers to a request without a handler.
type probe struct {
	header http.Header
	status int
}

// Header is part of http.ResponseWriter, as are Write and WriteHeader.
func (p *probe) Header() http.Header { return p.header }

// Write drops the body.
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader records the status.
func (p *probe) WriteHeader(status int) { p.status = status }

func writeProblem(w http.ResponseWriter, p *Problem) {
	h := w.Header()
	p = p.of(h.Get(requestIDHeader))
	maps.Copy(h, p.GetHeaders())
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}
