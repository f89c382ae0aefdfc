package raftlog

import "go.etcd.io/raft/v3/raftpb"

// CaughtUp returns an offset up to which the application has to apply the log to have caught up
// with the quorum once since this start: everything that was committed when a leader first sent
// entries to this replica, or when this replica claimed its first epoch. Until then ok is false:
// what this replica has on its disk may be old. It stays true.
func (l *Log) CaughtUp() (offset int64, ok bool) {
	l.mu.Lock()
	ok = l.core.caughtUp()
	l.mu.Unlock()
	l.view.mu.RLock()
	defer l.view.mu.RUnlock()
	return l.view.end, ok
}

func (c *core) caughtUp() bool { return c.told != 0 && c.applied >= c.told }

// hearCommit keeps the leader's commit index that comes with entries, also with none. That of a
// heartbeat does not count: it is at most what this replica has acknowledged. A leader sends
// entries at the latest with the next record, such as a NoOp.
func (c *core) hearCommit(m *raftpb.Message) {
	if c.told == 0 && m.GetType() == raftpb.MsgApp && m.GetTerm() == c.term {
		c.told = max(m.GetCommit(), 1)
	}
}
