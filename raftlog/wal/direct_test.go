package wal

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/vfs"
	"github.com/yakt/yakt/vfs/memfs"
)

const (
	// sameSteps and sameSegmentBytes bound the work of one input of FuzzDirectWritesTheSame: all
	// steps fit into the first segment, and every copy of the disk is small.
	sameSteps        = 50
	sameSegmentBytes = 64 << 10
)

// emptyLog is a disk in memory with a new log, made once: making it costs more than an input does.
var emptyLog = sync.OnceValue(func() *memfs.FS {
	fsys := memfs.New()
	w, _, err := Open("d", sameOptions(fsys))
	if err != nil {
		panic(err)
	}
	w.release()
	return fsys
})

func sameOptions(fsys vfs.FS) Options {
	o := quiet(fsys)
	o.SegmentBytes, o.MarkEvery = sameSegmentBytes, 1<<30
	return o
}

// FuzzDirectWritesTheSame: whatever is appended and synced, with reopens in between, a disk that
// accepts direct writes has the same bytes as one that does not. Both are in memory; real disks are
// TestRoundBlockBoundaries.
func FuzzDirectWritesTheSame(f *testing.F) {
	f.Add([]byte{10, 20, 0, 200, 1, 90, 0, 30, 255, 0, 1, 5})
	f.Add(bytes.Repeat([]byte{255, 254, 1, 17, 0}, 10))
	f.Add(bytes.Repeat([]byte{101, 0}, 25)) // 4096 bytes in 10 entries
	f.Fuzz(func(t *testing.T, steps []byte) {
		direct, cached := emptyLog().Clone(), emptyLog().Clone() // the same salt
		cached.Refuses = memfs.AtOpen
		steps = steps[:min(len(steps), sameSteps)]
		want := play(t, direct, steps)
		if got := play(t, cached, steps); got != want {
			t.Fatalf("came back as\n%s\nwithout direct writes, with them as\n%s", got, want)
		}
		path := segmentPath("d", 1)
		for name, disk := range map[string]func(*memfs.FS) []byte{
			"written": func(m *memfs.FS) []byte { return content(m, path) },
			"durable": func(m *memfs.FS) []byte { return content(m.Crash(memfs.LoseAll), path) },
		} {
			if !bytes.Equal(disk(direct), disk(cached)) {
				t.Fatalf("other bytes are %s", name)
			}
		}
	})
}

// play runs the steps on a log and returns what is read back: 0 is a sync, 1 reopens the log, any
// other step appends an entry of four times that size.
func play(t *testing.T, fsys *memfs.FS, steps []byte) string {
	o := sameOptions(fsys)
	w, _ := mustOpen(t, "d", o)
	for _, step := range steps {
		switch step {
		case 0:
			ok(t, w.Sync())
		case 1:
			ok(t, w.Close())
			w, _ = mustOpen(t, "d", o)
		default:
			e := entry(w.next, 1, strings.Repeat("x", 4*int(step)))
			ok(t, w.Append(state(1, uint64(step), 0), []*raftpb.Entry{e}))
		}
	}
	ok(t, w.Append(state(2, 0, 0), nil))
	ok(t, w.Sync())
	if direct := fsys.Refuses == memfs.Nowhere; w.active.wroteDirect != direct {
		t.Fatalf("%v, but written directly: %v", fsys.Refuses, w.active.wroteDirect)
	}
	ok(t, w.Close())
	_, st := mustOpen(t, "d", o)
	return stateString(st)
}

// refusingFS opens files for direct writes and accepts only the first few writes.
type refusingFS struct {
	vfs.FS
	taken int
}

type refusingFile struct {
	vfs.DirectFile
	fs *refusingFS
}

func (f *refusingFS) OpenDirect(path string) (vfs.DirectFile, error) {
	d, err := f.FS.OpenDirect(path)
	return refusingFile{d, f}, err
}

func (f refusingFile) WriteAt(b []byte, off int64) (int, error) {
	if f.fs.taken--; f.fs.taken < 0 {
		return 0, syscall.EINVAL
	}
	return f.DirectFile.WriteAt(b, off)
}

// TestRefusedDirectWrite: a file system without direct writes is no error and is logged once,
// however many segments follow; a refusal in the middle of a file is an error.
func TestRefusedDirectWrite(t *testing.T) {
	for _, refuses := range []memfs.Refusal{memfs.AtOpen, memfs.AtWrite} {
		fsys := memfs.New()
		fsys.Refuses = refuses
		var logged strings.Builder
		o := quiet(fsys)
		o.Logger = slog.New(slog.NewTextHandler(&logged, nil))
		w, _ := mustOpen(t, "d", o)
		var want model
		for i := uint64(1); i <= 20; i++ {
			batch := []*raftpb.Entry{entry(i, 1, strings.Repeat("x", 2000))}
			ok(t, w.Append(nil, batch))
			ok(t, w.Sync())
			want = want.append(nil, batch)
			if w.active.wroteDirect || w.active.direct != nil {
				t.Fatalf("%v: a direct write, or a descriptor left for it", fsys.Refuses)
			}
		}
		if n := strings.Count(logged.String(), "page cache"); n != 1 || len(w.sealed) < 2 ||
			strings.Contains(logged.String(), "must stop") {
			t.Errorf(
				"%v: logged %d times in %d segments: %s", fsys.Refuses, n, len(w.sealed)+1, &logged,
			)
		}
		wantRestored(t, fsys, want)
	}
	w, _ := mustOpen(t, "d", quiet(&refusingFS{memfs.New(), 2}))
	ok(t, w.Append(nil, []*raftpb.Entry{entry(1, 1, "a")}))
	ok(t, w.Sync())
	ok(t, w.Append(nil, []*raftpb.Entry{entry(2, 1, "b")}))
	if err := w.Sync(); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), "must stop") {
		t.Errorf("refused after the first: %v", err)
	}
}

