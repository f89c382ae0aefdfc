package raftlog

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"github.com/yakt/yakt/vfs/memfs"
)

// fakeClock is a clock that only its Sleep moves, and that counts the pauses.
type fakeClock struct {
	now    time.Time
	pauses int
	// pausing is called before each pause.
	pausing func()
}

func (f *fakeClock) clock() Clock {
	return Clock{
		Now: func() time.Time { return f.now },
		Sleep: func(_ context.Context, d time.Duration) {
			f.pauses++
			f.pausing()
			f.now = f.now.Add(d)
		},
	}
}

// TestPacedWriterWritesEverything: all bytes arrive with pauses or without, and at a pause the disk
// has all of them.
func TestPacedWriterWritesEverything(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx    context.Context
		pauses int
	}{"paced": {t.Context(), 5}, "ended": {ended, 0}} {
		fsys := memfs.New()
		f, err := fsys.Create("d/snapshot")
		if err != nil {
			t.Fatal(err)
		}
		if err := fsys.SyncDir("d"); err != nil {
			t.Fatal(err)
		}
		var want []byte
		clock := &fakeClock{now: time.Unix(1000, 0), pausing: func() {
			if got, _ := fsys.Crash(memfs.LoseAll).Content("d/snapshot"); !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes of %d are durable at a pause", name, len(got), len(want))
			}
		}}
		p := newPacedWriter(test.ctx, clock.clock(), &summingFile{File: f})
		piece := bytes.Repeat([]byte("abcdefg"), paceBytes/10)
		for range 10 {
			want = append(want, piece...)
			if n, err := p.Write(piece); n != len(piece) || err != nil {
				t.Fatal(name, n, err)
			}
		}
		if got, _ := fsys.Content("d/snapshot"); !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes of %d arrived", name, len(got), len(want))
		}
		if clock.pauses != test.pauses {
			t.Errorf("%s: %d pauses, want %d", name, clock.pauses, test.pauses)
		}
	}
}

// TestPacedReaderPauses: everything is read, with a pause after each paceBytes.
func TestPacedReaderPauses(t *testing.T) {
	t.Parallel()
	clock := &fakeClock{now: time.Unix(1000, 0), pausing: func() {}}
	content := bytes.Repeat([]byte{7}, 3*paceBytes+1)
	got := make([]byte, len(content))
	r := newPacedReader(t.Context(), clock.clock(), bytes.NewReader(content))
	_, err := io.ReadFull(r, got)
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes of %d, %v", len(got), len(content), err)
	}
	if clock.pauses != 3 {
		t.Errorf("%d pauses", clock.pauses)
	}
}
