package wal

import (
	"errors"
	"syscall"
)

// Where the file system lets them, appends go round the page cache: one write of whole blocks
// through a second descriptor, durable on return, rather than a write and an fdatasync. The block
// in which the log ends is written again, with the new records behind what it holds and zeros up to
// its end, which is what the file has there.
//
// What a crash leaves is what judge and unwritten go by, as with the page cache, which writes whole
// pages as well. A sector that was durable before is written with the same bytes: it has them
// whether the disk came to it or not. A sector in which the new records begin is as it was, with
// zeros from there on, or as it was to be. A sector that no record reaches stays zero.
//
// A write that found no space (a file system that copies on write needs some for any write)
// may have left a part of itself too. The next one has the same bytes, and perhaps more behind
// them, at the same place; a direct write leaves nothing that a later sync could drop.

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

// openDirect gives the active segment its second descriptor. While the process has none left,
// writes go through the page cache, and each one tries again.
func (w *WAL) openDirect() {
	d, err := w.fs.OpenDirect(w.active.path)
	switch {
	case err == nil:
		w.active.direct = d
	case !noDescriptors(err):
		w.ordinaryOnly(err)
	}
}

// fallBack writes as before what a file system refused that opens files for direct writes and takes
// none.
func (w *WAL) fallBack(refusal error) error {
	s := w.active
	w.ordinaryOnly(refusal)
	if err := s.direct.Close(); err != nil {
		return final(err, "closing", s.path)
	}
	s.direct = nil
	return s.writeThrough(w.buf)
}

// ordinaryOnly ends direct writes for all segments to come too: they are in the same directory.
func (w *WAL) ordinaryOnly(refusal error) {
	w.direct = false
	w.log.Info(
		"wal: appends go through the page cache, since direct writes are not possible here", "file",
		w.active.path, "refusal", refusal,
	)
}

// writeThrough writes what of buf is not durable through the page cache and syncs it.
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
