package vfs

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
)

// OS is the file system of the operating system. It makes directories with mode 0700 and files with
// mode 0600.
type OS struct{}

type osFile struct{ *os.File }

// MkdirAll implements FS.
func (OS) MkdirAll(dir string) error { return os.MkdirAll(dir, 0o700) }

// Rename implements FS.
func (OS) Rename(oldPath, newPath string) error { return os.Rename(oldPath, newPath) }

// Remove implements FS.
func (OS) Remove(path string) error { return os.Remove(path) }

// List implements FS.
func (OS) List(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}

// Open implements FS.
func (OS) Open(path string) (File, error) { return openFile(path, os.O_RDWR) }

// OpenRead implements FS.
func (OS) OpenRead(path string) (File, error) { return openFile(path, os.O_RDONLY) }

// Create implements FS.
func (OS) Create(path string) (File, error) {
	return openFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

func openFile(path string, flag int) (File, error) {
	f, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// SyncDir implements FS.
func (OS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// ReadOnly is the file system of the operating system without its changes: every method that would
// change something returns fs.ErrPermission, and files are opened for reading only.
type ReadOnly struct{ OS }

// Open implements FS.
func (ReadOnly) Open(path string) (File, error) { return OS{}.OpenRead(path) }

// MkdirAll implements FS.
func (ReadOnly) MkdirAll(dir string) error { return readOnly("mkdir", dir) }

// Create implements FS.
func (ReadOnly) Create(path string) (File, error) { return nil, readOnly("create", path) }

// Rename implements FS.
func (ReadOnly) Rename(oldPath, _ string) error { return readOnly("rename", oldPath) }

// Remove implements FS.
func (ReadOnly) Remove(path string) error { return readOnly("remove", path) }

// SyncDir implements FS.
func (ReadOnly) SyncDir(dir string) error { return readOnly("sync", dir) }

// OpenDirect implements FS.
func (ReadOnly) OpenDirect(path string) (DirectFile, error) { return nil, readOnly("open", path) }

func readOnly(op, path string) error {
	return &fs.PathError{Op: op, Path: filepath.Clean(path), Err: fs.ErrPermission}
}

// NewReader returns a reader of f from position to its end. The reader owns f: closing it closes f.
// For a file of the operating system it is the *os.File itself, because only that can be sent to a
// connection without a copy (sendfile); its read position is moved.
func NewReader(f File, position int64) (io.ReadCloser, error) {
	if file, ok := f.(osFile); ok {
		_, err := file.Seek(position, io.SeekStart)
		return file.File, err
	}
	return sectionFile{io.NewSectionReader(f, position, math.MaxInt64-position), f}, nil
}

type sectionFile struct {
	io.Reader
	io.Closer
}
