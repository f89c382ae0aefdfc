package wal

import (
	"errors"
	"syscall"
)

// Where the file system allows it, appends bypass the page cache: one write of whole blocks through
// a second descriptor, durable on return, in place of a write and an fdatasync. The block in which
// the log ends is written again: the bytes that it holds, then the new records, then zeros to its
// end, which the file has there already.
//
// A crash leaves what judge and unwritten rely on, as with the page cache, which also writes whole
// pages. A sector that was durable before is written with the same bytes, so it has them whether
// the disk has reached it or not. A sector in which the new records begin is either unchanged, with
// zeros from there on, or complete. A sector without records stays zero.
//
// A write that found no space (a copy-on-write file system needs space for any write) may have been
// done in part. The next write has the same bytes, and perhaps more after them, at the same
// position. A direct write leaves nothing in the page cache that a later sync could drop.

// persist makes the records of the active segment durable.
func (w *WAL) persist() error {
	s := w.active
	if w.direct && s.direct == nil && s.size%blockBytes == 0 {
		w.openDirect()
	}
	if s.direct == nil {
		return s.writeThrough(w.buf)
	}
	_, err := s.direct.WriteAt(paddedBlocks(w.buf), s.off-int64(len(w.buf)))
	switch {
	case err == nil:
		s.wroteDirect = true
		return nil
	case !s.wroteDirect && errors.Is(err, syscall.EINVAL):
		return w.fallBack(err)
	}
	return failed(err, "writing", s.path)
}

// openDirect opens the second descriptor of the active segment. While the process has no descriptor
// left, writes use the page cache, and each of them tries again.
func (w *WAL) openDirect() {
	d, err := w.fs.OpenDirect(w.active.path)
	switch {
	case err == nil:
		w.active.direct = d
	case !noDescriptors(err):
		w.ordinaryOnly(err)
	}
}

// fallBack writes through the page cache when a file system opens files for direct writes and then
// refuses the write.
func (w *WAL) fallBack(refusal error) error {
	s := w.active
	w.ordinaryOnly(refusal)
	if err := s.direct.Close(); err != nil {
		return final(err, "closing", s.path)
	}
	s.direct = nil
	return s.writeThrough(w.buf)
}

// ordinaryOnly disables direct writes, for later segments too, because they are in the same
// directory.
func (w *WAL) ordinaryOnly(refusal error) {
	w.direct = false
	w.log.Info(
		"wal: appends go through the page cache, since direct writes are not possible here", "file",
		w.active.path, "refusal", refusal,
	)
}

// writeThrough writes the part of buf that is not durable through the page cache, and syncs it.
func (s *segment) writeThrough(buf []byte) error {
	if _, err := s.file.WriteAt(buf[int64(len(buf))-(s.off-s.synced):], s.synced); err != nil {
		return failed(err, "writing", s.path)
	}
	if err := s.file.Datasync(); err != nil {
		return final(err, "syncing", s.path)
	}
	return nil
}

func (s *segment) close() error {
	err := s.file.Close()
	if s.direct != nil {
		err = errors.Join(err, s.direct.Close())
	}
	return err
}
