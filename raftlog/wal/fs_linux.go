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

func (osFS) OpenDirect(path string) (DirectFile, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|unix.O_DIRECT|unix.O_DSYNC, 0)
	if err != nil {
		return nil, err
	}
	return f, nil
}
