package httpapi

import (
	"bufio"
	"fmt"
	"sync"

	"github.com/yakt/yakt/controller/feed"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// newsKind is the kind of News in an answer.
func newsKind(n feed.News) string {
	if n.Snapshot {
		return "snapshot"
	}
	return "delta"
}

// writeNews writes News as one line of JSON, followed by end. A large answer is written while it is
// made.
func (a *API) writeNews(
	w *deadlineWriter, n feed.News, audience feed.Audience, end string,
) error {
	out := bufio.NewWriterSize(w, 4<<10)
	at := imagePosition(n.Image)
	fmt.Fprintf(out, `{"kind":%q,"fromOffset":%d,"endOffset":%d,"epoch":%d,"timestamp":%q,"records":[`,
		newsKind(n), n.From, at.offset, at.epoch, timestamp(at.timestampMs))
	if n.Snapshot {
		writeImage(out, n.Image, audience)
	} else if err := a.writeBatches(out, n, audience); err != nil {
		return err
	}
	out.WriteString("]}")
	out.WriteString(end)
	return out.Flush()
}

// largeBytes is the size from which the JSON of a batch is written record by record, and not
// cached.
const largeBytes = 64 << 10

func large(b *feed.Batch) bool { return len(b.Batch) > largeBytes }

// writeBatches writes the records of batches after the offset that the reader has.
func (a *API) writeBatches(
	out *bufio.Writer, n feed.News, audience feed.Audience,
) error {
	l := &jsonList{out: out}
	for _, b := range n.Batches {
		switch v := n.Image.Version(); {
		case large(b) || b.BaseOffset() <= n.From:
			if err := eachRecord(b, audience, v, n.From, l.add); err != nil {
				return err
			}
		default:
			text, err := a.cache.text(b, audience, v)
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

// add writes values, unless there are none or an earlier write failed. It returns false if nothing
// more can be written.
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

// eachRecord calls f with the JSON of each record of a batch that is after an offset and for the
// audience, until f returns false. f must not keep the JSON.
func eachRecord(
	b *feed.Batch, audience feed.Audience, v metadata.Version, after int64,
	f func([]byte) bool,
) error {
	var text []byte
	more := true
	return b.Records(func(offset int64, r record.Record, s feed.State) {
		if more && offset > after && isFor(audience, r.Type()) {
			text = appendRecord(text[:0], r, s, v, position{offset, b.Epoch(), b.TimestampMs()})
			more = f(text)
		}
	})
}

// batchText is the JSON of a batch's records for the audience, with commas between them.
func batchText(
	b *feed.Batch, audience feed.Audience, v metadata.Version,
) (text []byte, err error) {
	err = eachRecord(b, audience, v, -1, func(one []byte) bool {
		if len(text) > 0 {
			text = append(text, ',')
		}
		text = append(text, one...)
		return true
	})
	return text, err
}

// isFor reports whether the feeds of an audience show records of a type.
func isFor(audience feed.Audience, t record.Type) bool {
	if audience == feed.AudienceClients {
		return feed.ForClients(t)
	}
	switch t {
	case record.TypeNoOp, record.TypeBeginTransaction, record.TypeEndTransaction,
		record.TypeAbortTransaction:
		return false
	}
	return true
}

// writeImage writes a state as records, all at the state's own position.
func writeImage(out *bufio.Writer, img *metadata.Image, audience feed.Audience) {
	at := imagePosition(img)
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
		text = appendRecord(text[:0], r, s, img.Version(), at)
		return l.add(text)
	})
}

// batchCache keeps the JSON of the newest batches: a batch may wake ten thousand readers, which all
// need the same text. Its methods may be called from any goroutine.
type batchCache struct {
	mu    sync.Mutex
	texts map[batchKey]*cachedText
	order []batchKey // keys of texts, the oldest first
	bytes int        // size of all texts
}

// batchKey is a batch, by its base offset, as one audience sees it.
type batchKey struct {
	offset   int64
	audience feed.Audience
}

// cachedText is encoded once, by the first reader; the others wait for it.
type cachedText struct {
	once sync.Once
	text []byte
	err  error
}

// Bounds of the cache.
const (
	cacheBytes = 16 << 20
	cacheTexts = 1024
)

// text is the JSON of all records of a batch for the audience. The caller must not change it.
func (c *batchCache) text(
	b *feed.Batch, audience feed.Audience, v metadata.Version,
) ([]byte, error) {
	key := batchKey{b.BaseOffset(), audience}
	c.mu.Lock()
	entry := c.texts[key]
	if entry == nil {
		entry = &cachedText{}
		c.put(key, entry)
	}
	c.mu.Unlock()
	entry.once.Do(func() {
		entry.text, entry.err = batchText(b, audience, v)
		c.grow(len(entry.text))
	})
	return entry.text, entry.err
}

// put adds an entry, and drops the oldest if there are too many. The caller holds the lock.
func (c *batchCache) put(key batchKey, entry *cachedText) {
	if c.texts == nil {
		c.texts = make(map[batchKey]*cachedText)
	}
	if len(c.order) >= cacheTexts {
		delete(c.texts, c.order[0])
		c.order = c.order[1:]
	}
	c.texts[key] = entry
	c.order = append(c.order, key)
}

// grow adds the bytes of a new text. It empties the cache if that makes it too large.
func (c *batchCache) grow(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bytes += n; c.bytes > cacheBytes {
		c.texts, c.order, c.bytes = nil, nil, 0
	}
}
