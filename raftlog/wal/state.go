package wal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// Mark is a snapshot the log may start from: entries up to Index are in it.
type Mark struct {
	Index, Term uint64
	ConfState   *raftpb.ConfState
	EndOffset   int64 // Kafka offset after the snapshot's last record
	Epoch       int32
	File        FileSum // sum of the checkpoint file; zero when it is not known
	Hash        LogHash // hash of the log up to Index
}

// FileSum identifies the content of a checkpoint file: a file of the same name with other bytes has
// another sum.
type FileSum struct {
	Bytes int64  // size; 0: not known
	CRC   uint32 // CRC-32C of the whole file
}

// Write extends the sum by further bytes of the file. It never fails.
func (s *FileSum) Write(b []byte) (int, error) {
	s.Bytes += int64(len(b))
	s.CRC = crc32.Update(s.CRC, castagnoli, b)
	return len(b), nil
}

// LogHash is the running hash of a log up to an entry: replicas whose logs agree up to it have
// equal hashes. Only hashes of the same chain can be compared; chain 0, the zero value, stands for
// an unknown hash.
type LogHash struct {
	Chain, Sum uint64
}

// State is what a log held when it was opened.
type State struct {
	// HardState is never nil; all zero if none was appended. Commit is raised to Mark.Index, and
	// Term to Mark.Term without a vote, because a crash can happen between SetMark and the Append
	// of the hard state that belongs to it.
	HardState *raftpb.HardState
	// Mark is the zero value when none was set.
	Mark Mark
	// Entries follow Mark.Index without a gap. Their Data share buffers with one
	// another: they may be kept, not changed.
	Entries []*raftpb.Entry
	// TornTail: what did not verify was cut off the end; see Cut.
	TornTail bool
	// Cut is what was cut off; the zero value when nothing was.
	Cut Cut
	// Incarnation is drawn when a log is made: a log that is made again has another one, even in
	// the same directory.
	Incarnation [16]byte
	// Note is the note stored last by SetNote, nil if there is none.
	Note []byte
}

// Cut describes the end of a log that was cut off because it did not verify. It lies after
// everything that is known to have been durable. A power cut during the last write, which was not
// acknowledged, leaves such an end. Damage to the very last writes can look the same: then
// acknowledged entries are missing, which only the other voters can detect.
type Cut struct {
	Path    string // the segment
	Offset  int64  // where it ends now, bytes from its start
	Bytes   int64  // up to the last one that was not zero
	Records int    // with at least a valid header
	Durable int64  // the segment was known to be durable up to here
}

// String is a phrase for the log.
func (c Cut) String() string {
	return fmt.Sprintf("%d bytes with %d legible records at byte %d of %s, "+
		"which is known to have been durable up to byte %d",
		c.Bytes, c.Records, c.Offset, c.Path, c.Durable)
}

type hardState struct{ term, vote, commit uint64 }

func (h hardState) record() record {
	return record{
		typ: typeHardState, index: h.commit, term: h.term,
		payload: binary.LittleEndian.AppendUint64(nil, h.vote),
	}
}

// A snapshot mark is the fixed fields and then the configuration. Version 1 has only the first
// two of the fixed fields.
const (
	markFixedBytes       = 40
	markFixedBytesBefore = 12
)

func encodeMark(m Mark) ([]byte, error) {
	if m.File.Bytes < 0 {
		return nil, fmt.Errorf("wal: a snapshot mark with a file of %d bytes", m.File.Bytes)
	}
	le := binary.LittleEndian
	b := le.AppendUint64(nil, uint64(m.EndOffset))
	b = le.AppendUint32(b, uint32(m.Epoch))
	b = le.AppendUint32(b, m.File.CRC)
	b = le.AppendUint64(b, uint64(m.File.Bytes))
	b = le.AppendUint64(b, m.Hash.Chain)
	b = le.AppendUint64(b, m.Hash.Sum)
	b, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend(b, m.ConfState)
	if err != nil {
		return nil, fmt.Errorf("wal: encoding the configuration of a snapshot: %w", err)
	}
	return b, nil
}

// markOfVersion turns the encoding of a mark into that of a segment of another version.
func markOfVersion(version uint32, payload []byte) []byte {
	if version == formatVersion || payload == nil {
		return payload
	}
	return slices.Concat(payload[:markFixedBytesBefore], payload[markFixedBytes:])
}

