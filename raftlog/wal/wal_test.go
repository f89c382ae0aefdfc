package wal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/vfs/memfs"
)

// TestRoundTrip runs on the real file system with the real background goroutines.
func TestRoundTrip(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "log")
	o := Options{SegmentBytes: 16 << 10}
	w, st := mustOpen(t, dir, o)
	var want model
	wantState(t, st, want)
	for i := uint64(1); i <= 300; i++ {
		batch := []*raftpb.Entry{entry(i, 1+i/100, fmt.Sprintf("%0*d", i, i))}
		hs := state(1+i/100, 2, i/2)
		ok(t, w.Append(hs, batch))
		want = want.append(hs, batch)
		if i%7 == 0 {
			ok(t, w.Sync())
		}
		if i%90 == 0 {
			ok(t, w.Close())
			w, st = mustOpen(t, dir, o)
			wantState(t, st, want)
		}
	}
	if len(w.sealed) < 2 {
		t.Fatalf("only %d segments were sealed", len(w.sealed))
	}
	ok(t, w.Close())
	w, st = mustOpen(t, dir, o)
	wantState(t, st, want)
	ok(t, w.Close())
	if err := w.Close(); !errors.Is(err, ErrClosed) {
		t.Fatalf("second close: %v", err)
	}
	if err := w.Append(nil, nil); !errors.Is(err, ErrClosed) {
		t.Fatalf("append after close: %v", err)
	}
}

func TestReplaceEntries(t *testing.T) {
	fsys := memfs.New()
	w, _ := mustOpen(t, "d", quiet(fsys))
	var want model
	step := func(hs *raftpb.HardState, entries ...*raftpb.Entry) {
		t.Helper()
		ok(t, w.Append(hs, entries))
		ok(t, w.Sync())
		want = want.append(hs, entries)
	}
	step(state(1, 1, 0), entry(1, 1, "a"), entry(2, 1, "b"), entry(3, 1, strings.Repeat("c", 3000)))
	step(nil, entry(4, 1, ""), entry(5, 1, "e"))
	step(state(2, 3, 2), entry(3, 2, strings.Repeat("C", 2000))) // in the next segment
	wantRestored(t, fsys, want)
	step(nil, entry(4, 2, "D"), entry(4+1, 3, "E"))
	step(state(4, 0, 2), entry(3, 4, "again"))
	wantRestored(t, fsys, want)
}

func wantRestored(t *testing.T, fsys *memfs.FS, want model) {
	t.Helper()
	w, st := mustOpen(t, "d", quiet(fsys.Clone()))
	wantState(t, st, want)
	ok(t, w.Close())
}

func TestMarkAndCompact(t *testing.T) {
	fsys := memfs.New()
	w, _ := mustOpen(t, "d", quiet(fsys))
	var want model
	for i := uint64(1); i <= 40; i++ {
		ok(t, w.Append(state(1, 1, i-1), []*raftpb.Entry{entry(i, 1, strings.Repeat("x", 400))}))
		want = want.append(state(1, 1, i-1), []*raftpb.Entry{entry(i, 1, strings.Repeat("x", 400))})
	}
	if err := w.Compact(2); err == nil {
		t.Fatal("compacted beyond the mark")
	}
	ok(t, w.SetMark(mark(30, 1)))
	want = want.setMark(mark(30, 1))
	before := len(fsys.Paths())
	ok(t, w.Compact(31))
	if left := fsys.Paths(); len(left) >= before-2 {
		t.Fatalf("%d files of %d are left: %v", len(left), before, left)
	}
	wantRestored(t, fsys, want)
	// A snapshot of another log replaces the entries, also at an index that exists.
	ok(t, w.SetMark(mark(39, 7)))
	want = want.setMark(mark(39, 7))
	wantRestored(t, fsys, want)
	if err := w.Append(nil, []*raftpb.Entry{entry(41, 7, "")}); err == nil {
		t.Fatal("appended beyond a gap")
	}
	ok(t, w.Append(state(7, 2, 40), []*raftpb.Entry{entry(40, 7, "after")}))
	ok(t, w.Sync())
	want = want.append(state(7, 2, 40), []*raftpb.Entry{entry(40, 7, "after")})
	ok(t, w.Compact(40))
	wantRestored(t, fsys, want)
	ok(t, w.Close())
}

// TestMarkAtSegmentStart: the marked entry's segment goes, the entry after it stays.
func TestMarkAtSegmentStart(t *testing.T) {
	for marked := uint64(1); marked < 20; marked++ {
		fsys := memfs.New()
		w, _ := mustOpen(t, "d", quiet(fsys))
		var want model
		for i := uint64(1); i <= 20; i++ {
			batch := []*raftpb.Entry{entry(i, 1, strings.Repeat("x", 700))}
			ok(t, w.Append(nil, batch))
			want = want.append(nil, batch)
		}
		ok(t, w.SetMark(mark(marked, 1)))
		ok(t, w.Compact(marked+1))
		want = want.setMark(mark(marked, 1))
		wantRestored(t, fsys, want)
		ok(t, w.Close())
		wantRestored(t, fsys, want)
	}
}

