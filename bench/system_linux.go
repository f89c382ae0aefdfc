package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// processCPU is the processor time that a process has used so far; 0 if it is gone.
func processCPU(pid int) time.Duration {
	// clock_getcpuclockid(3): the whole process, by the scheduler's account
	clock := int32(^pid)<<3 | 2
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// processRSS is the resident memory of a process in bytes; 0 where there is no /proc.
func processRSS(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if kb, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, _ := strconv.ParseInt(strings.Fields(kb)[0], 10, 64)
			return n * 1024
		}
	}
	return 0
}

func fdatasync(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// fileSystem names the kinds that matter: a measurement in memory says nothing about disks.
func fileSystem(dir string) string {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return "unknown file system"
	}
	switch int64(s.Type) { //nolint:unconvert // it has other types elsewhere
	case unix.TMPFS_MAGIC:
		return "tmpfs (memory!)"
	case unix.EXT4_SUPER_MAGIC:
		return "ext4"
	case unix.XFS_SUPER_MAGIC:
		return "xfs"
	case unix.BTRFS_SUPER_MAGIC:
		return "btrfs"
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlayfs"
	}
	return fmt.Sprintf("file system %x", s.Type)
}
