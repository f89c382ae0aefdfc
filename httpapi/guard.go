package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/twmb/franz-go/pkg/kerr"
	"golang.org/x/sync/semaphore"
)

// Limits at the door.
const (
	bodyMax       = 1 << 20
	bodySmall     = 4 << 10  // what a request may send without a share of bodiesBytes
	bodiesBytes   = 64 << 20 // of all larger bodies at a time
	bodyTimeout   = 10 * time.Second
	answerTimeout = time.Minute // for a client to take an answer, beyond what it asked to wait
)

// guard is what every request passes before its operation.
func (a *API) guard(mux *http.ServeMux) http.Handler {
	served := a.served()
	origin := http.NewCrossOriginProtection()
	bodies := semaphore.NewWeighted(bodiesBytes)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer a.recover(w, r)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout + a.cfg.WaitMax))
		r = known(r, served)
		if err := origin.Check(asUnsafe(r, served)); err != nil {
			writeProblem(w, newProblem(http.StatusForbidden, kerr.ClusterAuthorizationFailed, "A page of another site may not do this in your name. Send the request from a program."))
			return
		}
		problem := checkQuery(r, served)
		if problem != nil {
			writeProblem(w, problem)
			return
		}
		body, problem := readBody(w, r, bodies)
		if problem != nil {
			writeProblem(w, problem)
			return
		}
		defer body.release()
		if served.wantsLeader(r) && !a.leads() {
			a.forward.serve(w, r, body.bytes, a.cfg.Leader)
			return
		}
		route(w, r, mux)
	})
}

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
const localPaths = "/livez /readyz /v1/status /v1/quorum /v1/snapshot "

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

// body is a request's body, in memory.
type body struct {
	bytes   []byte
	release func()
}

// readBody reads the body of a request, within its limits, and puts it back for whoever comes next.
func readBody(w http.ResponseWriter, r *http.Request, bodies *semaphore.Weighted) (b body, problem *Problem) {
	b.release = func() {}
	if r.Body == nil || r.Body == http.NoBody {
		return b, nil
	}
	if ct, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); ct == "" || ct == "application/x-www-form-urlencoded" {
		r.Header.Set("Content-Type", "application/json") // what curl -d says unless told otherwise
	}
	if r.ContentLength > bodyMax {
		return b, tooLarge()
	}
	if r.ContentLength < 0 || r.ContentLength > bodySmall {
		if !bodies.TryAcquire(bodyMax) {
			return b, newProblem(http.StatusServiceUnavailable, kerr.RequestTimedOut, "Too many large requests at a time. Try again in a moment.").retry("1")
		}
		b.release = func() { bodies.Release(bodyMax) }
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTimeout))
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
	_ = control.SetReadDeadline(time.Time{})
	if err != nil {
		b.release()
		return body{}, bodyProblem(err)
	}
	b.bytes = data
	r.Body = io.NopCloser(bytes.NewReader(data))
	r.ContentLength = int64(len(data))
	return b, nil
}

func tooLarge() *Problem {
	return newProblem(http.StatusRequestEntityTooLarge, kerr.MessageTooLarge, "The request's body is larger than %d bytes. Split the request.", bodyMax)
}

func bodyProblem(err error) *Problem {
	var (
		large *http.MaxBytesError
		slow  net.Error
	)
	switch {
	case errors.As(err, &large):
		return tooLarge()
	case errors.As(err, &slow) && slow.Timeout():
		return newProblem(http.StatusRequestTimeout, kerr.RequestTimedOut, "The request's body did not arrive within %v.", bodyTimeout)
	}
	return newProblem(http.StatusBadRequest, kerr.InvalidRequest, "The request's body cannot be read: %v.", err)
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

// recover keeps a fault in one request from the others.
func (a *API) recover(w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); r.Context().Err() != nil || ok && errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler) // the client has left in the middle of its answer
	}
	a.cfg.Logger.Error("internal fault in an HTTP request", "method", r.Method, "path", r.URL.Path, "fault", p, "stack", string(debug.Stack()))
	writeProblem(w, newProblem(http.StatusInternalServerError, kerr.UnknownServerError, "An internal fault. This node's log says which."))
}

func writeProblem(w http.ResponseWriter, p *Problem) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	if p.retryAfter != "" {
		h.Set("Retry-After", p.retryAfter)
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}
