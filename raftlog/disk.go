package raftlog

import (
	"errors"
	"fmt"
	"os"

	"go.etcd.io/raft/v3/raftpb"
)

// walDir is the folder of the write-ahead log inside the log's directory.
const walDir = "wal"

// openDisk reads what is on disk and makes sure that it fits together. On the very first start it writes down the
// configured voters, so that a later configuration cannot change them.
func openDisk(cfg Config) (*snapshots, walState, disk, error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, walState{}, nil, fmt.Errorf("raftlog: making the log's directory: %w", err)
	}
	snaps, err := openSnapshots(cfg.Dir, cfg.SnapshotsKept, cfg.Logger)
	if err != nil {
		return nil, walState{}, nil, err
	}
	d, st, err := openWAL(cfg)
	if err != nil {
		return nil, walState{}, nil, err
	}
	fresh := st.Mark.ConfState == nil
	sum, err := snaps.settle(st.Mark)
	switch {
	case err != nil:
	case fresh:
		st.Mark, err = found(cfg, st, d)
	case st.Mark.File != sum:
		st.Mark.File = sum
		err = bindMark(cfg, d, st.Mark)
	}
	if err != nil {
		return nil, walState{}, nil, errors.Join(err, d.Close())
	}
	if st.TornTail {
		cfg.Logger.Warn("a write that was cut short by a crash was removed from the end of the log; it had not been acknowledged")
	}
	cfg.Logger.Info("log opened", "dir", cfg.Dir, "new", fresh, "snapshot", snapshotID{st.Mark.EndOffset, st.Mark.Epoch}.String(),
		"entries", len(st.Entries), "epoch", st.HardState.GetTerm(), "voters", nodeIDs(st.Mark.ConfState.GetVoters()))
	return snaps, st, d, nil
}

// found writes down the first members of a new log, at index 0.
func found(cfg Config, st walState, d disk) (mark, error) {
	if len(st.Entries) > 0 || st.HardState.GetTerm() > 0 {
		return mark{}, fmt.Errorf("raftlog: the log in %s has entries but no members", cfg.Dir)
	}
	if len(cfg.Voters) == 0 {
		return mark{}, fmt.Errorf("raftlog: %s holds no log yet, and no first voters are configured", cfg.Dir)
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

func nodeIDs(ids []uint64) []int32 {
	nodes := make([]int32, len(ids))
	for i, id := range ids {
		nodes[i] = nodeID(id)
	}
	return nodes
}
