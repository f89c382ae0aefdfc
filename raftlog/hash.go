package raftlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/raftlog/wal"
)

// logHash is the running hash of a log up to an entry (see [wal.LogHash]). It travels with every
// append and heartbeat and with snapshots, so that a replica whose log differs from its leader's at
// equal positions is found at the first message, whatever its indexes and terms say.
//
// It is made from what both sides verified before: index, term and type of an entry, size and
// CRC-32C of each batch. So it costs nanoseconds for an entry. It guards against faults and not
// against somebody who computes collisions.
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

// differs reports that two logs are not the same up to the position that both hashes are of.
func (h logHash) differs(other logHash) bool { return h.Chain == other.Chain && h.Sum != other.Sum }

func (h logHash) mix(x uint64) logHash {
	if h.known() {
		h.Sum = scatter(h.Sum ^ x)
	}
	return h
}

// entry adds an entry, but for the batches it carries.
func (h logHash) entry(e *raftpb.Entry) logHash {
	h = h.mix(e.GetIndex()).mix(e.GetTerm()).mix(uint64(e.GetType()))
	if e.GetType() != raftpb.EntryNormal {
		h = h.mix(uint64(crc32.Checksum(e.GetData(), castagnoli)))
	}
	return h
}

// batch adds a batch whose header and checksum have been verified.
func (h logHash) batch(b []byte) logHash {
	return h.mix(uint64(binary.BigEndian.Uint32(b[batchCRCAt:]))<<32 | uint64(len(b)))
}

func (h logHash) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, h.Chain)
	return binary.BigEndian.AppendUint64(b, h.Sum)
}

func readLogHash(b []byte) logHash {
	return logHash{wal.LogHash{Chain: binary.BigEndian.Uint64(b), Sum: binary.BigEndian.Uint64(b[8:])}}
}

// rebase makes h the hash up to index, which the log holds, and computes those after it. What comes
// before is not known in this chain.
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
			_ = eachBatch(e, func(b []byte) error { h = h.batch(b); return nil }) // verified when it was appended
			s.hashes[i] = h
		}
	}
}

// seal puts the hash of the log up to the position that a message names into it: the entry before
// those that an append brings, or the commit index of a heartbeat.
func (c *core) seal(m *raftpb.Message) {
	if index, sealed := sealedIndex(m); sealed {
		at, _ := c.store.at(index) // not known when it is compacted
		m.Context = append(at.hash.append(make([]byte, 0, logHashBytes+len(m.GetContext()))), m.GetContext()...)
	}
}

// sealedIndex is the position whose hash a message carries.
func sealedIndex(m *raftpb.Message) (index uint64, sealed bool) {
	switch m.GetType() {
	case raftpb.MsgApp:
		return m.GetIndex(), true
	case raftpb.MsgHeartbeat:
		return m.GetCommit(), true
	}
	return 0, false
}

// unseal takes the hash out of a message and compares it with this log. A leader's log holds all
// that is committed, so one that differs there proves that this replica cannot be trusted (or that
// the leader cannot, which this replica cannot know): it stops before it serves anything further.
func (c *core) unseal(m *raftpb.Message) (ok bool) {
	index, sealed := sealedIndex(m)
	if !sealed {
		return true
	}
	if len(m.GetContext()) < logHashBytes {
		return false
	}
	h := readLogHash(m.GetContext())
	m.Context = m.GetContext()[logHashBytes:]
	at, held := c.store.at(index)
	if !held || m.GetTerm() < c.term {
		return true // raft ignores the messages of leaders that were replaced
	}
	if m.GetType() == raftpb.MsgApp && at.term != m.GetLogTerm() {
		if index <= c.rn.BasicStatus().GetCommit() {
			c.diverged(m, at, fmt.Sprintf("its entry is of term %d, the leader's of term %d", at.term, m.GetLogTerm()))
		}
		return c.failed == nil
	}
	switch {
	case at.hash.differs(h):
		c.diverged(m, at, fmt.Sprintf("its hash is %016x, the leader's %016x", at.hash.Sum, h.Sum))
	case h.known() && h.Chain != at.hash.Chain:
		c.cfg.log.Info("took over the leader's running hash of the log", "index", index, "chain", h.Chain)
		c.store.rebase(index, h)
	}
	return c.failed == nil
}

func (c *core) diverged(m *raftpb.Message, at position, how string) {
	c.fail(fmt.Errorf("%w: up to offset %d (entry %d) this node %d holds another log than node %d, which leads epoch %d: %s. "+
		"One of the two must not be trusted. Leave this node stopped and keep its directory for inspection; "+
		"compare the records before that offset on all nodes with `yakt log dump`",
		ErrDiverged, at.end, at.index, c.cfg.node, nodeID(m.GetFrom()), m.GetTerm(), how))
}

// beginChain starts a chain for a log that was taken over without one, once this node leads: all
// others take it over from the leader.
func (c *core) beginChain() {
	if last := c.store.last(); !last.hash.known() {
		c.store.rebase(last.index, logHash{wal.LogHash{Chain: chainOfTakeover + c.term}})
	}
}
