package raftlog

import (
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// snapshotAccepted follows up on an answer of a follower that was offered a snapshot. Raft goes on
// by itself only when the follower's new end still joins the leader's log; when the log was trimmed
// again meanwhile, it waits for the word that the snapshot has arrived, which is this answer.
func (c *core) snapshotAccepted(answer *raftpb.Message) {
	c.eachProgress(func(id uint64, p progress) {
		if id != answer.GetFrom() {
			return
		}
		if p.snapshot && p.match >= p.pending {
			c.rn.ReportSnapshot(id, raft.SnapshotFinish)
			// again, as if duplicated on the way: it ends the pause that the word alone begins
			_ = c.rn.Step(answer)
			p.snapshot = false
		}
		if !p.snapshot {
			delete(c.offered, id)
		}
	})
}

// tickSnapshots frees followers that raft has left waiting for a snapshot for ten election
// timeouts: the offer or the word that it failed may have been lost. Being probed again does no
// harm to one that is still loading.
func (c *core) tickSnapshots() {
	if c.state != raft.StateLeader || c.ticks%int64(c.cfg.electionTicks) != 0 {
		return
	}
	c.eachProgress(func(id uint64, p progress) {
		since, known := c.stuck[id]
		switch {
		case !p.snapshot:
			delete(c.stuck, id)
		case !known:
			c.stuck[id] = c.ticks
		case c.ticks-since >= 10*int64(c.cfg.electionTicks):
			delete(c.stuck, id)
			c.rn.ReportSnapshot(id, raft.SnapshotFailure)
		}
	})
}
