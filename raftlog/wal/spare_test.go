package wal

import (
	"strings"
	"testing"
	"testing/synctest"

	"go.etcd.io/raft/v3/raftpb"
)

// spareBytes is what of the segment after seq is there, and whether it has its name.
func (m *memFS) spareBytes(seq uint64) (bytes int64, named bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	path := segmentPath("d", seq+1)
	if node := m.files[path]; node != nil {
		return int64(len(node.data)), true
	}
	if node := m.files[path+temporarySuffix]; node != nil {
		return int64(len(node.data)), false
	}
	return 0, false
}

// openPaced opens a new log whose segments are all of one size and prepared in the background.
func openPaced(t *testing.T) (*WAL, *memFS) {
	fsys := newMemFS()
	o := quiet(fsys)
	o.inline, o.SegmentBytes = false, firstSegmentBytes
	w, _ := mustOpen(t, "d", o)
	return w, fsys
}

// The next segment is zeroed as the active one fills, by half of it is ready, and a log that is closed before does not wait for it.
func TestSpareFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, fsys := openPaced(t)
		payload := strings.Repeat("x", 100<<10)
		for index := uint64(1); ; index++ {
			synctest.Wait()
			got, named := fsys.spareBytes(w.active.seq)
			want := min(sparePace*w.active.synced, w.active.size)
			if got < want || got >= want+zeroChunkBytes || named != (2*w.active.synced >= w.active.size-zeroChunkBytes) {
				t.Fatalf("%d bytes of the next segment, named: %t, when %d of %d are written", got, named, w.active.synced, w.active.size)
			}
			if w.active.seq == 3 {
				break
			}
			ok(t, w.Append(nil, []*raftpb.Entry{entry(index, 1, payload)}))
			ok(t, w.Sync())
		}
		ok(t, w.Close())
		if bytes, _ := fsys.spareBytes(3); bytes != 0 {
			t.Errorf("%d bytes are left of a segment that was given up", bytes)
		}
	})
}

// A log that fills faster than the next segment follows waits for all of it.
func TestSpareIsHurried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, fsys := openPaced(t)
		large := strings.Repeat("x", firstSegmentBytes-64<<10)
		ok(t, w.Append(nil, []*raftpb.Entry{entry(1, 1, large)})) // in memory: the next segment has hardly begun
		synctest.Wait()
		if bytes, _ := fsys.spareBytes(1); bytes > zeroChunkBytes {
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
