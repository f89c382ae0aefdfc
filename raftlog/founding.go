package raftlog

import (
	"go.etcd.io/raft/v3/raftpb"
)

// A quorum of several voters is founded once, by all of them: the first leader is elected after
// every voter has said that its log is empty and that it was formatted with the same voters. A
// majority would not do. It cannot know whether the absent voter has a log under the same cluster
// id, and an empty cluster beside that log would be a second one. Later elections need a majority.
//
// A replica whose log is empty therefore neither campaigns nor votes until one of two things is
// known: all voters are like it (founded), or a member that has accepted this replica speaks raft
// to it, and so the quorum has been founded already (hears).

// mayVote reports whether this replica takes part in elections.
func (c *core) mayVote() bool { return !c.founding && c.memory.suspended == "" }

// founded says that all voters have been reached, with empty logs and the same voters.
func (c *core) founded() {
	if c.founding {
		c.founding = false
		c.assembled()
	}
}

// hears reports whether this replica takes part in what a member says.
func (c *core) hears(m *raftpb.Message) bool {
	if c.memory.suspended != "" {
		return false
	}
	if c.founding {
		c.founding = false
		c.cfg.log.Info("the quorum is founded already: a member has sent a message of raft",
			"peer", nodeID(m.GetFrom()))
	}
	return true
}

// suspend ends this replica's part in the quorum, for good: it has less than it acknowledged. A
// replica that leads was elected by a majority that knows better than one accuser.
func (c *core) suspend(why string) bool {
	if c.failed != nil || c.claimed || c.memory.suspended != "" {
		return false
	}
	c.memory.suspended = why
	return true
}
