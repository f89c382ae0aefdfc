package raftlog

import (
	"fmt"
	"slices"

	"go.etcd.io/raft/v3"
)

// leaderGone reports that the leader's process is dead: its connection broke and dialling it is
// refused. The follower forgets the leader, so that it may vote, and campaigns: the next voter in
// the ring at once, the others a few ticks apart. A wrong suspicion is harmless: voters that still
// hear the leader ignore pre-votes, and the next heartbeat restores it.
func (c *core) leaderGone(leader uint64, why string) {
	c.do(func() {
		if c.lead != leader || c.state != raft.StateFollower || !c.mayVote() {
			return
		}
		c.cause = fmt.Sprintf("the process of leader %d is gone: %s", nodeID(leader), why)
		if c.rn.ForgetLeader() != nil {
			return
		}
		c.lost = true
		c.drainAll()
		rank := c.rank(leader)
		c.campaign = campaign{
			at: c.ticks + rank*staggerTicks, again: staggerTicks * int64(len(c.voters())),
			left: campaignRetries,
		}
		if held := c.heldVote; held.msg != nil && c.ticks-held.at <= staggerTicks {
			_ = c.rn.Step(held.msg)
		}
		c.heldVote = heldVote{}
		if rank == 0 {
			c.tickCampaign()
		}
	})
}

// assembled reports that a majority of voters is connected. If none of them leads shortly
// afterwards (a cold start), this node campaigns without waiting for an election timeout.
func (c *core) assembled() {
	if c.mayVote() && c.lead == raft.None && c.campaign.at == 0 {
		wait := int64(2*c.cfg.heartbeatTicks) + c.rank(raft.None)*staggerTicks
		c.campaign = campaign{
			at: c.ticks + wait, again: staggerTicks * int64(len(c.voters())),
			left: campaignRetries,
		}
	}
}

// rank is this node's position among the voters, counted in a ring from the voter after a given
// one.
func (c *core) rank(after uint64) int64 {
	voters := slices.Sorted(slices.Values(c.voters()))
	start, _ := slices.BinarySearch(voters, after+1)
	for i := range voters {
		if voters[(start+i)%len(voters)] == raftID(c.cfg.node) {
			return int64(i)
		}
	}
	return int64(len(voters))
}

func (c *core) tickCampaign() {
	if c.campaign.at == 0 || c.ticks < c.campaign.at {
		return
	}
	c.campaign.at = 0
	if !c.mayVote() || c.rn.BasicStatus().Lead != raft.None || c.state == raft.StateCandidate {
		return
	}
	if c.campaign.left > 1 {
		c.campaign.at, c.campaign.left = c.ticks+c.campaign.again, c.campaign.left-1
	}
	_ = c.rn.Campaign()
}
