package raftlog

import (
	"fmt"
	"path/filepath"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/raftlog/wal"
)

type (
	mark     = wal.Mark
	walState = wal.State
)

// disk is what the writer needs of the write-ahead log: the boundary where tests inject faults.
// One goroutine at a time.
type disk interface {
	Append(hs *raftpb.HardState, entries []*raftpb.Entry) error
	Sync() error
	SetMark(m mark) error
	Compact(firstIndex uint64) error
	SetNote(note []byte, sync bool) error // from any goroutine
	Close() error
}

func openWAL(cfg Config) (disk, walState, error) {
	w, st, err := wal.Open(filepath.Join(cfg.Dir, walDir), wal.Options{
		Identity:     wal.Identity{ClusterID: cfg.ClusterID, NodeID: cfg.NodeID, DirectoryID: cfg.DirectoryID},
		SegmentBytes: cfg.SegmentBytes, FS: cfg.FS, Logger: cfg.Logger,
	})
	if err != nil {
		return nil, walState{}, fmt.Errorf("raftlog: opening the write-ahead log: %w", err)
	}
	return w, st, nil
}
