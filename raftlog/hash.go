package raftlog

import (
	"encoding/binary"
	"fmt"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/protocol/batch"
	"github.com/yakt/yakt/raftlog/wal"
)

// logHash is the running hash of a log up to an entry (see [wal.LogHash]). Every append, heartbeat
// and snapshot carries it, so that a replica whose log differs from its leader's at the same
// position is detected at the first message, even if indexes and terms are equal.
//
// It covers facts that both sides have verified before: index, term and type of an entry, size and
// CRC-32C of each batch. So it costs nanoseconds per entry. It protects against faults, not against
// an attacker who computes collisions.
type logHash struct{ wal.LogHash }

const (
	// firstChain is the chain of every log that was made by a release that hashes.
	firstChain = 1
	// chainOfTakeover is added to the term of a leader that begins a chain for a log without one.
	chainOfTakeover = 1 << 32

	logHashBytes = 16
)

// firstHash is the hash of an empty log.
var firstHash = logHash{wal.LogHash{Chain: firstChain}}

func (h logHash) known() bool { return h.Chain != 0 }

// differs reports whether two logs differ somewhere before the position of both hashes.
func (h logHash) differs(other logHash) bool { return h.Chain == other.Chain && h.Sum != other.Sum }

func (h logHash) mix(x uint64) logHash {
	if h.known() {
		h.Sum = scatter(h.Sum ^ x)
	}
	return h
}

// entry adds an entry without its batches.
func (h logHash) entry(e *raftpb.Entry) logHash {
	h = h.mix(e.GetIndex()).mix(e.GetTerm()).mix(uint64(e.GetType()))
	if e.GetType() != raftpb.EntryNormal {
		h = h.mix(uint64(protocol.Checksum(e.GetData())))
	}
	return h
}

// batch adds a batch whose header and checksum have been verified.
func (h logHash) batch(b batch.Batch) logHash {
	return h.mix(uint64(b.CRC())<<32 | uint64(len(b)))
}

func (h logHash) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, h.Chain)
	return binary.BigEndian.AppendUint64(b, h.Sum)
}

func readLogHash(b []byte) logHash {
	return logHash{
		wal.LogHash{Chain: binary.BigEndian.Uint64(b), Sum: binary.BigEndian.Uint64(b[8:])},
	}
}

// rebase makes h the hash up to index, an entry of the log, and computes the hashes after it. Those
// before it are not known in this chain.
func (s *storage) rebase(index uint64, h logHash) {
	if index == s.base.index {
		s.base.hash = h
	} else {
		s.base.hash = logHash{}
	}
	for i, e := range s.entries {
		switch at := e.GetIndex(); {
		case at < index:
			s.hashes[i] = logHash{}
		case at == index:
			s.hashes[i] = h
		default:
			h = h.entry(e)
			// The batches were verified when they were appended.
			_ = eachBatch(e, func(b batch.Batch) error { h = h.batch(b); return nil })
			s.hashes[i] = h
		}
	}
}

// claim is the hash of a leader's log up to an entry, as a message states it.
type claim struct {
	index uint64
	term  uint64 // the entry's; 0 when the message does not say
	hash  logHash
}

// claimOf returns the position that a leader's message names: the entry before those of an append,
// the commit index of a heartbeat, the end of a snapshot. ok is false for other messages.
func claimOf(m *raftpb.Message) (at claim, ok bool) {
	switch m.GetType() {
	case raftpb.MsgApp:
		return claim{index: m.GetIndex(), term: m.GetLogTerm()}, true
	case raftpb.MsgHeartbeat:
		return claim{index: m.GetCommit()}, true
	case raftpb.MsgSnap:
		s, err := snapshotMark(m.GetSnapshot())
		return claim{s.Index, s.Term, logHash{s.Hash}}, err == nil
	}
	return claim{}, false
}

// seal adds to a message the hash of this log up to the position that the message names. A snapshot
// already has one.
func (c *core) seal(m *raftpb.Message) {
	if named, ok := claimOf(m); ok && m.GetType() != raftpb.MsgSnap {
		at, _ := c.store.at(named.index) // not known when it is compacted
		sealed := make([]byte, 0, logHashBytes+len(m.GetContext()))
		m.Context = append(at.hash.append(sealed), m.GetContext()...)
	}
}

// unseal removes the leader's hash from a message and compares it with this log. It reports whether
// raft may process the message.
func (c *core) unseal(m *raftpb.Message) (ok bool) {
	leader, ok := claimOf(m)
	if !ok {
		return true
	}
	if m.GetType() != raftpb.MsgSnap {
		if len(m.GetContext()) < logHashBytes {
			return false
		}
		leader.hash = readLogHash(m.GetContext())
		m.Context = m.GetContext()[logHashBytes:]
	}
	if m.GetTerm() >= c.term { // raft ignores the messages of leaders that were replaced
		c.compare(m, leader)
	}
	return c.failed == nil
}

// compare stops this replica if its log differs from the leader's. A leader's log has everything
// that is committed, so a difference there proves that this replica cannot be trusted, or that the
// leader cannot, which this replica cannot decide. It stops before it serves anything else.
func (c *core) compare(m *raftpb.Message, leader claim) {
	at, held := c.store.at(leader.index)
	switch {
	case !held:
	case leader.term != 0 && leader.term != at.term:
		if at.index <= c.rn.BasicStatus().GetCommit() {
			c.diverged(
				m, at,
				fmt.Sprintf("its entry is of term %d, the leader's of %d", at.term, leader.term),
			)
		}
	case at.hash.differs(leader.hash):
		c.diverged(
			m, at,
			fmt.Sprintf("its hash is %016x, the leader's %016x", at.hash.Sum, leader.hash.Sum),
		)
	case leader.hash.known() && leader.hash.Chain != at.hash.Chain:
		c.cfg.log.Info("took over the leader's running hash of the log",
			"index", at.index, "chain", leader.hash.Chain)
		c.store.rebase(at.index, leader.hash)
	}
}

func (c *core) diverged(m *raftpb.Message, at position, how string) {
	c.fail(fmt.Errorf("%w: up to offset %d (entry %d) this node %d holds another log than node %d, "+
		"which leads epoch %d: %s. One of the two must not be trusted. Leave this node stopped and "+
		"keep its directory for inspection; compare the records before that offset on the other "+
		"nodes with `yakt log dump`",
		ErrDiverged, at.end, at.index, c.cfg.node, nodeID(m.GetFrom()), m.GetTerm(), how))
}

// beginChain starts a chain on a new leader whose log, taken over from an earlier release, has
// none. The followers adopt the leader's chain.
func (c *core) beginChain() {
	if last := c.store.last(); !last.hash.known() {
		c.store.rebase(last.index, logHash{wal.LogHash{Chain: chainOfTakeover + c.term}})
	}
}
