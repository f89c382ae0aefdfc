package wal

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"log/slog"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/vfs"
)

const (
	defaultSegmentBytes = 64 << 20
	minSegmentBytes     = 2 * headerBytes
	defaultMarkEvery    = 64
	// keepBufferBytes is the append buffer kept between syncs.
	keepBufferBytes = 4 << 20
	// DescriptorsMax bounds the file descriptors that a log has open at a time: the durable mark,
	// two for the active segment, one for the next, and two for the short time in which the
	// directory is synced or a file is read. A process that reserves so many for its log never
	// waits for one.
	DescriptorsMax = 6
)

// Options of a log. A node sets only the identity and, if configured, SegmentBytes.
type Options struct {
	// SegmentBytes is the size of a segment file, 64 MiB when 0, 8 KiB at least and 2 GiB at most,
	// in steps of 4096 bytes. A new log's first segments are smaller; a batch that does not fit
	// gets a segment of its own size. Existing segments keep theirs.
	SegmentBytes int64
	// MarkEvery is the number of syncs after which the durable mark is advanced, 64 when 0.
	MarkEvery int
	// Identity identifies the owner of the log. A log of another owner is not opened. A log of the
	// previous release, which has no owner, gets this one.
	Identity Identity
	// FS holds the log; the operating system's file system when nil.
	FS vfs.FS
	// Logger is slog's default when nil.
	Logger *slog.Logger

	inline bool // background work runs within the calls, for deterministic tests
}

