package raftlog

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sort"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/yakt/yakt/protocol/batch"
	"github.com/yakt/yakt/raftlog/wal"
)

// storage is the log as raft reads it, in memory, with the offset after each entry.
//
// Entries are added when raft hands them out to be written, before they are durable: raft itself
// reads entries that are not known to be durable from its own unstable part. So after every Ready
// this storage equals raft's whole log, the end offset of every entry, committed or not, is known,
// and the base offset of the next proposal is exact.
//
// Not safe for concurrent use: the core owns it.
type storage struct {
	hard *raftpb.HardState
	// base is the entry before the first one kept.
	base position
	// entries[i] has index base.index+1+i; ends[i] is the offset after it, epochs[i] the epoch of
	// the last batch up to it, hashes[i] the running hash up to it. The four have the same length,
	// and indexes, terms, ends and epochs never decrease.
	entries []*raftpb.Entry
	ends    []int64
	epochs  []int32
	hashes  []logHash
	// mark is the newest durable snapshot (Index 0: none yet, only the first ConfState).
	mark mark
	// withheld: the mark's file was found damaged, and is not offered to followers until another
	// snapshot is marked.
	withheld bool
	// confs are the memberships and the index from which each is in force, ascending. There is
	// always one, which is in force at base.
	confs []confAt
}

// position is the end of the log up to and including an entry.
type position struct {
	index, term uint64
	end         int64 // offset after it
	epoch       int32 // epoch of the last batch up to it, 0 when there is none
	hash        logHash
}

func markPosition(m mark) position {
	return position{
		index: m.Index, term: m.Term, end: m.EndOffset, epoch: m.Epoch, hash: logHash{m.Hash},
	}
}

type confAt struct {
	index uint64
	state *raftpb.ConfState
}

func newStorage(st walState) (*storage, error) {
	s := &storage{hard: st.HardState, mark: st.Mark}
	s.reset(st.Mark)
	if st.Mark.Index == 0 {
		s.base.hash = firstHash
	}
	if s.hard != nil && s.hard.GetCommit() < s.base.index {
		// The commit index is written without waiting for the disk, the mark is not; a marked entry
		// is committed.
		s.hard = proto.Clone(s.hard).(*raftpb.HardState)
		s.hard.Commit = new(s.base.index)
	}
	return s, s.append(st.Entries)
}

// reset empties the log, which starts after m from then on.
func (s *storage) reset(m mark) {
	s.base = markPosition(m)
	s.entries, s.ends, s.epochs, s.hashes = nil, nil, nil, nil
	s.confs = []confAt{{m.Index, m.ConfState}}
}

// append adds entries, replacing those it holds from the first index on.
func (s *storage) append(entries []*raftpb.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	keep := int64(entries[0].GetIndex()) - int64(s.base.index) - 1
	if keep < 0 || keep > int64(len(s.entries)) {
		return fmt.Errorf(
			"append at index %d does not join the log (%d, %d]", entries[0].GetIndex(),
			s.base.index, s.last().index,
		)
	}
	if keep < int64(len(s.entries)) {
		// Clipped, because the writer and the peers may still read slices of the replaced tail.
		s.entries, s.ends, s.epochs = slices.Clip(s.entries[:keep]), s.ends[:keep], s.epochs[:keep]
		s.hashes = s.hashes[:keep]
	}
	for _, e := range entries {
		at := s.last()
		if e.GetIndex() != at.index+1 || e.GetTerm() < at.term {
			return fmt.Errorf(
				"entry (index %d, term %d) cannot follow (index %d, term %d)", e.GetIndex(),
				e.GetTerm(), at.index, at.term,
			)
		}
		at.hash = at.hash.entry(e)
		err := eachBatch(e, func(b batch.Batch) error {
			at.end, at.epoch = at.end+b.Offsets(), int32(e.GetTerm())
			at.hash = at.hash.batch(b)
			return nil
		})
		if err != nil {
			return fmt.Errorf("entry %d: %w", e.GetIndex(), err)
		}
		s.entries, s.ends = append(s.entries, e), append(s.ends, at.end)
		s.epochs, s.hashes = append(s.epochs, at.epoch), append(s.hashes, at.hash)
	}
	s.check()
	return nil
}

