package raftlog

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/raftlog/wal"
	"github.com/yakt/yakt/vfs"
)

func mustWrite(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// flipByte damages a file in the middle.
func flipByte(t *testing.T, path string) {
	t.Helper()
	content := mustRead(t, path)
	content[len(content)/2] ^= 1
	mustWrite(t, path, content)
}

// openHook is a file system that calls a function before it opens a file for reading; an error of
// the function is returned.
type openHook struct {
	vfs.FS
	opening func(path string) error
}

func (h openHook) OpenRead(path string) (vfs.File, error) {
	if err := h.opening(path); err != nil {
		return nil, err
	}
	return h.FS.OpenRead(path)
}

// oneSnapshot is a store with one known snapshot, found whole at a time.
func oneSnapshot(t *testing.T, now time.Time) (*snapshots, snapshotID, []byte) {
	s, id := testSnapshots(t, 2), snapshotID{4, 1}
	file := checkpointOf([][]byte{batchAt(0, 1, 3), batchAt(3, 1, 1)})
	sum, err := s.write(id, wal.FileSum{}, func(w io.Writer) error {
		_, err := w.Write(file)
		return err
	})
	if err != nil || sum != sumOf(file) {
		t.Fatalf("%+v, %v", sum, err)
	}
	s.add(id, sum, now)
	return s, id, file
}

// fileDamage are the ways in which a file changes on disk without the node taking part.
var fileDamage = map[string]func(t *testing.T, path string){
	"a flipped bit": flipByte,
	"cut": func(t *testing.T, path string) {
		if err := os.Truncate(path, 100); err != nil {
			t.Fatal(err)
		}
	},
	"longer": func(t *testing.T, path string) { mustWrite(t, path, append(mustRead(t, path), 0)) },
	"gone": func(t *testing.T, path string) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	},
	// reading a directory fails as a bad sector does
	"not readable": func(t *testing.T, path string) {
		if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
			t.Fatal(err)
		}
	},
	"another node's": func(t *testing.T, path string) {
		mustWrite(t, path, checkpointOf([][]byte{batchAt(0, 1, 2), batchAt(2, 1, 2)}))
	},
}

// TestEveryFlippedByteOfASnapshotIsNoticed, also those that no batch's CRC covers: at a start, and
// before it is served.
func TestEveryFlippedByteOfASnapshotIsNoticed(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	s, id, file := oneSnapshot(t, now)
	m := mark{Index: 9, EndOffset: id.end, Epoch: id.epoch, File: sumOf(file)}
	if _, err := snapshotsIn(t, s.dir, 2).verifyStart(m); err != nil {
		t.Fatal(err)
	}
	for i := range file {
		bad := slices.Clone(file)
		bad[i] ^= 0x10
		mustWrite(t, s.path(id), bad)
		again := snapshotsIn(t, s.dir, 2)
		if _, err := again.verifyStart(m); !errors.Is(err, errOtherSum) {
			t.Fatalf("a start after a flipped bit in byte %d: %v", i, err)
		}
		again.known = []*checkpoint{{id: id, sum: m.File}}
		_, _, err := again.readAt(t.Context(), id, 0, 1, now)
		if !errors.Is(err, ErrSnapshotNotFound) || again.knows(id) {
			t.Fatalf("served after a flipped bit in byte %d: %v", i, err)
		}
		if kept := mustRead(t, s.path(id)+badSuffix); !bytes.Equal(kept, bad) {
			t.Fatalf("byte %d: the damaged file was not kept", i)
		}
	}
}

// TestForeignCheckpointIsRefused puts another node's file under the name that the mark wants.
func TestForeignCheckpointIsRefused(t *testing.T) {
	t.Parallel()
	s, id, file := oneSnapshot(t, time.Unix(1000, 0))
	foreign := checkpointOf([][]byte{batchAt(0, 1, 2), batchAt(2, 1, 2)})
	mustWrite(t, s.path(id), foreign)
	m := mark{Index: 9, EndOffset: id.end, Epoch: id.epoch, File: sumOf(file)}
	_, err := snapshotsIn(t, s.dir, 2).verifyStart(m)
	for _, says := range []string{
		s.path(id), errOtherSum.Error(), "put the original back", leaveStopped,
	} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("does not say %q: %v", says, err)
		}
	}
	// A mark of a release that recorded no sum accepts any whole file, and its sum is recorded.
	m.File = wal.FileSum{}
	if sum, err := snapshotsIn(t, s.dir, 2).verifyStart(m); err != nil || sum != sumOf(foreign) {
		t.Errorf("%+v, %v", sum, err)
	}
}

