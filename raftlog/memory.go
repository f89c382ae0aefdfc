package raftlog

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/raftlog/wal"
)

// memory is a replica's memory of the other members: which log each of them has, and how much of it
// they have acknowledged. A voter that returns with another log, or with less than it had
// acknowledged (a wiped or exchanged disk, a restored backup), could help to elect a leader that
// lacks committed entries. Every member that remembers more refuses that voter.
//
// It is kept in the note of the write-ahead log. The identity of a member's log is durable before
// any of its messages is processed, its acknowledgements a moment later. So such a voter is
// detected as long as one member that it contacts remembers enough; if the memory of all of them is
// older than the voter's log, nobody can detect it.
type memory struct {
	known     map[uint64]remembered // by raft id
	boot      boot                  // this replica's own
	suspended string                // why this replica itself is excluded; "" if it is not
}

// remembered is one member's log, as this replica knows it.
type remembered struct {
	directory   [16]byte
	incarnation [16]byte
	boot        boot   // the newest known start of the member
	acked       logEnd // since then
	before      logEnd // acknowledged before that start: the member must still have it
}

// boot identifies one start of a member: the number of its starts, counted durably in the member's
// own memory before it introduces itself, and a random salt. If two starts have the same count, one
// of them is from a directory that was reset to an earlier state.
type boot struct{ count, salt uint32 }

// logEnd is how far a log was durable. It never decreases in a log that has lost nothing, because
// entries are only replaced by those of a higher term.
type logEnd struct {
	term      uint64 // the hard state's
	lastTerm  uint64 // the last entry's
	lastIndex uint64
}

// lacks reports whether a log that is durable up to e has lost something since it was durable up to
// was.
func (e logEnd) lacks(was logEnd) bool {
	last := cmp.Or(cmp.Compare(e.lastTerm, was.lastTerm), cmp.Compare(e.lastIndex, was.lastIndex))
	return e.term < was.term || last < 0
}

// join combines two log ends of the same log.
func (e logEnd) join(other logEnd) logEnd {
	e.term = max(e.term, other.term)
	if cmp.Or(cmp.Compare(e.lastTerm, other.lastTerm), cmp.Compare(e.lastIndex, other.lastIndex)) < 0 {
		e.lastTerm, e.lastIndex = other.lastTerm, other.lastIndex
	}
	return e
}

func (e logEnd) String() string {
	return fmt.Sprintf("entry %d of epoch %d", e.lastIndex, e.lastTerm)
}

// judge compares a member's introduction with the memory of it. directory is the member's directory
// id in the quorum's own records, zero if there is none. A nil error means that the member is
// accepted; learned means that the memory must be durable before its messages are processed.
func (m *memory) judge(h hello, directory [16]byte, founding bool) (learned bool, err error) {
	id, zero := raftID(h.node), [16]byte{}
	if directory != zero && directory != h.dir {
		return false, replacedDisk(h, directory, "in the quorum's records")
	}
	was, ok := m.known[id]
	switch {
	case !ok,
		was.directory != h.dir && directory == h.dir,
		founding && was.incarnation != h.incarnation:
		m.known[id] = remembered{
			directory: h.dir, incarnation: h.incarnation, boot: h.boot, acked: h.end,
		}
		return true, nil
	case was.directory != h.dir:
		return false, replacedDisk(h, was.directory, "when it was met")
	case was.incarnation != h.incarnation:
		return false, forgot(
			"node %d has acknowledged %v in another log than it has now (%s, now %s, in the "+
				"same directory %s): its log was made again or exchanged",
			h.node, was.before.join(was.acked), uuid(was.incarnation), uuid(h.incarnation), uuid(h.dir),
		)
	}
	now, err := was.starts(h)
	if err != nil {
		return false, err
	}
	m.known[id] = now
	return false, nil
}

// starts processes a further introduction of the same log. The introduction may be older than
// acknowledgements of the member's current start, because it was written before them, but not older
// than those of earlier starts.
func (r remembered) starts(h hello) (remembered, error) {
	if h.boot != r.boot && h.boot.count <= r.boot.count {
		return r, forgot(
			"node %d has been started %d times, but its directory says %d: it went back in time "+
				"(an older copy was put back)",
			h.node, r.boot.count, h.boot.count,
		)
	}
	if h.boot != r.boot {
		r.boot, r.before, r.acked = h.boot, r.before.join(r.acked), logEnd{}
	}
	if h.end.lacks(r.before) {
		return r, forgot(
			"node %d has acknowledged %v and voted in epochs up to %d, but its log now ends at %v, "+
				"epoch %d: it went back in time (an older copy of its "+
				"directory, or a damaged disk)",
			h.node, r.before, r.before.term, h.end, h.end.term,
		)
	}
	r.acked = r.acked.join(h.end)
	return r, nil
}

// cannotReplace is the advice for a voter that is refused.
const cannotReplace = "Leave that node stopped: this release cannot replace a voter"

// forgot is the refusal of a voter whose log has less than it had acknowledged.
func forgot(format string, args ...any) error {
	return &refusedError{verdictForgot, fmt.Sprintf(format, args...) +
		", and without what it acknowledged it must not vote. " + cannotReplace}
}

// replacedDisk is the refusal of a voter that returns with another directory.
func replacedDisk(h hello, was [16]byte, there string) error {
	return &refusedError{
		verdictRefused,
		fmt.Sprintf("node %d had directory id %s %s and now has %s: "+
			"its disk was replaced, and it may have forgotten what it acknowledged. %s",
			h.node, uuid(was), there, uuid(h.dir), cannotReplace),
	}
}

