package raftlog

import (
	"fmt"
	"math"
	"math/bits"
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

const (
	// maxTerm is the highest term that this replica accepts. A higher one does not fit a leader
	// epoch; once persisted, it would stop the replica at every start.
	maxTerm = math.MaxInt32 - 1
	// maxTermLead is how far the term of a message may be ahead of this replica's. Terms grow with
	// elections, at most a few in a second: an honest peer is this far ahead after years of them.
	maxTermLead = 1 << 26
)

// impossible returns the reason why no honest peer can have sent a message, or "". Raft would panic
// on some of these messages and believe others.
func (c *core) impossible(m *raftpb.Message) string {
	term, last := m.GetTerm(), c.store.last().index
	leads := c.state == raft.StateLeader && term == c.term
	switch {
	case !c.isMember(m.GetFrom()):
		return "its sender is no member"
	case term > maxTerm || term > c.term+maxTermLead:
		return fmt.Sprintf("its term is %d, this node's %d", term, c.term)
	case fromLeader(m) && term == c.term && c.lead != raft.None && m.GetFrom() != c.lead:
		return fmt.Sprintf("node %d leads term %d", nodeID(c.lead), term)
	}
	switch m.GetType() {
	case raftpb.MsgHeartbeat:
		if m.GetCommit() > last && term >= c.term {
			return fmt.Sprintf(
				"it commits entry %d, but this node has acknowledged entries up to %d at most",
				m.GetCommit(), last,
			)
		}
	case raftpb.MsgAppResp:
		if leads && !m.GetReject() && m.GetIndex() > last {
			return fmt.Sprintf("it acknowledges entry %d of a log that ends at %d", m.GetIndex(), last)
		}
	case raftpb.MsgTimeoutNow:
		if m.GetFrom() != c.lead {
			return "only the leader hands leadership over"
		}
	}
	return ""
}

// fromLeader reports whether only the leader of its term sends a message.
func fromLeader(m *raftpb.Message) bool {
	switch m.GetType() {
	case raftpb.MsgApp, raftpb.MsgHeartbeat, raftpb.MsgSnap:
		return true
	}
	return false
}

func (c *core) isMember(id uint64) bool {
	cs := c.conf()
	return slices.Contains(cs.GetVoters(), id) || slices.Contains(cs.GetLearners(), id) ||
		slices.Contains(cs.GetVotersOutgoing(), id) || slices.Contains(cs.GetLearnersNext(), id)
}

// refuse counts a message that is withheld from raft, and logs it at a bounded rate.
func (c *core) refuse(m *raftpb.Message, why string) {
	c.refused++
	if bits.OnesCount64(c.refused) == 1 {
		c.cfg.log.Warn("refused a message that no honest peer sends", "peer", nodeID(m.GetFrom()),
			"type", m.GetType().String(), "why", why, "refused so far", c.refused)
	}
}
