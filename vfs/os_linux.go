package vfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Datasync omits metadata such as times, which change with every write to a preallocated file.
func (f osFile) Datasync() error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}

// OpenDirect implements FS with O_DIRECT and O_DSYNC.
func (OS) OpenDirect(path string) (DirectFile, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|unix.O_DIRECT|unix.O_DSYNC, 0)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// DropCached makes the next read of f come from the disk instead of the page cache, which would
// hide damage on the disk. It is a hint; its failure has no consequence.
func DropCached(f File) {
	if file, ok := f.(osFile); ok {
		_ = unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED)
	}
}
