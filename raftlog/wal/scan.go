package wal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/yakt/yakt/vfs"
)

// image is a segment file in memory.
type image struct {
	segmentHeader
	path string
	buf  []byte // the whole file
}

// scan is the result of reading a segment from its start.
type scan struct {
	end    int64  // end of the last whole batch
	synced int64  // the segment is known to have been durable up to here, at least
	chain  uint32 // chain value of the record that ends at end
	count  uint64
	sealed bool

	bad    int64  // first position without a valid next record; size if the segment is full
	reason string // why
	tail   parsed // the record at bad, if its header verifies
}

// readSegment reads a whole segment file and verifies header and size.
func readSegment(fsys vfs.FS, path string, seq uint64) (image, error) {
	f, err := fsys.Open(path)
	if err != nil {
		return image{}, explain(err, "opening", path)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return image{}, explain(err, "reading", path)
	}
	if size > maxSegmentBytes {
		return image{}, corrupt(path, 0, "the file has %d bytes, more than a segment can have", size)
	}
	buf := make([]byte, size)
	if n, err := f.ReadAt(buf, 0); int64(n) != size {
		return image{}, explain(err, "reading", path)
	}
	h, err := parseSegmentHeader(path, buf)
	switch {
	case err != nil:
		return image{}, err
	case h.seq != seq:
		return image{}, corrupt(
			path, 0, "the header says segment %d: the file was renamed or copied over", h.seq,
		)
	case h.size != size:
		return image{}, corrupt(path, size, "the file has %d bytes and was made with %d", size, h.size)
	}
	return image{segmentHeader: h, path: path, buf: buf}, nil
}

// scan calls apply for every record of every whole batch, in order, and stops at the seal or at the
// first position without a valid next record. An error of apply is corruption: the record verifies,
// but contradicts the log.
func (m *image) scan(apply func(*record) error) (scan, error) {
	s := scan{end: headerBytes, synced: headerBytes, chain: chainStart(m.buf)}
	var batch []record
	off, chain, count := int64(headerBytes), s.chain, uint64(0)
	for !s.sealed {
		p := parseRecord(m.buf, off, m.salt)
		if s.bad, s.tail = off, p; !p.payloadOK {
			s.reason = badRecordReason(&p)
			return s, nil
		}
		if p.chain != chain || p.typ == 0 || p.typ > typeSeal || p.flags&^flagsKnown != 0 ||
			int64(p.synced) > off {
			return s, corrupt(m.path, off, "the record verifies but does not follow the one before it")
		}
		batch = append(batch, p.record)
		off, chain, count = off+p.bytes, p.sum, count+1
		s.synced = max(s.synced, int64(p.synced))
		if !p.has(flagBatchEnd) {
			continue
		}
		for i := range batch {
			if err := apply(&batch[i]); err != nil {
				return s, corrupt(m.path, s.end, "%v", err)
			}
		}
		s.sealed = p.typ == typeSeal
		if s.sealed && (len(p.payload) != 8 || binary.LittleEndian.Uint64(p.payload) != count) {
			return s, corrupt(m.path, s.bad, "the seal counts other records than the segment has")
		}
		s.end, s.chain, s.count, batch = off, chain, count, batch[:0]
	}
	s.bad, s.tail = off, parsed{}
	return s, nil
}

func badRecordReason(p *parsed) string {
	if p.bytes == 0 {
		return "no valid record header"
	}
	return fmt.Sprintf(
		"the payload of the record (type %d, index %d) does not match its checksum", p.typ, p.index,
	)
}

// verifySealed refuses anything but zeros after the seal.
func (m *image) verifySealed(s *scan) error {
	if i := firstNonZero(m.buf[s.end:]); i >= 0 {
		return corrupt(m.path, s.end+int64(i), "bytes after the seal of a finished segment")
	}
	return nil
}

// judge decides whether an unsealed end is clean (only zeros follow), torn (by a power cut during
// the last write: everything from s.end on was never synced and can be cut off), or corrupt.
// durable is a position in this segment that the durable mark says was synced.
//
// A disk writes a sector whole or not at all, and a sector that it did not reach is zero after the
// durable bytes. So a record that was torn by a power cut has a sector that is zero from the point
// where the record begins in it; a bad record whose sectors were all written is damage, wherever it
// is.
func (m *image) judge(s *scan, durable int64) (torn bool, err error) {
	if s.end < durable {
		return false, corrupt(
			m.path, s.bad, "%s, and the segment had been synced up to byte %d", s.reason, durable,
		)
	}
	if firstNonZero(m.buf[s.end:]) < 0 {
		return false, nil
	}
	if !m.unwritten(s) {
		return false, corrupt(m.path, s.bad, "%s, and all its sectors were written", s.reason)
	}
	for at := range m.headersFrom(s.bad + recordAlign) {
		if p := parseRecord(m.buf, at, m.salt); int64(p.synced) > s.end {
			return false, corrupt(
				m.path, s.bad,
				"%s, and the record at byte %d was written after this place had been synced",
				s.reason, at,
			)
		}
	}
	return true, nil
}

// cut describes the part of a torn end that is lost.
func (m *image) cut(s *scan, durable int64) Cut {
	c := Cut{Path: m.path, Offset: s.end, Durable: max(durable, s.synced)}
	c.Bytes = int64(lastNonZero(m.buf)) + 1 - s.end
	for range m.headersFrom(s.end) {
		c.Records++
	}
	return c
}

// headersFrom finds the valid record headers of this segment at or after off.
func (m *image) headersFrom(off int64) iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for at := m.nextHeader(off); at >= 0 && yield(at); at = m.nextHeader(at + recordAlign) {
		}
	}
}

// nextHeader finds the first valid record header of this segment at or after off, or -1.
func (m *image) nextHeader(off int64) int64 {
	var salt [8]byte
	binary.LittleEndian.PutUint64(salt[:], m.salt)
	for saltAt := off + recordSaltOffset; saltAt < int64(len(m.buf)); saltAt++ {
		i := bytes.Index(m.buf[saltAt:], salt[:])
		if i < 0 {
			return -1
		}
		saltAt += int64(i)
		at := saltAt - recordSaltOffset
		if at%recordAlign == 0 && parseRecord(m.buf, at, m.salt).bytes > 0 {
			return at
		}
	}
	return -1
}

// unwritten reports whether a sector of the bad record, or only of its header if that does not
// verify, is still zero as preallocated. Disks write sectors in any order until the sync.
func (m *image) unwritten(s *scan) bool {
	end := min(s.bad+max(recordHeaderBytes, s.tail.bytes), int64(len(m.buf)))
	for from := s.bad; from < end; {
		to := min((from/sectorBytes+1)*sectorBytes, int64(len(m.buf)))
		if firstNonZero(m.buf[from:to]) < 0 {
			return true
		}
		from = to
	}
	return false
}
