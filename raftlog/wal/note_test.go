package wal

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/vfs/memfs"
)

// noteOf is the note that a power cut leaves that loses all that is not durable.
func noteOf(t *testing.T, fsys *memfs.FS) string {
	t.Helper()
	d, err := openDurableMark(fsys.Crash(memfs.LoseAll), "d", quiet(nil).Logger)
	ok(t, err)
	return string(d.note)
}

// TestNote: it is durable at once or within the mark's delay, outlives marks, segments, compaction
// and opening, and can be taken away.
func TestNote(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fsys := memfs.New()
		o := quiet(fsys)
		o.inline, o.MarkEvery = false, 3
		w, st := mustOpen(t, "d", o)
		if st.Note != nil {
			t.Errorf("a new log has the note %q", st.Note)
		}
		ok(t, w.SetNote([]byte("one"), true))
		if got := noteOf(t, fsys); got != "one" {
			t.Fatalf("durable is %q", got)
		}
		ok(t, w.SetNote([]byte("two"), false))
		<-time.After(2 * markIdle)
		synctest.Wait()
		if got := noteOf(t, fsys); got != "two" {
			t.Fatalf("after the delay durable is %q", got)
		}
		for range 40 {
			next := w.next
			ok(t, w.Append(nil, []*raftpb.Entry{entry(next, 1, strings.Repeat("x", 900))}))
			ok(t, w.SetMark(mark(next, 1)))
			ok(t, w.Compact(next+1))
			if got := noteOf(t, fsys); got != "two" {
				t.Fatalf("after entry %d durable is %q", next, got)
			}
		}
		err := w.SetNote(make([]byte, MaxNoteBytes+1), false)
		if err == nil || !strings.Contains(err.Error(), "2049") {
			t.Errorf("a note that is too large: %v", err)
		}
		ok(t, w.SetNote([]byte("three"), false))
		ok(t, w.Close())
		if err := w.SetNote(nil, true); !errors.Is(err, ErrClosed) {
			t.Errorf("after close: %v", err)
		}
		w, st = mustOpen(t, "d", o)
		if string(st.Note) != "three" {
			t.Errorf("opened with %q", st.Note)
		}
		ok(t, w.SetNote(nil, true))
		ok(t, w.Close())
		if w, st = mustOpen(t, "d", o); st.Note != nil {
			t.Errorf("taken away, and opened with %q", st.Note)
		}
		ok(t, w.Close())
	})
}

// TestNotesBesideAppends: notes are stored from one goroutine while another appends and closes;
// each is durable when the call returns, whichever goroutine wrote the mark.
func TestNotesBesideAppends(t *testing.T) {
	t.Parallel()
	fsys := memfs.New()
	o := quiet(fsys)
	o.inline, o.MarkEvery = false, 2
	w, _ := mustOpen(t, "d", o)
	var wg sync.WaitGroup
	last := ""
	wg.Go(func() {
		for i := 0; ; i++ {
			note := fmt.Sprint(i)
			if i%3 == 0 {
				ok(t, errorBut(ErrClosed, w.SetNote([]byte("passing"), false)))
			}
			err := w.SetNote([]byte(note), true)
			if errors.Is(err, ErrClosed) {
				return
			}
			ok(t, err)
			if last = note; noteOf(t, fsys) != note {
				t.Errorf("note %s is not durable", note)
			}
		}
	})
	for i := uint64(1); i <= 300; i++ {
		ok(t, w.Append(nil, []*raftpb.Entry{entry(i, 1, "x")}))
		ok(t, w.Sync())
		if i%50 == 0 {
			ok(t, w.SetMark(mark(i, 1)))
			ok(t, w.Compact(i+1))
		}
	}
	ok(t, w.Close())
	wg.Wait()
	if got := noteOf(t, fsys); got != last && got != "passing" {
		t.Errorf("closed with %q, durable before was %q", got, last)
	}
}

func errorBut(allowed, err error) error {
	if errors.Is(err, allowed) {
		return nil
	}
	return err
}

// TestNoteWithoutSpace: the note waits for the mark's next write; a failed sync is final for the
// whole log.
func TestNoteWithoutSpace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fsys := memfs.New()
		o := quiet(fsys)
		o.inline = false
		w, _ := mustOpen(t, "d", o)
		fail := func(failing string) {
			fsys.SetFault(func(op, path string) error {
				if op == failing && path == "d/"+durableName {
					return syscall.ENOSPC
				}
				return nil
			})
		}
		fail("write")
		err := w.SetNote([]byte("note"), true)
		if !errors.Is(err, ErrRetry) || !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("without space: %v", err)
		}
		ok(t, w.Append(nil, []*raftpb.Entry{entry(1, 1, "x")}))
		ok(t, w.Sync())
		<-time.After(3 * markDelay)
		synctest.Wait()
		if got := noteOf(t, fsys); got != "" {
			t.Fatalf("durable is %q", got)
		}
		fail("")
		<-time.After(2 * markDelay)
		synctest.Wait()
		if got := noteOf(t, fsys); got != "note" || w.marker.mark.synced.offset != w.active.off {
			t.Fatalf("with space again durable is %q", got)
		}
		fail("sync")
		first := w.SetNote([]byte("lost"), true)
		final := strings.Contains(fmt.Sprint(first), "must stop")
		if errors.Is(first, ErrRetry) || !final {
			t.Fatalf("a failed sync: %v", first)
		}
		ok(t, w.Append(nil, []*raftpb.Entry{entry(2, 1, "x")}))
		if err := w.Sync(); !errors.Is(err, first) {
			t.Errorf("the log after it: %v", err)
		}
		if err := w.Close(); !errors.Is(err, first) {
			t.Errorf("close after it: %v", err)
		}
	})
}
