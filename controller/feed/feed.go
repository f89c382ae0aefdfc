// Package feed holds the newest part of the committed log for readers that return again and again,
// and wakes readers that wait for changes.
package feed

import (
	"context"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// Age is how far back the feed reaches, in the log's own time: the age of a batch is the timestamp
// of the newest batch minus its own.
const Age = 10 * time.Minute

// maxBytes bounds the batches that the feed holds. Their bytes are shared with the log, which has
// most of them in memory anyway.
const maxBytes = 64 << 20

// Feed is the newest part of the committed log. All methods may be called from any goroutine.
//
// Committed batches are indexed on a goroutine of the feed's own, which lives only while batches
// are queued: waking thousands of readers does not delay the core.
type Feed struct {
	now     func() time.Time
	waiting atomic.Int64 // calls of Await

	mu      sync.Mutex
	queue   []commit
	running bool // the goroutine lives

	// image is the state that readers may see. batches are the log from start to end without gaps,
	// oldest first; end is the end offset of the last batch outside any transaction. hidden follow
	// it: the batches of a transaction that is still open.
	image      *metadata.Image
	start, end int64
	batches    []*Batch
	bytes      int
	hidden     []*Batch
	audience   [audiences]struct {
		last    int64         // offset of the newest record for the audience, -1 for none yet
		changed chan struct{} // closed when last advances
	}
}

// commit is the batches of one commit with the image after them.
type commit struct {
	batches []*Batch // nil: readers have to start from the image
	image   *metadata.Image
}

// New returns an empty feed. now is the clock that batches are compared with when they arrive.
func New(now func() time.Time) *Feed {
	f := &Feed{now: now, image: metadata.Empty()}
	for i := range f.audience {
		f.audience[i].last, f.audience[i].changed = -1, make(chan struct{})
	}
	return f
}

// Reaches reports whether a batch is new enough for the feed. The batches of an old log, which a
// node replays when it starts, are not.
func (f *Feed) Reaches(b *Batch) bool {
	return f.now().UnixMilli()-b.TimestampMs() <= Age.Milliseconds()
}

// Add publishes committed batches and the image after them. With nil batches it drops everything
// before the image, as after a snapshot or for batches that the feed does not reach. It does not
// block.
func (f *Feed) Add(batches []*Batch, img *metadata.Image) {
	f.mu.Lock()
	f.queue = append(f.queue, commit{batches, img})
	start := !f.running
	f.running = true
	f.mu.Unlock()
	if start {
		go f.work()
	}
}

func (f *Feed) work() {
	for {
		f.mu.Lock()
		queue := f.queue
		f.queue = nil
		f.running = len(queue) > 0
		f.mu.Unlock()
		if len(queue) == 0 {
			return
		}
		for _, c := range queue {
			f.index(c)
		}
	}
}

// index makes what one call of Add brought visible to readers.
func (f *Feed) index(c commit) {
	if c.batches == nil {
		f.restart(c.image.Stable())
		return
	}
	for _, b := range c.batches {
		if b.before != nil {
			b.ReadBefore(b.before)
			b.ReadAfter(b.after)
			b.before, b.after = nil, nil
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hidden = append(f.hidden, c.batches...)
	f.image = c.image.Stable()
	if !c.image.InTransaction() {
		f.publish()
	}
}

// publish makes the hidden batches visible. The caller holds the lock.
func (f *Feed) publish() {
	last := f.hidden[len(f.hidden)-1]
	if slices.ContainsFunc(f.hidden, func(b *Batch) bool { return len(b.boundaries) > 0 }) {
		markAborted(f.hidden)
	}
	var concerns audienceSet
	for _, b := range f.hidden {
		f.batches = append(f.batches, b)
		f.bytes += b.size()
		concerns.add(b.concerns)
	}
	f.hidden, f.end = nil, last.EndOffset()
	f.trim(last.TimestampMs())
	concerns[AudienceAll] = true
	f.wake(concerns)
}

// wake wakes the readers of some audiences. The caller holds the lock.
func (f *Feed) wake(concerned audienceSet) {
	for i := range f.audience {
		if a := &f.audience[i]; concerned[i] {
			a.last = f.end - 1
			close(a.changed)
			a.changed = make(chan struct{})
		}
	}
}

// trim drops batches that are too old, and the oldest ones while all are too large.
func (f *Feed) trim(nowMs int64) {
	n := 0
	for n < len(f.batches) &&
		(f.bytes > maxBytes || nowMs-f.batches[n].TimestampMs() > Age.Milliseconds()) {
		f.bytes -= f.batches[n].size()
		n++
	}
	f.batches = f.batches[n:] // not zeroed: readers may hold the array
	f.start = f.end
	if len(f.batches) > 0 {
		f.start = f.batches[0].BaseOffset()
	}
}

// restart drops everything before an image.
func (f *Feed) restart(img *metadata.Image) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.image, f.batches, f.hidden, f.bytes = img, nil, nil, 0
	f.start, f.end = img.EndOffset(), img.EndOffset()
	f.wake(audienceSet{true, true, true})
}

// News is what a reader has missed.
type News struct {
	// Batches follow the reader's offset; the first may begin before it. nil with Snapshot.
	Batches []*Batch
	// Snapshot: the reader is too far behind, or ahead of the log, and must start from the image.
	Snapshot bool
	// Image is the state after the batches. EndOffset-1 is the last offset that it contains.
	Image *metadata.Image
	// From is the last offset that the reader has; -1 with Snapshot.
	From int64
}

// Since returns everything committed after offset, the last one that the reader has; -1 for a
// reader that has nothing. A reader whose offset the feed does not hold any more gets a snapshot.
// It first waits until the feed has indexed the log up to end, unless ctx ends before.
func (f *Feed) Since(ctx context.Context, offset, end int64) News {
	_ = f.Await(ctx, AudienceAll, end-2)
	f.mu.Lock()
	defer f.mu.Unlock()
	n := News{Image: f.image, From: offset}
	if offset == f.end-1 && offset >= 0 {
		return n
	}
	if offset < 0 || offset < f.start || offset >= f.end {
		n.Snapshot, n.From = true, -1
		return n
	}
	first := sort.Search(len(f.batches), func(i int) bool {
		return f.batches[i].EndOffset() > offset+1
	})
	n.Batches = slices.Clip(f.batches[first:])
	return n
}

// Unchanged reports whether the log has no change of metadata from after offset up to end: only
// NoOpRecords and control records. It first waits until the feed has indexed the log up to the
// given end, unless ctx ends before; the returned end is the end that it has indexed.
func (f *Feed) Unchanged(ctx context.Context, offset, end int64) (indexed int64, ok bool) {
	_ = f.Await(ctx, AudienceAll, end-2)
	f.mu.Lock()
	defer f.mu.Unlock()
	ok = offset >= 0 && offset < f.end && f.end >= end && f.audience[AudienceBrokers].last <= offset
	return f.end, ok
}

// OffsetBefore returns the offset of the last record that is older than a time in ms since 1970. ok
// is false when the feed does not reach back that far, or the time is in the future.
func (f *Feed) OffsetBefore(timestampMs int64) (offset int64, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	newest := f.image.TimestampMs()
	if timestampMs > max(newest, f.now().UnixMilli()) ||
		timestampMs < newest-Age.Milliseconds() {
		return -1, false
	}
	// No binary search: leaders' clocks differ, so timestamps need not ascend.
	i := slices.IndexFunc(f.batches, func(b *Batch) bool { return b.TimestampMs() >= timestampMs })
	if i < 0 {
		return f.end - 1, f.end > 0
	}
	return f.batches[i].BaseOffset() - 1, i > 0
}

// Waiting is how many calls of Await are blocked.
func (f *Feed) Waiting() int { return int(f.waiting.Load()) }

// Await returns nil once the feed holds a record for the audience after offset, or the error of ctx
// when that is done.
func (f *Feed) Await(ctx context.Context, audience Audience, offset int64) error {
	f.waiting.Add(1)
	defer f.waiting.Add(-1)
	for {
		changed := f.changedSince(audience, offset)
		if changed == nil {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// changedSince is nil when there is a record after offset already, else a channel that is closed at
// the next one.
func (f *Feed) changedSince(audience Audience, offset int64) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a := &f.audience[audience]; a.last <= offset {
		return a.changed
	}
	return nil
}

// Audience is the kind of records that a reader of the feed asks for.
type Audience uint8

const (
	// AudienceBrokers gets every change of metadata.
	AudienceBrokers Audience = iota
	// AudienceClients gets topics, partitions and brokers.
	AudienceClients
	// AudienceAll gets every offset, with changes or without.
	AudienceAll
	audiences
)

// audienceSet is the audiences that something concerns.
type audienceSet [audiences]bool

func (s *audienceSet) addRecord(t record.Type) {
	s[AudienceBrokers] = s[AudienceBrokers] || t != record.TypeNoOp
	s[AudienceClients] = s[AudienceClients] || ForClients(t)
}

func (s *audienceSet) add(more audienceSet) {
	for i := range s {
		s[i] = s[i] || more[i]
	}
}

// ForClients reports whether records of a type are for AudienceClients.
func ForClients(t record.Type) bool {
	switch t {
	case record.TypeTopic, record.TypeRemoveTopic, record.TypePartition,
		record.TypePartitionChange, record.TypeRegisterBroker, record.TypeUnregisterBroker,
		record.TypeBrokerRegistrationChange, record.TypeFenceBroker, record.TypeUnfenceBroker:
		return true
	}
	return false
}
