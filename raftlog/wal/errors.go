package wal

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
)

// ErrCorrupt marks damage that is not a torn last write. Test with errors.Is;
// errors.As to *CorruptError gives the place.
var ErrCorrupt = errors.New("write-ahead log is corrupt")

// ErrClosed is returned by every call after Close.
var ErrClosed = errors.New("wal: closed")

// CorruptError names what does not verify. The log is not changed by finding it.
type CorruptError struct {
	Path   string // the file
	Offset int64  // bytes from its start
	Reason string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("wal: %v: %s at byte %d: %s. Nothing was changed. Do not start this node with this log: "+
		"keep a copy of %s for inspection, then restore it from a backup or empty it and let the node rejoin the quorum as a new replica",
		ErrCorrupt, e.Path, e.Offset, e.Reason, filepath.Dir(e.Path))
}

func (e *CorruptError) Unwrap() error { return ErrCorrupt }

func corrupt(path string, offset int64, format string, args ...any) error {
	return &CorruptError{Path: path, Offset: offset, Reason: fmt.Sprintf(format, args...)}
}

// explain adds what the operator can do to errors of the file system.
func explain(err error, doing, path string) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("wal: no space left while %s %s: free space on this file system or move the directory: %w", doing, path, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("wal: not allowed to write while %s %s: check owner, mode and mount options of the directory: %w", doing, path, err)
	}
	return fmt.Errorf("wal: %s %s: %w", doing, path, err)
}

// final wraps a failed write or sync. The kernel may have dropped the unwritten
// pages and a second sync would report success, so it is never tried again.
func final(err error, doing, path string) error {
	return fmt.Errorf("%w; the log on this disk is no longer known, the process must stop", explain(err, doing, path))
}
