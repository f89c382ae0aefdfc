package memfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"syscall"
	"unsafe"
)

// file is an open file.
type file struct {
	fs       *FS
	node     *inode
	readOnly bool
}

// Close implements vfs.File.
func (f *file) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.fs.use(-1)
	return nil
}

// Size implements vfs.File.
func (f *file) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return int64(len(f.node.data)), nil
}

// ReadAt implements vfs.File.
func (f *file) ReadAt(b []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if off >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.node.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements vfs.File. A failing write leaves the sectors of its first half behind.
func (f *file) WriteAt(b []byte, off int64) (int, error) {
	if f.readOnly {
		return 0, &fs.PathError{Op: "write", Path: f.node.path, Err: syscall.EBADF}
	}
	err := f.fs.begin("write", f.node.path)
	defer f.fs.mu.Unlock()
	if err != nil {
		half := (int(off) + len(b)/2) / sectorBytes * sectorBytes
		b = b[:max(0, half-int(off))]
	}
	end := int(off) + len(b)
	if grow := end - len(f.node.data); grow > 0 {
		f.node.data = append(f.node.data, make([]byte, grow)...)
	}
	copy(f.node.data[off:], b)
	for s := int(off) / sectorBytes; s*sectorBytes < end; s++ {
		f.node.dirty[s] = true
	}
	return len(b), err
}

// Datasync implements vfs.File.
func (f *file) Datasync() error {
	err := f.fs.begin("sync", f.node.path)
	defer f.fs.mu.Unlock()
	n := f.node
	if err == nil {
		n.disk = n.crashed(KeepAll)
	}
	if !errors.Is(err, ErrPower) {
		clear(n.dirty)
	}
	return err
}

// directFile is a file's second descriptor, whose writes bypass the page cache.
type directFile struct{ file }

// WriteAt implements vfs.DirectFile. A failing write, as one that a power cut interrupts, leaves any
// subset of its sectors behind. If the flush after it fails, all sectors read back and none is
// durable.
func (f *directFile) WriteAt(b []byte, off int64) (int, error) {
	f.verify(b, off)
	if f.fs.Refuses == AtWrite {
		return 0, &fs.PathError{Op: "write", Path: f.node.path, Err: syscall.EINVAL}
	}
	err := f.fs.begin("write", f.node.path)
	f.transfer(b, int(off), err)
	f.fs.mu.Unlock()
	if err != nil {
		return 0, err
	}
	err = f.fs.begin("sync", f.node.path)
	defer f.fs.mu.Unlock()
	if errors.Is(err, ErrPower) {
		return 0, err
	}
	if err == nil {
		copy(f.node.disk[off:], b)
	}
	for s := range len(b) / sectorBytes {
		delete(f.node.dirty, int(off)/sectorBytes+s)
	}
	return len(b), err
}

// verify panics on a write that Linux would refuse: a caller that falls back to ordinary writes would
// hide it.
func (f *directFile) verify(b []byte, off int64) {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	if len(b) == 0 || len(b)%4096 != 0 || off%4096 != 0 || at%4096 != 0 {
		panic(fmt.Sprintf("a direct write of %d bytes from address %x at %d", len(b), at, off))
	}
	if end := int(off) + len(b); end > len(f.node.data) || end > len(f.node.disk) {
		panic(fmt.Sprintf("a direct write up to %d of a file of %d bytes, %d of them durable",
			end, len(f.node.data), len(f.node.disk)))
	}
}

// transfer writes the sectors of b, or some of them if err says that the write fails.
func (f *directFile) transfer(b []byte, off int, err error) {
	if err == nil || errors.Is(err, ErrPower) {
		copy(f.node.data[off:], b)
		for s := range len(b) / sectorBytes {
			f.node.dirty[off/sectorBytes+s] = true
		}
		return
	}
	f.fs.failed++
	some := rand.New(rand.NewPCG(f.fs.failed, 2))
	for from := 0; from < len(b); from += sectorBytes {
		if some.IntN(2) == 0 {
			copy(f.node.data[off+from:], b[from:from+sectorBytes])
			copy(f.node.disk[off+from:], b[from:from+sectorBytes])
		}
	}
}
