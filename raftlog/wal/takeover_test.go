package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/vfs/memfs"
)

// version1 are logs that the release of format version 1 wrote: one that was just made, one that
// was closed, and one whose process was killed, with a durable mark far behind.
var version1 = []string{"fresh", "closed", "killed"}

// loadVersion1 returns such a log and what that release reads from it.
func loadVersion1(t *testing.T, kind string) (*memfs.FS, string) {
	t.Helper()
	dir := filepath.Join("testdata", "version1", kind)
	files, err := os.ReadDir(dir)
	ok(t, err)
	fsys := memfs.New()
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		ok(t, err)
		fsys.Put(filepath.Join("d", f.Name()), b)
	}
	state, err := os.ReadFile(dir + ".state")
	ok(t, err)
	return fsys, string(state)
}

// headerVersions are the format versions of the segments, by path.
func headerVersions(fsys *memfs.FS) map[string]uint32 {
	versions := map[string]uint32{}
	for _, path := range fsys.Paths() {
		if strings.HasSuffix(path, segmentSuffix) {
			versions[path] = binary.LittleEndian.Uint32(content(fsys, path)[8:])
		}
	}
	return versions
}

// TestTakeover: a log of version 1 is read, gets an owner, and is continued in version 2, which
// the release before refuses by the version in a segment's header.
func TestTakeover(t *testing.T) {
	t.Parallel()
	for _, kind := range version1 {
		fsys, want := loadVersion1(t, kind)
		before := headerVersions(fsys)
		w, st := mustOpen(t, "d", quiet(fsys))
		if got := stateString(st); got != want {
			t.Fatalf("%s: got\n%swant\n%s", kind, got, want)
		}
		unknown := st.Mark.File == FileSum{} && st.Mark.Hash == LogHash{}
		if st.Incarnation == [16]byte{} || st.Note != nil || !unknown {
			t.Fatalf("%s: %+v", kind, st)
		}
		for path, version := range headerVersions(fsys) {
			if active := path >= w.active.path; active == (version == versionBefore) {
				t.Errorf("%s: %s has version %d", kind, path, version)
			}
		}
		// A crash at once, and then a second opening: the owner stays.
		again, st2 := mustOpen(t, "d", quiet(fsys.Crash(memfs.LoseAll)))
		if stateString(st2) != want || st2.Incarnation != st.Incarnation {
			t.Fatalf("%s: opened again as\n%s", kind, stateString(st2))
		}
		ok(t, again.Close())
		next := w.next
		for i := range uint64(20) {
			ok(t, w.Append(nil, []*raftpb.Entry{entry(next+i, 9, strings.Repeat("n", 600))}))
		}
		ok(t, w.SetMark(mark(next+18, 9)))
		ok(t, w.Compact(next+19))
		ok(t, w.Close())
		for path := range before {
			if headerVersions(fsys)[path] == versionBefore {
				t.Errorf("%s: %s of version 1 is still there", kind, path)
			}
		}
		_, st3 := mustOpen(t, "d", quiet(fsys))
		sum := mark(next+18, 9).File
		if len(st3.Entries) != 1 || st3.Mark.File != sum || st3.Incarnation != st.Incarnation {
			t.Fatalf("%s: afterwards %s", kind, stateString(st3))
		}
		other, _ := loadVersion1(t, kind)
		if _, st := mustOpen(t, "d", quiet(other)); st.Incarnation == st3.Incarnation {
			t.Errorf("%s: two takeovers drew the same incarnation", kind)
		}
	}
}

// TestCrashDuringTakeover cuts the power, or fails, at every change of the takeover.
func TestCrashDuringTakeover(t *testing.T) {
	t.Parallel()
	for _, kind := range version1 {
		for _, errno := range []error{memfs.ErrPower, syscall.EIO, syscall.ENOSPC, syscall.EMFILE} {
			for at := 0; ; at++ {
				if crashDuringTakeover(t, kind, at, errno) {
					t.Logf("%s: %v at each of %d changes", kind, errno, at)
					break
				}
			}
		}
	}
}

func crashDuringTakeover(t *testing.T, kind string, at int, errno error) (over bool) {
	t.Helper()
	what := fmt.Sprintf("%s: %v at change %d", kind, errno, at)
	fsys, want := loadVersion1(t, kind)
	left := at
	fsys.Fault = func(op, path string) error {
		if left--; left < 0 {
			return errno
		}
		return nil
	}
	w, st, err := Open("d", quiet(fsys))
	fsys.Fault = nil
	if err == nil {
		w.release()
	} else if !errors.Is(err, errno) {
		t.Fatalf("%s: %v", what, err)
	}
	disks := []*memfs.FS{fsys.Crash(memfs.LoseAll), fsys.Crash(memfs.KeepAll)}
	for seed := uint64(0); errors.Is(errno, memfs.ErrPower) && seed < 10; seed++ {
		rng := rand.New(rand.NewPCG(seed, uint64(at)))
		disks = append(disks, fsys.Crash(rng.IntN))
	}
	disks = append(disks, fsys) // the process alone
	for _, disk := range disks {
		w, again, err := Open("d", quiet(disk))
		if err != nil || stateString(again) != want {
			t.Fatalf("%s: opened again: %v\n%s", what, err, stateString(again))
		}
		if st.HardState != nil && again.Incarnation != st.Incarnation {
			t.Fatalf("%s: the incarnation changed", what)
		}
		ok(t, w.Append(nil, []*raftpb.Entry{entry(w.next, 9, "after")}))
		ok(t, w.Close())
		_, third := mustOpen(t, "d", quiet(disk))
		if len(third.Entries) != len(again.Entries)+1 || third.Incarnation != again.Incarnation {
			t.Fatalf("%s: the third time\n%s", what, stateString(third))
		}
	}
	return left >= 0
}