func decodeMark(r *record, version uint32) (Mark, error) {
	le, fixed := binary.LittleEndian, markFixedBytes
	if version != formatVersion {
		fixed = markFixedBytesBefore
	}
	if len(r.payload) < fixed {
		return Mark{}, fmt.Errorf("a snapshot mark of %d bytes", len(r.payload))
	}
	m := Mark{
		Index: r.index, Term: r.term, ConfState: &raftpb.ConfState{},
		EndOffset: int64(le.Uint64(r.payload)), Epoch: int32(le.Uint32(r.payload[8:])),
	}
	if fixed == markFixedBytes {
		m.File = FileSum{CRC: le.Uint32(r.payload[12:]), Bytes: int64(le.Uint64(r.payload[16:]))}
		m.Hash = LogHash{Chain: le.Uint64(r.payload[24:]), Sum: le.Uint64(r.payload[32:])}
	}
	if m.File.Bytes < 0 {
		return Mark{}, fmt.Errorf("a snapshot mark with a file of %d bytes", m.File.Bytes)
	}
	if err := proto.Unmarshal(r.payload[fixed:], m.ConfState); err != nil {
		return Mark{}, fmt.Errorf("a snapshot mark whose configuration does not decode: %w", err)
	}
	if n := len(m.ConfState.ProtoReflect().GetUnknown()); n > 0 {
		return Mark{}, fmt.Errorf("a snapshot mark with %d unknown bytes in its configuration", n)
	}
	return m, nil
}

// replay rebuilds the state from records. held are the entries of [first, next). The oldest segment
// may begin among entries that a later mark covers, so first must follow the mark only at the end
// of the replay.
type replay struct {
	hs          hardState
	mark        Mark
	markPayload []byte // encoded in this release's format
	first, next uint64
	held        []heldEntry
	version     uint32 // the segment's that is being read
	segment     int    // its ordinal
	segmentSize []int64
	maxIndex    uint64 // the segment's that is being read
	lastChain   uint32 // the previous segment's
	started     bool   // a head record was seen
}

type heldEntry struct {
	term      uint64
	data      []byte
	segment   int32
	entryType uint8
}

// begin starts the next segment; chain is the value in the previous segment's seal.
func (r *replay) begin(chain uint32, h segmentHeader) {
	r.segmentSize = append(r.segmentSize, h.size)
	r.version = h.version
	r.segment = len(r.segmentSize) - 1
	r.lastChain, r.maxIndex, r.started = chain, 0, false
}

func (r *replay) apply(rec *record) error {
	if r.started == (rec.typ == typeHead) {
		return fmt.Errorf(
			"a record of type %d where the head record must be the first and only one", rec.typ,
		)
	}
	switch rec.typ {
	case typeHead:
		return r.applyHead(rec)
	case typeHardState:
		if len(rec.payload) != 8 {
			return fmt.Errorf("a hard state of %d bytes", len(rec.payload))
		}
		r.hs = hardState{
			term: rec.term, vote: binary.LittleEndian.Uint64(rec.payload), commit: rec.index,
		}
	case typeMark:
		return r.applyMark(rec)
	case typeEntry:
		return r.applyEntry(rec)
	case typeSeal:
		if rec.index != r.maxIndex {
			return fmt.Errorf(
				"a seal for entries up to %d on a segment with entries up to %d", rec.index,
				r.maxIndex,
			)
		}
	}
	return nil
}

func (r *replay) applyHead(rec *record) error {
	r.started = true
	if len(rec.payload) != 4 {
		return fmt.Errorf("a head record of %d bytes", len(rec.payload))
	}
	if r.segment == 0 {
		r.first, r.next = rec.index, rec.index
		return nil
	}
	if got := binary.LittleEndian.Uint32(rec.payload); got != r.lastChain || rec.index != r.next {
		return fmt.Errorf(
			"a segment that continues another log than the segment before it (entry %d, "+
				"expected %d)",
			rec.index, r.next,
		)
	}
	return nil
}

func (r *replay) applyMark(rec *record) error {
	m, err := decodeMark(rec, r.version)
	if err != nil {
		return err
	}
	payload := slices.Clone(rec.payload)
	if r.version != formatVersion {
		if payload, err = encodeMark(m); err != nil {
			return err
		}
	}
	if m.Index < r.mark.Index || (!rec.has(flagReset) && m.Index >= r.next) {
		return fmt.Errorf(
			"a snapshot mark at %d after one at %d, with the log's next entry %d", m.Index,
			r.mark.Index, r.next,
		)
	}
	r.mark, r.markPayload = m, payload
	switch {
	case rec.has(flagReset):
		r.held, r.first, r.next = nil, m.Index+1, m.Index+1
	case m.Index >= r.first:
		r.held, r.first = r.held[m.Index+1-r.first:], m.Index+1
	}
	return nil
}

