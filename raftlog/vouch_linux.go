package raftlog

import (
	"os"

	"golang.org/x/sys/unix"
)

// dropCached lets the next reading of a file come from the disk rather than from memory, which
// would hide damage. It is a hint: that it fails does not matter.
func dropCached(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) }
