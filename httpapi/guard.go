package httpapi

import (
	"context"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Limits at the door.
const (
	bodyMax       = 1 << 20
	bodySmall     = 4 << 10     // what a request may send without a share of the budget
	answerTimeout = time.Minute // for a client to take an answer, beyond what it asked to wait
)

// guard is what every request passes before its operation.
func (a *API) guard(mux *http.ServeMux) http.Handler {
	served := a.served()
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(below http.ResponseWriter, r *http.Request) {
		w := &reply{ResponseWriter: below}
		r, done := a.detached(known(r, served))
		defer done()
		defer a.settle(w, r, served[r.URL.Path])
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		deadline := time.Now().Add(answerTimeout + a.cfg.WaitMax)
		_ = http.NewResponseController(w).SetWriteDeadline(deadline)
		taken := a.budget.share(clientOf(r.Context()), w.cutOff)
		defer taken.release()
		r = r.WithContext(context.WithValue(r.Context(), shareKey{}, taken))
		body, problem := a.readBody(w, r, taken)
		if problem != nil {
			writeProblem(w, problem)
			return
		}
		if !isHealth(r) {
			w.turn = a.takeTurn(r.Context())
			defer w.turn.end()
			r = r.WithContext(context.WithValue(r.Context(), turnKey{}, w.turn))
		}
		if problem := a.refusal(r, served, origin); problem != nil {
			writeProblem(w, problem)
			return
		}
		if problem := checkLarge(r, body, w.turn); problem != nil {
			writeProblem(w, problem)
			return
		}
		if served.wantsLeader(r) && !a.leads() {
			defer w.turn.pause()()
			a.forward.serve(w, r, body, served[r.URL.Path] == writeKind)
			return
		}
		route(w, r, mux)
	})
}

const crossSite = "A page of another site may not do this in your name. Send the request from a program."

// refusal is why a request is not served, whatever it asks for; nil when it is.
func (a *API) refusal(r *http.Request, served kinds, origin *http.CrossOriginProtection) *Problem {
	if !a.answersTo(r.Host) {
		return misnamed(r)
	}
	if err := origin.Check(asUnsafe(r, served)); err != nil {
		return newProblem(http.StatusForbidden, kerr.ClusterAuthorizationFailed, crossSite)
	}
	if err := a.failure.Load(); err != nil && !isHealth(r) {
		return noLeader("This node has failed and is about to exit: %v. Ask another one.", *err)
	}
	return checkQuery(r, served)
}

func isHealth(r *http.Request) bool { return r.URL.Path == "/livez" || r.URL.Path == "/readyz" }

// served is the kind of each path that the API describes.
func (a *API) served() kinds {
	all := kinds{}
	for path, item := range a.huma.OpenAPI().Paths {
		switch {
		case item.Get != nil && strings.Contains(localPaths, path+" "):
			all[path] = localKind
		case item.Get != nil && path != "/v1/broker_mgmt":
			all[path] = readKind
		default:
			all[path] = writeKind
		}
	}
	return all
}

// localPaths are about the node that is asked.
const localPaths = "/livez /readyz /v1/status /v1/snapshot "

// known resolves the short name of an operation to its canonical path, and notes who calls.
func known(r *http.Request, served kinds) *http.Request {
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

// asUnsafe has heartbeats by GET checked like any other change.
func asUnsafe(r *http.Request, served kinds) *http.Request {
	if served[r.URL.Path] != writeKind || r.Method != http.MethodGet {
		return r
	}
	c := *r
	c.Method = http.MethodPost
	return &c
}

// wantsLeader reports whether the active controller has to answer.
func (k kinds) wantsLeader(r *http.Request) bool {
	served, ok := k[r.URL.Path]
	switch {
	case !ok || served == localKind:
		return false
	case served == writeKind:
		return true
	}
	return r.URL.Query().Get("consistency") == "linearizable"
}

func (a *API) leads() bool {
	_, ok := a.cfg.Controller.Active()
	return ok
}

// checkQuery refuses what huma would take for something else: parameters that are empty, come twice, or are not encoded as they should.
func checkQuery(r *http.Request, served kinds) *Problem {
	if _, ok := served[r.URL.Path]; !ok || r.URL.RawQuery == "" {
		return nil
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return newProblem(http.StatusBadRequest, kerr.InvalidRequest, "The query is malformed: %v.", err)
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(q)) {
		switch values := q[name]; {
		case len(values) > 1:
			errs = append(errs, &huma.ErrorDetail{Location: "query." + name, Message: "comes more than once"})
		case values[0] == "":
			errs = append(errs, &huma.ErrorDetail{Location: "query." + name, Message: "is empty; give it a value or leave it out"})
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return humaProblem(http.StatusBadRequest, "", errs)
}

// route serves a request by the mux; paths and methods that it does not know are problems like all others.
func route(w http.ResponseWriter, r *http.Request, mux *http.ServeMux) {
	h, pattern := mux.Handler(r)
	if pattern != "" {
		mux.ServeHTTP(w, r)
		return
	}
	probe := &probe{header: http.Header{}}
	h.ServeHTTP(probe, r)
	if probe.status != http.StatusMethodNotAllowed {
		writeProblem(w, newProblem(http.StatusNotFound, kerr.InvalidRequest, "There is no such path. /openapi.json and /docs list what there is."))
		return
	}
	allow := probe.header.Get("Allow")
	w.Header().Set("Allow", allow)
	writeProblem(w, newProblem(http.StatusMethodNotAllowed, kerr.InvalidRequest, "%s is not served here. Use %s.", r.Method, allow))
}

// probe takes the mux's own answer to a request that it has no handler for.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header         { return p.header }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }
func (p *probe) WriteHeader(status int)      { p.status = status }

func writeProblem(w http.ResponseWriter, p *Problem) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	if p.retryAfter != "" {
		h.Set("Retry-After", p.retryAfter)
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}