// TestMarkOfFormerReleaseIsBound opens a log whose mark names a snapshot without its sum.
func TestMarkOfFormerReleaseIsBound(t *testing.T) {
	t.Parallel()
	cfg, err := Config{
		Dir: t.TempDir(), Voters: []int32{0}, SegmentBytes: 64 << 10, Logger: testLogger(t),
	}.filled()
	if err != nil {
		t.Fatal(err)
	}
	id, file := snapshotID{4, 1}, checkpointOf([][]byte{batchAt(0, 1, 4)})
	d, _, err := openWAL(cfg)
	if err != nil {
		t.Fatal(err)
	}
	m := mark{
		Index: 9, Term: 1, EndOffset: id.end, Epoch: id.epoch,
		ConfState: &raftpb.ConfState{Voters: []uint64{1}},
	}
	if err := errors.Join(d.SetMark(m), d.Close()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cfg.Dir, id.file())
	mustWrite(t, path, file)
	_, st, d, err := openDisk(cfg)
	if err != nil || st.Mark.File != sumOf(file) {
		t.Fatalf("%+v, %v", st.Mark, err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, path, checkpointOf([][]byte{batchAt(0, 1, 2), batchAt(2, 1, 2)}))
	if _, _, _, err := openDisk(cfg); !errors.Is(err, errOtherSum) {
		t.Errorf("another file under the name: %v", err)
	}
}

// TestOlderSnapshotsAreNotServedAfterARestart: the mark vouches for the newest only.
func TestOlderSnapshotsAreNotServedAfterARestart(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	s, older, _ := oneSnapshot(t, now)
	id := snapshotID{10, 1}
	sum, err := s.write(id, wal.FileSum{}, writeCheckpoint)
	if err != nil {
		t.Fatal(err)
	}
	again := snapshotsIn(t, s.dir, 1)
	m := mark{Index: 9, EndOffset: id.end, Epoch: id.epoch, File: sum}
	if _, err := again.verifyStart(m); err != nil {
		t.Fatal(err)
	}
	if _, _, err := again.readAt(t.Context(), older, 0, 1, now); !errors.Is(
		err, ErrSnapshotNotFound,
	) {
		t.Errorf("an older one: %v", err)
	}
	if _, _, err := again.readAt(t.Context(), id, 0, 1, now); err != nil {
		t.Error(err)
	}
	again.tidy(now)
	if got := again.names(t); !slices.Equal(got, []string{id.String()}) {
		t.Errorf("left: %v", got)
	}
}

// TestDownloadsShareOneVerification holds the reading back, and shows that it blocks nobody else.
func TestDownloadsShareOneVerification(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, id, file := oneSnapshot(t, time.Now().Add(-time.Hour))
		var opened atomic.Int32
		mayRead := make(chan struct{})
		s.fs = openHook{s.fs, func(string) error {
			opened.Add(1)
			<-mayRead
			return nil
		}}
		const readers = 50
		results := make(chan error, readers)
		for range readers {
			go func() {
				got, size, err := s.readAt(t.Context(), id, 0, 1<<20, time.Now())
				if err == nil && (!bytes.Equal(got, file) || size != int64(len(file))) {
					err = errors.New("something else was read")
				}
				results <- err
			}()
		}
		synctest.Wait()
		if n := opened.Load(); n != 1 {
			t.Errorf("%d readers opened the file %d times", readers, n)
		}
		next := snapshotID{10, 1}
		none := func(io.Writer) error { return io.EOF }
		if _, err := s.write(snapshotID{8, 1}, wal.FileSum{}, none); !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		s.add(next, wal.FileSum{Bytes: 1}, time.Now())
		s.tidy(time.Now())
		if !s.knows(next) || len(results) > 0 {
			t.Error("the store did not continue")
		}
		close(mayRead)
		for range readers {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		if n := opened.Load(); n != 1+readers {
			t.Errorf("opened %d times for one verification and %d readers", n, readers)
		}
	})
}

