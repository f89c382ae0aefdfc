package wal

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/yakt/yakt/vfs"
)

const (
	segmentSuffix   = ".wal"
	temporarySuffix = ".tmp"
	// zeroChunkBytes is written and synced at a time while a segment is prepared,
	// so that a Sync of the log never queues behind more than this.
	zeroChunkBytes = 1 << 20
	sealBytes      = int64(recordHeaderBytes + 8)
	// A new log begins with a small segment, which is ready at once; each further one is larger, up
	// to Options.SegmentBytes.
	firstSegmentBytes = 4 << 20
	segmentGrowth     = 2
)

var errStopped = errors.New("wal: closing")

// segment is a file open for appending.
type segment struct {
	segmentHeader
	file        vfs.File
	direct      vfs.DirectFile // nil unless appends bypass the page cache
	wroteDirect bool           // the file system took at least one such write
	path        string
	off         int64 // end of the records, those not written yet included
	synced      int64 // end of the records known to be on disk
	chain       uint32
	count       uint64 // records
	maxIndex    uint64 // highest index of its entries
	sealed      bool   // its seal is in the buffer or on the disk: no record may follow
}

// sealedSegment has what Compact needs of a sealed segment.
type sealedSegment struct{ seq, maxIndex uint64 }

func segmentPath(dir string, seq uint64) string { return filepath.Join(dir, segmentName(seq)) }

// parseSegmentName is the inverse of segmentName.
func parseSegmentName(name string) (seq uint64, ok bool) {
	hex, found := strings.CutSuffix(name, segmentSuffix)
	seq, err := strconv.ParseUint(hex, 16, 64)
	return seq, found && err == nil && name == segmentName(seq)
}

func newSalt() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	b[0] |= 1       // the scan for the salt runs fast over zeros
	return binary.LittleEndian.Uint64(b[:])
}

// createSegment makes an empty segment of this owner: zeroed and durable before it is named, and
// its name durable on return. It replaces an unused segment of that name, so that at no time there
// is none. Its size is at least size, in whole blocks. With a pace it proceeds as that allows.
// After an error the segment may exist, empty.
func createSegment(
	fsys vfs.FS, dir string, seq uint64, size int64, owner Owner, pace *pace,
) (*segment, error) {
	path, size := segmentPath(dir, seq), wholeBlocks(size)
	tmp := path + temporarySuffix
	f, err := fsys.Create(tmp)
	if err != nil {
		return nil, unmoved(err, "creating", tmp)
	}
	header := segmentHeader{formatVersion, seq, newSalt(), size, owner}
	encoded := header.encode()
	if err = fillSegment(f, encoded, size, pace); err == nil {
		err = fsys.Rename(tmp, path)
	}
	if err != nil {
		return nil, errors.Join(unmoved(err, "preparing", path), f.Close(), fsys.Remove(tmp))
	}
	if err = fsys.SyncDir(dir); err != nil {
		return nil, errors.Join(unmoved(err, "preparing", path), f.Close())
	}
	return &segment{
		segmentHeader: header, file: f, path: path,
		off: headerBytes, synced: headerBytes, chain: chainStart(encoded),
	}, nil
}

func fillSegment(f vfs.File, header []byte, size int64, pace *pace) error {
	chunk := make([]byte, min(zeroChunkBytes, size))
	for off := int64(0); off < size; off += int64(len(chunk)) {
		if err := pace.wait(float64(off) / float64(size)); err != nil {
			return err
		}
		if _, err := f.WriteAt(chunk[:min(int64(len(chunk)), size-off)], off); err != nil {
			return err
		}
		if err := f.Datasync(); err != nil {
			return err
		}
	}
	if _, err := f.WriteAt(header, 0); err != nil {
		return err
	}
	return f.Datasync()
}

// nextBytes is the size of the segment after the active one.
func (w *WAL) nextBytes() int64 {
	return min(w.segmentBytes, max(w.active.size, firstSegmentBytes)*segmentGrowth)
}

// takeSpare returns an empty segment with room for at least need bytes.
func (w *WAL) takeSpare(need int64) (*segment, error) {
	if w.spare != nil {
		p := w.spare.wait()
		w.spare = nil
		if p.err == nil && p.segment.size >= need {
			return p.segment, nil
		}
		if p.err == nil {
			if err := p.segment.close(); err != nil {
				return nil, explain(err, "replacing", p.segment.path)
			}
		}
	}
	return createSegment(w.fs, w.dir, w.active.seq+1, max(w.nextBytes(), need), w.owner, nil)
}

// roll seals the active segment and continues in the next one, which has room for a batch of need
// bytes. Open relies on the order: the next segment's name is durable before the seal is written,
// and the seal before any record after it. After ErrRetry the seal may be in the buffer already, so
// that no other record may follow in this segment; the next call of roll continues from there.
func (w *WAL) roll(need int64) error {
	total := headerBytes + w.headBytes() + need + sealBytes
	if total > maxSegmentBytes {
		return errTooLarge(need)
	}
	next, err := w.takeSpare(total)
	if errors.Is(err, ErrRetry) {
		return w.fail(err)
	}
	if err != nil {
		return err // nothing has changed
	}
	if err := w.seal(); err != nil {
		if errors.Is(err, ErrRetry) {
			w.keepSpare(next)
			return w.fail(err)
		}
		w.err = errors.Join(err, next.close())
		return w.err
	}
	old := w.active
	w.sealed = append(w.sealed, sealedSegment{old.seq, old.maxIndex})
	w.active, w.buf = next, w.buf[:0]
	w.putHead(old.chain)
	w.prepareSpare()
	w.rolled = true
	return nil
}

// seal ends the active segment with its seal, durably, and closes it.
func (w *WAL) seal() error {
	s := w.active
	if !s.sealed {
		s.sealed = true
		w.put(&record{
			typ: typeSeal, flags: flagBatchEnd, index: s.maxIndex,
			payload: binary.LittleEndian.AppendUint64(nil, s.count+1),
		})
	}
	if s.synced != s.off {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if err := s.close(); err != nil {
		return final(err, "closing", s.path)
	}
	return nil
}

// headBytes is the size of what putHead writes.
func (w *WAL) headBytes() int64 {
	return recordBytes(4) + recordBytes(8) + recordBytes(len(w.markPayload))
}

// putHead repeats at the start of a segment everything for which older segments would be needed.
func (w *WAL) putHead(chain uint32) {
	w.put(
		&record{
			typ: typeHead, index: w.next,
			payload: binary.LittleEndian.AppendUint32(nil, chain),
		},
	)
	hs := w.hs.record()
	if w.markPayload == nil {
		hs.flags = flagBatchEnd
		w.put(&hs)
		return
	}
	w.put(&hs)
	w.put(&record{typ: typeMark, flags: flagBatchEnd, index: w.mark.Index, term: w.mark.Term,
		payload: markOfVersion(w.active.version, w.markPayload)})
}
