package kafka

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Reader is the only member of a group, which reads a topic in the background and commits.
type Reader struct {
	cl   *kgo.Client
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu   sync.Mutex
	seen map[string]bool // values of the records read
}

// StartReader reads until Stop or the end of the test.
func StartReader(t testing.TB, addrs []string, group, topic string) *Reader {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &Reader{stop: cancel, seen: make(map[string]bool),
		cl: openClient(t, addrs, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
			kgo.AutoCommitInterval(time.Second))}
	r.wg.Go(func() { r.read(ctx) })
	t.Cleanup(r.Stop)
	return r
}

func (r *Reader) read(ctx context.Context) {
	for ctx.Err() == nil {
		fetches := r.cl.PollFetches(ctx)
		r.mu.Lock()
		fetches.EachRecord(func(rec *kgo.Record) { r.seen[string(rec.Value)] = true })
		r.mu.Unlock()
	}
}

// Stop ends the reader, which leaves its group. Idempotent.
func (r *Reader) Stop() {
	r.stop()
	r.wg.Wait()
	r.cl.Close()
}

// AwaitAll waits until the group has read every record that was acknowledged before the call.
func (r *Reader) AwaitAll(t testing.TB, within time.Duration, ledger *Ledger) time.Duration {
	t.Helper()
	ledger.mu.Lock()
	acknowledged := ledger.entries[:len(ledger.entries):len(ledger.entries)]
	ledger.mu.Unlock()
	return Eventually(t, within, "the group has read every acknowledged record", func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		for i, e := range acknowledged {
			if !r.seen[e.Value] {
				return fmt.Errorf("%d read; not number %d of %d: %+v", len(r.seen), i+1,
					len(acknowledged), e)
			}
		}
		return nil
	})
}
