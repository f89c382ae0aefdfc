package wal

import (
	"strings"
	"testing"
	"testing/synctest"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/vfs/memfs"
)

// spareBytes is what of the segment after seq is there, and whether it has its name.
func spareBytes(m *memfs.FS, seq uint64) (bytes int64, named bool) {
	path := segmentPath("d", seq+1)
	if b, ok := m.Content(path); ok {
		return int64(len(b)), true
	}
	return int64(len(content(m, path+temporarySuffix))), false
}

// openPaced opens a log whose segments are all of one size and prepared in the background.
func openPaced(t *testing.T, fsys *memfs.FS) *WAL {
	o := quiet(fsys)
	o.inline, o.SegmentBytes = false, firstSegmentBytes
	w, _ := mustOpen(t, "d", o)
	return w
}

// follow appends until the log is in segment last, and checks how far the next segment is at every step.
func follow(t *testing.T, w *WAL, fsys *memfs.FS, next, last uint64) {
	t.Helper()
	payload := strings.Repeat("x", 100<<10)
	for ; w.active.seq < last; next++ {
		ok(t, w.Append(nil, []*raftpb.Entry{entry(next, 1, payload)}))
		ok(t, w.Sync())
		synctest.Wait()
		got, named := spareBytes(fsys, w.active.seq)
		size, from := w.active.size, w.spare.from
		want := min(sparePace*(w.active.synced-from)*size/(size-from), size)
		if got < want || got > want+zeroChunkBytes || named != (want > size-zeroChunkBytes) {
			t.Fatalf("%d bytes of the next segment, named: %t, when %d of %d are written, %d since it was begun", got, named, w.active.synced, size, w.active.synced-from)
		}
	}
}

// The next segment is zeroed as the active one fills, by half of it is ready, and a log that is closed before does not wait for it.
func TestSpareFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys := memfs.New()
		w := openPaced(t, fsys)
		synctest.Wait()
		if bytes, _ := spareBytes(fsys, 1); bytes != 0 {
			t.Fatalf("%d bytes of the next segment, when nothing is written", bytes)
		}
		follow(t, w, fsys, 1, 3)
		ok(t, w.Close())
		if bytes, _ := spareBytes(fsys, 3); bytes != 0 {
			t.Errorf("%d bytes are left of a segment that was given up", bytes)
		}
	})
}

// A log that is opened with a part of its segment written begins then, and does not make up for what it is late.
func TestSpareOfOpenedLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys := memfs.New()
		w := openPaced(t, fsys)
		ok(t, w.Append(nil, []*raftpb.Entry{entry(1, 1, strings.Repeat("x", firstSegmentBytes/4))}))
		ok(t, w.Sync())
		ok(t, w.Close())
		w = openPaced(t, fsys)
		synctest.Wait()
		if bytes, _ := spareBytes(fsys, 1); bytes != 0 {
			t.Fatalf("%d bytes of the next segment, when nothing is written since the log was opened", bytes)
		}
		follow(t, w, fsys, 2, 3)
		ok(t, w.Close())
	})
}

// A log that fills faster than the next segment follows waits for all of it.
func TestSpareIsHurried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys := memfs.New()
		w := openPaced(t, fsys)
		large := strings.Repeat("x", firstSegmentBytes-64<<10)
		ok(t, w.Append(nil, []*raftpb.Entry{entry(1, 1, large)})) // in memory: the next segment has hardly begun
		synctest.Wait()
		if bytes, _ := spareBytes(fsys, 1); bytes != 0 {
			t.Fatalf("%d bytes of the next segment, when nothing is written", bytes)
		}
		ok(t, w.Append(nil, []*raftpb.Entry{entry(2, 1, large)}))
		ok(t, w.Sync())
		if w.active.seq != 2 {
			t.Errorf("segment %d", w.active.seq)
		}
		ok(t, w.Close())
	})
}
