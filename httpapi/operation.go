package httpapi

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// kind says which node answers an operation, and when.
type kind string

const (
	readKind   kind = "read"   // any node, from its committed state; on request the leader
	writeKind  kind = "write"  // the active controller; other nodes forward
	localKind  kind = "local"  // the node that is asked, about itself
	healthKind kind = "health" // as local, outside /v1, also on a node that is busy or has failed
)

// kindExtension is the OpenAPI extension that shows an operation's kind to programs and to /docs.
const kindExtension = "x-yakt-kind"

// operation describes one operation. Everything else that depends on how an operation is served is
// derived from this description: the guard, forwarding, the OpenAPI document and /docs.
type operation struct {
	kind    kind
	method  string // the kind's own method when empty
	name    string // served at /v1/<name> and /<name>; at /<name> alone for health
	tag     string
	summary string
	text    string
	needs   needs // what a caller must be allowed to do
	// statuses are the error statuses besides those that every operation of this kind may answer.
	statuses []int
	// responses replace those that are derived from the kind and from the type of the output.
	responses map[string]*huma.Response
}

// okResponse is the responses of an operation whose 200 response does not follow from its output.
func okResponse(r *huma.Response) map[string]*huma.Response {
	return map[string]*huma.Response{"200": r}
}

// by returns the description of the same operation for another method.
func (o operation) by(method string) operation {
	o.method = method
	return o
}

// ownMethod is the method that the operations of a kind have unless they state another one.
func (k kind) ownMethod() string {
	if k == writeKind {
		return http.MethodPost
	}
	return http.MethodGet
}

// errors are the error statuses that every operation of a kind may answer.
func (k kind) errors() []int {
	switch k {
	case readKind:
		return []int{
			http.StatusPermanentRedirect, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
		}
	case writeKind:
		return []int{
			http.StatusPermanentRedirect, http.StatusNotFound, http.StatusConflict,
			http.StatusPreconditionFailed, http.StatusUnprocessableEntity,
			http.StatusServiceUnavailable, http.StatusGatewayTimeout,
		}
	}
	return nil
}

// path is the operation's canonical path.
func (o operation) path() string {
	if o.kind == healthKind {
		return "/" + o.name
	}
	return "/v1/" + o.name
}

// id is the operation's OpenAPI id: its name, with the method if that is not the kind's own.
func (o operation) id() string {
	if own := o.kind.ownMethod(); o.method == "" || o.method == own {
		return o.name
	}
	return o.name + "_" + strings.ToLower(o.method)
}

// huma is the description in huma's terms, without what huma derives from the types.
func (o operation) huma() huma.Operation {
	op := huma.Operation{
		OperationID: o.id(), Method: cmp.Or(o.method, o.kind.ownMethod()), Path: o.path(),
		Tags: []string{o.tag}, Summary: o.summary, Description: o.text + " " + o.needs.describe(),
		Extensions: map[string]any{
			kindExtension: o.kind, needsExtension: o.needs.extension(),
		},
		// The guard has read the body within the limits; huma must not apply limits of its own.
		MaxBodyBytes: bodyMax + 1, BodyReadTimeout: -1,
		Responses: map[string]*huma.Response{},
	}
	statuses := []int{
		http.StatusBadRequest, http.StatusForbidden, http.StatusInternalServerError,
		http.StatusUnauthorized, http.StatusTooManyRequests,
	}
	if o.needs.public {
		op.Security = []map[string][]string{}
	}
	if op.Method == http.MethodPost {
		statuses = append(statuses, http.StatusRequestTimeout,
			http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	for _, s := range slices.Concat(statuses, o.kind.errors(), o.statuses) {
		op.Responses[strconv.Itoa(s)] = problemResponse(s)
	}
	maps.Copy(op.Responses, o.responses)
	return op
}

// service says how requests for a path are served. The guard uses it before huma sees a request.
type service struct {
	kind kind
	// waits: a request may wait for a change with the parameter wait. Such requests can be
	// repeated.
	waits bool
	// streams: a request may ask for server-sent events.
	streams bool
	// conditional: a write accepts If-Match and Idempotency-Key.
	conditional bool
	// needs are the operations on the cluster that a caller must be allowed, as a set of bits.
	needs uint32
}

// services holds the service of each canonical path.
type services map[string]service

// handle serves an operation by a function, and derives the service of its path.
func handle[I, O any](a *API, o operation, serve func(context.Context, *I) (*O, error)) {
	op := o.huma()
	huma.Register(a.huma, op, serve)
	registered := operationAt(a.huma.OpenAPI().Paths[op.Path], op.Method)
	a.describeParams(registered, reflect.TypeFor[I](), reflect.TypeFor[O]())
	found := service{
		kind: o.kind, waits: hasParam(registered, "wait"), conditional: hasParam(registered, "If-Match"),
		needs: o.needs.onClusterFirst(),
	}
	if len(o.needs.grants) == 0 && !o.needs.public {
		panic("httpapi: it is not decided who may use " + op.Method + " " + op.Path)
	}
	if ok := registered.Responses["200"]; ok != nil {
		_, found.streams = ok.Content[eventStream]
	}
	if hasParam(registered, "If-None-Match") {
		registered.Responses["304"] = &huma.Response{
			Description: "The state is still that of the answer whose ETag the request has.",
		}
	}
	if known, ok := a.services[op.Path]; ok && known != found {
		panic("httpapi: the methods of " + op.Path + " are served in different ways")
	}
	a.services[op.Path] = found
}

func hasParam(o *huma.Operation, name string) bool {
	return slices.ContainsFunc(o.Parameters, func(p *huma.Param) bool { return p.Name == name })
}

// operationAt is the operation of a path for a method; nil if there is none.
func operationAt(item *huma.PathItem, method string) *huma.Operation {
	switch method {
	case http.MethodGet:
		return item.Get
	case http.MethodPost:
		return item.Post
	case http.MethodDelete:
		return item.Delete
	}
	return nil
}

// serves reports whether the path of a request has an operation with its method.
func (a *API) serves(r *http.Request) bool {
	item := a.huma.OpenAPI().Paths[r.URL.Path]
	return item != nil && operationAt(item, r.Method) != nil
}

// eventStream is the media type of server-sent events.
const eventStream = "text/event-stream"

// problemResponse describes the answer of a status other than 200.
func problemResponse(status int) *huma.Response {
	r := &huma.Response{
		Description: http.StatusText(status),
		Content: map[string]*huma.MediaType{"application/problem+json": {
			Schema:  &huma.Schema{Ref: "#/components/schemas/Problem"},
			Example: exampleProblem(status),
		}},
	}
	switch status {
	case http.StatusPermanentRedirect:
		r.Content = nil
		r.Description = "The request has redirect=true and this node is not the leader."
		r.Headers = map[string]*huma.Param{"Location": {
			Description: "The same request at the leader.",
			Schema:      &huma.Schema{Type: "string", Format: "uri"},
		}}
	case http.StatusUnauthorized:
		r.Headers = map[string]*huma.Param{"WWW-Authenticate": {
			Description: "The credentials that this node accepts.",
			Schema:      &huma.Schema{Type: "string"},
		}}
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		r.Headers = map[string]*huma.Param{"Retry-After": {
			Description: "Seconds to wait before the next attempt.",
			Schema:      &huma.Schema{Type: "string"},
		}}
	}
	return r
}
