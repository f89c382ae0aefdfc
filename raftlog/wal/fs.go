package wal

import (
	"io"
	"os"
)

// FS is the file system under a log. The default is the operating system's;
// tests put one in that forgets, tears or fails. Files and directories are used
// from up to three goroutines at once.
type FS interface {
	MkdirAll(dir string) error
	List(dir string) ([]string, error) // names, any order
	Open(path string) (File, error)    // must exist; read and write
	Create(path string) (File, error)  // empty, replacing what was there; read and write
	// OpenDirect opens an existing file for writing round the page cache. Any error
	// means that this cannot be done here, and is no failure of the disk.
	OpenDirect(path string) (DirectFile, error)
	Rename(oldPath, newPath string) error // replaces; durable after SyncDir
	Remove(path string) error             // durable after SyncDir
	SyncDir(dir string) error
}

// File is an open file of an FS.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	// Datasync makes written bytes and, if it changed, the size durable.
	Datasync() error
}

// DirectFile writes whole blocks of 4096 bytes, from memory at a multiple of that, into
// an existing part of a file, and has made them durable when it returns without error.
// EINVAL from its first write means that it wrote nothing and cannot.
type DirectFile interface {
	io.WriterAt
	io.Closer
}

type osFS struct{}

type osFile struct{ *os.File }

func (osFS) MkdirAll(dir string) error            { return os.MkdirAll(dir, 0o700) }
func (osFS) Rename(oldPath, newPath string) error { return os.Rename(oldPath, newPath) }
func (osFS) Remove(path string) error             { return os.Remove(path) }

func (osFS) List(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}

func (osFS) Open(path string) (File, error) { return openFile(path, os.O_RDWR) }
func (osFS) Create(path string) (File, error) {
	return openFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

func openFile(path string, flag int) (File, error) {
	f, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
