package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol/batch"
)

const (
	fillBrokers  = 10
	stormTimeout = 3 * time.Minute
	stormQuiet   = time.Second
)

// storm is case (i): three of ten brokers die at once, and other brokers must take over their
// partitions.
func storm(r *run) {
	const dying = 3
	f := r.newFleet(fillBrokers)
	f.join()
	living, dead := f.brokers[dying:], f.brokers[:dying]
	f.keepAliveOf(living)
	die := f.keepAliveOf(dead)
	r.fill("storm", r.n(20_000, 100_000), fillBrokers)
	die()
	for _, b := range dead {
		_, err := b.heartbeat(f.tail.applied.Load(), false) // makes their sessions end together
		r.check(err)
		b.conn.close()
	}
	seen := &stormLog{fenced: map[int32]bool{}}
	f.tail.records.Store(seen.hook())
	beats, creates := f.probeHeartbeats(living), r.probeCreates("during", 1)
	r.progress.show("three brokers are dead")
	kafka.Eventually(r, stormTimeout, "the dead brokers are fenced",
		func() error { return seen.done(dying) })
	heartbeats, err := beats.cut()
	r.check(err)
	writes, err := creates.cut()
	r.check(err)
	if n := seen.fencedOf(living); n > 0 {
		r.progress.say(fmt.Sprintf("%d living brokers were fenced too", n))
	}
	r.reportMs("from the first to the last change", seen.last.Sub(seen.first))
	r.reportMs("longest heartbeat of the living", percentile(heartbeats, 1))
	r.reportMs("longest create meanwhile", percentile(writes, 1))
	r.report("partition changes a second", "1/s", higher,
		float64(seen.changes)/seen.last.Sub(seen.first).Seconds())
}

// stormLog is what an observer of the log sees of a storm.
type stormLog struct {
	mu          sync.Mutex
	first, last time.Time // times of the records that fencing wrote
	changes     int
	fenced      map[int32]bool
	err         error
}

func (s *stormLog) hook() *func([]byte) {
	take := func(batches []byte) {
		now := time.Now()
		s.mu.Lock()
		defer s.mu.Unlock()
		for len(batches) > 0 && s.err == nil {
			var first batch.Batch
			if first, batches, s.err = batch.Parse(batches); s.err == nil &&
				!first.IsControl() {
				s.err = first.Each(func(_ int64, _, value []byte) error {
					return s.observe(now, value)
				})
			}
		}
	}
	return &take
}

// The position of a record's type: after the frame version, one byte each for all types that matter
// here.
const recordTypeAt = 1

func (s *stormLog) observe(now time.Time, value []byte) error {
	switch record.Type(value[recordTypeAt]) {
	case record.TypePartitionChange:
		s.changes++
	case record.TypeBrokerRegistrationChange:
		r, _, err := record.Decode(value)
		if err != nil {
			return err
		}
		if c := r.(*record.BrokerRegistrationChange); c.Fenced > 0 {
			s.fenced[c.BrokerID] = true
		}
	default:
		return nil
	}
	if s.first.IsZero() {
		s.first = now
	}
	s.last = now
	return nil
}

// done returns an error that names what is missing. A registration may be fenced before or after
// its partitions change, so the storm is over when nothing has changed for a while.
func (s *stormLog) done(brokers int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil && (len(s.fenced) < brokers || time.Since(s.last) < stormQuiet) {
		return fmt.Errorf("%d of %d are, %d partitions changed, the last %v ago", len(s.fenced),
			brokers, s.changes, time.Since(s.last))
	}
	return s.err
}

// fencedOf returns how many of the brokers were fenced.
func (s *stormLog) fencedOf(brokers []*broker) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range brokers {
		if s.fenced[b.id] {
			n++
		}
	}
	return n
}

// deleteLarge is case (j): a large topic is deleted.
func deleteLarge(r *run) {
	const (
		half    = 5000 // one request may not create more
		writers = 4
	)
	f := r.startFleet(fillBrokers)
	admin := r.dial(r.leaderAddr(), "admin")
	beats, creates := f.probeHeartbeats(f.brokers), r.probeCreates("meanwhile", writers)
	var deleted, longestBeat, longestWrite []time.Duration
	for i := range r.n(2, 4) {
		topic := fmt.Sprintf("large-%d", i)
		r.progress.show("creating and deleting %s", topic)
		_, err := admin.createTopic(topic, half)
		r.check(err)
		r.check(admin.grow(topic, 2*half))
		r.pause(2 * time.Second)
		_, _ = beats.cut()
		_, _ = creates.cut()
		begin := time.Now()
		r.check(admin.deleteTopic(topic))
		deleted = append(deleted, time.Since(begin))
		r.pause(500 * time.Millisecond)
		heartbeats, err := beats.cut()
		r.check(err)
		writes, err := creates.cut()
		r.check(err)
		longestBeat, longestWrite = append(longestBeat, percentile(heartbeats, 1)),
			append(longestWrite, percentile(writes, 1))
	}
	r.reportMs("the delete", medianOf(deleted))
	r.reportMs("longest heartbeat meanwhile", medianOf(longestBeat))
	r.reportMs("longest create meanwhile", medianOf(longestWrite))
}
