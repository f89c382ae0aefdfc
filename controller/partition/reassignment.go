package partition

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// A reassignment takes at most two changes. The first makes the replica list the target followed by
// the replicas to remove, and records which replicas are added and removed. The second drops the
// removed replicas once the added ones are in the ISR. Any change of the ISR may complete it, so
// nothing polls for that.
//
// While a reassignment runs, the original replicas are the replicas without the added ones; a
// cancellation restores them. A new target starts from them too, so that after any chain of targets
// a cancellation restores the replicas from before the first.

// Reassign starts to move the replicas to target, or completes the move if the ISR allows it. If a
// reassignment runs already, the replicas that it was adding and that are not in the target are
// dropped. That is refused when they alone are in sync.
//
// Kafka computes the lists from all current replicas, and keeps a list of the former target where
// the new one is empty: such a reassignment never completes.
func (c *Change) Reassign(target []int32) *protocol.Error {
	original := originalReplicas(c.old)
	adding, removing := difference(target, original), difference(original, target)
	replicas := slices.Concat(target, removing)
	isr := slices.DeleteFunc(slices.Clone(c.old.ISR), func(id int32) bool {
		return !slices.Contains(replicas, id)
	})
	if len(isr) == 0 && len(c.old.ISR) > 0 {
		return protocol.Errorf(kerr.InvalidReplicaAssignment,
			"Unable to change the reassignment of %s:%d because only replicas that it drops, "+
				"%v, are in sync: keep one of them in the target.",
			c.rules.topic.Name, c.id, c.old.ISR)
	}
	if len(isr) < len(c.old.ISR) {
		c.isr, c.election = isr, c.rules.Election()
	}
	c.replicas, c.adding, c.removing = replicas, adding, removing
	return nil
}

// CancelReassignment restores the original replicas. When none of them is in the ISR, the first one
// becomes the ISR, which loses the records that it lacks: the topic must allow unclean elections.
func (c *Change) CancelReassignment() *protocol.Error {
	if !c.old.Reassigning() {
		// without a message, as in Kafka
		return &protocol.Error{Kafka: kerr.NoReassignmentInProgress}
	}
	replicas, isr := originalReplicas(c.old), without(c.old.ISR, c.old.Adding()...)
	if len(isr) == 0 {
		switch {
		case len(replicas) == 0:
			return protocol.Errorf(kerr.InvalidReplicaAssignment,
				"Invalid replica assignment: addingReplicas contains all replicas.")
		case !c.rules.unclean:
			return protocol.Errorf(kerr.InvalidReplicaAssignment,
				"Unable to revert partition assignment for %s:%d because it would require an "+
					"unclean leader election.", c.rules.topic.Name, c.id)
		}
		isr = replicas[:1:1]
	}
	c.isr, c.replicas, c.removing, c.adding = isr, replicas, nil, nil
	c.election = c.rules.Election()
	return nil
}

// completeReassignment ends a running reassignment if the wanted ISR allows it: all added replicas
// are in it, at least one replica that stays is, and, when there will be fewer replicas than
// before, all that stay are.
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

// originalReplicas are the replicas from before a running reassignment, or all when none runs.
func originalReplicas(p *metadata.Partition) []int32 { return without(p.Replicas, p.Adding()...) }

// TargetFactor is the replication factor of a partition once its reassignment, if any, has ended.
func TargetFactor(p *metadata.Partition) int { return len(without(p.Replicas, p.Removing()...)) }

// difference returns the elements of a that are not in b, ascending.
func difference(a, b []int32) []int32 { return slices.Sorted(slices.Values(without(a, b...))) }
