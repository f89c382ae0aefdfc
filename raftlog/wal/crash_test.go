package wal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
	"pgregory.net/rapid"

	"github.com/yakt/yakt/vfs/memfs"
)

// machine drives a log and a model of it. states are the logs that a crash may leave, oldest first:
// the one that is known to be durable and all since.
type machine struct {
	t      *rapid.T
	fs     *memfs.FS
	w      *WAL
	states []model
	notes  []string // the same of the note
}

func (m *machine) now() model { return m.states[len(m.states)-1] }

func (m *machine) push(s model) { m.states = append(m.states, s) }

func (m *machine) durable() { m.states = []model{m.now()} }

// Note stores a note, and makes it durable or not.
func (m *machine) Note(t *rapid.T) {
	note, sync := strings.Repeat("n", m.choose(MaxNoteBytes+1)), m.choose(2) == 0
	if err := m.w.SetNote([]byte(note), sync); err != nil {
		t.Fatal(err)
	}
	m.notes = append(m.notes, note)
	if sync {
		m.notes = []string{note}
	}
}

func (m *machine) choose(n int) int { return rapid.IntRange(0, n-1).Draw(m.t, "c") }

func (m *machine) options() Options {
	m.fs.Refuses = memfs.Refusal(m.choose(int(memfs.Refusals)))
	o := quiet(m.fs)
	o.MarkEvery = 3
	return o
}

// batch draws entries to add, sometimes in place of others, and a hard state.
func (m *machine) batch() (hs *raftpb.HardState, entries []*raftpb.Entry, next model) {
	s := m.now()
	term := max(s.lastTerm(), 1)
	first := s.last() + 1
	if committed := max(s.hs.commit, s.mark.Index); committed < s.last() && m.choose(4) == 0 {
		first = rapid.Uint64Range(committed+1, s.last()).Draw(m.t, "first")
		term++
	}
	for i := range uint64(rapid.IntRange(0, 6).Draw(m.t, "entries")) {
		size := rapid.SampledFrom([]int{0, 1, 7, 8, 40, 400, 600, 1500}).Draw(m.t, "size")
		if m.choose(30) == 29 {
			size = 12_000
		}
		entries = append(
			entries, entry(first+i, term, strings.Repeat(string(rune('a'+m.choose(26))), size)),
		)
	}
	next = s.append(nil, entries)
	if m.choose(2) == 0 {
		commit := rapid.Uint64Range(max(s.hs.commit, s.mark.Index), next.last()).Draw(m.t, "commit")
		hs = state(max(next.lastTerm(), s.hs.term, 1), uint64(m.choose(4)), commit)
		next = next.append(hs, nil)
	}
	return hs, entries, next
}

func (m *machine) Append(t *rapid.T) {
	hs, entries, next := m.batch()
	if err := m.w.Append(hs, entries); err != nil {
		t.Fatal(err)
	}
	m.push(next)
}

// CutDuring cuts the power at a change made by appending, syncing and marking, sometimes after
// space or descriptors were short.
func (m *machine) CutDuring(t *rapid.T) {
	m.cutAfter(rapid.IntRange(0, 8).Draw(t, "changes until the power goes"), m.choose(3))
	var err error
	for range rapid.IntRange(1, 4).Draw(t, "batches") {
		hs, entries, next := m.batch()
		err = patiently(func() error { return m.w.Append(hs, entries) })
		if err != nil {
			break // refused, or nothing of it written
		}
		m.push(next)
	}
	if err == nil {
		err = patiently(m.w.Sync)
	}
	if s := m.now(); err == nil && s.last() > 0 {
		m.durable()
		k := mark(s.last(), s.lastTerm())
		m.push(s.setMark(k))
		err = patiently(func() error { return m.w.SetMark(k) })
		if err == nil {
			err = patiently(func() error { return m.w.Compact(s.last() + 1) })
		}
	}
	if err != nil && !errors.Is(err, memfs.ErrPower) {
		t.Fatal(err)
	}
	m.w.release()
	m.Crash(t)
}