// TestRestartBetweenMarkAndHardState: raft must find commit and term at the snapshot's.
func TestRestartBetweenMarkAndHardState(t *testing.T) {
	fsys := memfs.New()
	w, _ := mustOpen(t, "d", quiet(fsys))
	ok(t, w.Append(state(3, 2, 0), nil))
	ok(t, w.SetMark(mark(50, 6)))
	ok(t, w.Close())
	_, st := mustOpen(t, "d", quiet(fsys))
	if hs := st.HardState; hs.GetTerm() != 6 || hs.GetVote() != 0 || hs.GetCommit() != 50 {
		t.Fatalf("hard state %v", hs)
	}
}

func TestBatchLargerThanSegment(t *testing.T) {
	fsys := memfs.New()
	w, _ := mustOpen(t, "d", quiet(fsys))
	var want model
	for i, n := range []int{10, 100_000, 10, 7000, 20_000} {
		batch := []*raftpb.Entry{
			entry(uint64(i+1), 1, strings.Repeat("x", n)), entry(uint64(i+2), 1, "y"),
		}
		ok(t, w.Append(nil, batch))
		ok(t, w.Sync())
		want = want.append(nil, batch)
		wantRestored(t, fsys, want)
	}
	ok(t, w.Close())
}

func TestRefusesWhatCannotBeALog(t *testing.T) {
	w, _ := mustOpen(t, "d", quiet(memfs.New()))
	ok(t, w.Append(state(1, 1, 2), []*raftpb.Entry{entry(1, 1, "a"), entry(2, 1, "b")}))
	for name, try := range map[string]func() error{
		"gap":        func() error { return w.Append(nil, []*raftpb.Entry{entry(4, 1, "")}) },
		"index zero": func() error { return w.Append(nil, []*raftpb.Entry{entry(0, 1, "")}) },
		"gap in batch": func() error {
			return w.Append(nil, []*raftpb.Entry{entry(3, 1, ""), entry(5, 1, "")})
		},
		"term falls": func() error {
			return w.Append(nil, []*raftpb.Entry{entry(3, 2, ""), entry(4, 1, "")})
		},
		"commit too far":  func() error { return w.Append(state(1, 1, 3), nil) },
		"cuts committed":  func() error { return w.Append(nil, []*raftpb.Entry{entry(1, 2, "")}) },
		"foreign mark":    func() error { return w.SetMark(mark(1, 9)) },
		"mark, same spot": func() error { return w.SetMark(mark(0, 1)) },
		"compact unknown": func() error { return w.Compact(2) },
	} {
		if try() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	ok(t, w.Append(nil, []*raftpb.Entry{entry(3, 1, "c")})) // nothing had moved
	ok(t, w.SetMark(mark(3, 1)))
	if w.SetMark(mark(2, 1)) == nil {
		t.Error("the mark moved back")
	}
	ok(t, w.Close())
}

func TestAppendDoesNotAllocate(t *testing.T) {
	w, _ := mustOpen(t, t.TempDir(), Options{SegmentBytes: 4 << 20})
	batch := []*raftpb.Entry{entry(1, 1, strings.Repeat("x", 1024)), entry(2, 1, "y")}
	hs := state(1, 1, 0)
	got := testing.AllocsPerRun(200, func() {
		ok(t, w.Append(hs, batch))
		ok(t, w.Sync())
	})
	if got > 0 {
		t.Errorf("%v allocations per append and sync", got)
	}
	ok(t, w.Close())
}

// TestFewEntriesDoNotHoldSegment: a restored entry must not keep 64 MiB alive.
func TestFewEntriesDoNotHoldSegment(t *testing.T) {
	fsys := memfs.New()
	o := quiet(fsys)
	o.SegmentBytes = 1 << 20
	w, _ := mustOpen(t, "d", o)
	ok(t, w.Append(nil, []*raftpb.Entry{entry(1, 1, "abc"), entry(2, 1, "def")}))
	ok(t, w.Close())
	_, st := mustOpen(t, "d", o)
	if n := cap(st.Entries[1].Data); n > 3 {
		t.Fatalf("the entry can reach %d bytes", n)
	}
}

func TestDirectoryErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	ok(t, os.WriteFile(file, nil, 0o600))
	if _, _, err := Open(filepath.Join(file, "d"), Options{}); err == nil ||
		!strings.Contains(err.Error(), file) {
		t.Fatalf("a directory below a file: %v", err)
	}
}

// TestSegmentsGrow: a new log is ready after a small segment; later ones have the size asked for.
func TestSegmentsGrow(t *testing.T) {
	w, _ := mustOpen(t, t.TempDir(), Options{SegmentBytes: 20 << 20})
	var sizes []int64
	for i := uint64(1); len(sizes) < 4; i++ {
		if len(sizes) <= len(w.sealed) {
			sizes = append(sizes, w.active.size)
		}
		ok(t, w.Append(nil, []*raftpb.Entry{entry(i, 1, strings.Repeat("x", 3<<20))}))
	}
	if want := []int64{4 << 20, 8 << 20, 16 << 20, 20 << 20}; !slices.Equal(sizes, want) {
		t.Errorf("segments of %d bytes, want %d", sizes, want)
	}
	ok(t, w.Close())
}
