// Package vfs is the file system under the write-ahead log and the snapshots: the operating
// system's in a running node, and in tests one that crashes, tears writes or fails (vfs/memfs).
// It imports none of our packages.
package vfs

import "io"

// FS is a file system. All methods may be called concurrently. Errors wrap those of the operating
// system: test them with errors.Is against io/fs and syscall errors.
type FS interface {
	MkdirAll(dir string) error         // with its parents; no error when it exists
	List(dir string) ([]string, error) // names, in no particular order
	Open(path string) (File, error)    // an existing file, for reading and writing
	// OpenRead opens an existing file for reading only.
	OpenRead(path string) (File, error)
	Create(path string) (File, error) // an empty file, for reading and writing; replaces an older one
	// OpenDirect opens an existing file for writes that bypass the page cache. An error says only
	// that such writes are not possible here; it is not a failure of the disk.
	OpenDirect(path string) (DirectFile, error)
	Rename(oldPath, newPath string) error // replaces newPath; durable after SyncDir
	Remove(path string) error             // durable after SyncDir
	SyncDir(dir string) error             // makes the names in dir durable
}

// File is an open file of an FS. Several goroutines may use it, as they may an *os.File.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error) // bytes
	// Datasync makes written bytes durable and, if it changed, the size.
	Datasync() error
}

// DirectFile writes whole blocks of 4096 bytes, from memory aligned to 4096 bytes, into an existing
// part of a file. The bytes are durable when WriteAt returns without an error. EINVAL from the
// first write means that nothing was written and that direct writes are not possible.
type DirectFile interface {
	io.WriterAt
	io.Closer
}
