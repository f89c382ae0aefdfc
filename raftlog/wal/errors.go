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

// ErrRetry marks an error after which the log is unchanged: space or descriptors ran out before
// anything was written. The same call may be made again. Test with errors.Is; errors.Is with
// syscall.ENOSPC, EDQUOT, EMFILE or ENFILE shows which resource is short.
var ErrRetry = errors.New("may be tried again")

// leaveStopped is safe advice for an operator whose log cannot be trusted.
const leaveStopped = "leave this node stopped and keep %s for inspection: the other voters " +
	"continue without it as long as they are a majority. This release cannot replace a voter"

// CorruptError names the file and position that do not verify. Nothing was changed.
type CorruptError struct {
	Path   string // the file
	Offset int64  // bytes from its start
	Reason string
}

// Error implements error.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("wal: %v: %s at byte %d: %s. Nothing was changed: "+leaveStopped,
		ErrCorrupt, e.Path, e.Offset, e.Reason, filepath.Dir(e.Path))
}

// Unwrap makes errors.Is match ErrCorrupt.
func (e *CorruptError) Unwrap() error { return ErrCorrupt }

func corrupt(path string, offset int64, format string, args ...any) error {
	return &CorruptError{Path: path, Offset: offset, Reason: fmt.Sprintf(format, args...)}
}

// ForeignError names the owner of a file and the owner that was expected. Nothing was changed.
type ForeignError struct {
	Path     string
	Found    Owner // what the file says
	Expected Owner
	By       string // what expects it: the node, or the durable mark
}

// Error implements error.
func (e *ForeignError) Error() string {
	return fmt.Sprintf("wal: %v: %s belongs to %v, and %s expects %v. Nothing was changed. "+
		"Check that this node was started with its own directory, and that no file was "+
		"copied into it. Otherwise "+leaveStopped,
		ErrForeign, e.Path, e.Found, e.By, e.Expected, filepath.Dir(e.Path))
}

// Unwrap makes errors.Is match ErrForeign.
func (e *ForeignError) Unwrap() error { return ErrForeign }

// VersionError names a file in a format that this release does not know.
type VersionError struct {
	Path    string
	Version uint32
}

// Error implements error.
func (e *VersionError) Error() string {
	return fmt.Sprintf("wal: %v: %s has format version %d, and this release reads "+
		"versions %d and %d. Nothing was changed. Start this node with the release that "+
		"wrote it, or a later one",
		ErrVersion, e.Path, e.Version, versionBefore, formatVersion)
}

// Unwrap makes errors.Is match ErrVersion.
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

// explain adds advice for the operator to an error of the file system.
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

// unmoved explains the error of a step that has changed nothing the log relies on. If space or
// descriptors were short, the step can be tried again.
func unmoved(err error, doing, path string) error {
	explained := explain(err, doing, path)
	if noSpace(err) || noDescriptors(err) {
		return retryError{explained}
	}
	return explained
}

// final wraps a failed sync, or a failed write after which the content of the disk is unknown. The
// kernel may have dropped the unwritten pages, and a second sync would report success, so the step
// is never tried again.
func final(err error, doing, path string) error {
	return fmt.Errorf("%w; the log on this disk is no longer known, the process must stop",
		explain(err, doing, path))
}

// failed explains the error of a step that can be tried again if space or descriptors were short,
// and is final otherwise. A write into the part of a file that is not durable yet is such a step:
// it may have been done in part, and the next try writes the same bytes to the same position.
func failed(err error, doing, path string) error {
	if noSpace(err) || noDescriptors(err) {
		return unmoved(err, doing, path)
	}
	return final(err, doing, path)
}
