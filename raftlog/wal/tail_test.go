package wal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/vfs/memfs"
)

// garbage are contents of a block that no power cut leaves: no sector of them is zero.
var garbage = map[string]func(data []byte, from, size int) []byte{
	"ones": func(_ []byte, _, size int) []byte { return bytes.Repeat([]byte{0xff}, size) },
	"noise": func(_ []byte, from, size int) []byte {
		rng, b := rand.New(rand.NewPCG(uint64(from), uint64(size))), make([]byte, size)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	},
	"a byte in each sector": func(_ []byte, _, size int) []byte {
		b := make([]byte, size)
		for at := sectorBytes - 1; at < size; at += sectorBytes {
			b[at] = 1
		}
		return b
	},
	"the segment's own header": func(data []byte, _, size int) []byte {
		return append(bytes.Repeat([]byte{1}, size-40), data[:40]...)
	},
	"its first records": func(data []byte, _, size int) []byte {
		b := append([]byte{1}, data[headerBytes:]...) // the spare segment has none
		b = bytes.TrimPrefix(b[:lastNonZero(b)+1], []byte{1})
		if len(b) == 0 {
			b = []byte{1}
		}
		return bytes.Repeat(b, size/len(b)+1)[:size]
	},
	"shifted by a record's alignment": func(data []byte, from, size int) []byte {
		b := bytes.Clone(data[from-recordAlign:][:size])
		for at := 0; at < size; at += sectorBytes {
			b[at] |= 1
		}
		return b
	},
}

// TestEveryGarbageBlock: a block of other bytes is damage wherever it lies, above the durable mark
// too; after the end of the log nothing is lost with it.
func TestEveryGarbageBlock(t *testing.T) {
	eachSpecimen(t, func(t *testing.T, sp specimen, counts map[outcome]int) {
		for _, path := range sp.fs.Paths() {
			data := content(sp.fs, path)
			for _, size := range []int{sectorBytes, blockBytes} {
				first := 0
				if strings.HasSuffix(path, segmentSuffix) {
					first = headerBytes
				}
				for from := first; from < len(data); from += size {
					for name, fill := range garbage {
						if strings.HasSuffix(path, durableName) && from == 0 && name != "ones" &&
							name != "noise" {
							continue
						}
						spoiled := bytes.Clone(data)
						copy(spoiled[from:], fill(data, max(from, recordAlign), size))
						if bytes.Equal(spoiled, data) {
							continue
						}
						what := fmt.Sprintf("%d bytes at %d: %s", size, from, name)
						counts[sp.damaged(t, path, spoiled, len(sp.states)-1, what)]++
					}
				}
			}
		}
		if counts[cut] > 0 || counts[refused] < 20 {
			t.Errorf("%v", counts)
		}
	})
}

// zeroTails opens copies of a log whose last segment is zero from each sector on.
func zeroTails(t *testing.T, fsys *memfs.FS, try func(from int64, fsys *memfs.FS)) {
	t.Helper()
	paths := slices.DeleteFunc(fsys.Paths(), func(path string) bool {
		b := content(fsys, path)
		return !strings.HasSuffix(path, segmentSuffix) || lastNonZero(b) < headerBytes
	})
	path := paths[len(paths)-1]
	for from := headerBytes; from < len(content(fsys, path)); from += sectorBytes {
		spoiled := fsys.Clone()
		clear(content(spoiled, path)[from:])
		try(int64(from), spoiled)
	}
}

// TestZeroedTailAtRest: the mark of a log that nobody has appended to for a moment is exact, so
// that a tail of zeros, from whichever sector on, is not taken for a write that a power cut tore.
func TestZeroedTailAtRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fsys := memfs.New()
		o := quiet(fsys)
		o.inline = false
		w, _ := mustOpen(t, "d", o)
		var want model
		for i := uint64(1); i <= 23; i++ {
			batch := []*raftpb.Entry{entry(i, 1, strings.Repeat("x", 100))}
			ok(t, w.Append(nil, batch))
			ok(t, w.Sync())
			want = want.append(nil, batch)
		}
		end := w.active.off
		<-time.After(2 * markIdle)
		synctest.Wait()
		counts := map[outcome]int{}
		sp := specimen{exact: true, full: want.String(), states: []string{want.String()}}
		zeroTails(t, fsys.Clone(), func(from int64, fsys *memfs.FS) {
			got := sp.open(t, fsys, 0, fmt.Sprintf("zero from %d", from))
			if counts[got]++; (got == refused) != (from < end) {
				t.Errorf("zero from %d of %d: %s", from, end, got)
			}
		})
		t.Logf("%v", counts)
		ok(t, w.Close())
	})
}

// TestZeroedTailUnderLoad: while appends follow one another the mark trails by MarkEvery syncs at
// most. A tail of zeros is cut down to it and no further, and the state says so.
func TestZeroedTailUnderLoad(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, refuses memfs.Refusal) {
		fsys := memfs.New()
		fsys.Refuses = refuses
		o := quiet(fsys)
		o.MarkEvery = 8
		w, _ := mustOpen(t, "d", o)
		states, ends := []model{{}}, []int64{w.active.off}
		for i := uint64(1); i <= 23; i++ {
			batch := []*raftpb.Entry{entry(i, 1, strings.Repeat("x", 60))}
			ok(t, w.Append(nil, batch))
			ok(t, w.Sync())
			states = append(states, states[i-1].append(nil, batch))
			ends = append(ends, w.active.off)
		}
		marked := w.marker.mark.synced.offset
		w.release()
		counts := map[outcome]int{}
		zeroTails(t, fsys.Clone(), func(from int64, fsys *memfs.FS) {
			w, st, err := Open("d", quiet(fsys))
			if err != nil {
				if counts[refused]++; from >= marked {
					t.Errorf("zero from %d, marked up to %d: %v", from, marked, err)
				}
				return
			}
			w.release()
			left := len(st.Entries)
			lost := len(states) - 1 - left
			switch {
			case stateString(st) != states[left].String():
				t.Fatalf("zero from %d: opened as\n%s", from, stateString(st))
			case from < marked || lost > 8 || st.TornTail != (from < ends[len(ends)-1] && from > ends[left]):
				t.Errorf(
					"zero from %d, marked up to %d: %d lost, torn %v", from, marked, lost,
					st.TornTail,
				)
			case st.TornTail && (st.Cut.Offset != ends[left] || st.Cut.Bytes <= 0 ||
				st.Cut.Durable < marked || st.Cut.Path != w.active.path):
				t.Errorf("zero from %d: cut %+v", from, st.Cut)
			}
			counts[cut]++
		})
		t.Logf("%v, mark at %d of %d", counts, marked, ends[len(ends)-1])
	})
}
