package wal

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Datasync leaves out the metadata a preallocated file does not change.
func (f osFile) Datasync() error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
