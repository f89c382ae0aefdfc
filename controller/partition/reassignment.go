package partition

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// A reassignment goes through at most two changes: the first makes the replica list the target followed by what is to be
// removed, and notes who comes and who goes; the second, once the new replicas are in the ISR, drops the old ones. Whatever
// changes the ISR may bring the second; nothing polls for it.

// Reassign starts moving the replicas to target, or completes that at once if the ISR allows it. Who is added and removed is
// always set anew: Kafka keeps a stale list when a running reassignment gets a target that adds nobody, and never completes.
func (c *Change) Reassign(target []int32) {
	c.removing, c.adding = difference(c.old.Replicas, target), difference(target, c.old.Replicas)
	c.replicas = slices.Concat(target, c.removing)
}

// CancelReassignment goes back to the replicas before the reassignment. When none of them is in the ISR the first one becomes
// it, which loses what it lacks: the topic must allow unclean elections.
func (c *Change) CancelReassignment() *protocol.Error {
	if !c.old.Reassigning() {
		return protocol.Errorf(kerr.NoReassignmentInProgress,
			"No partition reassignment is in progress.")
	}
	replicas, isr := without(c.old.Replicas, c.old.Adding()...), without(c.old.ISR, c.old.Adding()...)
	if len(isr) == 0 {
		switch {
		case len(replicas) == 0:
			return protocol.Errorf(kerr.InvalidReplicaAssignment, "Invalid replica assignment: addingReplicas contains all replicas.")
		case !c.rules.unclean:
			return protocol.Errorf(kerr.InvalidReplicaAssignment, "Unable to revert partition assignment for %s:%d because it would require an unclean leader election.", c.rules.topic.Name, c.id)
		}
		isr = replicas[:1:1]
	}
	c.isr, c.replicas, c.removing, c.adding = isr, replicas, nil, nil
	c.election = c.rules.Election()
	return nil
}

// completeReassignment ends a running reassignment if the wanted ISR allows it: all added replicas are in it, something of it
// remains, and, when there will be fewer replicas than before, all that remain are in it.
func (c *Change) completeReassignment() {
	if len(c.removing)+len(c.adding) == 0 {
		return
	}
	isr, replicas := without(c.isr, c.removing...), without(c.replicas, c.removing...)
	switch {
	case len(c.removing) > 0 && (len(isr) == 0 || len(replicas) == 0):
	case !containsAll(isr, c.adding):
	case len(c.adding) < len(c.removing) && !containsAll(isr, replicas):
	default:
		c.isr, c.replicas, c.removing, c.adding = isr, replicas, nil, nil
	}
}

// difference is what a holds and b does not, ascending.
func difference(a, b []int32) []int32 {
	var d []int32
	for _, id := range a {
		if !slices.Contains(b, id) {
			d = append(d, id)
		}
	}
	slices.Sort(d)
	return d
}

// TargetFactor is the replication factor of a partition once its reassignment, if any, has ended.
func TargetFactor(p *metadata.Partition) int { return len(without(p.Replicas, p.Removing()...)) }
