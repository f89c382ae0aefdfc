package wal

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/yakt/yakt/vfs"
)

func TestInspect(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "wal")
	inspected := func(what string, want Info, wantErr error) {
		t.Helper()
		got, err := Inspect(dir)
		if !errors.Is(err, wantErr) || wantErr == nil && err != nil {
			t.Fatalf("%s: error %v", what, err)
		}
		if got.Exists != want.Exists || got.Segments != want.Segments || got.Marked != want.Marked ||
			!slices.Equal(got.Others, want.Others) || got.Owner != want.Owner ||
			got.Version != want.Version || string(got.Note) != string(want.Note) {
			t.Fatalf("%s: got %+v, want %+v", what, got, want)
		}
	}
	inspected("missing", Info{}, nil)
	ok(t, os.Mkdir(dir, 0o700))
	inspected("empty", Info{Exists: true}, nil)
	o := quiet(vfs.OS{})
	w, st := mustOpen(t, dir, o)
	ok(t, w.SetNote([]byte("note"), true))
	want := Info{Exists: true, Segments: 2, Marked: true, Version: formatVersion,
		Owner: Owner{testIdentity, st.Incarnation}, Note: []byte("note")}
	inspected("open", want, nil)
	ok(t, w.Close())
	ok(t, os.WriteFile(filepath.Join(dir, "stray"), nil, 0o600))
	ok(t, os.WriteFile(segmentPath(dir, 9)+temporarySuffix, nil, 0o600))
	want.Others = []string{"stray"}
	inspected("closed", want, nil)
	mark := filepath.Join(dir, durableName)
	b, err := os.ReadFile(mark)
	ok(t, err)
	ok(t, os.WriteFile(mark, b[:slotBytes/2], 0o600))
	spoiled := Info{Exists: true, Segments: 2, Marked: true, Others: want.Others}
	inspected("cut mark", spoiled, ErrCorrupt)
	ok(t, os.Remove(mark))
	inspected("no mark", Info{Exists: true, Segments: 2, Others: want.Others}, ErrCorrupt)
	dir = filepath.Join("testdata", "version1", "closed")
	inspected("version 1", Info{Exists: true, Segments: 4, Marked: true, Version: 1}, nil)
}
