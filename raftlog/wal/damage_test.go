package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/vfs/memfs"
)

// specimen is a log on disk, with all the states it went through, a list of which
// of them were synced, and whether its durable mark is exact or at its beginning.
type specimen struct {
	fs        *memfs.FS
	states    []string
	ends      []position // end of the log in each state
	lastStart int64      // where the last record begins
	lastGroup int        // the newest state before the last sync group
	full      string
	exact     bool
	sampled   bool
}

// makeSpecimen appends in sync groups of 1 to 3 batches of 1 to 3 entries; with
// two segments the first is sealed.
func makeSpecimen(t *testing.T, refuses memfs.Refusal, segments int, exact bool) specimen {
	fsys := memfs.New()
	fsys.Refuses = refuses
	o := quiet(fsys)
	o.MarkEvery = 1 << 30
	w, _ := mustOpen(t, "d", o)
	var m model
	sp := specimen{exact: exact, sampled: refuses != memfs.Nowhere}
	next := uint64(1)
	append1 := func(entries, size int) {
		var batch []*raftpb.Entry
		for range entries {
			batch = append(
				batch,
				entry(next, 1+next/20, fmt.Sprintf("%d:%s", next, strings.Repeat("v", size))),
			)
			next++
		}
		hs := state(1+next/20, 2, next/2)
		ok(t, w.Append(hs, batch))
		m = m.append(hs, batch)
		sp.states = append(sp.states, m.String())
		sp.ends = append(sp.ends, position{w.active.seq, w.active.off})
		sp.lastStart = w.active.off - recordBytes(len(batch[len(batch)-1].GetData()))
	}
	for group := range 6 {
		sp.lastGroup = len(sp.states) - 1
		for i := range 1 + group%3 {
			append1(1+(group+i)%3, 20*i)
		}
		ok(t, w.Sync())
		switch {
		case group == 2:
			ok(t, w.SetMark(mark(next-2, m.lastTerm())))
			m = m.setMark(mark(next-2, m.lastTerm()))
			sp.states = append(sp.states, m.String())
			sp.ends = append(sp.ends, position{w.active.seq, w.active.off})
		case group == 4 && segments == 2:
			append1(1, 2500)
		}
	}
	if got := len(w.sealed) + 1; got != segments {
		t.Fatalf("%d segments", got)
	}
	sp.full = m.String()
	if exact {
		ok(t, w.Close())
	} else {
		w.release()
	}
	sp.fs = fsys.Clone()
	return sp
}

// outcome of opening a damaged copy.
type outcome string

const (
	refused  outcome = "refused as corrupt"
	foreign  outcome = "refused as another's"
	harmless outcome = "harmless"
	cut      outcome = "cut as a torn tail"
)

// open opens a damaged copy and fails the test on wrong data, a panic, or a loss
// other than of a torn tail: states up to allowed may not be lost.
func (sp *specimen) open(t *testing.T, fsys *memfs.FS, allowed int, what string) outcome {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("%s: panic %v", what, p)
		}
	}()
	w, st, err := Open("d", quiet(fsys))
	if f, ok := errors.AsType[*ForeignError](err); ok {
		if !errors.Is(err, ErrForeign) || f.Path == "" || f.Found == f.Expected {
			t.Fatalf("%s: unclear error %v", what, err)
		}
		return foreign
	}
	if err != nil {
		var c *CorruptError
		if !errors.Is(err, ErrCorrupt) || !errors.As(err, &c) || c.Path == "" ||
			!strings.Contains(err.Error(), "keep d for inspection") {
			t.Fatalf("%s: unclear error %v", what, err)
		}
		return refused
	}
	w.release()
	got := stateString(st)
	if got == sp.full {
		return harmless
	}
	if sp.exact {
		t.Fatalf("%s: lost entries below an exact durable mark", what)
	}
	if !st.TornTail {
		t.Fatalf("%s: silently opened as\n%s", what, got)
	}
	for _, s := range sp.states[allowed:] {
		if got == s {
			return cut
		}
	}
	t.Fatalf("%s: opened as\n%swant at least\n%s", what, got, sp.states[allowed])
	return ""
}

func (sp *specimen) damaged(
	t *testing.T, path string, data []byte, allowed int, what string,
) outcome {
	t.Helper()
	after := memfs.New()
	for _, name := range sp.fs.Paths() {
		after.Put(name, content(sp.fs, name))
	}
	after.Put(path, data)
	return sp.open(t, after, allowed, path+": "+what)
}