func TestDamagedSnapshotIsSetAside(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	for name, damage := range fileDamage {
		t.Run(name, func(t *testing.T) {
			s, id, _ := oneSnapshot(t, now)
			var bad []snapshotID
			s.foundBad = func(id snapshotID) { bad = append(bad, id) }
			damage(t, s.path(id))
			mustWrite(t, s.path(snapshotID{1, 1})+badSuffix, []byte("an older one"))
			readable := name != "gone" && name != "not readable"
			_, _, err := s.readAt(t.Context(), id, 0, 1<<20, now.Add(verifiedFor-1))
			if readable && err != nil || !readable && !errors.Is(err, ErrSnapshotNotFound) {
				t.Errorf("right after it was verified: %v", err)
			}
			for range 2 {
				_, _, err := s.readAt(t.Context(), id, 0, 1<<20, now.Add(verifiedFor))
				if !errors.Is(err, ErrSnapshotNotFound) {
					t.Errorf("served: %v", err)
				}
			}
			if !slices.Equal(bad, []snapshotID{id}) {
				t.Errorf("reported: %v", bad)
			}
			want := []string{id.file() + badSuffix}
			if name == "gone" {
				want = nil
			}
			if got := s.names(t); !slices.Equal(got, want) {
				t.Errorf("left %v, want %v", got, want)
			}
		})
	}
}

// TestComplaintVoidsAVerification, unless it has just been made.
func TestComplaintVoidsAVerification(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	s, id, _ := oneSnapshot(t, now)
	flipByte(t, s.path(id))
	s.doubt(now.Add(doubtAfter - 1))
	if err := s.vouch(t.Context(), id, now.Add(doubtAfter)); err != nil {
		t.Errorf("read again for a complaint about a moment ago: %v", err)
	}
	s.doubt(now.Add(doubtAfter))
	if err := s.vouch(t.Context(), id, now.Add(doubtAfter)); !errors.Is(err, ErrSnapshotNotFound) {
		t.Errorf("after a complaint: %v", err)
	}
}

// TestShortageIsNoDamage: a node that is out of descriptors, or stopping, cannot say that a file is
// bad.
func TestShortageIsNoDamage(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	s, id, _ := oneSnapshot(t, now.Add(-time.Hour))
	disk := s.fs
	s.fs = openHook{disk, func(path string) error {
		return &os.PathError{Op: "open", Path: path, Err: syscall.EMFILE}
	}}
	_, _, err := s.readAt(t.Context(), id, 0, 1, now)
	if !errors.Is(err, ErrSnapshotNotFound) || !s.knows(id) {
		t.Errorf("without descriptors: %v, known %v", err, s.knows(id))
	}
	s.fs = disk
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = s.readAt(ended, id, 0, 1, now)
	if !errors.Is(err, ErrSnapshotNotFound) || !s.knows(id) {
		t.Errorf("stopping: %v, known %v", err, s.knows(id))
	}
	if _, _, err := s.readAt(t.Context(), id, 0, 1, now); err != nil {
		t.Error(err)
	}
}

// hourlyNode is a single node under a fake clock that makes a snapshot after an hour, and its disk.
func hourlyNode(t *testing.T, app App) (*Log, *countingDisk) {
	counting := &countingDisk{}
	cfg := Config{SnapshotInterval: time.Hour, KeepBytes: 1}
	return startOn(t, cfg, app, func(d disk) disk { counting.disk = d; return counting }), counting
}

// countingDisk counts compactions.
type countingDisk struct {
	disk
	compactions atomic.Int32
}

func (d *countingDisk) Compact(firstIndex uint64) error {
	d.compactions.Add(1)
	return d.disk.Compact(firstIndex)
}