func (r *replay) applyEntry(rec *record) error {
	if rec.index <= r.mark.Index || rec.index > r.next {
		return fmt.Errorf("entry %d where %d to %d can follow", rec.index, r.mark.Index+1, r.next)
	}
	if rec.index < r.first {
		r.first = rec.index
	}
	r.held = append(r.held[:rec.index-r.first], heldEntry{
		term: rec.term, data: rec.payload, segment: int32(r.segment), entryType: rec.entryType,
	})
	r.next = rec.index + 1
	r.maxIndex = max(r.maxIndex, rec.index)
	return nil
}

// missing returns the entries that no remaining segment has; ok if there are none.
func (r *replay) missing() (from, to uint64, ok bool) {
	if r.first == r.mark.Index+1 {
		return 0, 0, true
	}
	return r.mark.Index + 1, r.first - 1, false
}

func (r *replay) state() State {
	hs := r.hs
	if hs.term < r.mark.Term {
		hs.term, hs.vote = r.mark.Term, 0
	}
	hs.commit = max(hs.commit, r.mark.Index)
	r.release()
	return State{
		HardState: &raftpb.HardState{Term: &hs.term, Vote: &hs.vote, Commit: &hs.commit},
		Mark:      r.mark,
		Entries:   r.entries(),
	}
}

// entries makes all entries with three allocations.
func (r *replay) entries() []*raftpb.Entry {
	if len(r.held) == 0 {
		return nil
	}
	type slot struct {
		entry       raftpb.Entry
		index, term uint64
		entryType   raftpb.EntryType
	}
	slots := make([]slot, len(r.held))
	out := make([]*raftpb.Entry, len(r.held))
	for i := range r.held {
		s, h := &slots[i], &r.held[i]
		s.index, s.term, s.entryType = r.first+uint64(i), h.term, raftpb.EntryType(h.entryType)
		s.entry.Index, s.entry.Term, s.entry.Type = &s.index, &s.term, &s.entryType
		if len(h.data) > 0 {
			s.entry.Data = h.data
		}
		out[i] = &s.entry
	}
	return out
}

// release copies the entries of segments that are needed by less than half, so that a few small
// entries do not keep a whole segment in memory.
func (r *replay) release() {
	live := make([]int64, len(r.segmentSize))
	for i := range r.held {
		live[r.held[i].segment] += int64(len(r.held[i].data))
	}
	copies := make([][]byte, len(live))
	for i := range r.held {
		h := &r.held[i]
		n := live[h.segment]
		if len(h.data) == 0 || n >= r.segmentSize[h.segment]/2 {
			continue
		}
		if copies[h.segment] == nil {
			copies[h.segment] = make([]byte, 0, n)
		}
		start := len(copies[h.segment])
		copies[h.segment] = append(copies[h.segment], h.data...)
		h.data = copies[h.segment][start:len(copies[h.segment]):len(copies[h.segment])]
	}
}

// termRuns holds the term of every entry in the log, as runs of equal terms. SetMark uses it to
// distinguish a snapshot of this log from one that replaces it.
type termRuns []struct{ start, term uint64 }

func (t *termRuns) add(index, term uint64) {
	t.truncate(index)
	if n := len(*t); n == 0 || (*t)[n-1].term != term {
		*t = append(*t, struct{ start, term uint64 }{index, term})
	}
}

// truncate forgets entries from index on.
func (t *termRuns) truncate(index uint64) {
	for n := len(*t); n > 0 && (*t)[n-1].start >= index; n = len(*t) {
		*t = (*t)[:n-1]
	}
}

// dropTo forgets runs that lie wholly at or before index.
func (t *termRuns) dropTo(index uint64) {
	drop := 0
	for drop+1 < len(*t) && (*t)[drop+1].start <= index+1 {
		drop++
	}
	*t = append((*t)[:0], (*t)[drop:]...)
}

// at returns the term of the entry at index, which must be in the log.
func (t termRuns) at(index uint64) uint64 {
	for i := len(t) - 1; i >= 0; i-- {
		if t[i].start <= index {
			return t[i].term
		}
	}
	return 0
}