// join adds another member's memory of the same log.
func (r remembered) join(other remembered) remembered {
	switch {
	case other.boot == r.boot:
		r.acked, r.before = r.acked.join(other.acked), r.before.join(other.before)
	case other.boot.count > r.boot.count:
		r.before = r.before.join(r.acked).join(other.before)
		r.boot, r.acked = other.boot, other.acked
	case other.boot.count < r.boot.count:
		r.before = r.before.join(other.before).join(other.acked)
	}
	return r
}

// witness records what a member has acknowledged. Only responses that the sender sends after a
// write to its disk count.
func (c *core) witness(m *raftpb.Message) {
	was, ok := c.memory.known[m.GetFrom()]
	if !ok || m.GetReject() || m.GetTerm() < c.term {
		return
	}
	end := logEnd{term: m.GetTerm()}
	switch m.GetType() {
	case raftpb.MsgAppResp:
		if p, held := c.store.at(m.GetIndex()); held && m.GetTerm() == c.term {
			end.lastTerm, end.lastIndex = p.term, p.index
		}
	case raftpb.MsgVoteResp:
	default:
		return
	}
	was.acked = was.acked.join(end)
	c.memory.known[m.GetFrom()] = was
}

// merge adds another member's memory. With authority it may replace the identities of logs that are
// known here.
func (m *memory) merge(self uint64, heard map[uint64]remembered, authority bool) (replaced bool) {
	for id, h := range heard {
		was, ok := m.known[id]
		same := ok && was.directory == h.directory && was.incarnation == h.incarnation
		switch {
		case id == self:
		case same:
			m.known[id] = was.join(h)
		case !ok || authority:
			m.known[id], replaced = h, true
		}
	}
	return replaced
}

// hearMemory adds a member's memory. While this replica waits for its quorum to be founded, its own
// knowledge of the others' logs is provisional, because they may still be formatted again; a member
// of a founded quorum knows which logs have founded it. The result reports whether the memory must
// be durable before that member's messages are processed.
func (c *core) hearMemory(heard map[uint64]remembered, senderFounding bool) (replaced bool) {
	return c.memory.merge(raftID(c.cfg.node), heard, c.founding && !senderFounding)
}

// knows reports whether the memory still has the log that a member had in its handshake.
func (c *core) knows(id uint64, incarnation [16]byte) bool {
	r, ok := c.memory.known[id]
	return ok && r.incarnation == incarnation
}

// logEnd is how far this replica's log is durable.
func (c *core) logEnd() logEnd {
	last := min(max(c.durable, c.store.base.index), c.store.last().index)
	at, _ := c.store.at(last)
	return logEnd{c.durableTerm, at.term, at.index}
}

// A memory's encoding: version byte, number of own starts uint32, number of members uint16, for
// each its raft id uint64, directory, incarnation, start and two log ends; then the sentence of a
// suspension. Big-endian.
const (
	memoryVersion     = 1
	rememberedBytes   = 8 + 16 + 16 + 8 + 2*3*8
	maxRemembered     = 16 // members; the note has room for so many, and a quorum has fewer
	maxSuspendedBytes = 400
)

// Compile-time check: the longest memory fits the note. A negative constant does not fit a uint.
const _ uint = wal.MaxNoteBytes - (1 + 4 + 2 + maxRemembered*rememberedBytes + maxSuspendedBytes)

func (m *memory) encode() []byte {
	b := appendRemembered(binary.BigEndian.AppendUint32([]byte{memoryVersion}, m.boot.count), m.known)
	return append(b, m.suspended[:min(len(m.suspended), maxSuspendedBytes)]...)
}

func appendRemembered(b []byte, known map[uint64]remembered) []byte {
	ids := make([]uint64, 0, len(known))
	for id := range known {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	ids = ids[:min(len(ids), maxRemembered)]
	b = binary.BigEndian.AppendUint16(b, uint16(len(ids)))
	for _, id := range ids {
		r := known[id]
		b = binary.BigEndian.AppendUint64(b, id)
		b = append(append(b, r.directory[:]...), r.incarnation[:]...)
		b = r.before.append(r.acked.append(r.boot.append(b)))
	}
	return b
}

func (e logEnd) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, e.term)
	b = binary.BigEndian.AppendUint64(b, e.lastTerm)
	return binary.BigEndian.AppendUint64(b, e.lastIndex)
}

func (b boot) append(to []byte) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(to, b.count), b.salt)
}

func (r *frameCursor) boot() boot { return boot{uint32(r.int32()), uint32(r.int32())} }

func (r *frameCursor) logEnd() logEnd {
	return logEnd{uint64(r.int64()), uint64(r.int64()), uint64(r.int64())}
}

func (r *frameCursor) remembered() map[uint64]remembered {
	known := map[uint64]remembered{}
	n := int(uint16(r.int16()))
	if n > maxRemembered || n*rememberedBytes > len(r.b) {
		r.bad = true
		return known
	}
	for range n {
		var m remembered
		id := uint64(r.int64())
		copy(m.directory[:], r.take(16))
		copy(m.incarnation[:], r.take(16))
		m.boot, m.acked, m.before = r.boot(), r.logEnd(), r.logEnd()
		known[id] = m
	}
	return known
}

// decodeMemory reads an encoded memory. An empty one is from a log that was never started.
func decodeMemory(b []byte) (memory, error) {
	m := memory{known: map[uint64]remembered{}}
	if len(b) == 0 {
		return m, nil
	}
	r := frameCursor{b: b[1:]}
	m.boot.count = uint32(r.int32())
	m.known = r.remembered()
	if b[0] != memoryVersion || r.bad {
		return m, fmt.Errorf(
			"raftlog: what this node remembers of the other members cannot be read "+
				"(version %d, %d bytes): run the release that wrote it",
			b[0], len(b),
		)
	}
	m.suspended = string(bytes.Clone(r.b))
	return m, nil
}