// cutAfter lets so many changes happen and fails all after, but first each that may be tried
// again for so many times.
func (m *machine) cutAfter(left, shortages int) {
	tries := 0
	m.fs.Fault = func(op, path string) error {
		if errno := shortage(op); errno != nil && tries < shortages {
			tries++
			return errno
		}
		tries = 0
		if left--; left < 0 {
			return memfs.ErrPower
		}
		return nil
	}
}

// shortage is the error of an operation when space or descriptors are short; nil if it needs
// neither.
func shortage(op string) error {
	switch op {
	case "write":
		return syscall.ENOSPC
	case "create", "open", "opendirect":
		return syscall.EMFILE
	case "syncdir":
		return syscall.ENFILE
	case "remove":
		return syscall.EDQUOT
	}
	return nil
}

func (m *machine) Sync(t *rapid.T) {
	if err := m.w.Sync(); err != nil {
		t.Fatal(err)
	}
	m.durable()
}

// Mark marks a snapshot of this log, or one that replaces the log.
func (m *machine) Mark(t *rapid.T) {
	s := m.now()
	k := mark(rapid.Uint64Range(s.mark.Index, s.last()).Draw(t, "mark"), 0)
	if at := k.Index - s.mark.Index; at == 0 {
		k.Term = s.mark.Term
	} else {
		k.Term = s.entries[at-1].GetTerm()
	}
	if m.choose(4) == 0 {
		k = mark(s.last()+uint64(m.choose(5)), s.lastTerm()+1)
		if k.Index <= s.mark.Index {
			return
		}
	}
	if err := m.w.SetMark(k); err != nil {
		t.Fatal(err)
	}
	m.push(s.setMark(k))
	m.durable()
}

func (m *machine) Compact(t *rapid.T) {
	first := rapid.Uint64Range(0, m.now().mark.Index+1).Draw(t, "first")
	if err := m.w.Compact(first); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) Reopen(t *rapid.T) {
	if err := m.w.Close(); err != nil {
		t.Fatal(err)
	}
	m.durable()
	m.notes = m.notes[len(m.notes)-1:]
	m.open(t)
}

// powerCut keeps none, all or some of the unsynced changes. The sectors are chosen by a seed,
// because rapid would mostly draw the same ones.
func (m *machine) powerCut() {
	seed := rapid.Uint64().Draw(m.t, "power cut")
	rng := rand.New(rand.NewPCG(seed, 1))
	keep := []float64{0, 0.3, 0.6, 0.9, 1}[rng.IntN(5)]
	m.fs = m.fs.Crash(func(int) int {
		if rng.Float64() < keep {
			return 0
		}
		return 1
	})
}

// Crash cuts the power, sometimes again while the log is being opened.
func (m *machine) Crash(t *rapid.T) {
	m.powerCut()
	for m.choose(3) == 0 {
		m.cutAfter(rapid.IntRange(0, 12).Draw(t, "changes until the next crash"), 0)
		if w, _, err := Open("d", m.options()); err == nil {
			w.release()
		} else if !errors.Is(err, memfs.ErrPower) {
			t.Fatalf("open during crashes: %v", err)
		}
		m.powerCut()
	}
	m.open(t)
}

// release forgets a log without touching its disk, as a crash does.
func (w *WAL) release() {
	close(w.stop)
	if w.marker.done != nil {
		close(w.marker.stop)
		<-w.marker.done
	}
}

// open requires the newest state that can be there, and nothing else.
func (m *machine) open(t *rapid.T) {
	w, st, err := Open("d", m.options())
	if err != nil {
		t.Fatalf("open: %v\n%v", err, m.fs.Paths())
	}
	got := stateString(st)
	i := slices.IndexFunc(m.states, func(s model) bool { return s.String() == got })
	if i < 0 {
		t.Fatalf(
			"the log came back as\n%snot one of %d states from\n%sto\n%s", got, len(m.states),
			m.states[0], m.now(),
		)
	}
	if !slices.Contains(m.notes, string(st.Note)) {
		t.Fatalf("a note of %d bytes came back, not one of %d", len(st.Note), len(m.notes))
	}
	m.w, m.states, m.notes = w, []model{m.states[i]}, []string{string(st.Note)}
}

