package httpapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/controller/feed"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol/batch"
)

// LogInput is the input of records.
type LogInput struct {
	ReadParams
	// Offset of the first record.
	From int64 `query:"from" minimum:"0" maximum:"9007199254740991" default:"0" example:"0"`
	// Maximum number of records.
	Limit int32 `query:"limit" minimum:"1" maximum:"10000" default:"1000" example:"100"`
	// How long to wait if the first record is not there yet; a minute at most.
	Wait string `query:"wait" pattern:"^([0-9]{1,6}ms|[0-9]{1,3}s|[0-9]{1,2}m)$" example:"30s"`
}

// LogPart is the answer of records: a part of the log.
type LogPart struct {
	// Offset of the first record: the parameter from.
	FromOffset int64 `json:"fromOffset" minimum:"0" example:"0"`
	// Offset after the last record: the parameter from of the next request.
	EndOffset int64 `json:"endOffset" minimum:"0" example:"43"`
	// Offset of the oldest record in the log. The snapshot contains everything before it.
	LogStartOffset int64 `json:"logStartOffset" minimum:"0" example:"0"`
	// Offset after the last committed record.
	HighWatermark int64 `json:"highWatermark" minimum:"0" example:"43"`
	// The records as they are in the log, with the field names of Kafka's schemas. Secrets are
	// hidden.
	Records []Record[any] `json:"records"`
}

func (a *API) log() {
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[LogPart](), true, "")
	handle(a, operation{
		kind: readKind, name: "records", tag: tagQuorum,
		needs:   onCluster(acls.ClusterAction),
		summary: "Read the metadata log as JSON",
		text:    "Committed records from an offset on, as they are in the log.",
		responses: okResponse(&huma.Response{
			Description: "A part of the log.",
			Content:     map[string]*huma.MediaType{"application/json": {Schema: schema}},
		}),
	}, a.records)
	text := &huma.Schema{Type: "string"}
	handle(a, operation{
		kind: localKind, name: "snapshot", tag: tagQuorum,
		needs:   onCluster(acls.ClusterAction),
		summary: "Download a snapshot",
		text: "This node's committed state as a checkpoint file in KRaft's format. It contains " +
			"secrets: SCRAM credentials, and passwords in configurations.",
		statuses: []int{http.StatusServiceUnavailable},
		responses: okResponse(&huma.Response{
			Description: "A .checkpoint file, named by its end offset and epoch.",
			Content: map[string]*huma.MediaType{
				"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}},
			},
			Headers: map[string]*huma.Param{
				"Content-Disposition": {Description: "The file's name.", Schema: text},
			},
		}),
	}, func(context.Context, *struct{}) (*huma.StreamResponse, error) {
		img := a.cfg.Controller.Image()
		if img.EndOffset() == 0 {
			return nil, noLeader("There is no metadata yet. Try again when the quorum has a leader.")
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) { a.snapshot(hc, img) }}, nil
	})
}

// recordsBytes is how much of the log /v1/records holds in memory at a time, unless one batch is
// larger.
const recordsBytes = 256 << 10

func (a *API) records(ctx context.Context, in *LogInput) (*huma.StreamResponse, error) {
	if wait := min(duration(in.Wait), a.cfg.WaitMax); wait > 0 {
		waiting, cancel := a.waitContext(ctx, wait)
		_ = a.awaitNews(waiting, feed.AudienceAll, in.From-1)
		cancel()
	}
	if _, err := a.image(ctx, in.ReadParams); err != nil {
		return nil, err
	}
	part, err := in.part(a.cfg.ReadLog)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "application/json")
		_, w := humago.Unwrap(hc)
		out := withDeadlines(w)
		if err := part.write(out); err != nil {
			panic(broken{err})
		}
	}}, nil
}

// readLog is the type of Config.ReadLog.
type readLog = func(from int64, maxBytes int) (records []byte, start, end int64)

// logPart is the part of the log that an answer shows. Offsets have no gaps.
type logPart struct {
	read                            readLog
	from, end, start, highWatermark int64
}

func (in *LogInput) part(read readLog) (*logPart, error) {
	_, start, highWatermark := read(in.From, 0)
	if in.From < start {
		return nil, newProblem(http.StatusBadRequest, kerr.OffsetOutOfRange,
			"The log starts at offset %d; the snapshot contains everything before it. Set from to %d "+
				"or more.", start, start)
	}
	end := max(in.From, min(in.From+int64(in.Limit), highWatermark))
	return &logPart{read, in.From, end, start, highWatermark}, nil
}

func (p *logPart) write(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out,
		`{"fromOffset":%d,"endOffset":%d,"logStartOffset":%d,"highWatermark":%d,"records":[`,
		p.from, p.end, p.start, p.highWatermark)
	l := &jsonList{out: out}
	for at := p.from; at < p.end && l.err == nil; {
		data, start, _ := p.read(at, recordsBytes)
		if start > at || len(data) == 0 {
			return fmt.Errorf("the log was cut to offset %d while offset %d was read", start, at)
		}
		end, err := p.add(l, data, at)
		if err != nil {
			return err
		}
		at = end
	}
	out.WriteString("]}\n")
	return errors.Join(l.err, out.Flush())
}

// add writes the records of batches, beginning with an offset, and returns the offset after them.
func (p *logPart) add(l *jsonList, data []byte, from int64) (end int64, err error) {
	var text []byte
	for len(data) > 0 && l.err == nil {
		b, rest, err := batch.Parse(data)
		if err != nil {
			return end, err
		}
		data, end = rest, b.EndOffset()
		err = b.Each(func(offset int64, key, value []byte) error {
			if offset < from || offset >= p.end {
				return nil
			}
			at := position{offset, b.Epoch(), b.TimestampMs()}
			text, err = appendLogRecord(text[:0], b.IsControl(), key, value, at)
			l.add(text)
			return errors.Join(err, l.err)
		})
		if err != nil {
			return end, err
		}
	}
	return end, nil
}

// snapshot writes a state in KRaft's format.
func (a *API) snapshot(hc huma.Context, img *metadata.Image) {
	_, w := humago.Unwrap(hc)
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%020d-%010d.checkpoint"`,
		img.EndOffset(), img.Epoch()))
	below := withDeadlines(w)
	out := bufio.NewWriterSize(below, 64<<10)
	if err := errors.Join(metadata.WriteSnapshot(out, img), out.Flush()); err != nil {
		panic(broken{err}) // an incomplete file must not look complete
	}
}
