package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/yakt/yakt/controller/feed"
)

// News is what a feed answers.
type News struct {
	Kind       string                   `json:"kind" enum:"delta,snapshot" doc:"delta: every record after fromOffset. snapshot: the whole state, which replaces what the caller holds." example:"delta"`
	FromOffset int64                    `json:"fromOffset" minimum:"-1" doc:"Offset that a delta continues from; -1 for a snapshot." example:"41"`
	EndOffset  int64                    `json:"endOffset" minimum:"-1" doc:"Offset of the last record that is contained. Give it as offset the next time." example:"42"`
	Epoch      int32                    `json:"epoch" minimum:"-1" doc:"Leader epoch of that record." example:"3"`
	Timestamp  string                   `json:"timestamp" format:"date-time" doc:"When that record was appended. It may be given as timestamp the next time." example:"2026-11-22T10:00:00.000Z"`
	Records    []Record[map[string]any] `json:"records" doc:"The records, in log order; those of a snapshot carry its endOffset. NoOpRecords are left out."`
}

// Offset is an optional offset in a query or a body.
type Offset struct {
	Value int64
	Set   bool
}

// Receiver is where huma puts the value of a query parameter.
func (o *Offset) Receiver() reflect.Value { return reflect.ValueOf(o).Elem().Field(0) }

// OnParamSet notes whether there was one.
func (o *Offset) OnParamSet(set bool, _ any) { o.Set = set }

func (o *Offset) UnmarshalJSON(b []byte) error {
	o.Set = true
	return json.Unmarshal(b, &o.Value)
}

// Schema describes the value; huma asks for it.
func (o *Offset) Schema(huma.Registry) *huma.Schema {
	least, most := 0.0, float64(1<<53-1) // what JSON carries without loss everywhere
	return &huma.Schema{Type: huma.TypeInteger, Format: "int64", Minimum: &least, Maximum: &most}
}

// Since is where the caller of a feed stands.
type Since struct {
	Offset    Offset `query:"offset" json:"offset,omitzero" doc:"Offset of the last update held: endOffset of the last answer." example:"41"`
	Timestamp string `query:"timestamp" json:"timestamp,omitempty" format:"date-time" maxLength:"64" doc:"Instead of offset: timestamp of the last update held. Updates of the same millisecond may come again." example:"2026-11-22T10:00:00.000Z"`
}

// WaitParams say how long to wait for news.
type WaitParams struct {
	Wait   string `query:"wait" pattern:"^([0-9]{1,6}ms|[0-9]{1,3}s|[0-9]{1,2}m)$" doc:"Wait up to so long until there is something new; a minute at most." example:"30s"`
	Accept string `header:"Accept" doc:"text/event-stream streams the answers as they come." example:"application/json"`
	LastID string `header:"Last-Event-ID" pattern:"^[0-9]{0,16}$" doc:"In place of offset, from a stream that broke off." example:"41"`
}

// feedParams is where a request to a feed stands and what it wants.
type feedParams struct {
	since  Since
	wait   time.Duration
	stream bool
	offset int64 // the last one held; -1: none, or too old to tell
}

// ClientInput is the query of client_mgmt.
type ClientInput struct {
	ReadParams
	WaitParams
	Since
}

// ClientBodyInput is client_mgmt by POST.
type ClientBodyInput struct {
	ReadParams
	WaitParams
	Body *Since
}

func (a *API) feeds() {
	text := "Topics, partitions and brokers as they change: every record since the offset or timestamp, or a snapshot when there is none, or it is older than ten minutes, " +
		"older than the log's start, or from the future. Other records move endOffset on and do not show."
	huma.Register(a.huma, a.feedOperation(http.MethodGet, "client_mgmt", "Follow topics, partitions and brokers", text, readStatuses), func(ctx context.Context, in *ClientInput) (*huma.StreamResponse, error) {
		return a.client(ctx, in.ReadParams, in.WaitParams, in.Since)
	})
	huma.Register(a.huma, a.feedOperation(http.MethodPost, "client_mgmt", "Follow topics, partitions and brokers", text, readStatuses), func(ctx context.Context, in *ClientBodyInput) (*huma.StreamResponse, error) {
		var since Since
		if in.Body != nil {
			since = *in.Body
		}
		return a.client(ctx, in.ReadParams, in.WaitParams, since)
	})
	a.brokerFeed()
}

