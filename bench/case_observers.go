package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/yakt/yakt/integration/kafka"
)

const (
	firstObserverID = 10_000
	sightTimeout    = 30 * time.Second
)

func (r *run) observerCounts() []int {
	if r.full {
		return []int{20, 200}
	}
	return []int{20}
}

// createToSight is case (g): a topic is created, and every observer of the log has to see it.
func createToSight(r *run) {
	r.startFleet(creatingBrokers)
	creator := r.dial(r.leaderAddr(), "creator")
	for _, n := range r.observerCounts() {
		w := r.watch(n)
		topics := &names{prefix: fmt.Sprintf("seen-by-%d", n)}
		var medians, lasts []time.Duration
		look := func(context.Context, int) error {
			sights, err := w.sights(topics.next(), creator)
			medians, lasts = append(medians, percentile(sights, 0.5)),
				append(lasts, percentile(sights, 1))
			return err
		}
		r.check(r.drive("warming up", 1, limit{ops: r.n(30, 100)}, look).err)
		medians, lasts = nil, nil
		l := r.drive(fmt.Sprintf("creates before %d observers", n), 1, limit{ops: r.n(50, 1000)},
			look)
		r.check(l.err)
		w.stop()
		slices.Sort(medians)
		slices.Sort(lasts)
		r.reportMs(fmt.Sprintf("%d observers: half of them see it, p50", n),
			percentile(medians, 0.5))
		r.reportMs(fmt.Sprintf("%d observers: the last one sees it, p50", n),
			percentile(lasts, 0.5))
		r.reportMs(fmt.Sprintf("%d observers: the last one sees it, p99", n),
			percentile(lasts, 0.99))
		r.reportCost(fmt.Sprintf("%d observers", n), l)
	}
}

// watch is a set of observers that follow the log and report when they see a name.
type watch struct {
	n    int
	name atomic.Pointer[[]byte]
	seen chan time.Time
	stop func()
}

// watch starts n observers and waits until they have read the whole log.
func (r *run) watch(n int) *watch {
	w := &watch{n: n, seen: make(chan time.Time, n)}
	look := func(batches []byte) {
		now := time.Now()
		if name := w.name.Load(); name != nil && bytes.Contains(batches, *name) {
			w.seen <- now
		}
	}
	lead := r.leader()
	var all []*follower
	for i := range n {
		f := newFollower(int32(firstObserverID+i), r.quorum.ClusterID(), lead.ID, r.quorum.Endpoint)
		f.records.Store(&look)
		all = append(all, f)
	}
	w.stop = r.goUntilDone(func(ctx context.Context) {
		var wg sync.WaitGroup
		for _, f := range all {
			wg.Go(func() { f.run(ctx) })
		}
		wg.Wait()
	})
	kafka.Eventually(r, sightTimeout, "observers have caught up", func() error {
		for _, f := range all {
			if f.applied.Load() < lead.HighWatermark-1 {
				return fmt.Errorf("observer %d is at offset %d of %d", f.id, f.applied.Load(),
					lead.HighWatermark)
			}
		}
		return nil
	})
	return w
}

// sights creates a topic and returns, for each observer, the time from the request until it saw the
// topic, sorted.
func (w *watch) sights(name string, creator *conn) ([]time.Duration, error) {
	wanted := []byte(name) // also matches a longer name with this prefix, which comes later
	w.name.Store(&wanted)
	begin := time.Now()
	if _, err := creator.createTopic(name, 1); err != nil {
		return nil, err
	}
	timeout := time.After(sightTimeout)
	var sights []time.Duration
	for range w.n {
		select {
		case at := <-w.seen:
			sights = append(sights, at.Sub(begin))
		case <-timeout:
			return sights, fmt.Errorf("%d of %d observers saw topic %s", len(sights), w.n, name)
		}
	}
	slices.Sort(sights)
	return sights, nil
}

// readFromZero is case (h): many brokers without metadata start at once, and read first the log,
// then a snapshot.
func readFromZero(r *run) {
	n := r.n(20, 200)
	f := r.startFleet(fillBrokers)
	// A little less than the twenty mebibytes of records after which controllers write a snapshot,
	// and then more.
	r.fill("log", r.n(20_000, 100_000), fillBrokers)
	r.readAll(f, n, "the log", false)
	r.fill("snapshot", 180_000, fillBrokers)
	dir := metadataDir(r.quorum.Dir(r.leader().ID))
	kafka.Eventually(r, failoverTimeout, "the leader has a snapshot", func() error {
		if len(kafka.Checkpoints(dir)) == 0 {
			return fmt.Errorf("none in %s", dir)
		}
		return nil
	})
	r.readAll(f, n, "the snapshot", true)
}

// readAll has n observers read everything from offset 0, while other brokers send heartbeats.
func (r *run) readAll(f *fleet, n int, what string, snapshot bool) {
	lead := r.leader()
	readers, errs := make([]*follower, n), make([]error, n)
	beats := f.probeHeartbeats(f.brokers[:1])
	r.progress.show("%d observers read %s", n, what)
	begin, cpu, own := time.Now(), r.controllersCPU(), processCPU(os.Getpid())
	var wg sync.WaitGroup
	for i := range n {
		readers[i] = newFollower(int32(firstObserverID+i), r.quorum.ClusterID(), lead.ID,
			r.quorum.Endpoint)
		wg.Go(func() { errs[i] = readers[i].readTo(r.ctx, lead.HighWatermark) })
	}
	wg.Wait()
	elapsed := time.Since(begin)
	cpu, own = r.controllersCPU()-cpu, processCPU(os.Getpid())-own
	window, err := beats.cut()
	r.check(err)
	beats.stop()
	var total int64
	for i, reader := range readers {
		r.check(errs[i])
		if got := reader.snapshots > 0; got != snapshot {
			r.Fatalf("an observer that was to read %s read %d snapshots", what, reader.snapshots)
		}
		if snapshot {
			r.check(reader.compare(metadataDir(r.quorum.Dir(lead.ID))))
		}
		total += reader.bytes
	}
	r.reportMs(fmt.Sprintf("%d observers read %s", n, what), elapsed)
	r.report(fmt.Sprintf("%d observers read %s, bytes a second", n, what), "MB/s", higher,
		float64(total)/1e6/elapsed.Seconds())
	if own > 0 {
		r.reportMs(fmt.Sprintf("%d observers read %s, processor of the controllers", n, what), cpu)
		r.reportMs(fmt.Sprintf("%d observers read %s, processor of the observers", n, what), own)
	}
	r.reportMs("longest heartbeat meanwhile ("+what+")", percentile(window, 1))
}

// readTo follows the log up to offset.
func (f *follower) readTo(ctx context.Context, offset int64) error {
	defer f.disconnect()
	for f.offset < offset {
		if err := f.step(ctx); err != nil {
			return err
		}
	}
	return nil
}
