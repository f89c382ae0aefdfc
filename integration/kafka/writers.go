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

// Writers write acks=all to each partition of a topic, one record at a time each, so that a partition that takes no writes does
// not hide behind the others. All that is acknowledged goes into their ledger.
type Writers struct {
	Ledger     *Ledger
	topic      string
	partitions []*progress
	stop       context.CancelFunc
	wg         sync.WaitGroup
}

const (
	writeInterval = 10 * time.Millisecond
	paddingBytes  = 1000 // so that moving a partition means moving data
)

// StartWriters writes until Stop or the end of the test. Addresses are where to look for the cluster; it may change.
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
	padding := []kgo.RecordHeader{{Key: "padding", Value: []byte(strings.Repeat("x", paddingBytes))}}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			r := w.Ledger.newRecord(w.topic)
			r.Partition, r.Headers = partition, padding
			p.note(w.produce(ctx, cl, r))
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

// Stop ends the writers; a write under way is given up and counts as not acknowledged. Idempotent.
func (w *Writers) Stop() {
	w.stop()
	w.wg.Wait()
}

// WaitEach waits until each of these partitions (all, when none is named) has acknowledged a record that was written after the call.
func (w *Writers) WaitEach(t testing.TB, within time.Duration, partitions ...int32) time.Duration {
	t.Helper()
	if len(partitions) == 0 {
		for i := range w.partitions {
			partitions = append(partitions, int32(i))
		}
	}
	want := map[int32]int{}
	for _, i := range partitions {
		want[i] = w.partitions[i].count() + 2 // one may be on its way already
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

// LongestGap is the longest time between two acknowledgements of a partition.
func (w *Writers) LongestGap() (longest time.Duration) {
	for _, p := range w.partitions {
		longest = max(longest, p.longestGap())
	}
	return longest
}

// String sums the writers up.
func (w *Writers) String() string {
	records, _ := w.Ledger.Counts()
	return fmt.Sprintf("%d records acknowledged in %d partitions, longest gap of one %v", records, len(w.partitions), w.LongestGap().Round(time.Millisecond))
}
