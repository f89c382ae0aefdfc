package httpapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/yakt/yakt/controller/feed"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// writeNews writes a News as one line of JSON, and end behind it. What may be large is written as
// it is made, and in turns.
func (a *API) writeNews(w *patient, n feed.News, audience feed.Audience, end string) error {
	out := bufio.NewWriterSize(w, 4<<10)
	at := placeOfImage(n.Image)
	kind := "delta"
	if n.Snapshot {
		kind = "snapshot"
	}
	fmt.Fprintf(out, `{"kind":%q,"fromOffset":%d,"endOffset":%d,"epoch":%d,"timestamp":%q,"records":[`, kind, n.From, at.offset, at.epoch, timestamp(at.timestampMs))
	if n.Snapshot {
		writeImage(out, n.Image, audience)
	} else if err := a.writeBatches(out, n, audience); err != nil {
		return err
	}
	out.WriteString("]}")
	out.WriteString(end)
	return out.Flush()
}

// largeBytes is how much of a batch has its JSON written record by record, and neither kept nor
// shared.
const largeBytes = 64 << 10

func large(b *feed.Batch) bool { return len(b.Batch) > largeBytes }

// writeBatches writes the records of batches after the offset that the reader has.
func (a *API) writeBatches(out *bufio.Writer, n feed.News, audience feed.Audience) error {
	l := &jsonList{out: out}
	for _, b := range n.Batches {
		switch v := n.Image.Version(); {
		case large(b) || b.BaseOffset() <= n.From:
			if err := eachTold(b, audience, v, n.From, l.add); err != nil {
				return err
			}
		default:
			text, err := a.told.of(b, audience, v)
			if err != nil {
				return err
			}
			l.add(text)
		}
	}
	return l.err
}

// jsonList writes JSON values with commas between them.
type jsonList struct {
	out   *bufio.Writer
	begun bool
	err   error
}

// add writes values, unless there are none or an earlier one could not be written. It is false
// when nothing more can be.
func (l *jsonList) add(values []byte) bool {
	if l.err != nil || len(values) == 0 {
		return l.err == nil
	}
	if l.begun {
		l.err = l.out.WriteByte(',')
	}
	l.begun = true
	if l.err == nil {
		_, l.err = l.out.Write(values)
	}
	return l.err == nil
}

// eachTold calls f with each record of a batch that comes after an offset and is for the audience,
// as JSON that f may not keep, until f is false.
func eachTold(
	b *feed.Batch, audience feed.Audience, v metadata.Version, after int64, f func([]byte) bool,
) error {
	var text []byte
	more := true
	return b.Records(func(offset int64, r record.Record, s feed.State) {
		if more && offset > after && isFor(audience, r.Type()) {
			text = appendTold(text[:0], r, s, v, place{offset, b.Epoch(), b.TimestampMs()})
			more = f(text)
		}
	})
}

// batchText is the records of a batch that are for the audience, with commas between them.
func batchText(b *feed.Batch, audience feed.Audience, v metadata.Version) (text []byte, err error) {
	err = eachTold(b, audience, v, -1, func(one []byte) bool {
		if len(text) > 0 {
			text = append(text, ',')
		}
		text = append(text, one...)
		return true
	})
	return text, err
}

func isFor(audience feed.Audience, t record.Type) bool {
	if audience == feed.AudienceClients {
		return feed.ForClients(t)
	}
	switch t {
	case record.TypeNoOp, record.TypeBeginTransaction, record.TypeEndTransaction, record.TypeAbortTransaction:
		return false
	}
	return true
}

// writeImage writes a whole state as records, all at its own place.
func writeImage(out *bufio.Writer, img *metadata.Image, audience feed.Audience) {
	at := placeOfImage(img)
	l := &jsonList{out: out}
	var text []byte
	img.Records(func(r record.Record) bool {
		if !isFor(audience, r.Type()) {
			return true
		}
		var s feed.State
		if b, ok := r.(*record.RegisterBroker); ok {
			s.Broker = img.Broker(b.BrokerID)
		}
		text = appendTold(text[:0], r, s, img.Version(), at)
		return l.add(text)
	})
}

// cache keeps the JSON of the newest batches: ten thousand readers who wake for one batch want the same text.
type cache struct {
	mu    sync.Mutex
	texts map[cacheKey]*cached
	order []cacheKey
	bytes int
}

type cacheKey struct {
	offset   int64
	audience feed.Audience
}

type cached struct {
	once sync.Once
	text []byte
	err  error
}

// cacheBytes bounds the cache, cacheTexts how many batches it knows.
const (
	cacheBytes = 16 << 20
	cacheTexts = 1024
)

// of is the JSON of all of a batch.
func (c *cache) of(b *feed.Batch, audience feed.Audience, v metadata.Version) ([]byte, error) {
	key := cacheKey{b.BaseOffset(), audience}
	c.mu.Lock()
	entry := c.texts[key]
	if entry == nil {
		entry = &cached{}
		c.put(key, entry)
	}
	c.mu.Unlock()
	entry.once.Do(func() {
		entry.text, entry.err = batchText(b, audience, v)
		c.grow(len(entry.text))
	})
	return entry.text, entry.err
}

// put adds an entry. The caller holds the lock.
func (c *cache) put(key cacheKey, entry *cached) {
	if c.texts == nil {
		c.texts = make(map[cacheKey]*cached)
	}
	if len(c.order) >= cacheTexts {
		delete(c.texts, c.order[0])
		c.order = c.order[1:]
	}
	c.texts[key] = entry
	c.order = append(c.order, key)
}

// grow counts what an entry has come to; too much of it empties the cache.
func (c *cache) grow(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bytes += n; c.bytes > cacheBytes {
		c.texts, c.order, c.bytes = nil, nil, 0
	}
}

// keepAlive is how often a stream says something when there is no news.
const keepAlive = 15 * time.Second

// stream writes News as server-sent events, the first at once, until this node stops or the
// client cannot be written to: one that has only closed its own side still reads.
func (a *API) stream(hc huma.Context, p feedParams, audience feed.Audience) {
	r, below := humago.Unwrap(hc)
	w := patiently(below)
	w.Header().Set("Content-Type", "text/event-stream")
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer cancel()
	defer context.AfterFunc(a.streams, cancel)()
	for first := true; first || ctx.Err() == nil; first = false {
		news := a.cfg.Controller.NewsSince(ctx, p.offset)
		if first || news.Snapshot || placeOfImage(news.Image).offset > p.offset {
			w.renew()
			if err := errors.Join(a.writeEvent(w, news, audience), w.control.Flush()); err != nil {
				panic(broken{err})
			}
			p.offset = placeOfImage(news.Image).offset
		}
		if !a.idle(ctx, w, p.offset, audience) {
			return
		}
	}
}

func (a *API) writeEvent(w *patient, n feed.News, audience feed.Audience) error {
	name := "delta"
	if n.Snapshot {
		name = "snapshot"
	}
	if _, err := fmt.Fprintf(w, "id: %d\nevent: %s\ndata: ", placeOfImage(n.Image).offset, name); err != nil {
		return err
	}
	return a.writeNews(w, n, audience, "\n\n")
}
