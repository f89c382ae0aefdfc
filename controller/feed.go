package controller

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

// feedAge is how far back the feed reaches, in the log's own time: the age of a batch is that of the newest one less its own.
const feedAge = 10 * time.Minute

// feedBytes bounds what the feed holds. The batches' bytes are shared with the log, which has most of them anyway.
const feedBytes = 64 << 20

// Audience says whose news a reader of the feed wants.
type Audience uint8

const (
	// AudienceBrokers wants every change of metadata.
	AudienceBrokers Audience = iota
	// AudienceClients wants topics, partitions and brokers.
	AudienceClients
	// AudienceAll wants to hear of every offset, changes or not.
	AudienceAll
	audiences
)

// newsFor says to whom something is news.
type newsFor [audiences]bool

func (n *newsFor) note(t record.Type) {
	n[AudienceBrokers] = n[AudienceBrokers] || t != record.TypeNoOp
	n[AudienceClients] = n[AudienceClients] || ForClients(t)
}

func (n *newsFor) join(more newsFor) {
	for i := range n {
		n[i] = n[i] || more[i]
	}
}

// FeedBatch is one committed batch with what is needed to tell of it by itself. It is shared and never changes.
type FeedBatch struct {
	metadata.Batch
	states  []State
	marks   []mark
	aborted []offsets
	news    newsFor
	// changes are the records of states, while these are not complete.
	changes []record.Record
	// before and after are the images around the batch, if the feed is to look at them itself: that
	// is no work for the core.
	before, after *metadata.Image
}

// mark is a record that begins or ends a metadata transaction.
type mark struct {
	offset int64
	record record.Type
}

// offsets are those from first to last.
type offsets struct{ first, last int64 }

// State is what a record that changes a part of something leaves of the whole. At most one field is set.
type State struct {
	Partition *metadata.Partition // after a PartitionChange
	Broker    *metadata.Broker    // after a BrokerRegistrationChange; before an UnregisterBroker
	TopicName string              // of a RemoveTopic
}

// Records calls f for every metadata record, in log order, but for those that were part of an aborted transaction. A control batch has none.
func (b *FeedBatch) Records(f func(offset int64, r record.Record, s State)) error {
	if b.IsControl() {
		return nil
	}
	states := b.states
	return b.Each(func(offset int64, _, value []byte) error {
		r, _, err := record.Decode(value)
		if err != nil {
			return err
		}
		var s State
		if hasState(r.Type()) && len(states) > 0 {
			s, states = states[0], states[1:]
		}
		if !b.isAborted(offset) {
			f(offset, r, s)
		}
		return nil
	})
}

func (b *FeedBatch) isAborted(offset int64) bool {
	return slices.ContainsFunc(b.aborted, func(o offsets) bool { return o.first <= offset && offset <= o.last })
}

// feed is the newest part of the committed log, for readers who come again and again and for those who wait for news. What the core commits
// is worked in on a goroutine of the feed's own, which lives only while there is something to do: thousands of readers to wake do
// not keep the core from its work.
type feed struct {
	clock   Clock
	waiting atomic.Int64 // calls of Await

	mu      sync.Mutex
	queue   []committed
	running bool

	image    *metadata.Image // what readers may see, at the offset end
	start    int64           // offset of the first record held
	end      int64
	batches  []*FeedBatch
	bytes    int
	hidden   []*FeedBatch // of an open transaction
	audience [audiences]struct {
		last    int64         // offset of the newest news, -1 when there was none yet
		changed chan struct{} // closed when last moves on
	}
}

// committed are batches with the image that they lead to.
type committed struct {
	batches []*FeedBatch // nil: only the image is told
	image   *metadata.Image
}

func newFeed(clock Clock) *feed {
	f := &feed{clock: clock, image: metadata.Empty()}
	for i := range f.audience {
		f.audience[i].last, f.audience[i].changed = -1, make(chan struct{})
	}
	return f
}

// reaches reports whether the feed may reach back to a batch: those of an old log, read at start, are not worth looking at.
func (f *feed) reaches(b *FeedBatch) bool {
	return f.clock.Now().UnixMilli()-b.TimestampMs() <= feedAge.Milliseconds()
}

// add takes what was committed, nil batches for what the feed does not reach and for a snapshot. It does not block.
func (f *feed) add(batches []*FeedBatch, img *metadata.Image) {
	c := committed{batches, img}
	f.mu.Lock()
	f.queue = append(f.queue, c)
	start := !f.running
	f.running = true
	f.mu.Unlock()
	if start {
		go f.work()
	}
}