// check asserts that the parallel slices agree. In race builds it also walks the newest entries.
func (s *storage) check() {
	n := len(s.entries)
	if len(s.ends) != n || len(s.epochs) != n || len(s.hashes) != n || len(s.confs) == 0 {
		panic(fmt.Sprintf("%d entries with %d ends, %d epochs, %d hashes and %d memberships",
			n, len(s.ends), len(s.epochs), len(s.hashes), len(s.confs)))
	}
	if checked {
		s.checkNewest()
	}
}

// checkedMax is how many of the newest entries race builds walk after a change.
const checkedMax = 64

func (s *storage) checkNewest() {
	from := s.base.index + uint64(max(0, len(s.entries)-checkedMax))
	before, _ := s.at(from)
	for index := from + 1; index <= s.last().index; index++ {
		p, ok := s.at(index)
		if !ok || p.index != index || p.term < before.term || p.end < before.end ||
			p.epoch < before.epoch {
			panic(fmt.Sprintf("entry %+v follows %+v", p, before))
		}
		before = p
	}
}

// eachBatch calls f with each of the record batches an entry carries, whose headers are checked,
// until one fails.
func eachBatch(e *raftpb.Entry, f func(b batch.Batch) error) error {
	data, err := entryBatches(e)
	for err == nil && len(data) > 0 {
		var b batch.Batch
		if b, data, err = batch.Next(data); err == nil {
			err = f(b)
		}
	}
	return err
}

// entryBatches returns the record batches an entry carries, one after the other; none when it takes
// no offsets.
func entryBatches(e *raftpb.Entry) ([]byte, error) {
	data := e.GetData()
	if e.GetType() == raftpb.EntryConfChangeV2 {
		cc, err := confChange(e)
		if err != nil {
			return nil, err
		}
		data = cc.GetContext()
	}
	if len(data) > 0 && e.GetTerm() > math.MaxInt32 {
		return nil, fmt.Errorf("term %d does not fit a leader epoch", e.GetTerm())
	}
	return data, nil
}

func confChange(e *raftpb.Entry) (*raftpb.ConfChangeV2, error) {
	cc := &raftpb.ConfChangeV2{}
	if err := proto.Unmarshal(e.GetData(), cc); err != nil {
		return nil, fmt.Errorf("membership change: %w", err)
	}
	return cc, nil
}

// last is the end of the log, committed or not.
func (s *storage) last() position {
	p, _ := s.at(s.base.index + uint64(len(s.entries)))
	return p
}

// at returns the position of an index that is kept, or base.
func (s *storage) at(index uint64) (position, bool) {
	if index == s.base.index {
		return s.base, true
	}
	i := index - s.base.index - 1
	if index < s.base.index || i >= uint64(len(s.entries)) {
		return position{}, false
	}
	return position{index, s.entries[i].GetTerm(), s.ends[i], s.epochs[i], s.hashes[i]}, true
}

// find returns the first position that ends at the offset: that of the entry with the last batch
// before it.
func (s *storage) find(end int64) (position, bool) {
	if end == s.base.end {
		return s.base, true
	}
	i := sort.Search(len(s.ends), func(i int) bool { return s.ends[i] >= end })
	if end < s.base.end || i == len(s.ends) || s.ends[i] != end {
		return position{}, false
	}
	return s.at(s.base.index + 1 + uint64(i))
}

// conf returns the membership in force once the entry at index is applied.
func (s *storage) conf(index uint64) *raftpb.ConfState {
	i := len(s.confs) - 1
	for i > 0 && s.confs[i].index > index {
		i--
	}
	return s.confs[i].state
}

// trim removes entries up to the mark from memory, except for the newest keepBytes bytes. They
// spare followers and observers that lag a little the download of a snapshot.
func (s *storage) trim(keepBytes int64) {
	cut := int(int64(s.mark.Index) - int64(s.base.index)) // entries up to the mark
	for ; cut > 0; cut-- {
		keepBytes -= int64(len(s.entries[cut-1].GetData()))
		if keepBytes < 0 {
			break
		}
	}
	if cut <= 0 {
		return
	}
	base, _ := s.at(s.base.index + uint64(cut))
	conf := s.conf(base.index)
	s.base = base
	s.entries = slices.Clone(s.entries[cut:])
	s.ends, s.epochs = slices.Clone(s.ends[cut:]), slices.Clone(s.epochs[cut:])
	s.hashes = slices.Clone(s.hashes[cut:])
	s.confs = slices.DeleteFunc(s.confs, func(c confAt) bool { return c.index <= base.index })
	s.confs = slices.Insert(s.confs, 0, confAt{base.index, conf})
	s.check()
}

