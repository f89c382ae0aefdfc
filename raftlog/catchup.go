package raftlog

import (
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// snapshotAccepted handles the response of a follower that was offered a snapshot. Raft resumes
// replication by itself only if the follower's new end is still in the leader's log. If the log was
// trimmed again in the meantime, raft waits for a report that the snapshot has arrived; this
// response is that report.
func (c *core) snapshotAccepted(answer *raftpb.Message) {
	c.eachProgress(func(id uint64, p progress) {
		if id != answer.GetFrom() {
			return
		}
		if p.snapshot && p.match >= p.pending {
			c.rn.ReportSnapshot(id, raft.SnapshotFinish)
			// stepped twice, as a duplicate on the network would be: it ends the pause that the
			// report begins
			_ = c.rn.Step(answer)
			p.snapshot = false
		}
		if !p.snapshot {
			delete(c.offered, id)
		}
	})
}

// tickSnapshots releases followers that raft has kept waiting for a snapshot for ten election
// timeouts, since the offer or the report of its failure may have been lost. A follower that is
// still loading is not harmed by being probed again.
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
