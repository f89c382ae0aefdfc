package raftlog

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
)

// What is written is what arrives, rested between or not.
func TestPacedWriterWritesEverything(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, ctx := range map[string]context.Context{"rests": t.Context(), "hurries": ended} {
		f, err := os.Create(filepath.Join(t.TempDir(), "snapshot"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		piece := bytes.Repeat([]byte("abcdefg"), paceBytes/20)
		p, want := newPacedWriter(ctx, f), []byte(nil)
		for range 10 {
			if n, err := p.Write(piece); n != len(piece) || err != nil {
				t.Fatal(name, n, err)
			}
			want = append(want, piece...)
		}
		if got, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(want), err)
		}
	}
}