func (f *feed) work() {
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
			f.take(c)
		}
	}
}

// take works in what one call of add brought.
func (f *feed) take(c committed) {
	if c.batches == nil {
		f.restart(c.image.Stable())
		return
	}
	for _, b := range c.batches {
		if b.before != nil {
			b.lookBefore(b.before)
			b.lookAfter(b.after)
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

// publish shows what was hidden. The caller holds the lock.
func (f *feed) publish() {
	last := f.hidden[len(f.hidden)-1]
	if slices.ContainsFunc(f.hidden, func(b *FeedBatch) bool { return len(b.marks) > 0 }) {
		settleTransactions(f.hidden)
	}
	var news newsFor
	for _, b := range f.hidden {
		f.batches = append(f.batches, b)
		f.bytes += b.size()
		news.join(b.news)
	}
	f.hidden, f.end = nil, last.EndOffset()
	f.trim(last.TimestampMs())
	news[AudienceAll] = true
	f.wake(news)
}

// settleTransactions notes what of batches was aborted, and to whom the rest is news. All transactions in them have ended.
func settleTransactions(batches []*FeedBatch) {
	var aborted []offsets
	var begin int64
	for _, b := range batches {
		for _, m := range b.marks {
			switch m.record {
			case record.TypeBeginTransaction:
				begin = m.offset
			case record.TypeAbortTransaction:
				aborted = append(aborted, offsets{begin, m.offset})
			}
		}
	}
	for _, b := range batches {
		b.aborted, b.news = aborted, newsFor{}
		_ = b.Records(func(_ int64, r record.Record, _ State) { b.news.note(r.Type()) })
	}
}

// wake tells the audiences that there is news up to the end. The caller holds the lock.
func (f *feed) wake(news newsFor) {
	for i := range f.audience {
		if a := &f.audience[i]; news[i] {
			a.last = f.end - 1
			close(a.changed)
			a.changed = make(chan struct{})
		}
	}
}

// trim drops what is too old or too much.
func (f *feed) trim(nowMs int64) {
	n := 0
	for n < len(f.batches) && (f.bytes > feedBytes || nowMs-f.batches[n].TimestampMs() > feedAge.Milliseconds()) {
		f.bytes -= f.batches[n].size()
		n++
	}
	f.batches = f.batches[n:] // readers may hold the array: its head is left alone, and goes when the array grows
	f.start = f.end
	if len(f.batches) > 0 {
		f.start = f.batches[0].BaseOffset()
	}
}

// restart begins anew at a snapshot.
func (f *feed) restart(img *metadata.Image) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.image, f.batches, f.hidden, f.bytes = img, nil, nil, 0
	f.start, f.end = img.EndOffset(), img.EndOffset()
	f.wake(newsFor{true, true, true})
}

// stateBytes is about what a State holds on to.
const stateBytes = 200

func (b *FeedBatch) size() int { return len(b.Batch) + stateBytes*len(b.states) }

// lookBefore notes to whom the batch is news, and the states that it takes away. The image is the one before the batch; it may be in an
// editor's hands.
func (b *FeedBatch) lookBefore(img *metadata.Image) {
	if b.IsControl() {
		return
	}
	_ = b.Each(func(offset int64, _, value []byte) error {
		t := typeOf(value)
		b.news.note(t)
		switch t {
		case record.TypeBeginTransaction, record.TypeEndTransaction, record.TypeAbortTransaction:
			b.marks = append(b.marks, mark{offset, t})
		}
		if hasState(t) {
			r, _, _ := record.Decode(value) // nil: the image will say so
			b.states, b.changes = append(b.states, stateBefore(r, img)), append(b.changes, r)
		}
		return nil
	})
}

// lookAfter notes the states that the batch leads to; the image is the one after it.
func (b *FeedBatch) lookAfter(img *metadata.Image) {
	for i, r := range b.changes {
		stateAfter(&b.states[i], r, img)
	}
	b.changes = nil
}

// typeOf is the type of a framed record, which the image has replayed already. Frame version and type take a byte each.
func typeOf(value []byte) record.Type {
	if len(value) < 2 {
		return record.TypeNoOp
	}
	return record.Type(value[1])
}

// ForClients reports whether records of a type are for AudienceClients.
func ForClients(t record.Type) bool {
	switch t {
	case record.TypeTopic, record.TypeRemoveTopic, record.TypePartition, record.TypePartitionChange,
		record.TypeRegisterBroker, record.TypeUnregisterBroker, record.TypeBrokerRegistrationChange,
		record.TypeFenceBroker, record.TypeUnfenceBroker:
		return true
	}
	return false
}

func hasState(t record.Type) bool {
	switch t {
	case record.TypePartitionChange, record.TypeBrokerRegistrationChange, record.TypeFenceBroker, record.TypeUnfenceBroker,
		record.TypeUnregisterBroker, record.TypeRemoveTopic:
		return true
	}
	return false
}

// stateBefore is the state of what a record removes.
func stateBefore(r record.Record, img *metadata.Image) (s State) {
	switch r := r.(type) {
	case *record.UnregisterBroker:
		s.Broker = img.Broker(r.BrokerID)
	case *record.RemoveTopic:
		if t := img.Topic(r.TopicID); t != nil {
			s.TopicName = t.Name
		}
	}
	return s
}

// stateAfter fills in the state of what a record has changed.
func stateAfter(s *State, r record.Record, img *metadata.Image) {
	switch r := r.(type) {
	case *record.PartitionChange:
		s.Partition = img.Partition(r.TopicID, r.PartitionID)
	case *record.BrokerRegistrationChange:
		s.Broker = img.Broker(r.BrokerID)
	case *record.FenceBroker:
		s.Broker = img.Broker(r.ID)
	case *record.UnfenceBroker:
		s.Broker = img.Broker(r.ID)
	}
}

// News is what a reader has missed.
type News struct {
	// Batches follow the reader's offset; the first may begin before it. nil with Snapshot.
	Batches []*FeedBatch
	// Snapshot: the reader is too far behind, or ahead of the log, and must begin with the image.
	Snapshot bool
	// Image is the state at the end: with the batches, or instead of them. EndOffset-1 is the last offset it contains.
	Image *metadata.Image
	// From is the last offset that the reader had; -1 with Snapshot.
	From int64
}

// NewsSince returns what was committed after offset, the last one that the reader has; -1 for a reader who has nothing. A reader
// whose offset is not held any more, because it is more than ten minutes older than the newest, gets a snapshot. What Image has
// when it is called is among the news, unless ctx ends: the feed is a moment behind.
func (c *Controller) NewsSince(ctx context.Context, offset int64) News {
	f := c.feed
	_ = c.Await(ctx, AudienceAll, c.Image().EndOffset()-2)
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
	n.Batches = f.batches[sort.Search(len(f.batches), func(i int) bool { return f.batches[i].EndOffset() > offset+1 }):]
	n.Batches = slices.Clip(n.Batches)
	return n
}

// OffsetBefore is the offset of the last record that is older than a time in ms since 1970: a reader who has everything up to then has
// it. ok is false when the feed does not reach back that far, or the time has yet to come.
func (c *Controller) OffsetBefore(timestampMs int64) (offset int64, ok bool) {
	f := c.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	newest := f.image.TimestampMs()
	if timestampMs > max(newest, c.cfg.Clock.Now().UnixMilli()) || timestampMs < newest-feedAge.Milliseconds() {
		return -1, false
	}
	i := slices.IndexFunc(f.batches, func(b *FeedBatch) bool { return b.TimestampMs() >= timestampMs }) // leaders' clocks differ: no binary search
	if i < 0 {
		return f.end - 1, f.end > 0
	}
	return f.batches[i].BaseOffset() - 1, i > 0
}

// Waiting is how many calls of Await are waiting.
func (c *Controller) Waiting() int { return int(c.feed.waiting.Load()) }

// Await returns when there is news for the audience after offset, or ctx is done.
func (c *Controller) Await(ctx context.Context, audience Audience, offset int64) error {
	c.feed.waiting.Add(1)
	defer c.feed.waiting.Add(-1)
	for {
		changed := c.feed.changedSince(audience, offset)
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

// changedSince is nil when there is news already, else it is closed when there may be.
func (f *feed) changedSince(audience Audience, offset int64) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a := &f.audience[audience]; a.last <= offset {
		return a.changed
	}
	return nil
}

// Ping queues an event that does nothing. The channel is closed when the core's goroutine has come to it, or will never.
func (c *Controller) Ping() <-chan struct{} {
	done := make(chan struct{})
	answered := func() { close(done) }
	if !c.queue.addLog(event{name: "ping", run: answered, drop: func(*apiError) { answered() }}) {
		answered()
	}
	return done
}