// TestScrubReplacesADamagedSnapshot that nobody asks for, though nothing was written since.
func TestScrubReplacesADamagedSnapshot(t *testing.T) {
	t.Parallel()
	for name, damage := range fileDamage {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app := newAppState()
				l, _ := hourlyNode(t, app)
				<-time.After(90 * time.Minute)
				end, epoch, ok := l.LatestSnapshot()
				id := snapshotID{end, epoch}
				good := mustRead(t, l.snaps.path(id))
				damage(t, l.snaps.path(id))
				<-time.After(scrubInterval + time.Minute)
				again, _, okAgain := l.LatestSnapshot()
				if !ok || !okAgain || again != end ||
					!bytes.Equal(mustRead(t, l.snaps.path(id)), good) {
					t.Errorf("snapshot %d, %v; after the scrub %d, %v", end, ok, again, okAgain)
				}
				f, size, err := l.OpenSnapshot(end, epoch, 0)
				if err != nil || size != int64(len(good)) {
					t.Fatalf("%d bytes of %d: %v", size, len(good), err)
				}
				if err := errors.Join(f.Close(), l.Stop(t.Context())); err != nil {
					t.Error(err)
				}
				if reopened, err := Open(l.cfg, newAppState()); err != nil {
					t.Error(err)
				} else if err := reopened.Stop(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// fullApp cannot write its snapshots while full is set.
type fullApp struct {
	*appState
	full  atomic.Pointer[error]
	tries atomic.Int32
}

func (a *fullApp) Snapshot() (int64, int32, func(io.Writer) error) {
	end, epoch, write := a.appState.Snapshot()
	return end, epoch, func(w io.Writer) error {
		a.tries.Add(1)
		if err := a.full.Load(); err != nil {
			return *err
		}
		return write(w)
	}
}

// TestSnapshotThatCannotBeWrittenIsTriedAgain soon, not after a whole interval.
func TestSnapshotThatCannotBeWrittenIsTriedAgain(t *testing.T) {
	t.Parallel()
	for _, why := range []error{syscall.ENOSPC, syscall.EMFILE} {
		t.Run(why.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app := &fullApp{appState: newAppState()}
				app.full.Store(&why)
				l, _ := hourlyNode(t, app)
				<-time.After(time.Hour + time.Minute + 3*snapshotRetry)
				if n := app.tries.Load(); n < 4 || n > 12 {
					t.Errorf("tried %d times", n)
				}
				if _, _, ok := l.LatestSnapshot(); ok {
					t.Error("there is a snapshot")
				}
				app.full.Store(nil)
				<-time.After(snapshotRetry + time.Second)
				if _, _, ok := l.LatestSnapshot(); !ok {
					t.Error("no snapshot when there is space again")
				}
				if err := l.Stop(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestNothingIsDroppedWithoutAGoodSnapshot: the only snapshot is bad, and its successor cannot be
// written for a while. Meanwhile the log keeps all it has, and joining brokers wait.
func TestNothingIsDroppedWithoutAGoodSnapshot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		app := &fullApp{appState: newAppState()}
		l, d := hourlyNode(t, app)
		<-time.After(90 * time.Minute)
		end, epoch, _ := l.LatestSnapshot()
		before := d.compactions.Load()
		flipByte(t, l.snaps.path(snapshotID{end, epoch}))
		full := error(syscall.ENOSPC)
		app.full.Store(&full)
		if _, _, err := l.OpenSnapshot(end, epoch, 0); !errors.Is(err, ErrSnapshotNotFound) {
			t.Fatal(err)
		}
		f := FetchRequest{
			ReplicaID: 7, LeaderEpoch: 1, HighWatermark: -1,
			MaxWait: 500 * time.Millisecond,
		}
		for range 3 {
			if res := l.Fetch(t.Context(), f); res.ErrorCode != 0 || res.SnapshotEnd != -1 ||
				res.HighWatermark != -1 {
				t.Errorf("a joining broker gets %+v", res)
			}
		}
		if _, err := l.Propose(1, dataBatch(1, "x")); err != nil {
			t.Fatal(err)
		}
		<-time.After(3 * snapshotRetry)
		if _, _, ok := l.LatestSnapshot(); ok || d.compactions.Load() != before ||
			l.Status().SnapshotEnd != -1 {
			t.Errorf("a snapshot %v, %d compactions", ok, d.compactions.Load()-before)
		}
		app.full.Store(nil)
		f.MaxWait = time.Hour
		if res := l.Fetch(t.Context(), f); res.SnapshotEnd != end+1 {
			t.Errorf("with space again a joining broker gets %+v", res)
		}
		synctest.Wait()
		if n := d.compactions.Load(); n != before+1 {
			t.Errorf("%d compactions", n-before)
		}
		if err := l.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// BenchmarkVerifyCheckpoint reads 100 MB from the page cache: what a download waits for beside the
// disk.
func BenchmarkVerifyCheckpoint(b *testing.B) {
	batches := make([][]byte, 1000)
	for i := range batches {
		batches[i] = dataBatch(1, strings.Repeat("x", 100_000))
	}
	file := checkpointOf(batches)
	path := filepath.Join(b.TempDir(), snapshotID{4, 1}.file())
	if err := os.WriteFile(path, file, 0o600); err != nil {
		b.Fatal(err)
	}
	s := &snapshots{fs: vfs.OS{}}
	want := sumOf(file)
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		if _, err := s.verifyFile(path, want); err != nil {
			b.Fatal(err)
		}
	}
}
