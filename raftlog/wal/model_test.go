package wal

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
	"go.uber.org/goleak"

	"github.com/yakt/yakt/vfs"
	"github.com/yakt/yakt/vfs/memfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// model is the log as a plain value: a batch or a mark makes a new one.
type model struct {
	hs      hardState
	mark    Mark
	entries []*raftpb.Entry // after mark
}

func (m model) last() uint64 { return m.mark.Index + uint64(len(m.entries)) }

func (m model) lastTerm() uint64 {
	if len(m.entries) == 0 {
		return m.mark.Term
	}
	return m.entries[len(m.entries)-1].GetTerm()
}

func (m model) append(hs *raftpb.HardState, entries []*raftpb.Entry) model {
	if hs != nil {
		m.hs = hardState{hs.GetTerm(), hs.GetVote(), hs.GetCommit()}
	}
	if len(entries) > 0 {
		keep := entries[0].GetIndex() - m.mark.Index - 1
		m.entries = append(slices.Clone(m.entries[:keep]), entries...)
	}
	return m
}

func (m model) setMark(k Mark) model {
	at := int(k.Index) - int(m.mark.Index)
	switch {
	case at == 0 && k.Term == m.mark.Term:
	case at > 0 && at <= len(m.entries) && m.entries[at-1].GetTerm() == k.Term:
		m.entries = m.entries[at:]
	default:
		m.entries = nil
	}
	m.mark = k
	return m
}

// String is what two equal logs have equal.
func (m model) String() string {
	hs := m.hs
	if hs.term < m.mark.Term {
		hs.term, hs.vote = m.mark.Term, 0
	}
	hs.commit = max(hs.commit, m.mark.Index)
	return describe(hs, m.mark, m.entries)
}

func stateString(st State) string {
	return describe(hardState{st.HardState.GetTerm(), st.HardState.GetVote(), st.HardState.GetCommit()}, st.Mark, st.Entries)
}

func describe(hs hardState, k Mark, entries []*raftpb.Entry) string {
	var b strings.Builder
	fmt.Fprintf(&b, "hs %+v mark %d/%d end %d epoch %d voters %v learners %v",
		hs, k.Index, k.Term, k.EndOffset, k.Epoch, k.ConfState.GetVoters(), k.ConfState.GetLearners())
	if k.File != (FileSum{}) || k.Hash != (LogHash{}) {
		fmt.Fprintf(&b, " file %+v hash %+v", k.File, k.Hash)
	}
	b.WriteByte('\n')
	for _, e := range entries {
		fmt.Fprintf(&b, "%d/%d %v %q\n", e.GetIndex(), e.GetTerm(), e.GetType(), e.GetData())
	}
	return b.String()
}

func entry(index, term uint64, data string) *raftpb.Entry {
	e := &raftpb.Entry{Index: &index, Term: &term}
	if data != "" {
		e.Data = []byte(data)
	}
	return e
}

func state(term, vote, commit uint64) *raftpb.HardState {
	return &raftpb.HardState{Term: &term, Vote: &vote, Commit: &commit}
}

func mark(index, term uint64) Mark {
	return Mark{Index: index, Term: term, EndOffset: int64(index) * 10, Epoch: int32(term),
		File:      FileSum{Bytes: int64(index) * 100, CRC: uint32(index*7 + term)},
		Hash:      LogHash{Chain: term, Sum: index * 31},
		ConfState: &raftpb.ConfState{Voters: []uint64{1, 2, 3}, Learners: []uint64{9}}}
}

var testIdentity = Identity{ClusterID: "a cluster", NodeID: 3, DirectoryID: [16]byte{1, 2, 3}}

// quiet is a deterministic log on fsys with small segments.
// content returns a file's bytes, nil if there is none; see memfs.FS.Content.
func content(fsys *memfs.FS, path string) []byte {
	b, _ := fsys.Content(path)
	return b
}

func quiet(fsys vfs.FS) Options {
	return Options{SegmentBytes: minSegmentBytes, FS: fsys, Identity: testIdentity, inline: true,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

func mustOpen(t testing.TB, dir string, o Options) (*WAL, State) {
	t.Helper()
	w, st, err := Open(dir, o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return w, st
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantState(t testing.TB, st State, want model) {
	t.Helper()
	if got := stateString(st); got != want.String() {
		t.Fatalf("got\n%swant\n%s", got, want)
	}
}