// feedOperation describes an operation that answers News, once or as a stream.
func (a *API) feedOperation(method, name, summary, text string, statuses []int) huma.Operation {
	op := describe(method, name, tagFeeds, summary, text, statuses...)
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[News](), true, "")
	op.Responses["200"] = &huma.Response{
		Description: "What is new.",
		Content: map[string]*huma.MediaType{
			"application/json":  {Schema: schema},
			"text/event-stream": {Schema: &huma.Schema{Type: "string", Description: "Events named delta and snapshot; id is endOffset, data the answer as JSON."}},
		},
		Headers: map[string]*huma.Param{
			"X-Yakt-Offset": {Description: "endOffset.", Schema: &huma.Schema{Type: "string"}},
			"X-Yakt-Epoch":  {Description: "epoch.", Schema: &huma.Schema{Type: "string"}},
		},
	}
	return op
}

// params settles what a feed's caller wants; both of offset and timestamp are too much.
func (a *API) params(w WaitParams, since Since) (feedParams, error) {
	p := feedParams{since: since, offset: -1, stream: strings.Contains(w.Accept, "text/event-stream")}
	p.wait = min(duration(w.Wait), a.cfg.WaitMax)
	if since.Offset.Set && since.Timestamp != "" {
		return p, humaProblem(http.StatusBadRequest, "", []error{&huma.ErrorDetail{Location: "timestamp", Message: "not together with offset"}})
	}
	if last, err := strconv.ParseInt(w.LastID, 10, 64); err == nil && w.LastID != "" {
		since = Since{Offset: Offset{last, true}}
	}
	switch {
	case since.Offset.Set:
		p.offset = since.Offset.Value
	case since.Timestamp != "":
		at, err := time.Parse(time.RFC3339, since.Timestamp)
		if err != nil {
			return p, humaProblem(http.StatusBadRequest, "", []error{&huma.ErrorDetail{Location: "timestamp", Message: "expected string to be RFC 3339 date-time"}})
		}
		p.offset = a.offsetAt(at)
	}
	return p, nil
}

// offsetAt is the last offset that somebody holds who has everything before a time; -1 when that is too long ago to tell.
func (a *API) offsetAt(at time.Time) int64 {
	offset, ok := a.cfg.Controller.OffsetBefore(at.UnixMilli())
	if !ok {
		return -1
	}
	return offset
}

func duration(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0
	}
	return d
}

func (a *API) client(ctx context.Context, r ReadParams, w WaitParams, since Since) (*huma.StreamResponse, error) {
	p, err := a.params(w, since)
	if err != nil {
		return nil, err
	}
	if _, err := a.read(ctx, r); err != nil {
		return nil, err
	}
	return a.follow(ctx, p, feed.AudienceClients, nil)
}

// follow answers a feed: at once, after a wait, or as a stream. beat, if not nil, is called while a long poll waits.
func (a *API) follow(ctx context.Context, p feedParams, audience feed.Audience, beat func(context.Context, int64) error) (*huma.StreamResponse, error) {
	if p.stream {
		return &huma.StreamResponse{Body: func(hc huma.Context) { a.stream(hc, p, audience) }}, nil
	}
	if err := a.await(ctx, p, audience, beat); err != nil {
		return nil, err
	}
	news := a.cfg.Controller.NewsSince(ctx, p.offset)
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		at := placeOfImage(news.Image)
		hc.SetHeader("Content-Type", "application/json")
		hc.SetHeader("X-Yakt-Offset", strconv.FormatInt(at.offset, 10))
		hc.SetHeader("X-Yakt-Epoch", strconv.Itoa(int(at.epoch)))
		_, w := humago.Unwrap(hc)
		if err := a.writeNews(patiently(w), news, audience, "\n"); err != nil {
			panic(broken{err})
		}
	}}, nil
}

// await waits until there is news for the caller, or its time is up. One that needs a snapshot has not to wait.
func (a *API) await(ctx context.Context, p feedParams, audience feed.Audience, beat func(context.Context, int64) error) error {
	if p.wait <= 0 || p.offset < 0 {
		return nil
	}
	if a.cfg.Controller.NewsSince(ctx, p.offset).Snapshot {
		return nil
	}
	waiting, cancel := a.patience(ctx, p.wait)
	defer cancel()
	if beat == nil {
		_ = a.awaitNews(waiting, audience, p.offset)
		return nil
	}
	for waiting.Err() == nil {
		turn, end := context.WithTimeout(waiting, a.cfg.HeartbeatInterval)
		err := a.awaitNews(turn, audience, p.offset)
		end()
		if err == nil {
			return nil
		}
		if waiting.Err() == nil {
			// The end of the wait does not cut this off: it is a write.
			if err := beat(ctx, p.offset); err != nil {
				return err
			}
		}
	}
	return nil
}

// patience is a context for waiting: it ends after d, when this node stops, and when the client
// has closed its side of the connection, which may be all that is heard of one that has gone.
// The answer is what there is by then.
func (a *API) patience(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, d)
	stop := context.AfterFunc(a.streams, cancel)
	heard := hangUp(ctx, cancel)
	return ctx, func() { stop(); heard(); cancel() }
}
