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

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/controller/feed"
)

// News is the answer of a feed.
type News struct {
	// delta: every record after fromOffset. snapshot: the whole state, which replaces the state
	// that the caller has.
	Kind string `json:"kind" enum:"delta,snapshot" example:"delta"`
	// Offset after which a delta begins; -1 for a snapshot.
	FromOffset int64 `json:"fromOffset" minimum:"-1" example:"41"`
	// Offset of the last record that the answer includes: the parameter offset of the next request.
	EndOffset int64 `json:"endOffset" minimum:"-1" example:"42"`
	// Leader epoch of that record.
	Epoch int32 `json:"epoch" minimum:"-1" example:"3"`
	// When that record was appended. The next request may have it as timestamp instead of offset.
	Timestamp string `json:"timestamp" format:"date-time" example:"2026-11-22T10:00:00.000Z"`
	// The records in log order, without NoOpRecords. Those of a snapshot have its endOffset.
	Records []Record[map[string]any] `json:"records"`
}

// Offset is an optional offset in a query or a body.
type Offset struct {
	Value int64
	Set   bool
}

// Receiver is the field for the value of a query parameter; huma calls it.
func (o *Offset) Receiver() reflect.Value { return reflect.ValueOf(o).Elem().Field(0) }

// OnParamSet records whether the query has the parameter; huma calls it.
func (o *Offset) OnParamSet(set bool, _ any) { o.Set = set }

// UnmarshalJSON reads the offset of a body.
func (o *Offset) UnmarshalJSON(b []byte) error {
	o.Set = true
	return json.Unmarshal(b, &o.Value)
}

// Schema describes the value; huma calls it.
func (o *Offset) Schema(huma.Registry) *huma.Schema {
	least, most := 0.0, float64(1<<53-1) // every JSON library reads these without loss
	return &huma.Schema{Type: huma.TypeInteger, Format: "int64", Minimum: &least, Maximum: &most}
}

// Since is the state that the caller of a feed has.
type Since struct {
	// Offset of the last update that the caller has: endOffset of the last answer.
	Offset Offset `query:"offset" json:"offset,omitzero" example:"41"`
	// Instead of offset: the timestamp of the last update that the caller has. The answer may
	// repeat updates of the same millisecond.
	Timestamp string `query:"timestamp" json:"timestamp,omitempty" format:"date-time" maxLength:"64"`
}

// WaitParams say how a caller waits for changes.
type WaitParams struct {
	// How long to wait if there is no change yet; a minute at most.
	Wait string `query:"wait" pattern:"^([0-9]{1,6}ms|[0-9]{1,3}s|[0-9]{1,2}m)$" example:"30s"`
	// text/event-stream: a stream of answers, one for each change.
	Accept string `header:"Accept" example:"application/json"`
	// Instead of offset: the id of the last event of a stream that was interrupted.
	LastID string `header:"Last-Event-ID" pattern:"^[0-9]{0,16}$" example:"41"`
}

// feedParams are the parameters of a request to a feed.
type feedParams struct {
	since  Since
	wait   time.Duration
	stream bool
	offset int64 // last update that the caller has; -1 if unknown: a snapshot is the answer
}

// ClientInput is the input of client_mgmt by GET.
type ClientInput struct {
	ReadParams
	WaitParams
	Since
}

// ClientBodyInput is the input of client_mgmt by POST.
type ClientBodyInput struct {
	ReadParams
	WaitParams
	Body *Since
}

func (a *API) feeds() {
	feed := operation{
		kind: readKind, name: "client_mgmt", tag: tagFeeds,
		needs:   onCluster(acls.ClusterAction),
		summary: "Follow topics, partitions and brokers",
		text: "Every change of topics, partitions and brokers since the offset or timestamp. The " +
			"answer is a snapshot if neither is given, or if it is more than ten minutes older than " +
			"the newest record, older than the log's start, or in the future. Other records move " +
			"endOffset, and are not shown.",
		responses: okResponse(a.feedAnswer()),
	}
	handle(a, feed, func(ctx context.Context, in *ClientInput) (*huma.StreamResponse, error) {
		return a.client(ctx, in.ReadParams, in.WaitParams, in.Since)
	})
	handle(a, feed.by(http.MethodPost),
		func(ctx context.Context, in *ClientBodyInput) (*huma.StreamResponse, error) {
			var since Since
			if in.Body != nil {
				since = *in.Body
			}
			return a.client(ctx, in.ReadParams, in.WaitParams, since)
		})
	a.brokerFeed()
}

