package wal

import (
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/raft/v3/raftpb"
)

// TestMarkFollowsQuietLog: a log that is not busy has its mark exact within the
// delay, a busy one every MarkEvery syncs, and neither waits for it.
func TestMarkFollowsQuietLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys := newMemFS()
		o := quiet(fsys)
		o.inline, o.MarkEvery = false, 5
		w, _ := mustOpen(t, "d", o)
		marked := func() position {
			synctest.Wait()
			d, err := openDurableMark(fsys.clone(), "d", o.Logger)
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
