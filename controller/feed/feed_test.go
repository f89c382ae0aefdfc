package feed

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/yakt/yakt/controller/controllertest"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol/batch"
)

// writer commits batches to a feed, as a controller does.
type writer struct {
	*Feed
	t     *testing.T
	clock *controllertest.Clock
	img   *metadata.Image
}

func newWriter(t *testing.T) *writer {
	clock := controllertest.NewClock()
	return &writer{New(clock.Now), t, clock, metadata.Empty()}
}

func (w *writer) commit(records ...record.Record) {
	w.t.Helper()
	b, err := metadata.EncodeSome(
		records, metadata.LatestVersion, w.clock.Now().UnixMilli(), batch.MaxBytes)
	if err != nil {
		w.t.Fatal(err)
	}
	b.SetPosition(w.img.EndOffset(), 1)
	before := w.img
	if w.img, err = before.ReplayBatch(b); err != nil {
		w.t.Fatal(err)
	}
	batch := &Batch{Batch: b}
	batch.ReadLater(before, w.img)
	w.Add([]*Batch{batch}, w.img)
}

// since waits until the feed has everything outside open transactions, and returns the types of the
// records after offset.
func (w *writer) since(offset int64) (News, []record.Type) {
	w.t.Helper()
	n := w.Since(w.t.Context(), offset, w.img.Stable().EndOffset())
	var types []record.Type
	for _, b := range n.Batches {
		err := b.Records(func(at int64, r record.Record, _ State) {
			if at > n.From {
				types = append(types, r.Type())
			}
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return n, types
}

func topic(n int) *record.Topic {
	return &record.Topic{Name: string(rune('a' + n)), TopicID: controllertest.UUID(n)}
}

func TestReadersGetTheRecordsSinceTheirOffset(t *testing.T) {
	t.Parallel()
	w := newWriter(t)
	w.commit(topic(1), topic(2))
	w.commit(&record.NoOp{})
	for offset, want := range map[int64][]record.Type{
		0: {record.TypeTopic, record.TypeNoOp}, 1: {record.TypeNoOp}, 2: nil,
	} {
		if n, types := w.since(offset); n.Snapshot || !slices.Equal(types, want) {
			t.Errorf("since %d: %v, snapshot %v; want %v", offset, types, n.Snapshot, want)
		}
	}
	for _, offset := range []int64{-1, 3} {
		if n, _ := w.since(offset); !n.Snapshot || n.From != -1 || n.Image.EndOffset() != 3 {
			t.Errorf("since %d: %+v", offset, n)
		}
	}
	w.clock.Jump(Age + time.Second)
	w.commit(topic(3))
	if n, _ := w.since(1); !n.Snapshot {
		t.Error("the feed reaches back further than its age")
	}
}

func TestTransactionsAppearWhenTheyHaveEnded(t *testing.T) {
	t.Parallel()
	w := newWriter(t)
	w.commit(topic(1))
	w.commit(&record.BeginTransaction{}, topic(2))
	if n, types := w.since(0); len(types) != 0 || n.Image.TopicByName("c") != nil {
		t.Errorf("of an open transaction: %v", types)
	}
	w.commit(&record.AbortTransaction{}, &record.BeginTransaction{}, topic(3),
		&record.EndTransaction{})
	n, types := w.since(0)
	want := []record.Type{
		record.TypeBeginTransaction, record.TypeTopic, record.TypeEndTransaction,
	}
	if !slices.Equal(types, want) || n.Image.TopicCount() != 2 {
		t.Errorf("of an aborted and a committed transaction: %v, want %v", types, want)
	}
}

func TestStatesAreThoseAroundTheBatch(t *testing.T) {
	t.Parallel()
	w := newWriter(t)
	w.commit(topic(1))
	w.commit(&record.RemoveTopic{TopicID: controllertest.UUID(1)})
	n, _ := w.since(0)
	var removed string
	for _, b := range n.Batches {
		_ = b.Records(func(_ int64, _ record.Record, s State) { removed += s.TopicName })
	}
	if removed != "b" {
		t.Errorf("the removed topic is %q", removed)
	}
}

func TestReadersWaitForTheirAudience(t *testing.T) {
	t.Parallel()
	w := newWriter(t)
	w.commit(&record.NoOp{})
	if err := w.Await(t.Context(), AudienceAll, -1); err != nil {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if w.Await(ended, AudienceBrokers, -1) == nil {
		t.Error("a NoOp is a change of metadata")
	}
	w.commit(topic(1))
	for _, a := range []Audience{AudienceBrokers, AudienceClients} {
		if err := w.Await(t.Context(), a, 0); err != nil {
			t.Errorf("audience %d: %v", a, err)
		}
	}
}
