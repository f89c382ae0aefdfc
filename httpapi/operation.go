package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/yakt/yakt/metadata"
)

// kind says how an operation is served.
type kind uint8

const (
	readKind  kind = iota // from this node's committed image, or on request from the leader's
	writeKind             // by the active controller
	localKind             // about this node itself
)

// kinds is how paths are served; the guard asks it before huma sees a request.
type kinds map[string]kind

// describe makes the description of an operation at /v1/<name>; statuses are those it may answer besides the ones that every request may meet.
func describe(method, name, tag, summary, description string, statuses ...int) huma.Operation {
	id := name
	if method != http.MethodPost && method != http.MethodGet || method == http.MethodPost && tagsReads[name] {
		id = name + "_" + strings.ToLower(method)
	}
	op := huma.Operation{
		OperationID: strings.NewReplacer("/", "_", ".", "_").Replace(id), Method: method, Path: "/v1/" + name, Tags: []string{tag}, Summary: summary, Description: description,
		MaxBodyBytes: bodyMax + 1, BodyReadTimeout: -1, Responses: map[string]*huma.Response{},
	}
	common := []int{http.StatusBadRequest, http.StatusForbidden, http.StatusInternalServerError}
	if method == http.MethodPost {
		common = append(common, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	for _, s := range append(common, statuses...) {
		op.Responses[strconv.Itoa(s)] = problemResponse(s)
	}
	return op
}

// tagsReads are the reads that POST asks for, too.
var tagsReads = map[string]bool{"get_all_active_brokers": true, "get_broker_by_id": true, "get_topic_by_name": true, "client_mgmt": true}

func problemResponse(status int) *huma.Response {
	r := &huma.Response{
		Description: http.StatusText(status),
		Content: map[string]*huma.MediaType{"application/problem+json": {
			Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}, Example: exampleProblem(status),
		}},
	}
	switch status {
	case http.StatusPermanentRedirect:
		r.Content = nil
		r.Description = "The leader answers this; asked for with redirect=true."
		r.Headers = map[string]*huma.Param{"Location": {Description: "The same request at the leader.", Schema: &huma.Schema{Type: "string", Format: "uri"}}}
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		r.Headers = map[string]*huma.Param{"Retry-After": {Description: "Seconds to wait before the next try.", Schema: &huma.Schema{Type: "string"}}}
	}
	return r
}

// Statuses that operations share.
var (
	readStatuses  = []int{http.StatusPermanentRedirect, http.StatusServiceUnavailable, http.StatusGatewayTimeout}
	writeStatuses = []int{
		http.StatusPermanentRedirect, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity,
		http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
	}
)

// WriteParams are the query parameters of every write.
type WriteParams struct {
	Redirect bool `query:"redirect" doc:"On a standby, answer 308 with the leader's address instead of forwarding." example:"false"`
}

// ReadParams are the query parameters of every read.
type ReadParams struct {
	Consistency string `query:"consistency" enum:"local,linearizable" default:"local" doc:"local: this node's committed state. linearizable: what a majority confirms to be the newest, asked of the leader." example:"local"`
	Redirect    bool   `query:"redirect" doc:"On a standby, answer a linearizable read with 308 instead of forwarding it." example:"false"`
}

// PositionHeaders tell which state an answer shows.
type PositionHeaders struct {
	Offset int64 `header:"X-Yakt-Offset" doc:"Offset of the last record that the answer's state contains." example:"42"`
	Epoch  int32 `header:"X-Yakt-Epoch" doc:"Leader epoch of that record." example:"3"`
}

func headersOf(img *metadata.Image) PositionHeaders {
	at := placeOfImage(img)
	return PositionHeaders{at.offset, at.epoch}
}

// answer is a JSON body with the position it belongs to.
type answer[T any] struct {
	PositionHeaders
	Body T
}

// read returns the image that a read is to be answered from.
func (a *API) read(ctx context.Context, p ReadParams) (*metadata.Image, error) {
	if p.Consistency != "linearizable" {
		return a.cfg.Controller.Image(), nil
	}
	return a.confirmed(ctx)
}

// schemaNames are those of types that have none which says what they are.
var schemaNames = map[reflect.Type]string{
	reflect.TypeFor[Record[map[string]any]](): "RecordOfAnyKind",
	reflect.TypeFor[Record[any]]():            "RecordInTheLog",
}

// schemaName names a type in the OpenAPI document, by letters and digits: RecordTopicFields and not
// the path of a package.
func schemaName(t reflect.Type, hint string) string {
	if name, ok := schemaNames[t]; ok {
		return name
	}
	name := huma.DefaultSchemaNamer(t, hint)
	return strings.ToUpper(name[:1]) + name[1:]
}