func eachSpecimen(t *testing.T, test func(t *testing.T, sp specimen, counts map[outcome]int)) {
	for _, refuses := range []memfs.Refusal{memfs.Nowhere, memfs.AtOpen} {
		for _, segments := range []int{1, 2} {
			for _, exact := range []bool{false, true} {
				t.Run(
					fmt.Sprintf("%v,segments=%d,exact=%v", refuses, segments, exact),
					func(t *testing.T) {
						t.Parallel()
						counts := map[outcome]int{}
						test(t, makeSpecimen(t, refuses, segments, exact), counts)
						t.Logf("%v", counts)
					},
				)
			}
		}
	}
}

// TestEveryBitFlip: no flipped bit is mistaken for a torn write, not even above the durable mark,
// and nothing is lost or read back wrong.
func TestEveryBitFlip(t *testing.T) {
	eachSpecimen(t, func(t *testing.T, sp specimen, counts map[outcome]int) {
		for _, path := range sp.fs.Paths() {
			data := bytes.Clone(content(sp.fs, path))
			used := lastNonZero(data) + 128
			step := 1
			if sp.exact || sp.sampled {
				step = 5 // all below the mark, or the same bytes as another specimen's: a sample
			}
			for bit := 0; bit < min(used, len(data))*8; bit += step {
				if inBlockFiller(path, bit/8) && bit%256 != 0 {
					continue
				}
				data[bit/8] ^= 1 << (bit % 8)
				what := fmt.Sprintf("bit %d of byte %d", bit%8, bit/8)
				counts[sp.damaged(t, path, data, len(sp.states)-1, what)]++
				data[bit/8] ^= 1 << (bit % 8)
			}
		}
		if counts[refused] < 1000 || counts[cut] > 0 {
			t.Errorf("too few are refused: %v", counts)
		}
	})
}

// inBlockFiller: zeros under the checksum of a segment's header or a mark's slot;
// of those a few bits stand for all.
func inBlockFiller(path string, at int) bool {
	block := at < headerBytes || strings.HasSuffix(path, durableName)
	return block && at%headerBytes >= 110 && at%headerBytes < headerBytes-4
}

// TestEveryTruncation: segments have their size from the start, so a shorter one is damage.
func TestEveryTruncation(t *testing.T) {
	eachSpecimen(t, func(t *testing.T, sp specimen, counts map[outcome]int) {
		for _, path := range sp.fs.Paths() {
			data := content(sp.fs, path)
			used := lastNonZero(data) + 1
			for n := range data {
				if (n > used || inBlockFiller(path, n)) && n%64 != 0 {
					continue // zeros: a few lengths stand for all
				}
				got := sp.damaged(t, path, data[:n], 0, fmt.Sprintf("cut to %d bytes", n))
				if got != refused && strings.HasSuffix(path, segmentSuffix) {
					t.Fatalf("%s cut to %d bytes: %s", path, n, got)
				}
				counts[got]++
			}
		}
	})
}

// TestEveryZeroedSector: above an inexact mark a zeroed sector of the last sync
// group is what a power cut leaves; of anything before it is refused.
func TestEveryZeroedSector(t *testing.T) {
	eachSpecimen(t, func(t *testing.T, sp specimen, counts map[outcome]int) {
		for _, path := range sp.fs.Paths() {
			for from := 0; from < len(content(sp.fs, path)); from += sectorBytes {
				data := bytes.Clone(content(sp.fs, path))
				clear(data[from : from+sectorBytes])
				counts[sp.damaged(t, path, data, sp.survivors(path, from),
					fmt.Sprintf("sector at %d zeroed", from))]++
			}
		}
		if counts[refused] < 3 || counts[harmless] < 1 {
			t.Errorf("the damage does not bite: %v", counts)
		}
	})
}

// survivors is the newest state that may not be lost when the sector at from is
// zeroed: the one before the last sync group, or, if no record begins after the
// sector, the last that ends before it, because nothing that is left shows the loss.
func (sp *specimen) survivors(path string, from int) int {
	end := sp.ends[len(sp.ends)-1]
	if path != segmentPath("d", end.seq) || int64(from+sectorBytes) <= sp.lastStart {
		return sp.lastGroup
	}
	i := sp.lastGroup
	for i > 0 && sp.ends[i].seq == end.seq && sp.ends[i].offset > int64(from) {
		i--
	}
	return i
}