// TestCrashModel: whatever is done and whenever the power is cut, everything that was synced is
// there, batches are whole, and a crash is never mistaken for corruption.
func TestCrashModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{t: t, fs: memfs.New(), states: []model{{}}, notes: []string{""}}
		m.open(t)
		t.Repeat(map[string]func(*rapid.T){
			"append": m.Append, "append2": m.Append, "append3": m.Append,
			"sync": m.Sync, "mark": m.Mark, "compact": m.Compact, "reopen": m.Reopen,
			"crash": m.Crash,
			"cut":   m.CutDuring, "cut2": m.CutDuring, "note": m.Note,
		})
		m.Crash(t)
	})
}

// script is a fixed run over rolls, marks, compaction and a reopen. It stops at
// the first error and returns the states a crash may then leave.
func script(fsys *memfs.FS, keep func(w *WAL)) (states []model, err error) {
	states = []model{{}}
	w, _, err := Open("d", quiet(fsys))
	if err != nil {
		return states, err
	}
	defer func() { keep(w) }()
	for i := uint64(1); i <= 18; i++ {
		batch := []*raftpb.Entry{
			entry(2*i-1, i, strings.Repeat("p", 300)), entry(2*i, i, strings.Repeat("q", 700)),
		}
		s := states[len(states)-1].append(state(i, 1, 2*i-2), batch)
		states = append(states, s)
		if err := w.Append(state(i, 1, 2*i-2), batch); err != nil {
			return states, err
		}
		if i%3 == 0 {
			if err := w.Sync(); err != nil {
				return states, err
			}
			states = []model{s}
		}
		if i%6 == 0 {
			states = append(states, s.setMark(mark(2*i-3, i-1)))
			if err := w.SetMark(mark(2*i-3, i-1)); err != nil {
				return states, err
			}
			states = states[1:]
			if err := w.Compact(2*i - 2); err != nil {
				return states, err
			}
		}
	}
	err = w.Close()
	keep = func(*WAL) {}
	return states, err
}

// eachWay runs test on a disk that accepts direct writes and on disks that do not.
func eachWay(t *testing.T, test func(t *testing.T, refuses memfs.Refusal)) {
	for refuses := range memfs.Refusals {
		t.Run(refuses.String(), func(t *testing.T) {
			t.Parallel()
			test(t, refuses)
		})
	}
}

// TestFaultAtEveryChange fails each write, sync, rename and removal in turn, once
// or for good, then restarts the process, cuts the power and looks again.
func TestFaultAtEveryChange(t *testing.T) { eachWay(t, faultAtEveryChange) }

func faultAtEveryChange(t *testing.T, refuses memfs.Refusal) {
	total := 0
	counting := memfs.New()
	counting.Refuses = refuses
	counting.Fault = func(op, path string) error { total++; return nil }
	if _, err := script(counting, func(*WAL) {}); err != nil {
		t.Fatal(err)
	}
	for _, errno := range []error{syscall.EIO, syscall.ENOSPC, syscall.EROFS} {
		for at := range total {
			for _, forGood := range []bool{false, true} {
				faultOnce(t, refuses, errno, at, forGood)
			}
		}
	}
	t.Logf("%d changes, each failed 6 times", total)
}