// TestAgedFilesAfterTakeover: files from before the takeover, put back, are not taken over again.
func TestAgedFilesAfterTakeover(t *testing.T) {
	t.Parallel()
	for _, kind := range version1 {
		old, want := loadVersion1(t, kind)
		fsys := old.Clone()
		w, _ := mustOpen(t, "d", quiet(fsys))
		ok(t, w.Append(nil, []*raftpb.Entry{entry(w.next, 9, "after")}))
		active := w.active.path
		ok(t, w.Close())
		for _, path := range old.Paths() {
			for _, to := range []string{path, active} {
				mixed := fsys.Clone()
				mixed.Put(to, content(old, path))
				w, st, err := Open("d", quiet(mixed))
				switch {
				case errors.Is(err, ErrCorrupt):
				case err != nil:
					t.Fatalf("%s: %s as %s: %v", kind, path, to, err)
				case !strings.HasPrefix(stateString(st), want) || len(st.Entries) == 0:
					t.Fatalf("%s: %s as %s: opened as\n%s", kind, path, to, stateString(st))
				default:
					w.release()
				}
			}
		}
	}
}

// TestLaterFormat: what a later release wrote is refused and left alone.
func TestLaterFormat(t *testing.T) {
	t.Parallel()
	fsys := memfs.New()
	w, _ := mustOpen(t, "d", quiet(fsys))
	ok(t, w.Close())
	for _, path := range []string{segmentPath("d", 1), segmentPath("d", 2), "d/" + durableName} {
		later := fsys.Clone()
		data := content(later, path)
		if strings.HasSuffix(path, segmentSuffix) {
			binary.LittleEndian.PutUint32(data[8:], formatVersion+1)
			putBlockChecksum(data[:headerBytes])
		} else {
			for _, slot := range [][]byte{data[:slotBytes], data[slotBytes:]} {
				binary.LittleEndian.PutUint32(slot[40:], formatVersion+1)
				putBlockChecksum(slot)
			}
		}
		_, _, err := Open("d", quiet(later))
		v, is := errors.AsType[*VersionError](err)
		if !is || !errors.Is(err, ErrVersion) || v.Version != formatVersion+1 || v.Path != path {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestTakeoverBetweenSegments: the release before crashed when a segment was sealed and the next
// had no records yet. That one is begun in its own format, with the mark as that has it, and left.
func TestTakeoverBetweenSegments(t *testing.T) {
	t.Parallel()
	fsys, whole := loadVersion1(t, "killed")
	paths := sortedKeys(headerVersions(fsys))
	last, spare := paths[len(paths)-2], paths[len(paths)-1]
	begun := bytes.Clone(content(fsys, last))
	clear(begun[headerBytes:])
	fsys.Put(last, begun)
	fsys.Delete(spare)
	d, err := openDurableMark(fsys, "d", quiet(fsys).Logger)
	ok(t, err)
	d.synced = position{d.firstSeq, headerBytes}
	ok(t, errors.Join(d.writeSlot(), d.writeSlot()))
	w, st := mustOpen(t, "d", quiet(fsys.Clone()))
	want := stateString(st)
	n, _, found := strings.Cut(want[strings.IndexByte(want, '\n')+1:], " ")
	if !found || st.Mark.Index != 17 || st.TornTail || !strings.Contains(whole, n) || len(st.Entries) < 3 {
		t.Fatalf("opened as\n%s", want)
	}
	ok(t, w.Close())
	for left := range 40 {
		cut := fsys.Clone()
		n := left
		cut.Fault = func(op, path string) error {
			if n--; n < 0 {
				return memfs.ErrPower
			}
			return nil
		}
		if w, _, err := Open("d", quiet(cut)); err == nil {
			w.release()
		}
		for _, power := range []func(int) int{memfs.LoseAll, memfs.KeepAll} {
			disk := cut.Crash(power)
			for range 2 {
				w, st := mustOpen(t, "d", quiet(disk))
				if got := stateString(st); got != want {
					t.Fatalf("cut after %d changes: got\n%swant\n%s", left, got, want)
				}
				ok(t, w.Close())
			}
		}
	}
}

// TestVersion1InNewLog: a log that never had another format takes no segment of version 1.
func TestVersion1InNewLog(t *testing.T) {
	t.Parallel()
	old, _ := loadVersion1(t, "fresh")
	fsys := memfs.New()
	w, _ := mustOpen(t, "d", quiet(fsys))
	ok(t, w.Close())
	for path := range headerVersions(old) {
		mixed := fsys.Clone()
		mixed.Put(path, content(old, path))
		_, _, err := Open("d", quiet(mixed))
		if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "another log") {
			t.Errorf("%s of version 1: %v", path, err)
		}
	}
}
