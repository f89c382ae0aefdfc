package wal

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/yakt/yakt/vfs"
)

// Open reads the log in dir and returns it ready for appending, with everything that was durable.
// If there is none, it makes dir and an empty log. A torn last write is cut off (State.TornTail).
// Damage is ErrCorrupt, a log or file of another owner ErrForeign, a format of a later release
// ErrVersion; after these the files are unchanged. A log of the previous release is converted.
// Making the first segment of a log or of a conversion writes 4 MiB of zeros. dir must belong to
// this log alone; it is not locked here.
func Open(dir string, o Options) (*WAL, State, error) {
	if err := o.Identity.check(); err != nil {
		return nil, State{}, err
	}
	op := &opening{dir: dir, Options: o.withDefaults()}
	w, st, err := op.run()
	if err != nil {
		return nil, State{}, errors.Join(err, op.release())
	}
	return w, st, nil
}

type opening struct {
	dir string
	Options
	mark        *durableMark
	seqs        []uint64 // segments, oldest first
	replay      replay
	sealed      []sealedSegment
	last        image // the active segment
	found       scan  // what it holds
	before      image // the segment before it, and what it holds
	beforeFound scan
	spare       *segment
	active      *segment
	cut         *Cut // the torn tail that was cut off
}

func (op *opening) release() error {
	var err error
	if op.mark != nil {
		err = op.mark.file.Close()
	}
	for _, s := range []*segment{op.active, op.spare} {
		if s != nil {
			err = errors.Join(err, s.close())
		}
	}
	return err
}

func (op *opening) run() (*WAL, State, error) {
	if err := op.list(); err != nil {
		return nil, State{}, err
	}
	if err := op.read(); err != nil {
		return nil, State{}, err
	}
	if err := op.verifyWhole(); err != nil {
		return nil, State{}, err
	}
	if err := op.rewriteTail(); err != nil {
		return nil, State{}, err
	}
	if err := op.takeOver(); err != nil {
		return nil, State{}, err
	}
	w, err := op.start()
	if err != nil {
		return nil, State{}, err
	}
	st := op.replay.state()
	st.Incarnation, st.Note = op.mark.owner.Incarnation, bytes.Clone(op.mark.note)
	if op.cut != nil {
		st.TornTail, st.Cut = true, *op.cut
	}
	return w, st, nil
}

// list finds the durable mark and the segments, removes temporary files, and makes a new log if
// there is none.
func (op *opening) list() error {
	if err := op.FS.MkdirAll(op.dir); err != nil {
		return explain(err, "making", op.dir)
	}
	names, err := op.FS.List(op.dir)
	if err != nil {
		return explain(err, "listing", op.dir)
	}
	if slices.Contains(names, durableName) {
		if err := op.openMark(); err != nil {
			return err
		}
	}
	for _, name := range names {
		if strings.HasSuffix(name, temporarySuffix) {
			if err := op.FS.Remove(filepath.Join(op.dir, name)); err != nil {
				return explain(err, "removing", filepath.Join(op.dir, name))
			}
		}
		if seq, ok := parseSegmentName(name); ok {
			op.seqs = append(op.seqs, seq)
		}
	}
	slices.Sort(op.seqs)
	if op.mark == nil {
		return op.create()
	}
	return op.checkSegments()
}

// openMark reads the durable mark and refuses a log of another owner before anything is changed.
func (op *opening) openMark() error {
	var err error
	if op.mark, err = openDurableMark(op.FS, op.dir, op.Logger); err != nil {
		return err
	}
	owner := op.mark.owner
	if op.mark.version == formatVersion && owner.Identity != op.Identity {
		owner.Incarnation = [16]byte{}
		expected := Owner{Identity: op.Identity}
		return &ForeignError{Path: op.mark.path, Found: owner, Expected: expected, By: "this node"}
	}
	if err := op.mark.secure(); err != nil {
		return explain(err, "writing", op.mark.path)
	}
	return nil
}

func (op *opening) create() error {
	if len(op.seqs) > 0 {
		return corrupt(
			filepath.Join(op.dir, durableName), 0, "the durable mark is missing beside %d segments",
			len(op.seqs),
		)
	}
	first := position{1, headerBytes}
	mark, err := createDurableMark(op.FS, op.dir, first, newOwner(op.Identity))
	if err != nil {
		return err
	}
	op.mark = mark
	return op.createFirst()
}

func (op *opening) createFirst() error {
	s, err := createSegment(op.FS, op.dir, 1, op.firstBytes(), op.mark.owner, nil)
	if err != nil {
		return err
	}
	op.seqs = []uint64{1}
	return s.close()
}

func (op *opening) firstBytes() int64 { return min(op.SegmentBytes, firstSegmentBytes) }