func (o Options) withDefaults() Options {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = defaultSegmentBytes
	}
	o.SegmentBytes = min(max(o.SegmentBytes, minSegmentBytes), maxSegmentBytes)
	if o.MarkEvery <= 0 {
		o.MarkEvery = defaultMarkEvery
	}
	if o.FS == nil {
		o.FS = vfs.OS{}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// WAL is an open log. It is used by one goroutine at a time, except for SetNote. Its own
// goroutines, which zero the next segment and advance the durable mark, end with Close.
type WAL struct {
	dir          string
	fs           vfs.FS
	owner        Owner
	log          *slog.Logger
	segmentBytes int64
	inline       bool

	active *segment
	sealed []sealedSegment // oldest first
	spare  *spare          // nil when none is being prepared
	stop   chan struct{}
	marker *marker
	rolled bool // the active segment is not in the durable mark yet

	// buf has the last bytes of active: from the start of the block in which its durable part ends
	buf    []byte
	direct bool  // no direct write was refused yet
	err    error // final

	hs          hardState
	mark        Mark
	markPayload []byte // encoded mark, nil when none was set
	next        uint64 // index after the last entry
	terms       termRuns
	scratch     [8]byte
}

// Append adds a hard state (nil or empty: unchanged) and entries (may be none)
// as one atomic batch. It copies them into memory; they are durable when Sync
// returns nil. The first entry's index follows the snapshot mark and is at most
// one after the last: an index that exists is replaced together with everything
// after it. The hard state's commit must not be beyond the last entry.
//
// When a segment is full Append itself seals and syncs it. An error with ErrRetry
// (no space, no descriptor) is not final and nothing was appended: the same call may
// be tried again.
func (w *WAL) Append(hs *raftpb.HardState, entries []*raftpb.Entry) error {
	if w.err != nil {
		return w.err
	}
	state, withState := w.hs, false
	if hs.GetTerm() != 0 || hs.GetVote() != 0 || hs.GetCommit() != 0 {
		state, withState = hardState{hs.GetTerm(), hs.GetVote(), hs.GetCommit()}, true
	}
	if err := w.check(state, entries); err != nil {
		return err
	}
	size := int64(0)
	if withState {
		size += recordBytes(8)
	}
	for _, e := range entries {
		size += recordBytes(len(e.GetData()))
	}
	if size == 0 {
		return nil
	}
	if err := w.reserve(size); err != nil {
		return err
	}
	if withState {
		w.putHardState(state, len(entries) == 0)
	}
	w.putEntries(entries)
	return nil
}

// check refuses what could not be read back as a valid log.
func (w *WAL) check(hs hardState, entries []*raftpb.Entry) error {
	last := w.next - 1
	for i, e := range entries {
		index, term := e.GetIndex(), e.GetTerm()
		if i == 0 && (index <= w.mark.Index || index > w.next) {
			return fmt.Errorf(
				"wal: appending entry %d to a log that can take %d to %d", index, w.mark.Index+1,
				w.next,
			)
		}
		if i > 0 && (index != last+1 || term < entries[i-1].GetTerm()) {
			return fmt.Errorf(
				"wal: appending entry %d of term %d after entry %d of term %d", index, term, last,
				entries[i-1].GetTerm(),
			)
		}
		if len(e.GetData()) > maxSegmentBytes {
			return errTooLarge(int64(len(e.GetData())))
		}
		last = index
	}
	if hs.commit > last {
		return fmt.Errorf(
			"wal: a log that ends at entry %d cannot have committed entry %d", last, hs.commit,
		)
	}
	return nil
}

func errTooLarge(n int64) error {
	return fmt.Errorf(
		"wal: a batch of %d bytes does not fit into a segment of at most %d bytes: propose "+
			"smaller batches",
		n, int64(maxSegmentBytes),
	)
}

func (w *WAL) putHardState(hs hardState, last bool) {
	w.hs = hs
	for i := range w.scratch {
		w.scratch[i] = byte(hs.vote >> (8 * i))
	}
	r := record{typ: typeHardState, index: hs.commit, term: hs.term, payload: w.scratch[:]}
	if last {
		r.flags = flagBatchEnd
	}
	w.put(&r)
}

func (w *WAL) putEntries(entries []*raftpb.Entry) {
	for i, e := range entries {
		r := record{
			typ: typeEntry, entryType: uint8(e.GetType()), index: e.GetIndex(),
			term: e.GetTerm(), payload: e.GetData(),
		}
		if i == len(entries)-1 {
			r.flags = flagBatchEnd
		}
		w.put(&r)
		w.terms.add(r.index, r.term)
		w.next = r.index + 1
		w.active.maxIndex = max(w.active.maxIndex, r.index)
	}
}

// put appends one record to the buffer; room was reserved.
func (w *WAL) put(r *record) {
	s := w.active
	w.buf = withRoom(w.buf, int(recordBytes(len(r.payload))))
	before := len(w.buf)
	r.synced, r.chain = uint32(s.synced), s.chain
	w.buf, s.chain = appendRecord(w.buf, r, s.salt)
	s.off += int64(len(w.buf) - before)
	s.count++
}

// reserve makes room for a batch: batches do not span segments.
func (w *WAL) reserve(n int64) error {
	if !w.active.sealed && w.active.off+n+sealBytes <= w.active.size {
		return nil
	}
	return w.roll(n)
}

// Sync makes everything appended durable, with one write. An error with ErrRetry (no space for the
// write) is not final: nothing new is known to be durable, and the next Sync writes the same bytes
// again. Any other error is final: the content of the disk is unknown, every later call returns the
// error, and the process must stop.
func (w *WAL) Sync() error {
	if w.err != nil || w.active.off == w.active.synced {
		return w.err
	}
	if err := w.flush(); err != nil {
		return w.fail(err)
	}
	w.err = w.marker.synced(position{w.active.seq, w.active.synced}, w.rolled)
	w.rolled = false
	return w.err
}

// fail makes err final unless the call may be tried again. While a caller waits for space, the
// background write of the durable mark may fail for good; retrying would only hide that, so its
// error is returned.
func (w *WAL) fail(err error) error {
	if !errors.Is(err, ErrRetry) {
		w.err = err
	} else if w.marker != nil {
		w.err = w.marker.failure()
	}
	return cmp.Or(w.err, err)
}

func (w *WAL) flush() error {
	if err := w.persist(); err != nil {
		return err
	}
	w.active.synced = w.active.off
	w.keepLastBlock()
	w.paceSpare()
	return nil
}

// keepLastBlock drops the durable bytes from the buffer, except for the block with which the next
// write begins.
func (w *WAL) keepLastBlock() {
	kept := w.buf[:0]
	if cap(kept) > keepBufferBytes {
		kept = alignedBuffer(firstBufferBytes)
	}
	w.buf = append(kept, lastBlock(w.buf)...)
}

// SetMark records a snapshot, whose file must be durable already. The mark and everything appended
// before are durable on return. Entries up to m.Index are no longer part of the log. If the log has
// no entry m.Index of term m.Term the snapshot replaces it: all entries are dropped and the next
// one is m.Index+1. For a snapshot received from a leader, call SetMark before the Append with the
// hard state that commits it. Errors as with Append and Sync: after ErrRetry the same call may be
// tried again.
func (w *WAL) SetMark(m Mark) error {
	if w.err != nil {
		return w.err
	}
	payload, err := encodeMark(m)
	if err != nil {
		return err
	}
	if m.Index == w.mark.Index && m.Term == w.mark.Term && bytes.Equal(payload, w.markPayload) {
		return w.Sync() // set before, and durable or tried again
	}
	reset := !w.holds(m.Index, m.Term)
	switch {
	case m.Index < w.mark.Index || m.Index == w.mark.Index && reset:
		return fmt.Errorf(
			"wal: a snapshot at entry %d of term %d cannot follow the one at entry %d of term %d",
			m.Index, m.Term, w.mark.Index, w.mark.Term,
		)
	case reset && m.Index < w.hs.commit:
		return fmt.Errorf(
			"wal: a snapshot at entry %d of term %d is of another log: entries up to %d are "+
				"committed here",
			m.Index, m.Term, w.hs.commit,
		)
	}
	if err := w.reserve(recordBytes(len(payload))); err != nil {
		return err
	}
	r := record{typ: typeMark, flags: flagBatchEnd, index: m.Index, term: m.Term, payload: payload}
	if reset {
		r.flags |= flagReset
		w.terms, w.next = nil, m.Index+1
	}
	w.put(&r)
	w.terms.dropTo(m.Index)
	w.mark, w.markPayload = m, payload
	return w.Sync()
}

// holds reports whether the log, including its snapshot, has this entry.
func (w *WAL) holds(index, term uint64) bool {
	switch {
	case index == w.mark.Index:
		return term == w.mark.Term
	case index < w.mark.Index || index >= w.next:
		return false
	}
	return w.terms.at(index) == term
}

// Compact removes the oldest segments as long as all their entries are below
// firstIndex, which may be Mark.Index+1 at most. It writes to the disk and
// unlinks files: milliseconds. After an error with ErrRetry the same call may be
// tried again; any other error of the file system is final.
func (w *WAL) Compact(firstIndex uint64) error {
	if firstIndex > w.mark.Index+1 {
		return fmt.Errorf(
			"wal: compacting up to entry %d, but the snapshot mark is at entry %d", firstIndex,
			w.mark.Index,
		)
	}
	drop := 0
	for drop < len(w.sealed) && w.sealed[drop].maxIndex < firstIndex {
		drop++
	}
	if w.err != nil || drop == 0 {
		return w.err
	}
	// The head of the active segment replaces the removed segments, so it must be durable.
	if err := w.Sync(); err != nil {
		return err
	}
	keep := w.active.seq
	if drop < len(w.sealed) {
		keep = w.sealed[drop].seq
	}
	if err := w.marker.mark.dropBefore(keep, position{w.active.seq, w.active.synced}); err != nil {
		return w.fail(err)
	}
	return w.remove(drop)
}

// remove unlinks the oldest segments, which the durable mark does not name any more. If a crash
// brings one of their names back, Open removes it.
func (w *WAL) remove(segments int) error {
	for range segments {
		path := segmentPath(w.dir, w.sealed[0].seq)
		if err := w.fs.Remove(path); err != nil {
			return w.fail(failed(err, "removing", path))
		}
		w.sealed = w.sealed[1:]
	}
	if err := w.fs.SyncDir(w.dir); err != nil {
		return w.fail(failed(err, "removing segments in", w.dir))
	}
	return nil
}

// Close syncs what was appended, brings the durable mark up to date and releases
// the files. After a failure it only releases them and returns that failure.
func (w *WAL) Close() error {
	if w.active == nil {
		return ErrClosed
	}
	err := w.Sync()
	err = errors.Join(err, w.marker.close(err == nil), w.abandon())
	w.active, w.buf, w.err = nil, nil, ErrClosed
	return err
}
