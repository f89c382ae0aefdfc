package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/protocol"
)

const (
	smallBrokerID       = 2000 // has few partitions, however many the others have
	smallBrokerTopics   = 10
	snapshotTimeout     = 5 * time.Minute
	snapshotPoll        = 2 * time.Millisecond
	snapshotQuiet       = 2 * time.Second
	settle              = 5 * time.Second // before memory is measured
	growTopicPartitions = 100
)

// manyPartitions is the cases (m), (n) and (o): one quorum is filled in steps.
func manyPartitions(r *run) {
	f := r.startFleet(fillBrokers)
	small := f.addSmallBroker()
	levels := []int{0, 10_000, 100_000, 1_000_000}[:r.n(3, 4)]
	have := 0
	for _, level := range levels {
		begin := time.Now()
		retried := r.fill(fmt.Sprintf("level-%d", level), level-have, fillBrokers)
		if r.letter = "o"; level > have {
			rate := float64(level-have) / time.Since(begin).Seconds()
			r.report(fmt.Sprintf("growing from %d to %d partitions, partitions a second", have,
				level), "1/s", higher, rate)
		}
		have = level
		if retried > 0 {
			r.progress.say(fmt.Sprintf("%d creates had to be tried again", retried))
		}
		if r.wants("o") {
			r.costAt(f, small, level)
		}
		if r.wants("m") && level != 10_000 {
			r.memoryAt(level)
		}
	}
	if r.wants("n") {
		// If its session ended meanwhile, fencing it would be a storm: the topics created until a
		// snapshot is due would be on it, too.
		_, err := f.beatUntilAnswered(r.ctx, small, true)
		r.check(err)
		r.snapshotAt(f, have)
	}
}

// addSmallBroker makes a broker that follows a few partitions.
func (f *fleet) addSmallBroker() *broker {
	r := f.run
	b := newBroker(smallBrokerID, r.quorum.ClusterID())
	r.Cleanup(func() { b.conn.close() })
	r.check(f.bringUp(b, r.leaderAddr()))
	c := r.dial(r.leaderAddr(), "creator")
	_, err := c.createAssigned("small", smallBrokerTopics, func(i int) []int32 {
		return []int32{smallBrokerID, firstBrokerID, firstBrokerID + 1}
	})
	r.check(err)
	return b
}

// costAt is case (o): three small operations whose cost should not depend on the number of
// partitions.
func (r *run) costAt(f *fleet, small *broker, partitions int) {
	r.letter = "o"
	at := fmt.Sprintf(" at %d partitions, p50", partitions)
	var again atomic.Int64
	w := &writer{retrying: r.newRetrying("creator", &again),
		topics: names{prefix: fmt.Sprintf("at-%d", partitions)}}
	create := r.drive("creating topics"+at, 1, limit{ops: r.n(50, 200)},
		func(context.Context, int) error { return w.create() })
	r.check(create.err)
	r.reportMs("create"+at, percentile(create.latencies, 0.5))

	r.check(f.unfence(r.ctx, small)) // it may have been fenced, or the leader may have changed
	var fences []time.Duration
	r.check(r.drive("fencing a small broker"+at, 1, limit{ops: r.n(20, 50)},
		func(ctx context.Context, _ int) error {
			begin := time.Now()
			if _, err := f.beatUntilAnswered(ctx, small, true); err != nil {
				return err
			}
			fences = append(fences, time.Since(begin))
			return f.unfence(ctx, small)
		}).err)
	r.reportMs("fence a broker of 10 partitions"+at, medianOf(fences))

	beat := r.drive("heartbeats"+at, 1, limit{ops: r.n(500, 3000)},
		func(ctx context.Context, _ int) error {
			_, err := f.beatUntilAnswered(ctx, small, false)
			return err
		})
	r.check(beat.err)
	r.reportMs("heartbeat"+at, percentile(beat.latencies, 0.5))
}

// memoryAt is case (m): the memory of the largest of the three nodes, some seconds after the last
// write.
func (r *run) memoryAt(partitions int) {
	r.letter = "m"
	r.pause(settle)
	var largest int64
	for _, id := range r.quorum.Nodes() {
		largest = max(largest, processRSS(r.quorum.Node(id).Pid()))
	}
	if largest == 0 {
		return // there is no /proc
	}
	r.report(fmt.Sprintf("resident memory at %d partitions", partitions), "MB", lower,
		float64(largest)/1e6)
}

// snapshotAt is case (n): how long the leader takes to write a snapshot, and how long others wait
// meanwhile.
func (r *run) snapshotAt(f *fleet, partitions int) {
	r.letter = "n"
	r.untilQuiet()
	dir := metadataDir(r.quorum.Dir(r.leader().ID))
	c := r.dial(r.leaderAddr(), "grower")
	topics := &names{prefix: "grow"}
	old := len(kafka.Checkpoints(dir))
	r.progress.show("growing until a snapshot is due")
	for begin := time.Now(); !beingWritten(dir); {
		_, err := c.createTopic(topics.next(), growTopicPartitions)
		r.check(err)
		if time.Since(begin) > snapshotTimeout {
			r.Fatalf("no snapshot within %v", snapshotTimeout)
		}
	}
	began := time.Now()
	beats, creates := f.probeHeartbeats(f.brokers[:1]), r.probeCreates("meanwhile", 1)
	r.progress.show("a snapshot is being written")
	for beingWritten(dir) {
		if time.Since(began) > snapshotTimeout {
			r.Fatalf("the snapshot is not finished after %v", snapshotTimeout)
		}
		r.pause(snapshotPoll)
	}
	took := time.Since(began)
	heartbeats, err := beats.cut()
	r.check(err)
	writes, err := creates.cut()
	r.check(err)
	kafka.Eventually(r, failoverTimeout, "the snapshot has its name", func() error {
		if len(kafka.Checkpoints(dir)) <= old && old < 2 {
			return fmt.Errorf("%d snapshots as before", old)
		}
		return nil
	})
	at := fmt.Sprintf(" at %d partitions", partitions)
	r.reportMs("snapshot"+at, took)
	r.reportMs("longest create during the snapshot"+at, percentile(writes, 1))
	r.reportMs("longest heartbeat during the snapshot"+at, percentile(heartbeats, 1))
}

// untilQuiet waits until no node has written a snapshot for a while: filling has left some in
// progress.
func (r *run) untilQuiet() {
	quiet := time.Now()
	kafka.Eventually(r, snapshotTimeout, "snapshots are finished", func() error {
		for _, id := range r.quorum.Nodes() {
			if beingWritten(metadataDir(r.quorum.Dir(id))) {
				quiet = time.Now()
			}
		}
		if time.Since(quiet) < snapshotQuiet {
			return fmt.Errorf("the last one was being written %v ago", time.Since(quiet))
		}
		return nil
	})
}

// metadataDir is a node's folder for the metadata log and its snapshots, in either system.
func metadataDir(dataDir string) string {
	return filepath.Join(dataDir, protocol.MetadataTopic+"-0")
}

// beingWritten reports whether a snapshot in a directory has no final name yet: both systems write
// to a .part file.
func beingWritten(dir string) bool {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".part") {
			return true
		}
	}
	return false
}
