package partition

import "slices"

// Election says how far an election may go.
type Election int8

const (
	// a member of the ISR; of the ELR when the ISR is empty; the last known leader when both are
	Online Election = iota
	// else any live replica, which may lack acknowledged records
	Uncleanly
	Preferred // as Online, but the first replica comes before the present leader
)

// elected is the outcome of an election; the leader is NoBroker when nobody may lead.
type elected struct {
	leader  int32
	unclean bool // the leader may lack acknowledged records
}

// elect chooses the leader (PartitionChangeBuilder.electLeader). elr is the wanted ELR.
func (c *Change) elect(elr []int32) elected {
	order := [2]int32{c.old.Leader, NoBroker}
	if c.election == Preferred && len(c.replicas) > 0 {
		order = [2]int32{c.replicas[0], c.old.Leader}
	}
	for _, id := range order {
		if c.valid(id, elr) {
			return elected{leader: id}
		}
	}
	for _, id := range c.replicas {
		if c.valid(id, elr) {
			return elected{leader: id}
		}
	}
	if id, ok := c.lastKnown(elr); ok {
		return elected{leader: id, unclean: true}
	}
	if c.election == Uncleanly {
		for _, id := range c.replicas {
			if c.rules.Acceptable(c.old, id) {
				return elected{leader: id, unclean: true}
			}
		}
	}
	return elected{leader: NoBroker}
}

// valid reports whether a replica can lead without loss.
func (c *Change) valid(id int32, elr []int32) bool {
	members := c.isr
	if len(members) == 0 {
		members = elr
	}
	return slices.Contains(members, id) && c.rules.Acceptable(c.old, id)
}

// lastKnown is the last leader of a partition that has lost all others, if it is back. It may lead
// whatever the topic's unclean.leader.election.enable says (KIP-966, balanced recovery).
func (c *Change) lastKnown(elr []int32) (id int32, ok bool) {
	known := c.old.LastKnownELR()
	if !c.rules.elr || len(c.isr)+len(elr) > 0 || len(known) != 1 {
		return NoBroker, false
	}
	return known[0], slices.Contains(c.replicas, known[0]) && c.rules.Acceptable(c.old, known[0])
}
