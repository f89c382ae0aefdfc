package raftlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/yakt/yakt/protocol/batch"
	"github.com/yakt/yakt/raftlog/wal"
	"github.com/yakt/yakt/vfs"
)

func TestParseCheckpoint(t *testing.T) {
	for name, want := range map[string]snapshotID{
		"00000000000000000676-0000000003.checkpoint": {676, 3},
		// bootstrap records: never a snapshot of the log
		"00000000000000000000-0000000000.checkpoint":      {},
		"00000000000000000676-0000000003.checkpoint.part": {},
		"676-3.checkpoint":                           {},
		"00000000000000000676-0000000003.checkpoin":  {},
		"0000000000000000067x-0000000003.checkpoint": {},
		"bootstrap.checkpoint":                       {},
	} {
		id, ok := parseCheckpoint(name)
		if !ok {
			id = snapshotID{}
		}
		if id != want {
			t.Errorf("%s: %v, want %v", name, id, want)
		}
	}
}

func TestVerifyCheckpoint(t *testing.T) {
	header := controlBatch(1, batch.ControlSnapshotHeader)
	footer := controlBatch(1, batch.ControlSnapshotFooter)
	good := checkpointOf([][]byte{batchAt(0, 1, 3), batchAt(3, 1, 1)})
	if n, err := verifyCheckpointBytes(bytes.NewReader(good)); err != nil || n != 4 {
		t.Fatalf("%d batches, %v", n, err)
	}
	for i := range good {
		at := i // in its batch
		for _, size := range []int{len(header), 64, 64, len(footer)} {
			if at < size {
				break
			}
			at -= size
		}
		if at < 8 || at >= 12 && at < 16 {
			continue // base offset and epoch are not covered by the CRC, as in Kafka
		}
		bad := slices.Clone(good)
		bad[i] ^= 0x10
		if _, err := verifyCheckpointBytes(bytes.NewReader(bad)); err == nil {
			t.Fatalf("a flipped bit in byte %d was not noticed", i)
		}
	}
	for cut := range good {
		if _, err := verifyCheckpointBytes(bytes.NewReader(good[:cut])); err == nil {
			t.Fatalf("a file cut to %d of %d bytes passes", cut, len(good))
		}
	}
	kafkas, err := os.ReadFile(
		filepath.Join("..", "metadata", "testdata", snapshotID{676, 3}.file()),
	)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verifyCheckpoint(bytes.NewReader(kafkas), sumOf(kafkas)); err != nil {
		t.Errorf("Kafka's own checkpoint: %v", err)
	}
}

func testSnapshots(t *testing.T, keep int) *snapshots {
	return snapshotsIn(t, t.TempDir(), keep)
}