// feedAnswer describes the answer of a feed: News, once or as a stream.
func (a *API) feedAnswer() *huma.Response {
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[News](), true, "")
	return &huma.Response{
		Description: "The changes.",
		Content: map[string]*huma.MediaType{
			"application/json": {Schema: schema},
			eventStream: {Schema: &huma.Schema{
				Type: "string",
				Description: "Events named delta and snapshot. Their id is endOffset, their data is the " +
					"answer as JSON.",
			}},
		},
		Headers: map[string]*huma.Param{
			"X-Yakt-Offset": {Description: "endOffset.", Schema: &huma.Schema{Type: "string"}},
			"X-Yakt-Epoch":  {Description: "epoch.", Schema: &huma.Schema{Type: "string"}},
		},
	}
}

// params interprets the parameters of a feed; offset and timestamp exclude each other.
func (a *API) params(w WaitParams, since Since) (feedParams, error) {
	p := feedParams{since: since, offset: -1, stream: strings.Contains(w.Accept, eventStream)}
	p.wait = min(duration(w.Wait), a.cfg.WaitMax)
	if since.Offset.Set && since.Timestamp != "" {
		return p, badField("timestamp", "cannot be combined with offset")
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
			return p, badField("timestamp", "expected string to be RFC 3339 date-time")
		}
		p.offset = a.offsetAt(at)
	}
	return p, nil
}

// offsetAt is the last offset of a caller that has every update before a time; -1 if the controller
// no longer knows it.
func (a *API) offsetAt(at time.Time) int64 {
	offset, ok := a.cfg.Controller.OffsetBefore(at.UnixMilli())
	if !ok {
		return -1
	}
	return offset
}

// duration is the value of the parameter wait; 0 if there is none.
func duration(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0
	}
	return d
}

func (a *API) client(
	ctx context.Context, r ReadParams, w WaitParams, since Since,
) (*huma.StreamResponse, error) {
	p, err := a.params(w, since)
	if err != nil {
		return nil, err
	}
	if _, err := a.image(ctx, r); err != nil {
		return nil, err
	}
	return a.follow(ctx, p, feed.AudienceClients, nil)
}

// heartbeater sends a heartbeat of the broker whose long poll waits, with the offset that it has.
type heartbeater = func(ctx context.Context, offset int64) error

// follow answers a request to a feed: at once, after a wait, or with a stream. beat, if not nil, is
// called at each heartbeat interval of a long poll.
func (a *API) follow(
	ctx context.Context, p feedParams, audience feed.Audience, beat heartbeater,
) (*huma.StreamResponse, error) {
	if p.stream {
		return &huma.StreamResponse{Body: func(hc huma.Context) { a.stream(hc, p, audience) }}, nil
	}
	if err := a.await(ctx, p, audience, beat); err != nil {
		return nil, err
	}
	news := a.cfg.Controller.NewsSince(ctx, p.offset)
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		at := imagePosition(news.Image)
		hc.SetHeader("Content-Type", "application/json")
		hc.SetHeader("X-Yakt-Offset", strconv.FormatInt(at.offset, 10))
		hc.SetHeader("X-Yakt-Epoch", strconv.Itoa(int(at.epoch)))
		_, w := humago.Unwrap(hc)
		if err := a.writeNews(withDeadlines(w), news, audience, "\n"); err != nil {
			panic(broken{err})
		}
	}}, nil
}

// await waits until there is a change for the caller, or its time is over. It does not wait if the
// caller needs a snapshot.
func (a *API) await(
	ctx context.Context, p feedParams, audience feed.Audience, beat heartbeater,
) error {
	if p.wait <= 0 || p.offset < 0 {
		return nil
	}
	if a.cfg.Controller.NewsSince(ctx, p.offset).Snapshot {
		return nil
	}
	waiting, cancel := a.waitContext(ctx, p.wait)
	defer cancel()
	if beat == nil {
		_ = a.awaitNews(waiting, audience, p.offset)
		return nil
	}
	for waiting.Err() == nil {
		interval, end := context.WithTimeout(waiting, a.cfg.HeartbeatInterval)
		err := a.awaitNews(interval, audience, p.offset)
		end()
		if err == nil {
			return nil
		}
		if waiting.Err() == nil {
			// ctx, not waiting: a heartbeat is a write, which the end of the wait must not
			// interrupt.
			if err := beat(ctx, p.offset); err != nil {
				return err
			}
		}
	}
	return nil
}

// waitContext is a context for waiting. It ends after d, when this node stops, and when the client
// closes its side of the connection, which may be the only sign that it has gone. The request is
// then answered with the state of that moment.
func (a *API) waitContext(
	ctx context.Context, d time.Duration,
) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, d)
	stop := context.AfterFunc(a.streams, cancel)
	ignore := hangUp(ctx, cancel)
	return ctx, func() { stop(); ignore(); cancel() }
}
