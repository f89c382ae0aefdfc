package raftlog

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/yakt/yakt/raftlog/wal"
	"github.com/yakt/yakt/vfs"
	"github.com/yakt/yakt/vfs/memfs"
)

// snapshotsOn opens the snapshots in directory d of a disk.
func snapshotsOn(t *testing.T, fsys vfs.FS) *snapshots {
	t.Helper()
	s, err := openSnapshots(Config{
		Dir: "d", FS: fsys, Clock: Clock{}.filled(), SnapshotsKept: 2, Logger: testLogger(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func writeFile(file []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(file)
		return err
	}
}

// powerCuts are choices for memfs.FS.Crash: lose all, keep all, and some of each.
func powerCuts() []func(int) int {
	cuts := []func(int) int{memfs.LoseAll, memfs.KeepAll}
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 1))
		cuts = append(cuts, rng.IntN)
	}
	return cuts
}

// TestSnapshotIsDurableOnceWritten cuts the power at every change that writing a snapshot makes. A
// snapshot whose write returned nil is whole afterwards, in name and content; of any other the next
// start leaves a whole file or nothing.
func TestSnapshotIsDurableOnceWritten(t *testing.T) {
	t.Parallel()
	id := snapshotID{4, 1}
	file := checkpointOf([][]byte{batchAt(0, 1, 3), batchAt(3, 1, 1)})
	m := mark{Index: 9, EndOffset: id.end, Epoch: id.epoch, File: sumOf(file)}
	for cutAt := 0; ; cutAt++ {
		written := false
		for _, cut := range powerCuts() {
			fsys, step := memfs.New(), 0
			fsys.Fault = func(op, _ string) error {
				if step++; step > cutAt && op != "open" {
					return memfs.ErrPower
				}
				return nil
			}
			_, err := snapshotsOn(t, fsys).write(id, m.File, writeFile(file))
			if written = err == nil; !written && !errors.Is(err, memfs.ErrPower) {
				t.Fatal(err)
			}
			wantSnapshotAfterCut(t, fsys.Crash(cut), m, file, written)
		}
		if written {
			if cutAt < 5 {
				t.Errorf("a snapshot is written in only %d changes", cutAt)
			}
			return
		}
	}
}

func wantSnapshotAfterCut(t *testing.T, fsys *memfs.FS, m mark, file []byte, written bool) {
	t.Helper()
	id := snapshotID{m.EndOffset, m.Epoch}
	s := snapshotsOn(t, fsys)
	for _, path := range fsys.Paths() {
		if strings.HasSuffix(path, partSuffix) {
			t.Fatalf("%s is left after a start", path)
		}
	}
	if !written && !s.knows(id) {
		return
	}
	if _, err := s.settle(m); err != nil {
		t.Fatalf("written: %v, and after the power cut: %v", written, err)
	}
	got, _, err := s.readAt(t.Context(), id, 0, len(file)+1, time.Unix(1000, 0))
	if err != nil || !bytes.Equal(got, file) {
		t.Fatalf("%d bytes of %d, %v", len(got), len(file), err)
	}
}

// TestFailedSnapshotWriteLeavesNothing fails every change once: the write returns that error,
// nothing is left and the next write succeeds.
func TestFailedSnapshotWriteLeavesNothing(t *testing.T) {
	t.Parallel()
	id := snapshotID{4, 1}
	file := checkpointOf([][]byte{batchAt(0, 1, 4)})
	failed := map[string]bool{}
	for failAt := 0; ; failAt++ {
		fsys, step := memfs.New(), 0
		s := snapshotsOn(t, fsys)
		fsys.Fault = func(op, _ string) error {
			if step++; step == failAt+1 {
				failed[op] = true
				return syscall.EIO
			}
			return nil
		}
		if _, err := s.write(id, wal.FileSum{}, writeFile(file)); err == nil {
			break
		} else if !errors.Is(err, syscall.EIO) {
			t.Fatal(err)
		}
		fsys.Fault = nil
		for _, path := range fsys.Paths() {
			if !failed["syncdir"] { // then it has its name, and is replaced by the next write
				t.Errorf("step %d leaves %s", failAt, path)
			}
		}
		if _, err := s.write(id, wal.FileSum{}, writeFile(file)); err != nil {
			t.Errorf("after step %d failed: %v", failAt, err)
		}
	}
	for _, op := range []string{"create", "write", "sync", "open", "rename", "syncdir"} {
		if !failed[op] {
			t.Errorf("no %s was failed", op)
		}
	}
}

// TestLogSurvivesPowerCuts runs a node on a disk in memory and cuts the power: what was acknowledged
// comes back, from the snapshot and the log behind it.
func TestLogSurvivesPowerCuts(t *testing.T) {
	t.Parallel()
	fsys := memfs.New()
	cl := newCluster(t, 1, func(c *Config) {
		smallSnapshots(c)
		c.FS, c.Dir = fsys, "d"
	})
	cl.start()
	n := cl.leader()
	for _, cut := range []func(int) int{memfs.LoseAll, memfs.KeepAll} {
		n.awaitSnapshot(cl.writeMany(40) - 20)
		want := slices.Clone(n.app.batches)
		fsys = fsys.Crash(cut) // before kill, which closes the log cleanly
		n.kill()
		n.cfg.FS = fsys
		if _, ok := fsys.Content(filepath.Join("d", walDir, "durable.mark")); !ok {
			t.Fatal("the write-ahead log is not on this disk")
		}
		n.start()
		cl.write("after the power cut")
		if got := n.app.batches; len(got) < len(want) ||
			!slices.EqualFunc(got[:len(want)], want, bytes.Equal) {
			t.Errorf("%d batches came back, not the %d that were acknowledged", len(got), len(want))
		}
	}
}
