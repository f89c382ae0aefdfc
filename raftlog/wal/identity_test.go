package wal

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/vfs/memfs"
)

// TestForeignLog: a log is opened for nobody but its owner, and is not touched.
func TestForeignLog(t *testing.T) {
	t.Parallel()
	fsys := memfs.New()
	o := quiet(fsys)
	w, made := mustOpen(t, "d", o)
	ok(t, w.Append(nil, []*raftpb.Entry{entry(1, 1, "mine")}))
	ok(t, w.Close())
	before := fsys.Clone()
	for what, change := range map[string]func(*Identity){
		"cluster":   func(i *Identity) { i.ClusterID = "another" },
		"node":      func(i *Identity) { i.NodeID = 4 },
		"directory": func(i *Identity) { i.DirectoryID[15] = 9 },
		"nobody":    func(i *Identity) { *i = Identity{} },
	} {
		other := o
		change(&other.Identity)
		_, _, err := Open("d", other)
		f, is := errors.AsType[*ForeignError](err)
		if !is || !errors.Is(err, ErrForeign) ||
			f.Found.Identity != o.Identity || f.Expected.Identity != other.Identity {
			t.Fatalf("%s: %v", what, err)
		}
		for _, side := range []string{f.Found.String(), f.Expected.String(), "d/" + durableName} {
			if !strings.Contains(err.Error(), side) {
				t.Errorf("%s: %q is not named by %v", what, side, err)
			}
		}
	}
	for _, path := range before.Paths() {
		if !bytes.Equal(content(fsys, path), content(before, path)) {
			t.Errorf("%s was changed", path)
		}
	}
	w, again := mustOpen(t, "d", o)
	if again.Incarnation != made.Incarnation || len(again.Entries) != 1 {
		t.Errorf("its owner finds %+v", again)
	}
	ok(t, w.Close())
	_, second := mustOpen(t, "d", quiet(memfs.New()))
	if second.Incarnation == made.Incarnation {
		t.Error("a log made a second time has the same incarnation")
	}
	o.Identity.ClusterID = strings.Repeat("c", MaxClusterIDBytes+1)
	if _, _, err := Open("d", o); err == nil || !strings.Contains(err.Error(), "256") {
		t.Errorf("a cluster id that is too long: %v", err)
	}
}

// TestLongestClusterID survives, in the mark and in the segments.
func TestLongestClusterID(t *testing.T) {
	t.Parallel()
	o := quiet(memfs.New())
	o.Identity.ClusterID = strings.Repeat("\xff", MaxClusterIDBytes)
	o.Identity.NodeID = -1
	w, _ := mustOpen(t, "d", o)
	note := bytes.Repeat([]byte{0xee}, MaxNoteBytes)
	ok(t, w.SetNote(note, true))
	ok(t, w.Close())
	w, st := mustOpen(t, "d", o)
	if !bytes.Equal(st.Note, note) {
		t.Errorf("the note came back with %d bytes", len(st.Note))
	}
	ok(t, w.Close())
}

// TestFilesOfTwoNodes puts every file of one node's log in place of every file of another's, of the
// same shape and of the same cluster: refused, always with both sides where the file is whole.
func TestFilesOfTwoNodes(t *testing.T) {
	t.Parallel()
	mine, theirs := makeSpecimen(t, memfs.Nowhere, 2, true), memfs.New()
	o := quiet(theirs)
	o.Identity.NodeID = 4
	w, _ := mustOpen(t, "d", o)
	for i := uint64(1); i <= 8; i++ {
		ok(t, w.Append(nil, []*raftpb.Entry{entry(i, 1, strings.Repeat("y", 900))}))
	}
	ok(t, w.Close())
	counts := map[outcome]int{}
	for _, from := range theirs.Paths() {
		for _, to := range mine.fs.Paths() {
			got := mine.damaged(t, to, content(theirs, from), 0, "replaced by another node's "+from)
			if counts[got]++; got != foreign && got != refused || from == to && got != foreign {
				t.Errorf("%s as %s: %s", from, to, got)
			}
		}
	}
	t.Logf("%v", counts)
}