func snapshotsIn(t *testing.T, dir string, keep int) *snapshots {
	t.Helper()
	s, err := openSnapshots(Config{
		Dir: dir, FS: vfs.OS{}, Clock: Clock{}.filled(), SnapshotsKept: keep, Logger: testLogger(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sumOf(file []byte) wal.FileSum {
	var sum wal.FileSum
	_, _ = sum.Write(file)
	return sum
}

func writeCheckpoint(w io.Writer) error {
	_, err := w.Write(checkpointOf(nil))
	return err
}

func (s *snapshots) names(t *testing.T) (names []string) {
	files, err := os.ReadDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		names = append(names, strings.TrimSuffix(f.Name(), checkpointSuffix))
	}
	return names
}

func TestSnapshotsAreKeptAndDropped(t *testing.T) {
	s := testSnapshots(t, 2)
	bootstrap := filepath.Join(s.dir, snapshotID{}.file())
	if err := os.WriteFile(bootstrap, checkpointOf(nil), 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1000, 0)
	for i := range int64(4) {
		id := snapshotID{10 * (i + 1), 1}
		sum, err := s.write(id, wal.FileSum{}, writeCheckpoint)
		if err != nil {
			t.Fatal(err)
		}
		s.add(id, sum, now)
		s.tidy(now)
		if i == 1 {
			// a download begins
			if _, _, err := s.readAt(t.Context(), snapshotID{10, 1}, 0, 10, now); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := []string{
		snapshotID{}.String(), snapshotID{10, 1}.String(), snapshotID{30, 1}.String(),
		snapshotID{40, 1}.String(),
	}
	if got := s.names(t); !slices.Equal(got, want) {
		t.Errorf("while one is read: %v, want %v", got, want)
	}
	s.tidy(now.Add(2 * downloadIdle))
	if got, want := s.names(t), slices.Delete(want, 1, 2); !slices.Equal(got, want) {
		t.Errorf("when it is idle: %v, want %v", got, want)
	}
	if _, _, err := s.readAt(t.Context(), snapshotID{}, 0, 10, now); !errors.Is(
		err, ErrSnapshotNotFound,
	) {
		t.Errorf("the 0-0 checkpoint is served: %v", err)
	}
	if _, _, err := s.readAt(t.Context(), snapshotID{10, 1}, 0, 10, now); !errors.Is(
		err, ErrSnapshotNotFound,
	) {
		t.Errorf("a dropped snapshot: %v", err)
	}
	if _, size, err := s.readAt(t.Context(), snapshotID{40, 1}, 1<<40, 10, now); err == nil ||
		size == 0 {
		t.Errorf("a position outside: size %d, %v", size, err)
	}
}

func TestSnapshotThatFailsLeavesNothing(t *testing.T) {
	s := testSnapshots(t, 2)
	for name, fill := range map[string]func(io.Writer) error{
		"error": func(io.Writer) error { return errors.New("no") },
		"empty": func(io.Writer) error { return nil },
		"no footer": func(w io.Writer) error {
			_, err := w.Write(controlBatch(1, batch.ControlSnapshotHeader))
			return err
		},
		"cut": func(w io.Writer) error { _, err := w.Write(checkpointOf(nil)[:100]); return err },
	} {
		if _, err := s.write(snapshotID{10, 1}, wal.FileSum{}, fill); err == nil ||
			len(s.names(t)) > 0 {
			t.Errorf("%s: %v, left %v", name, err, s.names(t))
		}
	}
}

// smallSnapshots makes a snapshot due after a few kilobytes and keeps none of the log before it.
func smallSnapshots(c *Config) {
	c.SnapshotBytes, c.KeepBytes = 4<<10, 1
}

// awaitSnapshot waits until a node has a durable snapshot at or after an offset.
func (n *testNode) awaitSnapshot(end int64) snapshotID {
	n.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		n.log.view.mu.RLock()
		changed, id := n.log.view.changed, n.log.view.snapshot
		n.log.view.mu.RUnlock()
		if id.end >= end {
			return id
		}
		select {
		case <-changed:
		case <-deadline:
			n.t.Fatalf("node %d: no snapshot at %d in time, newest %v", n.id, end, id)
		}
	}
}

func (cl *testCluster) writeMany(n int) (end int64) {
	for i := range n {
		end = cl.write(fmt.Sprintf("%0500d", i))
	}
	return end
}

func TestRestartFromSnapshot(t *testing.T) {
	cl := newCluster(t, 1, smallSnapshots)
	cl.start()
	n := cl.leader()
	end := cl.writeMany(40)
	id := n.awaitSnapshot(end - 20)
	want := slices.Clone(n.app.batches)
	n.kill()
	n.start()
	cl.write("after the restart")
	if n.app.loads != 1 {
		t.Errorf("%d snapshots loaded", n.app.loads)
	}
	if got := n.app.batches[:len(want)]; !slices.EqualFunc(got, want, bytes.Equal) {
		t.Error("the restarted node holds something else")
	}
	gotEnd, gotEpoch, ok := n.log.LatestSnapshot()
	if s := n.log.Status(); !ok || gotEnd < id.end || gotEpoch != 1 || s.LogStart == 0 ||
		s.SnapshotEnd < gotEnd {
		t.Errorf("latest snapshot %d-%d, %v; status %+v", gotEnd, gotEpoch, ok, s)
	}
	var file []byte
	for size := int64(1); int64(len(file)) < size; {
		f, total, err := n.log.OpenSnapshot(gotEnd, gotEpoch, int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		chunk, err := io.ReadAll(io.LimitReader(f, 1000))
		if err = errors.Join(err, f.Close()); err != nil || len(chunk) == 0 {
			t.Fatal(err)
		}
		file, size = append(file, chunk...), total
	}
	if _, err := verifyCheckpointBytes(bytes.NewReader(file)); err != nil {
		t.Error(err)
	}
	res := n.log.Fetch(
		t.Context(),
		FetchRequest{ReplicaID: 7, LeaderEpoch: n.log.Status().Epoch, HighWatermark: -1},
	)
	if res.SnapshotEnd < gotEnd || res.SnapshotEpoch < gotEpoch {
		t.Errorf("an empty broker gets %+v", res)
	}
}

// compactedDisk is a write-ahead log that calls a function before it compacts.
type compactedDisk struct {
	disk
	compacting func()
}

func (d compactedDisk) Compact(firstIndex uint64) error {
	d.compacting()
	return d.disk.Compact(firstIndex)
}

// TestSnapshotThatIsToldOfCanBeRead: a snapshot can be read as soon as it is named, even while the
// log is being compacted, which may take long.
func TestSnapshotThatIsToldOfCanBeRead(t *testing.T) {
	cfg, err := Config{
		Dir: t.TempDir(), Voters: []int32{0}, SnapshotBytes: 1, SnapshotsKept: 1,
		SegmentBytes: 64 << 10, Logger: testLogger(t),
	}.filled()
	if err != nil {
		t.Fatal(err)
	}
	l, err := Open(cfg, newAppState())
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan error, 1)
	l.writer.disk = compactedDisk{l.writer.disk, sync.OnceFunc(func() {
		end, epoch, _ := l.LatestSnapshot()
		_, _, err := l.snaps.readAt(t.Context(), snapshotID{end, epoch}, 0, 1, l.now())
		read <- err
	})}
	l.Start()
	if err := <-read; err != nil {
		t.Error(err)
	}
	if err := l.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestSnapshotsArePulledInPieces plays the leader and checks the requests.
func TestSnapshotsArePulledInPieces(t *testing.T) {
	file := bytes.Repeat([]byte("snapshot"), 100)
	ours, theirs := net.Pipe()
	defer ours.Close()
	asked := make(chan int, 100)
	go func() {
		defer close(asked)
		defer theirs.Close()
		for position := 0; position < len(file); {
			frame := make([]byte, 4+requestHeaderLen+1+8+4+8+4)
			if _, err := io.ReadFull(theirs, frame); err != nil {
				return
			}
			r, err := readSnapshotRead(frame[4+requestHeaderLen+1:])
			if err != nil || r.position != int64(position) {
				return
			}
			asked <- int(r.maxBytes)
			piece := file[position:min(len(file), position+int(r.maxBytes))]
			position += len(piece)
			reply := binary.BigEndian.AppendUint32(nil, uint32(responseHeaderLen+1+8+len(piece)))
			reply = append(binary.BigEndian.AppendUint32(reply, 0), verdictOK)
			reply = binary.BigEndian.AppendUint64(reply, uint64(len(file)))
			if _, err := theirs.Write(append(reply, piece...)); err != nil {
				return
			}
		}
	}()
	var got bytes.Buffer
	err := copySnapshot(&got, ours, snapshotID{7, 1}, int64(len(file)), 300)
	if err != nil || !bytes.Equal(got.Bytes(), file) {
		t.Errorf("%d bytes, %v", got.Len(), err)
	}
	n := 0
	for most := range asked {
		if n++; most != 300 {
			t.Errorf("%d bytes are asked for", most)
		}
	}
	if n != 3 {
		t.Errorf("%d pieces", n)
	}
}

func TestFollowerCatchesUpBySnapshot(t *testing.T) {
	cl := newCluster(t, 3, smallSnapshots)
	cl.start()
	leader := cl.leader()
	lagging := cl.nodes[(leader.id+1)%3]
	end := cl.write("all have this")
	lagging.await(end)
	lagging.kill()
	end = cl.writeMany(60)
	leader.awaitSnapshot(end - 20)
	lagging.start()
	lagging.await(end)
	if lagging.app.loads != 1 {
		t.Errorf("%d snapshots loaded", lagging.app.loads)
	}
	end = cl.writeMany(3)
	lagging.await(end)
	lagging.kill()
	lagging.start()
	lagging.await(end)
	if s := lagging.log.Status(); s.LogEnd < end || s.SnapshotEnd <= 0 {
		t.Errorf("after its restart: %+v", s)
	}
}

// TestDamagedSnapshotIsReplacedForALaggingFollower damages the leader's newest file while a
// follower lags that needs it, and writes nothing more: the leader notices by the follower's
// complaint, and makes another one.
func TestDamagedSnapshotIsReplacedForALaggingFollower(t *testing.T) {
	t.Parallel()
	for name, damage := range fileDamage {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cl := newCluster(t, 3, smallSnapshots)
			cl.start()
			leader := cl.leader()
			lagging := cl.nodes[(leader.id+1)%3]
			lagging.await(cl.write("all have this"))
			lagging.kill()
			end := cl.writeMany(60)
			id := leader.awaitSnapshot(end - 20)
			damage(t, leader.log.snaps.path(id))
			lagging.start()
			lagging.await(end)
			if slices.ContainsFunc(
				lagging.app.batches, func(b []byte) bool { return batch.Check(b) != nil },
			) {
				t.Error("damage has spread")
			}
			if got := leader.awaitSnapshot(id.end); got == id && name != "gone" {
				if _, err := os.Stat(leader.log.snaps.path(id) + badSuffix); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	each := func(n *testNode, damage func(path string) error) error {
		files, err := filepath.Glob(filepath.Join(n.cfg.Dir, "*"+checkpointSuffix))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, f := range files {
			err = errors.Join(err, damage(f))
		}
		return err
	}
	for name, c := range map[string]struct {
		damage func(n *testNode) error
		says   string
	}{
		"a snapshot that is gone": {func(n *testNode) error { return each(n, os.Remove) }, "missing"},
		"a snapshot that is cut": {
			func(n *testNode) error { return each(n, func(f string) error { return os.Truncate(f, 100) }) },
			"damaged",
		},
		"another node's snapshot": {func(n *testNode) error {
			foreign := checkpointOf([][]byte{batchAt(0, 1, 2)})
			return each(n, func(f string) error { return os.WriteFile(f, foreign, 0o600) })
		}, "another node's"},
		"a snapshot that was found bad": {func(n *testNode) error {
			return each(n, func(f string) error { return os.Rename(f, f+badSuffix) })
		}, "found damaged"},
		"a log that is gone": {
			func(n *testNode) error { return os.RemoveAll(filepath.Join(n.cfg.Dir, walDir)) },
			"must not vote",
		},
		"no voters for a new log": {
			func(n *testNode) error { n.cfg.Dir, n.cfg.Voters = t.TempDir(), nil; return nil },
			"no first voters",
		},
		"the same voter twice": {
			func(n *testNode) error { n.cfg.Voters = []int32{1, 1}; return nil }, "differ",
		},
		"an election before a heartbeat": {
			func(n *testNode) error { n.cfg.ElectionTicks = 5; return nil }, "election timeout",
		},
	} {
		t.Run(name, func(t *testing.T) {
			cl := newCluster(t, 1, smallSnapshots)
			cl.start()
			n := cl.leader()
			n.awaitSnapshot(cl.writeMany(40) - 20)
			n.kill()
			if err := c.damage(n); err != nil {
				t.Fatal(err)
			}
			if l, err := Open(n.cfg, newAppState()); err == nil ||
				!strings.Contains(err.Error(), c.says) {
				t.Errorf("opened %v: %v", l != nil, err)
			}
		})
	}
}

// TestSnapshotByAge shows that an idle log gets its snapshot once it is old, and then none again.
func TestSnapshotByAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, err := Config{
			Dir: t.TempDir(), Voters: []int32{0},
			SnapshotInterval: time.Hour, SegmentBytes: 64 << 10,
			Logger: testLogger(t),
		}.filled()
		if err != nil {
			t.Fatal(err)
		}
		app := newAppState()
		l, err := Open(cfg, app)
		if err != nil {
			t.Fatal(err)
		}
		l.Start()
		<-time.After(59 * time.Minute)
		if end, _, ok := l.LatestSnapshot(); ok {
			t.Errorf("a snapshot at %d after 59 minutes", end)
		}
		<-time.After(2 * time.Minute)
		if end, _, _ := l.LatestSnapshot(); end != 3 {
			t.Errorf("the snapshot after an hour is at %d, want 3", end)
		}
		<-time.After(2 * time.Hour)
		if files, _ := filepath.Glob(filepath.Join(cfg.Dir, "*"+checkpointSuffix)); len(
			files,
		) != 1 {
			t.Errorf("files after two more idle hours: %v", files)
		}
		if err := l.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
