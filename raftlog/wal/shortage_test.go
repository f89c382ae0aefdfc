package wal

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/vfs/memfs"
)

// patiently calls again what may be called again; a test's shortages pass.
func patiently(call func() error) error {
	err := call()
	for range 100 {
		if !errors.Is(err, ErrRetry) {
			break
		}
		err = call()
	}
	return err
}

// count does the same and counts.
func count(retries *int, call func() error) error {
	*retries--
	return patiently(func() error {
		*retries++
		return call()
	})
}

// patientScript is a run over rolls, marks, notes and compaction by a caller that waits.
func patientScript(fsys *memfs.FS) (want model, retries int, w *WAL, err error) {
	if w, _, err = Open("d", quiet(fsys)); err != nil {
		return want, 0, nil, err
	}
	for i := uint64(1); i <= 18 && err == nil; i++ {
		batch := []*raftpb.Entry{
			entry(2*i-1, i, strings.Repeat("p", 300)), entry(2*i, i, strings.Repeat("q", 700)),
		}
		err = count(&retries, func() error { return w.Append(state(i, 1, 2*i-2), batch) })
		want = want.append(state(i, 1, 2*i-2), batch)
		if i%3 == 0 && err == nil {
			err = count(&retries, w.Sync)
		}
		if i%6 != 0 || err != nil {
			continue
		}
		k := mark(2*i-3, i-1)
		want = want.setMark(k)
		err = errors.Join(
			count(&retries, func() error { return w.SetMark(k) }),
			count(&retries, func() error { return w.Compact(2*i - 2) }),
			count(&retries, func() error { return w.SetNote([]byte{byte(i)}, true) }))
	}
	if err == nil {
		err = count(&retries, w.Sync)
	}
	return want, retries, w, err
}

// TestShortageAtEveryChange: space or descriptors are short at each step in turn, once and several
// times. Nothing is lost, nothing fails for good, and direct writes go on.
func TestShortageAtEveryChange(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, refuses memfs.Refusal) {
		steps, retried := 0, 0
		for at := 0; ; at++ {
			reached := false
			for _, times := range []int{1, 4} {
				hit, retries := shortageAt(t, refuses, at, times)
				retried += retries
				reached = reached || hit
			}
			if !reached {
				break
			}
			steps++
		}
		t.Logf("%d steps, %d calls tried again", steps, retried)
		if steps < 20 || retried < 20 {
			t.Error("the test does not bite")
		}
	})
}

// shortageAt fails the step number at, of those that can, times over.
func shortageAt(t *testing.T, refuses memfs.Refusal, at, times int) (hit bool, retries int) {
	t.Helper()
	fsys := memfs.New()
	fsys.Refuses = refuses
	w, _ := mustOpen(t, "d", quiet(fsys)) // made before: what Open needs is another matter
	ok(t, w.Close())
	step, where := 0, ""
	fsys.Fault = func(op, path string) error {
		errno := shortage(op)
		if errno == nil || step < at || step >= at+times {
			if errno != nil {
				step++
			}
			return nil
		}
		step++
		where += op + " " + path + ","
		return errno
	}
	want, retries, w, err := patientScript(fsys)
	fsys.Fault = nil
	what := fmt.Sprintf("step %d (%s) short %d times", at, where, times)
	if w == nil { // while opening, which may simply be tried again
		if !noSpace(err) && !noDescriptors(err) {
			t.Fatalf("%s: open: %v", what, err)
		}
		want, _, w, err = patientScript(fsys)
	}
	ok(t, err)
	if direct := refuses == memfs.Nowhere; w.active.wroteDirect != direct {
		t.Errorf("%s: written directly %v", what, w.active.wroteDirect)
	}
	for _, power := range []func(int) int{memfs.LoseAll, memfs.KeepAll} {
		after, st := mustOpen(t, "d", quiet(fsys.Crash(power)))
		if stateString(st) != want.String() || len(st.Note) != 1 || st.Note[0] != 18 {
			t.Fatalf("%s: came back with note %v as\n%swant\n%s", what, st.Note, stateString(st), want)
		}
		ok(t, after.Close())
	}
	ok(t, w.Close())
	return where != "", retries
}

