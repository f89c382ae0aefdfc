package raftlog

import (
	"fmt"
	"slices"

	"go.etcd.io/raft/v3"

	"github.com/yakt/yakt/protocol/batch"
)

// proposals are what the application has proposed and raft has not been given yet. While entriesOnWay entries are on their way, what is
// proposed joins one further entry: under load raft, the disk and the peers have one thing to do for many proposals. There is no linger:
// an entry is on its way no longer than this node's disk takes, or a majority if that is quicker.
type proposals struct {
	batches [][]byte
	bytes   int
	end     int64                // offset after the last batch
	sent    [entriesOnWay]uint64 // indexes of the last entries given to raft, the oldest first
	// unfinished are the bytes proposed and not applied.
	unfinished int64
}

const (
	// entriesOnWay is two, so that the followers have work while the leader's disk is at the first.
	entriesOnWay = 2
	// MaxProposalBytes bounds the batches of one proposal together. They are one raft entry.
	MaxProposalBytes = 4 * batch.MaxBytes
	// heldMaxBytes of proposals do not wait for others.
	heldMaxBytes = 256 << 10
)

// propose takes finished batches, which will be in one entry, and returns the base offset of the first. It patches base offset and epoch
// into them.
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
	case !c.claimed || c.term != uint64(epoch) || c.handing && c.rn.BasicStatus().LeadTransferee != raft.None:
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

// end is the offset that the next batch proposed will have.
func (c *core) end() int64 {
	if len(c.held.batches) > 0 {
		return c.held.end
	}
	return c.store.last().end
}

// hold gives batches their positions and keeps them for release.
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

// mayRelease reports whether there are proposals and nothing to wait for.
func (c *core) mayRelease() bool {
	if c.failed != nil || len(c.held.batches) == 0 {
		return false
	}
	oldest := c.held.sent[0]
	return c.held.bytes >= heldMaxBytes || oldest <= c.durable || oldest <= c.rn.BasicStatus().GetCommit()
}

// release gives raft what was proposed, as one entry. A node that leads no more drops it: the application hears that it has lost the
// epoch. One that does must not, since the application counts on its offsets.
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
		c.fail(fmt.Errorf("raftlog: the proposal of offsets %d to %d, in an epoch that this node leads: %w", before.end, c.held.end-1, err))
		return
	}
	c.held.sent = [entriesOnWay]uint64(append(c.held.sent[1:], before.index+1))
	c.drain()
	if got := c.store.last(); c.failed == nil && (got.index != before.index+1 || got.end != c.held.end) {
		c.fail(fmt.Errorf("raftlog: a proposal at index %d, offsets %d to %d ended at index %d, offset %d", before.index+1, before.end, c.held.end, got.index, got.end))
	}
}
