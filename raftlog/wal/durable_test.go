package wal

import (
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/vfs/memfs"
)

// TestMarkCostsBusyLogNothing: while syncs follow one another the mark is written once in MarkEvery
// of them, or once in its delay where those take longer; soon after the last one it is exact.
func TestMarkCostsBusyLogNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for gap, want := range map[time.Duration]int{
			300 * time.Microsecond: 20, markIdle - time.Millisecond: 20, markIdle / 2 * 3: 2 * 640,
		} {
			fsys, writes := memfs.New(), 0
			o := quiet(fsys)
			o.inline, o.SegmentBytes = false, 1<<20
			w, _ := mustOpen(t, "d", o)
			synctest.Wait()
			fsys.Fault = func(op, path string) error {
				if op == "write" && path == "d/"+durableName {
					writes++
				}
				return nil
			}
			for i := uint64(1); i <= 2*640; i++ {
				ok(t, w.Append(nil, []*raftpb.Entry{entry(i, 1, "x")}))
				ok(t, w.Sync())
				<-time.After(gap)
			}
			<-time.After(2 * markIdle)
			synctest.Wait()
			if writes > want+1 || w.marker.mark.synced.offset != w.active.off {
				t.Errorf("%v apart: %d writes of the mark, want %d at most", gap, writes, want)
			}
			ok(t, w.Close())
		}
	})
}

// TestMarkFollowsQuietLog: a log that is not busy has its mark exact within the
// delay, a busy one every MarkEvery syncs, and neither waits for it.
func TestMarkFollowsQuietLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys := memfs.New()
		o := quiet(fsys)
		o.inline, o.MarkEvery = false, 5
		w, _ := mustOpen(t, "d", o)
		marked := func() position {
			synctest.Wait()
			d, err := openDurableMark(fsys.Clone(), "d", o.Logger)
			ok(t, err)
			return d.synced
		}
		began := marked()
		add := func(index uint64) position {
			ok(t, w.Append(nil, []*raftpb.Entry{entry(index, 1, "x")}))
			ok(t, w.Sync())
			return position{w.active.seq, w.active.synced}
		}
		add(1)
		if got := add(2); marked() != began {
			t.Fatalf("marked %v at once, the log is at %v", marked(), got)
		}
		<-time.After(markDelay + time.Millisecond)
		at := add(3)
		if got := marked(); !began.less(got) || !got.less(at) {
			t.Fatalf("after the delay the mark is at %v of %v", got, at)
		}
		for i := uint64(4); i <= 7; i++ {
			at = add(i)
		}
		if got := marked(); got != at {
			t.Fatalf("after 5 syncs the mark is at %v, the log at %v", got, at)
		}
		at = add(8)
		ok(t, w.Close())
		if got := marked(); got != at {
			t.Fatalf("after close the mark is at %v, the log at %v", got, at)
		}
	})
}
