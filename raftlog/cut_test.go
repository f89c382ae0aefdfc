package raftlog

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// awaitStart waits until a node's log starts at or after an offset.
func (n *testNode) awaitStart(offset int64) {
	n.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		n.log.view.mu.RLock()
		changed, start := n.log.view.changed, n.log.view.start
		n.log.view.mu.RUnlock()
		if start >= offset {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			n.t.Fatalf("node %d: the log starts at %d, want %d", n.id, start, offset)
		}
	}
}

// TestCutBefore: no node serves records before the offset, neither as log nor as an older snapshot;
// a node that was down gets the snapshot.
func TestCutBefore(t *testing.T) {
	t.Parallel()
	cl := newCluster(t, 3, func(c *Config) { c.SnapshotBytes = 4 << 10 })
	cl.start()
	leader := cl.leader()
	away := cl.nodes[(leader.id+1)%3]
	end := cl.writeMany(20) // these make a snapshot due, and stay in memory: KeepBytes is 4 MiB
	old := leader.awaitSnapshot(1)
	away.await(end)
	away.kill()
	bad := cl.write("what observers fail on")
	cut := cl.write("what takes its place")
	for _, n := range cl.nodes {
		if n == away {
			continue
		}
		n.await(cut)
		n.log.CutBefore(bad)
		n.awaitStart(bad)
		f := FetchRequest{
			ReplicaID: 7, LeaderEpoch: n.log.Status().Epoch, Offset: bad - 1,
			LastEpoch: 1, HighWatermark: -1,
		}
		if res := n.log.Fetch(t.Context(), f); n == leader &&
			(res.SnapshotEnd < bad || len(res.Records) > 0) {
			t.Errorf("an observer that lies before the cut gets %+v", res)
		}
		if n.log.snaps.knows(old) {
			t.Errorf("node %d: the snapshot before the cut is still served", n.id)
		}
		if files := n.log.snaps.names(t); slices.Contains(files, old.String()) {
			t.Errorf("node %d: files %v", n.id, files)
		}
	}
	away.start()
	away.await(cut)
	if away.app.loads < 1 {
		t.Error("the node that was away was sent the log")
	}
	end = cl.writeMany(2)
	away.await(end)
	leader.kill()
	leader.start()
	leader.await(end)
	if s := leader.log.Status(); s.LogStart < bad {
		t.Errorf("after its restart the log starts at %d", s.LogStart)
	}
}

// TestCutAtASnapshot that was made before anybody asked for the cut: nothing is written again.
func TestCutAtASnapshot(t *testing.T) {
	t.Parallel()
	cl := newCluster(t, 1, func(c *Config) { c.SnapshotBytes = 4 << 10 })
	cl.start()
	n := cl.leader()
	end := cl.writeMany(10)
	id := n.awaitSnapshot(1)
	if s := n.log.Status(); s.LogStart != 0 {
		t.Fatalf("the log starts at %d", s.LogStart)
	}
	n.log.CutBefore(id.end)
	n.awaitStart(id.end)
	if s := n.log.Status(); s.LogStart != id.end || s.SnapshotEnd != id.end ||
		s.HighWatermark != end {
		t.Errorf("%+v", s)
	}
}

// TestCutOnAFullDisk is tried again when there is space, and not in a loop.
func TestCutOnAFullDisk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		app := &fullApp{appState: newAppState()}
		full := error(syscall.ENOSPC)
		app.full.Store(&full)
		l, _ := hourlyNode(t, app)
		<-time.After(time.Second)
		end := l.Status().HighWatermark
		l.CutBefore(end)
		<-time.After(3*snapshotRetry + time.Second)
		if n := app.tries.Load(); n < 3 || n > 5 {
			t.Errorf("tried %d times", n)
		}
		app.full.Store(nil)
		<-time.After(snapshotRetry + time.Second)
		if s := l.Status(); s.LogStart < end {
			t.Errorf("the log starts at %d, want %d", s.LogStart, end)
		}
		if err := l.Stop(t.Context()); err != nil && !errors.Is(err, ErrStopped) {
			t.Error(err)
		}
	})
}

// TestCrashBeforeTheFirstMark: the first snapshot's file is in place and the log does not say so
// yet.
func TestCrashBeforeTheFirstMark(t *testing.T) {
	t.Parallel()
	cl := newCluster(t, 1, nil)
	cl.start()
	n := cl.leader()
	end := cl.write("one")
	id := snapshotID{end, n.log.Status().Epoch}
	_, _, write := n.app.Snapshot()
	n.kill()
	var file bytes.Buffer
	if err := write(&file); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, filepath.Join(n.cfg.Dir, id.file()), file.Bytes())
	n.start()
	n.await(end)
	if n.app.loads > 0 || n.log.snaps.knows(id) {
		t.Error("a snapshot that the log does not vouch for is used")
	}
	n.log.CutBefore(end)
	n.awaitStart(end)
}
