package kafka

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Writers write to each partition of a topic with acks=all, one record at a time per partition, so
// that the others do not hide a partition that accepts no writes. Acknowledged records go into
// their ledger.
type Writers struct {
	Ledger     *Ledger
	topic      string
	partitions []*progress
	stop       context.CancelFunc
	wg         sync.WaitGroup
}

const (
	writeInterval = 10 * time.Millisecond
	paddingBytes  = 1000 // makes moving a partition move data
)

// StartWriters writes until Stop or the end of the test. addrs are the bootstrap addresses; the
// cluster may change.
func StartWriters(t testing.TB, addrs []string, topic string, partitions int) *Writers {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &Writers{Ledger: NewLedger("writers"), topic: topic, stop: cancel}
	cl := NewClient(t, addrs, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for i := range partitions {
		p := new(progress)
		p.begin()
		w.partitions = append(w.partitions, p)
		w.wg.Go(func() { w.write(ctx, cl, int32(i), p) })
	}
	t.Cleanup(w.Stop)
	return w
}

func (w *Writers) write(ctx context.Context, cl *kgo.Client, partition int32, p *progress) {
	ticker := time.NewTicker(writeInterval)
	defer ticker.Stop()
	padding := []kgo.RecordHeader{{Key: "padding",
		Value: []byte(strings.Repeat("x", paddingBytes))}}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			r := w.Ledger.newRecord(w.topic)
			r.Partition, r.Headers = partition, padding
			p.record(w.produce(ctx, cl, r))
		}
	}
}

func (w *Writers) produce(ctx context.Context, cl *kgo.Client, r *kgo.Record) error {
	r, err := cl.ProduceSync(ctx, r).First()
	if err == nil {
		w.Ledger.acknowledged(r)
	}
	return err
}

// Stop ends the writers; a write in progress is abandoned and counts as not acknowledged.
// Idempotent.
func (w *Writers) Stop() {
	w.stop()
	w.wg.Wait()
}

// WaitEach waits until each of these partitions (all, if none is named) has acknowledged a record
// that was written after the call.
func (w *Writers) WaitEach(t testing.TB, within time.Duration, partitions ...int32) time.Duration {
	t.Helper()
	if len(partitions) == 0 {
		for i := range w.partitions {
			partitions = append(partitions, int32(i))
		}
	}
	want := map[int32]int{}
	for _, i := range partitions {
		want[i] = w.partitions[i].count() + 2 // the next one may be of a write that began earlier
	}
	return Eventually(t, within, "each partition of "+w.topic+" takes writes", func() error {
		for i, count := range want {
			if got := w.partitions[i].count(); got < count {
				return fmt.Errorf("partition %d: %d of %d, %v", i, got, count, w.partitions[i])
			}
		}
		return nil
	})
}

// LongestGap returns the longest time between two acknowledgements of a partition.
func (w *Writers) LongestGap() (longest time.Duration) {
	for _, p := range w.partitions {
		longest = max(longest, p.longestGap())
	}
	return longest
}

// String summarises the writers.
func (w *Writers) String() string {
	records, _ := w.Ledger.Counts()
	return fmt.Sprintf("%d records acknowledged in %d partitions, longest gap of one %v", records,
		len(w.partitions), w.LongestGap().Round(time.Millisecond))
}
