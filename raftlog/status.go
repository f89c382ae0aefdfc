package raftlog

import (
	"cmp"
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
)

// Status is the state of this replica at one moment, for people and tools.
type Status struct {
	NodeID       int32
	Leader       int32  // -1 unknown; this node only once it has claimed the epoch
	Epoch        int32  // raft term
	Role         string // leader, follower, candidate, pre-candidate, learner, stopped
	LeaderReason string // why the leadership last changed, in words

	HighWatermark int64 // offset after the last applied record
	LogStart      int64 // offset of the oldest record still fetchable
	LogEnd        int64 // offset after the last appended record, committed or not

	FirstIndex, LastIndex, Committed, Applied Index

	SnapshotEnd   int64 // newest durable snapshot; -1, -1: none
	SnapshotEpoch int32

	Voters    []Voter    // by node id; this node among them if it is one
	Observers []Observer // on the leader: those that have fetched within five minutes
	DiskFull  bool       // the replica waits for space or descriptors and takes no entries
	// Waiting is a sentence that names what a replica waits for before it can join its quorum, ""
	// once it has joined.
	Waiting string
	// Suspended is the reason why this replica is excluded from the quorum: its log has less than
	// it had acknowledged. "" if it is not excluded.
	Suspended string
	Refused   uint64 // messages of peers that no honest peer sends
	Failed    error  // why the replica has stopped, see Log.Failed
}

// Voter is a member's progress. On a node that does not lead, LogEnd and LastCaughtUp of the other
// members are unknown (-1, zero).
type Voter struct {
	NodeID       int32
	DirectoryID  [16]byte  // zero until heard of
	Learner      bool      // does not vote yet
	LogEnd       int64     // offset after the last record it has durably
	LastContact  time.Time // when this node last heard from it; zero: never
	LastCaughtUp time.Time // last seen to have everything
}

// progress of a member as the leader's raft knows it.
type progress struct {
	match    uint64
	snapshot bool   // waits for a snapshot
	pending  uint64 // its index
	learner  bool
}

func (c *core) eachProgress(visit func(id uint64, p progress)) {
	c.rn.WithProgress(func(id uint64, typ raft.ProgressType, pr tracker.Progress) {
		visit(
			id,
			progress{
				match: pr.Match, snapshot: pr.State == tracker.StateSnapshot,
				pending: pr.PendingSnapshot, learner: typ == raft.ProgressTypeLearner,
			},
		)
	})
}

// members returns all voters and learners of the current configuration, and the number of voters.
func (c *core) members() (members map[uint64]bool, voters int) {
	cs := c.conf()
	members = map[uint64]bool{}
	for _, ids := range [][]uint64{
		cs.GetVoters(), cs.GetLearners(), cs.GetVotersOutgoing(), cs.GetLearnersNext(),
	} {
		for _, id := range ids {
			members[id] = true
		}
	}
	return members, len(cs.GetVoters())
}

func (c *core) conf() *raftpb.ConfState { return c.store.confs[len(c.store.confs)-1].state }

func (c *core) voters() []uint64 { return c.conf().GetVoters() }

// leadership is the leadership as fetchers and the application see it.
func (c *core) leadership() leadership {
	if c.failed != nil {
		return leadership{leader: -1, epoch: int32(c.term)}
	}
	return c.reported
}

var roles = map[raft.StateType]string{
	raft.StateFollower: "follower", raft.StateCandidate: "candidate", raft.StateLeader: "leader",
	raft.StatePreCandidate: "pre-candidate",
}

// Leader returns the leader that observers see and its epoch. The leader is -1 if unknown, and this
// node only once it has claimed the epoch.
func (l *Log) Leader() (id, epoch int32) {
	l.view.mu.RLock()
	defer l.view.mu.RUnlock()
	return l.view.leader, l.view.epoch
}

// Status describes this replica. It is meant for people and tools, not for hot paths.
func (l *Log) Status() Status {
	now := l.now()
	l.mu.Lock()
	s, match := l.core.status()
	l.mu.Unlock()
	l.view.mu.RLock()
	s.HighWatermark, s.LogStart = l.view.end, l.view.start
	if id := l.view.snapshot; id != (snapshotID{}) {
		s.SnapshotEnd, s.SnapshotEpoch = id.end, id.epoch
	}
	l.view.mu.RUnlock()
	s.Observers, s.DiskFull = l.view.observers(now), l.full.Load()
	if s.Waiting != "" {
		s.Waiting += l.peers.missing()
	}
	l.fillVoters(&s, match, now)
	// includes failures of the disk, which are unknown to the core
	if err := l.failure.Load(); err != nil {
		s.Failed, s.Role, s.Leader = *err, "stopped", -1
	}
	return s
}

// status returns the part of the status that the core knows and, on a leader, the durable end
// offsets of the members.
func (c *core) status() (Status, map[int32]int64) {
	now := c.leadership()
	st := c.rn.BasicStatus()
	s := Status{
		NodeID: c.cfg.node, Leader: now.leader, Epoch: now.epoch, Role: roles[c.state],
		LeaderReason: c.lastCause,
		LogEnd:       c.store.last().end, FirstIndex: Index(c.store.base.index + 1),
		LastIndex: Index(c.store.last().index),
		Committed: Index(st.GetCommit()),
		Applied:   Index(c.applied), SnapshotEnd: -1, SnapshotEpoch: -1, Failed: c.failed,
		Suspended: c.memory.suspended, Refused: c.refused,
	}
	if c.founding {
		s.Waiting = "this quorum is founded once all of its voters have been reached"
	}
	match := map[int32]int64{}
	learners := c.conf().GetLearners()
	members, _ := c.members()
	for id := range members {
		v := Voter{NodeID: nodeID(id), Learner: slices.Contains(learners, id), LogEnd: -1}
		if v.NodeID == c.cfg.node {
			v.LogEnd = s.LogEnd
			if v.Learner {
				s.Role = "learner"
			}
		}
		s.Voters = append(s.Voters, v)
	}
	slices.SortFunc(s.Voters, func(a, b Voter) int { return cmp.Compare(a.NodeID, b.NodeID) })
	if c.state == raft.StateLeader {
		c.eachProgress(func(id uint64, p progress) {
			if at, ok := c.store.at(p.match); ok {
				match[nodeID(id)] = at.end
			} else {
				match[nodeID(id)] = 0 // before the log start, or nothing known yet
			}
		})
	}
	return s, match
}

func (l *Log) fillVoters(s *Status, match map[int32]int64, now time.Time) {
	l.peers.mu.Lock()
	defer l.peers.mu.Unlock()
	for i := range s.Voters {
		v := &s.Voters[i]
		if v.NodeID == l.cfg.NodeID {
			v.DirectoryID, v.LastContact, v.LastCaughtUp = l.cfg.DirectoryID, now, now
			continue
		}
		if end, ok := match[v.NodeID]; ok {
			v.LogEnd, v.LastCaughtUp = end, l.peers.caughtUp[raftID(v.NodeID)]
		}
		if p := l.peers.byID[raftID(v.NodeID)]; p != nil {
			p.mu.Lock()
			v.DirectoryID, v.LastContact = p.facts.DirectoryID, p.facts.LastHeard
			p.mu.Unlock()
		}
	}
}