// TestShortWriteIsNoFailure: a write into a segment that has its size already finds no space, as
// on file systems that copy on write. It is a wait, that of a sync is final.
func TestShortWriteIsNoFailure(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, refuses memfs.Refusal) {
		for _, errno := range []error{syscall.ENOSPC, syscall.EDQUOT} {
			fsys := memfs.New()
			fsys.Refuses = refuses
			w, _ := mustOpen(t, "d", quiet(fsys))
			short := "write"
			fsys.Fault = func(op, path string) error {
				if op == short && path == segmentPath("d", 1) {
					return errno
				}
				return nil
			}
			var want model
			for i := uint64(1); i <= 5; i++ {
				batch := []*raftpb.Entry{entry(i, 1, strings.Repeat("x", 300))}
				ok(t, w.Append(nil, batch))
				want = want.append(nil, batch)
				err := w.Sync()
				if !errors.Is(err, errno) || !errors.Is(err, ErrRetry) {
					t.Fatalf("without space: %v", err)
				}
				lost, st := mustOpen(t, "d", quiet(fsys.Crash(memfs.KeepAll)))
				if len(st.Entries) > int(i) {
					t.Fatalf("%d entries of %d", len(st.Entries), i)
				}
				ok(t, lost.Close())
			}
			short = ""
			ok(t, w.Sync())
			wantRestored(t, fsys.Crash(memfs.LoseAll), want)
			ok(t, w.Append(nil, []*raftpb.Entry{entry(6, 1, "x")}))
			short = "sync"
			wait := refuses == memfs.Nowhere // one call writes and syncs, and leaves nothing in the page cache
			if err := w.Sync(); !errors.Is(err, errno) || errors.Is(err, ErrRetry) != wait {
				t.Fatalf("a failed sync: %v", err)
			}
		}
	})
}

// TestSmallerBatchAfterSeal: once the seal may be on the disk, nothing else is written in its
// place, whichever batch comes next.
func TestSmallerBatchAfterSeal(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, refuses memfs.Refusal) {
		for _, size := range []int{0, 100, 3000, 20_000} {
			fsys := memfs.New()
			fsys.Refuses = refuses
			w, _ := mustOpen(t, "d", quiet(fsys))
			var want model
			full := []*raftpb.Entry{entry(1, 1, strings.Repeat("x", 3000))}
			ok(t, w.Append(nil, full))
			want = want.append(nil, full)
			fsys.Fault = func(op, path string) error {
				if op == "write" && path == segmentPath("d", 1) {
					return syscall.ENOSPC
				}
				return nil
			}
			large := []*raftpb.Entry{entry(2, 1, strings.Repeat("y", 3000))}
			if err := w.Append(nil, large); !errors.Is(err, ErrRetry) {
				t.Fatal(err)
			}
			fsys.Fault = nil
			if size == 0 {
				ok(t, w.Sync()) // the seal is durable, and no record follows yet
				wantRestored(t, fsys.Crash(memfs.LoseAll), want)
				size = 40
			}
			next := []*raftpb.Entry{entry(2, 1, strings.Repeat("z", size))}
			ok(t, w.Append(nil, next))
			ok(t, w.Sync())
			want = want.append(nil, next)
			if w.active.seq != 2 {
				t.Errorf("a batch of %d bytes in segment %d", size, w.active.seq)
			}
			wantRestored(t, fsys.Crash(memfs.LoseAll), want)
			ok(t, w.Close())
		}
	})
}

// TestDescriptors: a log never holds more than it says, and none when it is closed.
func TestDescriptors(t *testing.T) {
	t.Parallel()
	for _, inline := range []bool{true, false} {
		fsys := memfs.New()
		o := quiet(fsys)
		o.inline = inline
		for range 2 {
			w, _ := mustOpen(t, "d", o)
			for range 40 {
				next := w.next
				ok(t, w.Append(nil, []*raftpb.Entry{entry(next, 1, strings.Repeat("x", 900))}))
				ok(t, w.Sync())
				if next%7 == 0 {
					ok(t, w.SetMark(mark(next, 1)))
					ok(t, w.Compact(next+1))
				}
			}
			ok(t, w.Close())
			if left, _ := fsys.Handles(); left != 0 {
				t.Errorf("%d descriptors are left", left)
			}
		}
		_, most := fsys.Handles()
		if t.Logf("%d at most", most); most > DescriptorsMax || most < 4 {
			t.Errorf("%d descriptors at a time", most)
		}
	}
}