func faultOnce(t *testing.T, refuses memfs.Refusal, errno error, at int, forGood bool) {
	t.Helper()
	fsys, n, where := memfs.New(), 0, ""
	fsys.Refuses = refuses
	fsys.Fault = func(op, path string) error {
		n++
		if n-1 == at || forGood && n-1 > at {
			if where == "" {
				where = op + " " + path
			}
			return errno
		}
		return nil
	}
	name := fmt.Sprintf("%v at change %d (for good: %v)", errno, at, forGood)
	states, err := script(fsys, func(w *WAL) {
		if w.err != nil && !errors.Is(w.err, ErrClosed) {
			for call, got := range map[string]error{
				"append": w.Append(nil, nil), "sync": w.Sync(), "mark": w.SetMark(mark(1000, 1000)),
				"compact": w.Compact(0),
			} {
				if !errors.Is(got, errno) {
					t.Errorf("%s: %s after a final error returned %v", name, call, got)
				}
			}
		}
		if w.err == nil {
			w.release()
		} else if err := w.Close(); err == nil {
			t.Errorf("%s: close hid the error", name)
		}
	})
	fsys.Fault = nil
	background := strings.HasSuffix(where, temporarySuffix) ||
		strings.HasPrefix(where, "rename") || strings.HasPrefix(where, "syncdir") ||
		// tried again with the next
		errors.Is(errno, syscall.ENOSPC) && where == "write d/"+durableName ||
		strings.HasPrefix(where, "opendirect") // there is another way to write
	if err == nil && (forGood || !background) {
		t.Fatalf("%s, %s: no call failed", name, where)
	}
	if err != nil && (!errors.Is(err, errno) || !strings.Contains(err.Error(), "wal: ")) {
		t.Fatalf("%s: unclear error %v", name, err)
	}
	// The process restarts on the same page cache: what it now believes must be real.
	w, st, err := Open("d", quiet(fsys))
	if err != nil {
		t.Fatalf("%s, %s: restart: %v", name, where, err)
	}
	w.release()
	got := stateString(st)
	if !slices.ContainsFunc(states, func(s model) bool { return s.String() == got }) {
		t.Fatalf(
			"%s, %s: came back as\n%snot one of %d states up to\n%s", name, where, got, len(states),
			states[len(states)-1],
		)
	}
	for _, power := range []func(int) int{memfs.LoseAll, memfs.KeepAll} {
		w, st, err := Open("d", quiet(fsys.Crash(power)))
		if err != nil || stateString(st) != got {
			t.Fatalf(
				"%s, %s: after the power cut %v\n%swant\n%s", name, where, err, stateString(st),
				got,
			)
		}
		w.release()
	}
}

// TestErrorIsFinal: the disk recovers, the log does not.
func TestErrorIsFinal(t *testing.T) { eachWay(t, errorIsFinal) }

func errorIsFinal(t *testing.T, refuses memfs.Refusal) {
	for _, failing := range []string{"write", "sync"} {
		fsys := memfs.New()
		fsys.Refuses = refuses
		w, _ := mustOpen(t, "d", quiet(fsys))
		ok(t, w.Append(nil, []*raftpb.Entry{entry(1, 1, "a")}))
		fsys.Fault = func(op, path string) error {
			if op == failing {
				return syscall.EIO
			}
			return nil
		}
		first := w.Sync()
		fsys.Fault = nil
		if !errors.Is(first, syscall.EIO) || !strings.Contains(first.Error(), "must stop") {
			t.Fatalf("%s: %v", failing, first)
		}
		for _, err := range []error{
			w.Sync(), w.Append(nil, []*raftpb.Entry{entry(2, 1, "b")}), w.SetMark(mark(1, 1)), w.Compact(0),
			w.Close(),
		} {
			if !errors.Is(err, first) {
				t.Errorf("%s: later %v", failing, err)
			}
		}
	}
}

// TestFullDiskPassesBy: when the next segment cannot be made, appending fails without a trace, and
// continues once there is space.
func TestFullDiskPassesBy(t *testing.T) {
	fsys := memfs.New()
	w, _ := mustOpen(t, "d", quiet(fsys))
	full := false
	fsys.Fault = func(op, path string) error {
		if full && strings.Contains(path, temporarySuffix) {
			return syscall.ENOSPC
		}
		return nil
	}
	var want model
	failures := 0
	for i := uint64(1); i <= 40; i++ {
		full = i > 4
		batch := []*raftpb.Entry{entry(i, 1, strings.Repeat("x", 1000))}
		err := w.Append(state(1, 1, 0), batch)
		if err != nil {
			if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "free space") {
				t.Fatalf("unclear error %v", err)
			}
			failures++
			full = false
			err = w.Append(state(1, 1, 0), batch)
		}
		ok(t, err)
		want = want.append(state(1, 1, 0), batch)
		ok(t, w.Sync())
	}
	if failures < 3 {
		t.Fatalf("only %d failures: the test does not bite", failures)
	}
	wantRestored(t, fsys, want)
	ok(t, w.Close())
}