// InitialState implements raft.Storage.
func (s *storage) InitialState() (*raftpb.HardState, *raftpb.ConfState, error) {
	hard := s.hard
	if hard == nil {
		hard = &raftpb.HardState{}
	}
	return hard, raftpb.EnsureConfState(s.mark.ConfState), nil
}

// Entries implements raft.Storage.
func (s *storage) Entries(lo, hi, maxSize uint64) ([]*raftpb.Entry, error) {
	if lo <= s.base.index {
		return nil, raft.ErrCompacted
	}
	if hi > s.base.index+uint64(len(s.entries))+1 {
		return nil, raft.ErrUnavailable
	}
	entries := s.entries[lo-s.base.index-1 : hi-s.base.index-1]
	n, size := 0, uint64(0)
	for n < len(entries) {
		size += uint64(proto.Size(entries[n]))
		if n > 0 && size > maxSize {
			break
		}
		n++
	}
	return entries[:n:n], nil
}

// Term implements raft.Storage.
func (s *storage) Term(index uint64) (uint64, error) {
	if index < s.base.index {
		return 0, raft.ErrCompacted
	}
	p, ok := s.at(index)
	if !ok {
		return 0, raft.ErrUnavailable
	}
	return p.term, nil
}

// LastIndex implements raft.Storage.
func (s *storage) LastIndex() (uint64, error) { return s.base.index + uint64(len(s.entries)), nil }

// FirstIndex implements raft.Storage.
func (s *storage) FirstIndex() (uint64, error) { return s.base.index + 1, nil }

// Snapshot implements raft.Storage. It only names the newest durable snapshot; the follower
// downloads the file.
func (s *storage) Snapshot() (*raftpb.Snapshot, error) {
	if s.mark.Index == 0 || s.withheld {
		return nil, raft.ErrSnapshotTemporarilyUnavailable
	}
	return markSnapshot(s.mark), nil
}

// The data of a raft snapshot, big-endian: version (1 byte), end offset (int64), epoch (int32), the
// file's size (int64) and CRC-32C (uint32), the log's hash (chain and sum, uint64 each). Nothing
// follows.
const (
	snapshotDataVersion = 2
	snapshotDataLen     = 41
)

func markSnapshot(m mark) *raftpb.Snapshot {
	data := binary.BigEndian.AppendUint64([]byte{snapshotDataVersion}, uint64(m.EndOffset))
	data = binary.BigEndian.AppendUint32(data, uint32(m.Epoch))
	data = binary.BigEndian.AppendUint64(data, uint64(m.File.Bytes))
	data = binary.BigEndian.AppendUint32(data, m.File.CRC)
	data = binary.BigEndian.AppendUint64(data, m.Hash.Chain)
	data = binary.BigEndian.AppendUint64(data, m.Hash.Sum)
	return &raftpb.Snapshot{Data: data, Metadata: &raftpb.SnapshotMetadata{
		Index: new(m.Index),
		Term:  new(m.Term), ConfState: proto.Clone(m.ConfState).(*raftpb.ConfState),
	}}
}

func snapshotMark(s *raftpb.Snapshot) (mark, error) {
	meta, data := s.GetMetadata(), s.GetData()
	if len(data) != snapshotDataLen || data[0] != snapshotDataVersion {
		return mark{}, fmt.Errorf(
			"snapshot at index %d has unknown data of %d bytes", meta.GetIndex(), len(data),
		)
	}
	r := frameCursor{b: data[1:]}
	m := mark{
		Index: meta.GetIndex(), Term: meta.GetTerm(),
		ConfState: raftpb.EnsureConfState(meta.GetConfState()),
		EndOffset: r.int64(), Epoch: r.int32(),
		File: wal.FileSum{Bytes: r.int64(), CRC: uint32(r.int32())},
		Hash: wal.LogHash{Chain: uint64(r.int64()), Sum: uint64(r.int64())},
	}
	if m.Index == 0 || m.EndOffset <= 0 || m.Epoch <= 0 || m.File.Bytes < 0 {
		return mark{}, fmt.Errorf("snapshot at index %d names end offset %d, epoch %d, %d bytes",
			m.Index, m.EndOffset, m.Epoch, m.File.Bytes)
	}
	return m, nil
}
