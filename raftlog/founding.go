package raftlog

import (
	"go.etcd.io/raft/v3/raftpb"
)

// A quorum of several voters is founded once, by all of them: the first leader is elected after
// every voter has declared that its log is empty and that it was formatted with the same voters. A
// majority is not enough. It cannot know whether the absent voter has a log under the same cluster
// id, and an empty cluster beside that log would be a second one. Later elections need a majority.
//
// A replica with an empty log therefore neither campaigns nor votes until all voters are known to
// be like it (founded), or until it receives a raft message from a member that has accepted it,
// which shows that the quorum was founded before (hears).

// mayVote reports whether this replica takes part in elections.
func (c *core) mayVote() bool { return !c.founding && c.memory.suspended == "" }

// founded reports that all voters have been reached and have empty logs and the same voters.
func (c *core) founded() {
	if c.founding {
		c.founding = false
		c.assembled()
	}
}

// hears reports whether this replica processes a member's messages.
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

// suspend excludes this replica from the quorum for good, because its log has less than it had
// acknowledged. A replica that leads is not suspended: the majority that elected it outweighs one
// accuser.
func (c *core) suspend(why string) bool {
	if c.failed != nil || c.claimed || c.memory.suspended != "" {
		return false
	}
	c.memory.suspended = why
	return true
}
