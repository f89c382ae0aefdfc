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

	"github.com/yakt/yakt/controller/feed"
	"github.com/yakt/yakt/metadata"
)

// LogInput says which part of the log to show.
type LogInput struct {
	ReadParams
	From  int64  `query:"from" minimum:"0" maximum:"9007199254740991" default:"0" doc:"Offset of the first record." example:"0"`
	Limit int32  `query:"limit" minimum:"1" maximum:"10000" default:"1000" doc:"How many records at most." example:"100"`
	Wait  string `query:"wait" pattern:"^([0-9]{1,6}ms|[0-9]{1,3}s|[0-9]{1,2}m)$" doc:"Wait up to so long for a record that is not there yet; a minute at most." example:"30s"`
}

// LogPart is a part of the log.
type LogPart struct {
	FromOffset     int64         `json:"fromOffset" minimum:"0" doc:"Offset asked for." example:"0"`
	EndOffset      int64         `json:"endOffset" minimum:"0" doc:"Offset after the last record here; from of the next request." example:"43"`
	LogStartOffset int64         `json:"logStartOffset" minimum:"0" doc:"Offset of the oldest record there is; what came before is in the snapshot." example:"0"`
	HighWatermark  int64         `json:"highWatermark" minimum:"0" doc:"Offset after the last committed record." example:"43"`
	Records        []Record[any] `json:"records" doc:"The records as they stand in the log, with the field names of Kafka's schemas. Secrets are hidden."`
}

func (a *API) log() {
	part := describe(http.MethodGet, "records", tagQuorum, "The metadata log as JSON",
		"Committed records from an offset on, as they stand in the log.", readStatuses...)
	part.Responses["200"] = &huma.Response{
		Description: "A part of the log.",
		Content: map[string]*huma.MediaType{"application/json": {
			Schema: a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[LogPart](), true, ""),
		}},
	}
	huma.Register(a.huma, part, a.records)
	op := describe(http.MethodGet, "snapshot", tagQuorum, "Download a snapshot", "This node's committed state as a checkpoint file of KRaft's format. It holds secrets: SCRAM credentials, and passwords in configurations.",
		http.StatusServiceUnavailable)
	op.Responses["200"] = &huma.Response{
		Description: "A .checkpoint file, named by its end offset and epoch.",
		Content:     map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}}},
		Headers:     map[string]*huma.Param{"Content-Disposition": {Description: "Its name.", Schema: &huma.Schema{Type: "string"}}},
	}
	huma.Register(a.huma, op, func(context.Context, *struct{}) (*huma.StreamResponse, error) {
		img := a.cfg.Controller.Image()
		if img.EndOffset() == 0 {
			return nil, noLeader("There is no metadata yet. Try again when the quorum has a leader.")
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) { a.snapshot(hc, img) }}, nil
	})
}

// recordsBytes is how much of the log /v1/records has in hand at a time, if a batch is no larger.
const recordsBytes = 256 << 10

func (a *API) records(ctx context.Context, in *LogInput) (*huma.StreamResponse, error) {
	if wait := min(duration(in.Wait), a.cfg.WaitMax); wait > 0 {
		waiting, cancel := a.patience(ctx, wait)
		_ = a.awaitNews(waiting, feed.AudienceAll, in.From-1)
		cancel()
	}
	if _, err := a.read(ctx, in.ReadParams); err != nil {
		return nil, err
	}
	part, err := in.part(a.cfg.ReadLog)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "application/json")
		_, w := humago.Unwrap(hc)
		out := patiently(w)
		if err := part.write(out); err != nil {
			panic(broken{err})
		}
	}}, nil
}

// readLog is Config.ReadLog.
type readLog = func(from int64, maxBytes int) (records []byte, start, end int64)

// logPart is the part of the log that an answer is made of. Offsets have no gaps.
type logPart struct {
	read                            readLog
	from, end, start, highWatermark int64
}

func (in *LogInput) part(read readLog) (*logPart, error) {
	_, start, highWatermark := read(in.From, 0)
	if in.From < start {
		return nil, newProblem(http.StatusBadRequest, kerr.OffsetOutOfRange, "The log begins at offset %d; what came before is in the snapshot. Ask from there.", start)
	}
	end := max(in.From, min(in.From+int64(in.Limit), highWatermark))
	return &logPart{read, in.From, end, start, highWatermark}, nil
}

func (p *logPart) write(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, `{"fromOffset":%d,"endOffset":%d,"logStartOffset":%d,"highWatermark":%d,"records":[`, p.from, p.end, p.start, p.highWatermark)
	l := &jsonList{out: out}
	for at := p.from; at < p.end && l.err == nil; {
		data, start, _ := p.read(at, recordsBytes)
		if start > at || len(data) == 0 {
			return fmt.Errorf("the log was cut to offset %d while it was read at %d", start, at)
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

// add writes the records of batches from an offset on, and returns the one behind them.
func (p *logPart) add(l *jsonList, data []byte, from int64) (end int64, err error) {
	var text []byte
	for len(data) > 0 && l.err == nil {
		b, rest, err := metadata.ParseBatch(data)
		if err != nil {
			return end, err
		}
		data, end = rest, b.EndOffset()
		err = b.Each(func(offset int64, key, value []byte) error {
			if offset < from || offset >= p.end {
				return nil
			}
			text, err = appendLogRecord(text[:0], b.IsControl(), key, value, place{offset, b.Epoch(), b.TimestampMs()})
			l.add(text)
			return errors.Join(err, l.err)
		})
		if err != nil {
			return end, err
		}
	}
	return end, nil
}

// snapshot writes a state as KRaft does.
func (a *API) snapshot(hc huma.Context, img *metadata.Image) {
	_, w := humago.Unwrap(hc)
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%020d-%010d.checkpoint"`, img.EndOffset(), img.Epoch()))
	below := patiently(w)
	out := bufio.NewWriterSize(below, 64<<10)
	if err := errors.Join(metadata.WriteSnapshot(out, img), out.Flush()); err != nil {
		panic(broken{err}) // not the end of a file that looks whole
	}
}
