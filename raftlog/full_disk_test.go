package raftlog

import (
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/yakt/yakt/logtest"
	"github.com/yakt/yakt/vfs/memfs"
)

// TestFailedSyncAfterFullDisk: a write finds no space and is retried; meanwhile, or once there is
// space, a sync fails: of the segment or of the durable mark. That is a failed disk, and nothing
// may call it a full one or retry further.
func TestFailedSyncAfterFullDisk(t *testing.T) {
	t.Parallel()
	for _, refuses := range []memfs.Refusal{memfs.Nowhere, memfs.AtOpen} {
		t.Run(refuses.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { failedSyncAfterFullDisk(t, refuses, ".wal", 2) })
		})
		t.Run("mark,"+refuses.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				failedSyncAfterFullDisk(t, refuses, "durable.mark", 50)
			})
		})
	}
}

// failedSyncAfterFullDisk lets a number of writes find no space, and every sync of a file fail.
func failedSyncAfterFullDisk(t *testing.T, refuses memfs.Refusal, failing string, short int32) {
	fsys := memfs.New()
	fsys.Refuses = refuses
	var logged logtest.Buffer
	app := newAppState()
	cfg, err := Config{
		Dir: "d", FS: fsys, Voters: []int32{0}, SegmentBytes: 64 << 10,
		Logger: slog.New(slog.NewTextHandler(&logged, nil)),
	}.filled()
	if err != nil {
		t.Fatal(err)
	}
	l, err := Open(cfg, app)
	if err != nil {
		t.Fatal(err)
	}
	l.Start()
	awaitClaim(t, app, 1)
	if _, err := l.Propose(1, dataBatch(1, "durable, the mark is still to be written")); err != nil {
		t.Fatal(err)
	}
	if err := app.await(t.Context().Done(), func() bool { return app.end == 4 }); err != nil {
		t.Fatal(err)
	}
	var shortages atomic.Int32
	fsys.SetFault(func(op, path string) error {
		switch {
		case op == "sync" && strings.HasSuffix(path, failing):
			return syscall.EIO
		case op == "write" && strings.HasSuffix(path, ".wal") && shortages.Add(1) <= short:
			return syscall.ENOSPC
		}
		return nil
	})
	if _, err := l.Propose(1, dataBatch(1, "x")); err != nil {
		t.Fatal(err)
	}
	failure := <-l.Failed()
	if n := shortages.Load(); n > 3 {
		t.Errorf("the write was tried %d times", n)
	}
	if !errors.Is(failure, syscall.EIO) || errors.Is(failure, syscall.ENOSPC) {
		t.Errorf("failed with %v", failure)
	}
	if s := l.Status(); s.DiskFull || !errors.Is(s.Failed, syscall.EIO) {
		t.Errorf("disk full %t, failed %v", s.DiskFull, s.Failed)
	}
	if n := strings.Count(logged.String(), "the disk is full"); n != 1 {
		t.Errorf("a full disk is logged %d times:\n%s", n, &logged)
	}
	if err := l.Stop(t.Context()); err == nil {
		t.Error("the log is closed without an error")
	}
}
