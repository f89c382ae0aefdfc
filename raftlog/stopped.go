package raftlog

import (
	"fmt"
	"path/filepath"

	"github.com/yakt/yakt/protocol/batch"
	"github.com/yakt/yakt/raftlog/wal"
)

// Stopped is the log of a node that does not run.
type Stopped struct {
	// Snapshot is the path of the checkpoint file that the log starts from, "" if there is none, and
	// End and Epoch its name.
	Snapshot string
	End      int64
	Epoch    int32
	// Batches follow the snapshot, with base offsets and epochs, committed or not.
	Batches [][]byte
}

// ReadStopped reads the log in a directory that no node has open, and changes nothing. The
// snapshot's file is not looked at.
func ReadStopped(dir string) (*Stopped, error) {
	st, err := wal.Read(filepath.Join(dir, walDir))
	if err != nil {
		return nil, fmt.Errorf("raftlog: reading the write-ahead log: %w", err)
	}
	s := &Stopped{End: st.Mark.EndOffset, Epoch: st.Mark.Epoch}
	if st.Mark.Index > 0 {
		s.Snapshot = filepath.Join(dir, snapshotID{s.End, s.Epoch}.file())
	}
	base := s.End
	for _, e := range st.Entries {
		err := eachBatch(e, func(b batch.Batch) error {
			s.Batches = append(s.Batches, b.At(base, int32(e.GetTerm())))
			base += b.Offsets()
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("raftlog: entry %d: %w", e.GetIndex(), err)
		}
	}
	return s, nil
}
