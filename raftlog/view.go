package raftlog

import (
	"fmt"
	"slices"
	"sort"
	"sync"

	"github.com/yakt/yakt/protocol/batch"
)

// view is the part of the log that fetchers may see: the committed and applied batches since the
// log start, the leader, and the newest snapshot. It has its own lock, so that hundreds of polling
// brokers do not queue behind raft. Always: the batches follow one another without a gap from start
// to end, and epochs ascend.
type view struct {
	mu sync.RWMutex
	// changed is closed and replaced whenever a field below changes, which wakes all parked
	// requests.
	changed chan struct{}
	// upset is the same, except that added batches do not close it. Requests that do not agree with
	// the log wait for it, because further batches cannot help them.
	upset chan struct{}

	leadership
	self     int32
	stopped  bool
	start    int64
	end      int64 // high watermark: the offset after the last applied record
	batches  []fetchable
	extended int64        // bytes of all batches ever added
	epochs   []epochStart // ascending, never empty; the first is in force at start
	snapshot snapshotID   // newest, zero when there is none
	seen     observers
	joined   joinedReads
	// timers of fetches that are not parked now; with hundreds of observers each commit would make
	// as many
	timers sync.Pool
}

type fetchable struct {
	base     int64
	position int64 // bytes of all batches ever added before it
	bytes    []byte
}

// epochStart is the offset of the first record of an epoch.
type epochStart struct {
	epoch int32
	start int64
}

// snapshotID names a checkpoint: the offset after the last record it covers, and that record's
// epoch.
type snapshotID struct {
	end   int64
	epoch int32
}

func newView(self int32, base position, lead leadership) *view {
	v := &view{
		self: self, leadership: lead, changed: make(chan struct{}),
		upset: make(chan struct{}), seen: observers{},
	}
	v.restart(base)
	return v
}

func (v *view) claimed() bool { return v.leader == v.self }

// wake wakes all parked fetches. The caller holds the lock.
func (v *view) wake() {
	v.wakeReaders()
	close(v.upset)
	v.upset = make(chan struct{})
}

// wakeReaders wakes the parked fetches that further batches can help. The caller holds the lock.
func (v *view) wakeReaders() {
	close(v.changed)
	v.changed = make(chan struct{})
}

// setLeadership publishes who leads; leader is this node only once it has claimed the epoch.
func (v *view) setLeadership(now leadership) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.leadership == now || v.stopped {
		return
	}
	if !v.claimed() && now.leader == v.self {
		v.seen = observers{}
	}
	v.leadership = now
	v.wake()
}

// stop ends all waiting. A node that stops cleanly still names the leader it handed over to; a
// failed one names none.
func (v *view) stop(failed bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.stopped = true
	if failed || v.claimed() {
		v.leader = -1
	}
	v.wake()
}

// extend publishes applied batches. An error means that they do not continue the log.
func (v *view) extend(batches [][]byte) error {
	if len(batches) == 0 {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, data := range batches {
		b, last := batch.Batch(data), v.epochs[len(v.epochs)-1].epoch
		if b.BaseOffset() != v.end || b.Epoch() < last {
			return fmt.Errorf(
				"raftlog: broken invariant: a batch at offset %d in epoch %d is applied "+
					"after offset %d in epoch %d",
				b.BaseOffset(), b.Epoch(), v.end, last,
			)
		}
		v.batches = append(v.batches, fetchable{v.end, v.extended, data})
		v.extended += int64(len(data))
		if b.Epoch() != last {
			v.epochs = append(v.epochs, epochStart{b.Epoch(), v.end})
		}
		v.end = b.EndOffset()
	}
	v.wakeReaders()
	return nil
}

// restart empties the view, which starts after a snapshot, or at offset 0, from then on.
func (v *view) restart(base position) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.start, v.end = base.end, base.end
	v.batches, v.epochs = nil, []epochStart{{base.epoch, base.end}}
	v.wake()
}

// publish makes a durable snapshot known and moves the log start to base.
func (v *view) publish(id snapshotID, base position) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.snapshot = id
	if base.end > v.start {
		gone := sort.Search(len(v.batches), func(i int) bool { return v.batches[i].base >= base.end })
		v.batches = slices.Clone(v.batches[gone:])
		v.start = base.end
		for len(v.epochs) > 1 && v.epochs[1].start < v.start {
			v.epochs = v.epochs[1:]
		}
	}
	v.wake()
}

// withdraw forgets a snapshot whose file was found bad, if it is the newest.
func (v *view) withdraw(id snapshotID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.snapshot == id {
		v.snapshot = snapshotID{}
		v.wake()
	}
}

// boundary reports whether a batch begins at offset, or the log ends there.
func (v *view) boundary(offset int64) bool {
	if offset == v.end {
		return true
	}
	i := v.at(offset)
	return i < len(v.batches) && v.batches[i].base == offset
}

// at returns the index of the first batch at or after offset.
func (v *view) at(offset int64) int {
	return sort.Search(len(v.batches), func(i int) bool { return v.batches[i].base >= offset })
}

// agrees compares the end of a follower's log (its offset and the epoch of its last record) with
// this log. If they diverge, it returns the largest epoch in which they can still agree and where
// that epoch ends here. known is false if the follower's epoch is older than all that this log
// knows.
func (v *view) agrees(offset int64, last int32) (yes bool, epoch int32, end int64, known bool) {
	i := sort.Search(len(v.epochs), func(i int) bool { return v.epochs[i].epoch > last }) - 1
	if i < 0 {
		return false, 0, 0, false
	}
	if i > 0 && v.epochs[i].epoch == last && offset <= v.epochs[i].start {
		i-- // its last record is at an offset that has an older epoch here
	}
	epoch, end = v.epochs[i].epoch, v.end
	if i+1 < len(v.epochs) {
		end = v.epochs[i+1].start
	}
	return epoch == last && offset <= end && v.boundary(offset), epoch, end, true
}

// records returns whole batches from offset on: at least one, and otherwise at most maxBytes or a
// window. The bytes are shared and must not be changed.
func (v *view) records(offset int64, maxBytes int) []byte {
	from := v.at(offset)
	if from == len(v.batches) {
		return nil
	}
	return v.joined.join(v.batches, from, joinable(v.batches[from:], maxBytes))
}