// TestSegmentOfOtherSize: older versions made segments that are not whole blocks. They are
// written to the ordinary way up to their last byte, and the next is written directly.
func TestSegmentOfOtherSize(t *testing.T) {
	for _, size := range []int64{minSegmentBytes + 8, minSegmentBytes + 2048, minSegmentBytes + 4088} {
		fsys := memfs.New()
		makeOldLog(t, fsys, size)
		w, _ := mustOpen(t, "d", quiet(fsys))
		var want model
		for i := uint64(1); i <= 200; i++ {
			batch := []*raftpb.Entry{entry(i, 1, strings.Repeat("x", 40))}
			ok(t, w.Append(nil, batch))
			ok(t, w.Sync())
			want = want.append(nil, batch)
			if got := w.active.wroteDirect; got != (len(w.sealed) > 0) ||
				w.active.seq > 1 && w.active.size%blockBytes != 0 {
				t.Fatalf(
					"segment %d of %d bytes: written directly %v", w.active.seq, w.active.size, got,
				)
			}
			if i%10 == 0 {
				wantRestored(t, fsys, want)
			}
		}
		if len(w.sealed) == 0 {
			t.Fatal("the first segment never filled")
		}
		w.release()
	}
}

func makeOldLog(t *testing.T, fsys vfs.FS, size int64) {
	t.Helper()
	d, err := createDurableMark(fsys, "d", position{1, headerBytes}, newOwner(testIdentity))
	ok(t, err)
	ok(t, d.file.Close())
	f, err := fsys.Create(segmentPath("d", 1))
	ok(t, err)
	h := segmentHeader{version: formatVersion, seq: 1, salt: newSalt(), size: size, owner: d.owner}
	ok(t, fillSegment(f, h.encode(), size, nil))
	ok(t, f.Close())
	ok(t, fsys.SyncDir("d"))
}

// TestRoundBlockBoundaries writes to real disks so that writes begin and end at, before and after
// the boundaries of blocks and sectors, reopens the log and continues.
func TestRoundBlockBoundaries(t *testing.T) {
	for name, dir := range realDirs(t) {
		for _, fsys := range []vfs.FS{vfs.OS{}, &refusingFS{vfs.OS{}, 0}, cachedFS{}} {
			t.Run(fmt.Sprintf("%s,%T", name, fsys), func(t *testing.T) {
				t.Parallel()
				direct := fsys == vfs.OS{} && takesDirectWrites(t, dir)
				t.Logf("direct writes: %v", direct)
				roundBlockBoundaries(t, fsys, dir+fmt.Sprintf("/%T", fsys), direct)
			})
		}
	}
}

func roundBlockBoundaries(t *testing.T, fsys vfs.FS, dir string, direct bool) {
	o := Options{SegmentBytes: 64 << 10, FS: fsys, Logger: slog.New(slog.DiscardHandler)}
	w, _ := mustOpen(t, dir, o)
	var want model
	for i, end := range []int64{-8, 0, 8, 48, 504, 512, 520, 2048, 4040, 4048} {
		for _, blocks := range []int64{0, 1, 3, 17} {
			at := (w.active.off&^(blockBytes-1) + blocks*blockBytes + end) - w.active.off
			size := max(0, at-recordHeaderBytes)
			batch := []*raftpb.Entry{
				entry(w.next, 1, strings.Repeat(string(rune('a'+i)), int(size))),
			}
			ok(t, w.Append(nil, batch))
			ok(t, w.Sync())
			want = want.append(nil, batch)
			if w.active.wroteDirect != direct {
				t.Fatalf("entry %d was written directly: %v", w.next-1, w.active.wroteDirect)
			}
			// a second write into that block
			ok(t, w.Append(nil, []*raftpb.Entry{entry(w.next, 1, "")}))
			ok(t, w.Sync())
			want = want.append(nil, []*raftpb.Entry{entry(w.next-1, 1, "")})
		}
		ok(t, w.Close())
		again, st := mustOpen(t, dir, o)
		wantState(t, st, want)
		w = again
	}
	if len(w.sealed) < 3 {
		t.Errorf("only %d segments were sealed", len(w.sealed))
	}
	ok(t, w.Close())
}