// TestForeignFiles: files missing, swapped, or of another log.
func TestForeignFiles(t *testing.T) {
	for _, exact := range []bool{false, true} {
		sp := makeSpecimen(t, memfs.Nowhere, 2, exact)
		other := makeSpecimen(t, memfs.AtOpen, 2, exact)
		for seq := range uint64(3) {
			path, spare := segmentPath("d", seq+1), seq == 2
			fsys := sp.fs.Clone()
			fsys.Delete(path)
			if got := sp.open(t, fsys, 0, path+" missing"); got != refused && !spare {
				t.Errorf("%s missing: %s", path, got)
			}
			if got := sp.damaged(t, path, content(other.fs, path), 0, "of another log"); got != foreign {
				t.Errorf("%s of another log: %s", path, got)
			}
			swapped := segmentPath("d", (seq+1)%3+1)
			if got := sp.damaged(t, path, content(sp.fs, swapped), 0, "replaced"); got != refused {
				t.Errorf("%s replaced by %s: %s", path, swapped, got)
			}
		}
		fsys := sp.fs.Clone()
		fsys.Delete("d/" + durableName)
		if got := sp.open(t, fsys, 0, "no mark"); got != refused {
			t.Errorf("the durable mark is missing: %s", got)
		}
	}
}

// TestOneSlotLostAfterCompact: what compaction removed is not missed, whichever
// slot of the durable mark is left.
func TestOneSlotLostAfterCompact(t *testing.T) {
	fsys := memfs.New()
	w, _ := mustOpen(t, "d", quiet(fsys))
	var want model
	for i := uint64(1); i <= 30; i++ {
		batch := []*raftpb.Entry{entry(i, 1, strings.Repeat("x", 500))}
		ok(t, w.Append(nil, batch))
		want = want.append(nil, batch)
	}
	ok(t, w.SetMark(mark(30, 1)))
	want = want.setMark(mark(30, 1))
	ok(t, w.Compact(31))
	w.release()
	for slot := range 2 {
		after := fsys.Clone()
		clear(content(after, "d/"+durableName)[slot*slotBytes:][:slotBytes])
		w, st := mustOpen(t, "d", quiet(after))
		wantState(t, st, want)
		w.release()
	}
}

// TestScanRefuses: records that verify one by one and still are no log.
func TestScanRefuses(t *testing.T) {
	seal := binary.LittleEndian.AppendUint64(nil, 3)
	head := record{typ: typeHead, index: 1, payload: make([]byte, 4)}
	one := record{typ: typeEntry, index: 1, term: 1, flags: flagBatchEnd}
	for name, test := range map[string]struct {
		records []record
		broken  int // record whose chain is wrong
		garbage bool
	}{
		"chain": {
			records: []record{head, one, {typ: typeEntry, index: 2, term: 1, flags: flagBatchEnd}},
			broken:  2,
		},
		"second head":  {records: []record{head, one, head}},
		"no head":      {records: []record{one}},
		"gap":          {records: []record{head, one, {typ: typeEntry, index: 3, flags: flagBatchEnd}}},
		"unknown type": {records: []record{head, one, {typ: 9, flags: flagBatchEnd}}},
		"unknown flag": {
			records: []record{head, one, {typ: typeEntry, index: 2, flags: 64 | flagBatchEnd}},
		},
		"mark to come": {records: []record{
			head, one, {typ: typeMark, index: 5, payload: make([]byte, 12), flags: flagBatchEnd},
		}},
		"short mark": {records: []record{
			head, one, {typ: typeMark, index: 1, payload: make([]byte, 3), flags: flagBatchEnd},
		}},
		"sealed count": {records: []record{
			head, one, {typ: typeSeal, index: 1, payload: make([]byte, 8), flags: flagBatchEnd},
		}},
		"sealed index": {
			records: []record{head, one, {typ: typeSeal, index: 7, payload: seal, flags: flagBatchEnd}},
		},
		"after the seal": {
			records: []record{head, one, {typ: typeSeal, index: 1, payload: seal, flags: flagBatchEnd}},
			garbage: true,
		},
	} {
		h := segmentHeader{version: formatVersion, seq: 1, salt: fuzzSalt, size: minSegmentBytes}
		m := &image{segmentHeader: h, buf: h.encode()}
		chain := chainStart(m.buf)
		for i, r := range test.records {
			r.chain = chain
			if i > 0 && i == test.broken {
				r.chain++
			}
			if i == len(test.records)-1 {
				r.flags |= flagBatchEnd
			}
			m.buf, chain = appendRecord(m.buf, &r, fuzzSalt)
		}
		m.buf = append(m.buf, make([]byte, minSegmentBytes-len(m.buf))...)
		if test.garbage {
			m.buf[minSegmentBytes-100] = 1
		}
		var r replay
		r.begin(0, m.segmentHeader)
		s, err := m.scan(r.apply)
		if err == nil && s.sealed {
			err = m.verifySealed(&s)
		}
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
