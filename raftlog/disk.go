package raftlog

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/raftlog/wal"
)

// walDir is the folder of the write-ahead log inside the log's directory.
const walDir = "wal"

type (
	mark     = wal.Mark
	walState = wal.State
)

// disk is the part of the write-ahead log that the writer uses, an interface so that tests can
// inject faults. It is used by one goroutine at a time, except for SetNote.
type disk interface {
	Append(hs *raftpb.HardState, entries []*raftpb.Entry) error
	Sync() error
	SetMark(m mark) error
	Compact(firstIndex uint64) error
	SetNote(note []byte, sync bool) error // from any goroutine
	Close() error
}

// openDisk reads snapshots and write-ahead log and verifies that they belong together. On the very
// first start it persists the configured voters, so that a later configuration cannot change them.
func openDisk(cfg Config) (*snapshots, walState, disk, error) {
	if err := cfg.FS.MkdirAll(cfg.Dir); err != nil {
		return nil, walState{}, nil, fmt.Errorf("raftlog: making the log's directory: %w", err)
	}
	snaps, err := openSnapshots(cfg)
	if err != nil {
		return nil, walState{}, nil, err
	}
	d, st, err := openWAL(cfg)
	if err != nil {
		return nil, walState{}, nil, err
	}
	fresh := st.Mark.ConfState == nil
	sum, err := snaps.verifyStart(st.Mark)
	switch {
	case err != nil:
	case fresh:
		st.Mark, err = found(cfg, st, d)
	default:
		err = checkVoters(cfg, st.Mark)
	}
	if err == nil && st.Mark.File != sum {
		st.Mark.File = sum
		err = bindMark(cfg, d, st.Mark)
	}
	if err != nil {
		return nil, walState{}, nil, errors.Join(err, d.Close())
	}
	if st.TornTail {
		cfg.Logger.Warn("the end of the log was cut off: if more was acknowledged than is left, "+
			"the other voters refuse this node", "cut", st.Cut.String())
	}
	cfg.Logger.Info(
		"log opened", "dir", cfg.Dir, "new", fresh, "snapshot",
		snapshotID{st.Mark.EndOffset, st.Mark.Epoch}.String(), "entries", len(st.Entries), "epoch",
		st.HardState.GetTerm(), "voters", nodeIDs(st.Mark.ConfState.GetVoters()),
	)
	return snaps, st, d, nil
}

// found persists the first members of a new log, at index 0.
func found(cfg Config, st walState, d disk) (mark, error) {
	if len(st.Entries) > 0 || st.HardState.GetTerm() > 0 {
		return mark{}, fmt.Errorf("raftlog: the log in %s has entries but no members", cfg.Dir)
	}
	if len(cfg.Voters) == 0 {
		return mark{}, fmt.Errorf(
			"raftlog: %s holds no log yet, and no first voters are configured", cfg.Dir,
		)
	}
	m := mark{ConfState: &raftpb.ConfState{}}
	for _, v := range cfg.Voters {
		m.ConfState.Voters = append(m.ConfState.Voters, raftID(v))
	}
	if err := d.SetMark(m); err != nil {
		return mark{}, fmt.Errorf("raftlog: writing the first members: %w", err)
	}
	return m, nil
}

// VotersError reports that a node is configured with other voters than its log has.
type VotersError struct{ Configured, Log []int32 }

// Error implements error.
func (e *VotersError) Error() string {
	return fmt.Sprintf(
		"raftlog: the configured voters are %v, but the log on this node's disk has the "+
			"voters %v: configure those of the log; this release cannot "+
			"change the members of a quorum",
		e.Configured, e.Log,
	)
}

// checkVoters compares the voters at the start of the log with the configured ones.
func checkVoters(cfg Config, m mark) error {
	voters := nodeIDs(m.ConfState.GetVoters())
	slices.Sort(voters)
	if len(cfg.Voters) == 0 || slices.Equal(cfg.Voters, voters) {
		return nil
	}
	return &VotersError{Configured: cfg.Voters, Log: voters}
}

func nodeIDs(ids []uint64) []int32 {
	nodes := make([]int32, len(ids))
	for i, id := range ids {
		nodes[i] = nodeID(id)
	}
	return nodes
}

func openWAL(cfg Config) (disk, walState, error) {
	w, st, err := wal.Open(filepath.Join(cfg.Dir, walDir), wal.Options{
		Identity: wal.Identity{
			ClusterID: cfg.ClusterID, NodeID: cfg.NodeID, DirectoryID: cfg.DirectoryID,
		},
		SegmentBytes: cfg.SegmentBytes, FS: cfg.FS, Logger: cfg.Logger,
	})
	if err != nil {
		return nil, walState{}, fmt.Errorf("raftlog: opening the write-ahead log: %w", err)
	}
	return w, st, nil
}
