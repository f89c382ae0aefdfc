package raftlog

import (
	"fmt"
	"slices"

	"go.etcd.io/raft/v3"

	"github.com/yakt/yakt/protocol/batch"
)

// proposals are proposed batches that were not passed to raft yet. While entriesOnWay entries are
// in flight, further proposals join one entry, so that under load raft, the disk and the peers
// process many proposals at once. There is no linger time: an entry is in flight until this node's
// disk has it, or a majority has if that is sooner. Always: the first batch held begins where the
// log of storage ends, and end is the end of the last.
type proposals struct {
	batches [][]byte
	bytes   int
	end     int64                // offset after the last batch
	sent    [entriesOnWay]uint64 // indexes of the last entries given to raft, the oldest first
	// unfinished are the bytes proposed and not applied.
	unfinished int64
}

const (
	// entriesOnWay is two, so that the followers have work while the leader's disk writes the
	// first.
	entriesOnWay = 2
	// MaxProposalBytes bounds the batches of one proposal together. They are one raft entry.
	MaxProposalBytes = 4 * batch.MaxBytes
	// heldMaxBytes of proposals are released without waiting.
	heldMaxBytes = 256 << 10
)

// propose accepts finished batches, which will be in one entry, sets their base offsets and epoch,
// and returns the base offset of the first.
func (c *core) propose(epoch int32, batches ...[]byte) (base int64, err error) {
	if err := c.mayPropose(epoch, batches); err != nil {
		return 0, err
	}
	c.do(func() {
		if c.held.bytes+totalBytes(batches) > heldMaxBytes {
			c.release()
		}
		base = c.end()
		c.hold(epoch, base, batches)
	})
	if c.failed != nil {
		return 0, ErrStopped
	}
	return base, nil
}

func (c *core) mayPropose(epoch int32, batches [][]byte) error {
	switch {
	case c.failed != nil:
		return ErrStopped
	case !c.claimed || c.term != uint64(epoch),
		c.handing && c.rn.BasicStatus().LeadTransferee != raft.None:
		return ErrNotLeader
	case len(batches) == 0:
		return ErrBadBatch
	}
	for _, b := range batches {
		if len(b) > batch.MaxBytes {
			return ErrBatchTooLarge
		}
		if err := batch.Check(b); err != nil {
			return err
		}
	}
	switch size := totalBytes(batches); {
	case size > MaxProposalBytes:
		return ErrBatchTooLarge
	case c.held.unfinished > 0 && c.held.unfinished+int64(size) > c.cfg.maxPending:
		return ErrTooManyPending
	}
	return nil
}

func totalBytes(batches [][]byte) (n int) {
	for _, b := range batches {
		n += len(b)
	}
	return n
}

// end is the base offset of the next batch to be proposed.
func (c *core) end() int64 {
	if len(c.held.batches) > 0 {
		return c.held.end
	}
	return c.store.last().end
}

// hold sets the positions of batches and keeps them for release.
func (c *core) hold(epoch int32, base int64, batches [][]byte) {
	h := &c.held
	h.end = base
	for _, b := range batches {
		batch.Batch(b).SetPosition(h.end, epoch)
		h.end += batch.Batch(b).Offsets()
		h.bytes += len(b)
		h.unfinished += int64(len(b))
	}
	h.batches = append(h.batches, batches...)
}

// mayRelease reports whether there are proposals that need not wait any longer.
func (c *core) mayRelease() bool {
	if c.failed != nil || len(c.held.batches) == 0 {
		return false
	}
	oldest := c.held.sent[0]
	return c.held.bytes >= heldMaxBytes || oldest <= c.durable ||
		oldest <= c.rn.BasicStatus().GetCommit()
}

// release passes the held proposals to raft as one entry. A node that does not lead any more
// discards them: the application learns that the epoch is lost. A node that leads must not lose
// them, because the application relies on their offsets.
func (c *core) release() {
	if len(c.held.batches) == 0 {
		return
	}
	data := c.held.batches[0]
	if len(c.held.batches) > 1 {
		data = slices.Concat(c.held.batches...)
	}
	c.held.batches, c.held.bytes = nil, 0
	if st := c.rn.BasicStatus(); st.RaftState != raft.StateLeader || st.GetTerm() != c.term {
		return
	}
	before := c.store.last()
	if err := c.rn.Propose(data); err != nil {
		c.fail(fmt.Errorf(
			"raftlog: the proposal of offsets %d to %d, in an epoch that this node leads: %w",
			before.end, c.held.end-1, err,
		))
		return
	}
	c.held.sent = [entriesOnWay]uint64(append(c.held.sent[1:], before.index+1))
	c.drain()
	if got := c.store.last(); c.failed == nil &&
		(got.index != before.index+1 || got.end != c.held.end) {
		c.fail(fmt.Errorf(
			"raftlog: a proposal at index %d, offsets %d to %d ended at index %d, offset %d",
			before.index+1, before.end, c.held.end, got.index, got.end,
		))
	}
}
