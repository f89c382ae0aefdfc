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

// ErrForeign marks a log, or a file in it, that belongs to another node or to another log.
// Test with errors.Is; errors.As to *ForeignError gives both sides.
var ErrForeign = errors.New("write-ahead log is another's")

// ErrVersion marks a log that a later release wrote. Test with errors.Is.
var ErrVersion = errors.New("write-ahead log is of a later format")

// ErrClosed is returned by every call after Close.
var ErrClosed = errors.New("wal: closed")

// ErrRetry marks an error for which the log still is what it was: space or descriptors ran
// out before anything moved. The same call may be made again. Test with errors.Is; errors.Is
// with syscall.ENOSPC, EDQUOT, EMFILE or ENFILE tells what is short.
var ErrRetry = errors.New("may be tried again")

// leaveStopped is what an operator can safely do about a log that cannot be trusted.
const leaveStopped = "leave this node stopped and keep %s for inspection: the other voters go on " +
	"without it as long as they are a majority. This release cannot replace a voter"

// CorruptError names what does not verify. The log is not changed by finding it.
type CorruptError struct {
	Path   string // the file
	Offset int64  // bytes from its start
	Reason string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("wal: %v: %s at byte %d: %s. Nothing was changed: "+leaveStopped,
		ErrCorrupt, e.Path, e.Offset, e.Reason, filepath.Dir(e.Path))
}

func (e *CorruptError) Unwrap() error { return ErrCorrupt }

func corrupt(path string, offset int64, format string, args ...any) error {
	return &CorruptError{Path: path, Offset: offset, Reason: fmt.Sprintf(format, args...)}
}

// ForeignError names whose a file is and whose it had to be. The log is not changed by
// finding it.
type ForeignError struct {
	Path     string
	Found    Owner // what the file says
	Expected Owner
	By       string // what expects it: the node, or the durable mark
}

func (e *ForeignError) Error() string {
	return fmt.Sprintf("wal: %v: %s belongs to %v, and %s expects %v. Nothing was changed. "+
		"Check that this node was started with its own directory, and that no file was "+
		"copied into it. Otherwise "+leaveStopped,
		ErrForeign, e.Path, e.Found, e.By, e.Expected, filepath.Dir(e.Path))
}

func (e *ForeignError) Unwrap() error { return ErrForeign }

// VersionError names a file in a format that this release does not know.
type VersionError struct {
	Path    string
	Version uint32
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("wal: %v: %s has format version %d, and this release reads "+
		"versions %d and %d. Nothing was changed. Start this node with the release that "+
		"wrote it, or a later one",
		ErrVersion, e.Path, e.Version, versionBefore, formatVersion)
}

func (e *VersionError) Unwrap() error { return ErrVersion }

// retryError is an error after which nothing has changed.
type retryError struct{ error }

func (e retryError) Unwrap() []error { return []error{e.error, ErrRetry} }

func noSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func noDescriptors(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// explain adds what the operator can do to errors of the file system.
func explain(err error, doing, path string) error {
	switch {
	case noSpace(err):
		return fmt.Errorf("wal: no space left while %s %s: free space on this file system: %w",
			doing, path, err)
	case noDescriptors(err):
		return fmt.Errorf("wal: no file descriptor left while %s %s: "+
			"raise the limit of open files of this process or of the system: %w", doing, path, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("wal: not allowed to write while %s %s: "+
			"check owner, mode and mount options of the directory: %w", doing, path, err)
	}
	return fmt.Errorf("wal: %s %s: %w", doing, path, err)
}

// unmoved explains the error of a step that has changed nothing the log relies on, so that
// it is worth another try when space or descriptors were short.
func unmoved(err error, doing, path string) error {
	explained := explain(err, doing, path)
	if noSpace(err) || noDescriptors(err) {
		return retryError{explained}
	}
	return explained
}

// final wraps a failed sync, or a failed write of which it is not known what is on the disk.
// The kernel may have dropped the unwritten pages and a second sync would report success, so
// it is never tried again.
func final(err error, doing, path string) error {
	return fmt.Errorf("%w; the log on this disk is no longer known, the process must stop",
		explain(err, doing, path))
}

// failed is for a step that leaves nothing half known when space or descriptors were short, and
// is final otherwise. A write into the part of a file that is not durable yet is such a step: any
// part of it may be there, and the next try fills the same place with the same bytes.
func failed(err error, doing, path string) error {
	if noSpace(err) || noDescriptors(err) {
		return unmoved(err, doing, path)
	}
	return final(err, doing, path)
}