// checkSegments compares the files with the durable mark.
func (op *opening) checkSegments() error {
	first, synced := op.mark.firstSeq, op.mark.synced
	for len(op.seqs) > 0 && op.seqs[0] < first {
		path := segmentPath(op.dir, op.seqs[0])
		if err := op.FS.Remove(path); err != nil {
			return explain(err, "removing", path)
		}
		op.seqs = op.seqs[1:]
	}
	if len(op.seqs) == 0 && (synced == position{1, headerBytes}) {
		return op.createFirst() // a crash while the log was made
	}
	for i := range max(uint64(len(op.seqs)), synced.seq+1-min(first, synced.seq+1)) {
		if i >= uint64(len(op.seqs)) || op.seqs[i] != first+i {
			return corrupt(segmentPath(op.dir, first+i), 0, "the segment is missing")
		}
	}
	if len(op.seqs) == 0 {
		return corrupt(segmentPath(op.dir, first), 0, "the segment is missing")
	}
	return nil
}

// read replays all segments and finds the active one: the last, or the last but
// one when the last is a spare.
func (op *opening) read() error {
	for i, seq := range op.seqs {
		path := segmentPath(op.dir, seq)
		if i > 0 && !op.found.sealed {
			return op.takeSpare(i, path)
		}
		m, err := readSegment(op.FS, path, seq)
		if err != nil {
			return err
		}
		if err := op.checkOwner(path, m.segmentHeader); err != nil {
			return err
		}
		op.replay.begin(op.found.chain, m.segmentHeader)
		s, err := m.scan(op.replay.apply)
		if err != nil {
			return err
		}
		op.before, op.beforeFound = op.last, op.found
		op.last, op.found = m, s
		if s.sealed {
			if err := op.readSealed(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (op *opening) readSealed() error {
	if err := op.last.verifySealed(&op.found); err != nil {
		return err
	}
	if at := op.mark.synced; at.seq == op.last.seq && at.offset > op.found.end {
		return corrupt(
			op.last.path, op.found.end,
			"the segment is sealed before byte %d, up to which it had been synced", at.offset,
		)
	}
	op.sealed = append(op.sealed, sealedSegment{op.last.seq, op.replay.maxIndex})
	return nil
}

// takeSpare verifies that only one unused segment follows an unsealed one.
func (op *opening) takeSpare(i int, path string) error {
	last := op.found
	if i != len(op.seqs)-1 {
		return corrupt(op.last.path, last.bad, "%s, and the segment is not the last", last.reason)
	}
	f, err := op.FS.Open(path)
	if err != nil {
		return explain(err, "opening", path)
	}
	op.spare = &segment{file: f, path: path, off: headerBytes, synced: headerBytes}
	size, err := f.Size()
	if err != nil {
		return explain(err, "reading", path)
	}
	b := make([]byte, min(size, 2*headerBytes))
	if n, err := f.ReadAt(b, 0); n != len(b) {
		return explain(err, "reading", path)
	}
	h, err := parseSegmentHeader(path, b)
	switch {
	case err != nil:
		return err
	case h.seq != op.seqs[i] || h.size != size:
		return corrupt(path, 0, "the header is of segment %d with %d bytes", h.seq, h.size)
	case firstNonZero(b[headerBytes:]) >= 0:
		return corrupt(
			op.last.path, last.bad,
			"%s, and %s, which is written only after this one is sealed, is not empty", last.reason,
			filepath.Base(path),
		)
	}
	op.spare.segmentHeader, op.spare.chain = h, chainStart(b)
	return op.checkOwner(path, h)
}

// verifyWhole judges the end of the active segment, and verifies that the log has all entries after
// its snapshot mark.
func (op *opening) verifyWhole() error {
	if op.found.sealed {
		return corrupt(
			segmentPath(op.dir, op.last.seq+1), 0,
			"the segment is missing: the one before it is sealed",
		)
	}
	durable := int64(0)
	if op.mark.synced.seq == op.last.seq {
		durable = op.mark.synced.offset
	}
	if op.mark.synced.seq > op.last.seq {
		return corrupt(
			op.last.path, op.found.bad, "%s, and the log had been synced into segment %d",
			op.found.reason, op.mark.synced.seq,
		)
	}
	torn, err := op.last.judge(&op.found, durable)
	if err != nil {
		return err
	}
	if torn {
		op.cut = new(op.last.cut(&op.found, durable))
	}
	if op.found.end == headerBytes && len(op.sealed) == 0 {
		if op.last.seq != 1 {
			return corrupt(op.last.path, headerBytes, "the oldest segment has no records")
		}
		op.replay.first, op.replay.next = 1, 1
	}
	if from, to, ok := op.replay.missing(); !ok {
		return corrupt(
			segmentPath(op.dir, op.seqs[0]), headerBytes,
			"entries %d to %d, which follow the snapshot mark, are in no segment", from, to,
		)
	}
	return nil
}

// rewriteTail makes the files equal to what was read from them. The torn tail becomes zeros again,
// so that no part of it can be mistaken for a later record. Bytes that may not have reached the
// disk before a crash are written again, because they may have been read from a page cache that an
// earlier sync failed to write: the end of the active segment and, as long as nothing follows it,
// the seal before it.
func (op *opening) rewriteTail() error {
	m, s := &op.last, &op.found
	if s.end == headerBytes && len(op.sealed) > 0 {
		f, err := op.rewriteEnd(&op.before, &op.beforeFound, 0)
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return explain(err, "closing", op.before.path)
		}
	}
	garbage := int64(0)
	if op.cut != nil {
		garbage = op.cut.Bytes
		op.Logger.Warn("wal: cutting off the end of the log, which does not verify and is not "+
			"known to have been durable. A power cut during the last write leaves this, and "+
			"that write was not acknowledged. If there was none, it is damage, and entries "+
			"that were acknowledged may be missing here",
			"file", m.path, "offset", s.end, "bytes", garbage, "records", op.cut.Records,
			"durableUpTo", op.cut.Durable, "found", s.reason)
	}
	f, err := op.rewriteEnd(m, s, garbage)
	if err != nil {
		return err
	}
	op.active = &segment{
		segmentHeader: m.segmentHeader, file: f, path: m.path,
		off: s.end, synced: s.end, chain: s.chain, count: s.count, maxIndex: op.replay.maxIndex,
	}
	return nil
}

// rewriteEnd rewrites the bytes that are not known to be durable, and zeros after them.
func (op *opening) rewriteEnd(m *image, s *scan, zeroed int64) (vfs.File, error) {
	f, err := op.FS.Open(m.path)
	if err != nil {
		return nil, explain(err, "opening", m.path)
	}
	from := s.synced
	if op.mark.synced.seq == m.seq {
		from = min(max(from, op.mark.synced.offset), s.end)
	}
	again := append(slices.Clip(m.buf[from:s.end]), make([]byte, zeroed)...)
	if len(again) > 0 {
		_, err = f.WriteAt(again, from)
	}
	if err == nil {
		err = f.Datasync()
	}
	if err != nil {
		return nil, explain(errors.Join(err, f.Close()), "writing", m.path)
	}
	return f, nil
}

// start assembles the log, writes the head of an empty segment, and rolls from a segment without an
// owner to one with an owner.
func (op *opening) start() (*WAL, error) {
	r := &op.replay
	w := &WAL{
		dir: op.dir, fs: op.FS, owner: op.mark.owner, log: op.Logger,
		segmentBytes: op.SegmentBytes, inline: op.inline, direct: true,
		active: op.active, sealed: op.sealed, stop: make(chan struct{}),
		hs: r.hs, mark: r.mark, markPayload: r.markPayload, next: r.next,
	}
	for i := range r.held {
		w.terms.add(r.first+uint64(i), r.held[i].term)
	}
	w.buf = append(alignedBuffer(firstBufferBytes), lastBlock(op.last.buf[:w.active.off])...)
	if op.spare != nil {
		w.keepSpare(op.spare)
	}
	op.active, op.spare = nil, nil // owned by w from here on
	if err := w.begin(op.mark, r.lastChain); err != nil {
		return nil, errors.Join(err, w.abandon())
	}
	w.marker = newMarker(op.mark, op.MarkEvery, op.inline, op.Logger)
	return w, nil
}

func (w *WAL) begin(mark *durableMark, lastChain uint32) error {
	s := w.active
	if s.off == headerBytes {
		if s.size < headerBytes+w.headBytes()+sealBytes {
			return fmt.Errorf("wal: segment %s of %d bytes is too small to begin with", s.path, s.size)
		}
		w.putHead(lastChain)
		if err := w.flush(); err != nil {
			return err
		}
	}
	if s.version != formatVersion {
		if err := w.roll(0); err != nil {
			return err
		}
		if err := w.flush(); err != nil {
			return err
		}
	}
	mark.mu.Lock()
	defer mark.mu.Unlock()
	if err := mark.advance(position{w.active.seq, w.active.synced}, mark.note); err != nil {
		return explain(err, "writing", mark.path)
	}
	if w.spare == nil {
		w.prepareSpare()
	}
	return nil
}

// abandon ends background work and closes the files.
func (w *WAL) abandon() error {
	close(w.stop)
	var err error
	if w.spare != nil {
		if p := <-w.spare.ready; p.segment != nil {
			err = p.segment.close()
		}
	}
	return errors.Join(err, w.active.close())
}
