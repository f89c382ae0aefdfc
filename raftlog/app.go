package raftlog

import "io"

// Index counts raft entries. Offsets (int64) count records; the two are never mixed.
type Index uint64

// App is the state machine above the log. One goroutine of the log makes all calls, in order; only
// the first LoadSnapshot comes from Open, before any other call. They must not block, and may call
// the log.
type App interface {
	// Committed delivers whole, finished record batches of format 2 in log order, with base offset
	// and leader epoch set. The bytes are shared and must not be changed.
	Committed(batches [][]byte)
	// LeaderChanged reports who leads; leader is -1 when unknown. This node's own id is reported
	// only after the first batch of its own epoch (EpochStart) was delivered to Committed; the loss
	// of leadership is reported at once.
	LeaderChanged(leader, epoch int32)
	// LoadSnapshot replaces all state, at a start or when a lagging node catches up. open may be
	// called until it returns.
	LoadSnapshot(endOffset int64, epoch int32, open func() (io.ReadCloser, error)) error
	// Snapshot names the newest state that can be written: the state at the end of one call of
	// Committed, or of LoadSnapshot. A call may deliver several batches of one entry, and the log
	// cannot be cut between them. epoch is that of the last batch; endOffset 0 means that there is
	// nothing to write. write runs later, on another goroutine.
	Snapshot() (endOffset int64, epoch int32, write func(io.Writer) error)
	// EpochStart returns the control batch with which a new leader begins its epoch (LeaderChange;
	// if first is true, because the log is empty, also KRaftVersion and Voters). The log owns the
	// bytes from then on and sets base offset and epoch.
	EpochStart(epoch int32, first bool) []byte
}
