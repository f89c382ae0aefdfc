package raftlog

import (
	"errors"
	"reflect"
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/raftlog/wal"
)

func offeredMark() mark {
	return mark{
		Index: 7, Term: 3, EndOffset: 40, Epoch: 2,
		ConfState: &raftpb.ConfState{Voters: []uint64{1, 2}},
		File:      wal.FileSum{Bytes: 1 << 40, CRC: 0xfedcba98},
		Hash:      wal.LogHash{Chain: 1 << 63, Sum: 5},
	}
}

func TestSnapshotDataNamesTheFile(t *testing.T) {
	t.Parallel()
	want := offeredMark()
	got, err := snapshotMark(markSnapshot(want))
	if err != nil {
		t.Fatal(err)
	}
	got.ConfState, want.ConfState = nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestSnapshotDataIsStrict(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(b []byte) []byte{
		"the data of release 1": func(b []byte) []byte { b[0] = 1; return b[:13] },
		"another version":       func(b []byte) []byte { b[0]++; return b },
		"a byte less":           func(b []byte) []byte { return b[:len(b)-1] },
		"a byte more":           func(b []byte) []byte { return append(b, 0) },
		"none":                  func([]byte) []byte { return nil },
		"a negative end":        func(b []byte) []byte { b[1] |= 0x80; return b },
		"a negative epoch":      func(b []byte) []byte { b[9] |= 0x80; return b },
		"a negative size":       func(b []byte) []byte { b[13] |= 0x80; return b },
	} {
		s := markSnapshot(offeredMark())
		s.Data = damage(s.Data)
		if m, err := snapshotMark(s); err == nil {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

// TestBadSnapshotIsNotOffered: raft keeps asking, until another one is marked.
func TestBadSnapshotIsNotOffered(t *testing.T) {
	t.Parallel()
	s := &storage{mark: offeredMark(), withheld: true}
	if got, err := s.Snapshot(); !errors.Is(err, raft.ErrSnapshotTemporarilyUnavailable) {
		t.Errorf("%v, %v", got, err)
	}
	s.withheld = false
	if _, err := s.Snapshot(); err != nil {
		t.Error(err)
	}
}
