package partition

import (
	"slices"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Change computes the record for a change of one partition. Start it with Rules.Change, set the
// desired state with its methods, then call Record.
type Change struct {
	rules *Rules
	topic protocol.UUID
	id    int32
	old   *metadata.Partition

	isr, replicas, removing, adding []int32
	recovery                        int8
	election                        Election
	// moved is the broker whose replica is in another directory than recorded, movedTo.
	moved   int32
	movedTo protocol.UUID
	// lossy is set by Record when the new leader may lack acknowledged records.
	lossy bool
}

// Change starts a change of a partition of the current topic.
func (r *Rules) Change(id int32, p *metadata.Partition) Change {
	return Change{
		rules: r, topic: r.topic.ID, id: id, old: p,
		isr: p.ISR, replicas: p.Replicas, removing: p.Removing(), adding: p.Adding(),
		recovery: p.RecoveryState, moved: NoBroker,
	}
}

// Record returns the record of the change, nil when nothing changes.
func (c *Change) Record() *record.PartitionChange {
	c.completeReassignment()
	elr := c.targetELR()
	won := c.elect(elr)

	r := partitionDelta{PartitionChange: *record.NewPartitionChange(c.topic, c.id)}
	isr := c.isr
	if won.leader != c.old.Leader || won.unclean {
		r.setLeader(won.leader)
		if won.leader >= 0 && !slices.Contains(isr, won.leader) {
			isr, elr = []int32{won.leader}, without(elr, won.leader)
		}
		if won.unclean {
			c.lossy, c.recovery, elr = true, record.Recovering, nil
		}
	} else if !containsAll(c.replicas, c.old.Replicas) {
		// same leader, new epoch: a removed replica must stop fetching
		r.setLeader(c.old.Leader)
	}
	if !c.rules.elr {
		elr = nil
	}
	if !sameMembers(elr, c.old.ELR()) {
		r.setELR(elr)
	}
	// with ELR off the last member of an ISR stays
	if !slices.Equal(isr, c.old.ISR) && (len(isr) > 0 || c.rules.elr) {
		r.setISR(isr)
	}
	if c.rules.mv.HasLeaderEpochBumpOnShrink() && r.ISR != nil &&
		r.Leader == record.NoLeaderChange && !containsAll(isr, c.old.ISR) {
		r.setLeader(c.old.Leader)
	}
	c.lastKnownLeader(&r)
	c.assignment(&r)
	if c.recovery != c.old.RecoveryState {
		r.setRecovery(c.recovery)
	}
	if !r.set {
		return nil
	}
	change := r.PartitionChange
	c.assertValid(&change)
	return &change
}

// targetELR is the ELR before an election, ascending. It is empty when the ISR is large enough.
// Otherwise it has the members of the old ELR and ISR that are out of the new ISR, except those
// that leave by an unclean shutdown or a reassignment. When the feature was just turned off, the
// last ELR may still provide a leader for a partition with an empty ISR; the change itself clears
// it.
func (c *Change) targetELR() []int32 {
	switch {
	case !c.rules.elr && len(c.isr) == 0:
		return c.old.ELR()
	case !c.rules.elr, len(c.isr) >= c.rules.minISR:
		return nil
	}
	var elr []int32
	for _, list := range [2][]int32{c.old.ELR(), c.old.ISR} {
		for _, id := range list {
			if id != c.rules.update.unclean && !slices.Contains(c.isr, id) &&
				slices.Contains(c.replicas, id) && !slices.Contains(elr, id) {
				elr = append(elr, id)
			}
		}
	}
	slices.Sort(elr)
	return elr
}

// lastKnownLeader sets the last leader of a partition that becomes leaderless. It clears it when
// there is a leader again, or when that broker is removed: Kafka's controllers fail on one that is
// no replica.
func (c *Change) lastKnownLeader(r *partitionDelta) {
	known := len(c.old.LastKnownELR()) > 0
	switch {
	case known && c.rules.mv.HasElr() && slices.Contains(c.old.Replicas, c.old.LastKnownELR()[0]) &&
		!slices.Contains(c.replicas, c.old.LastKnownELR()[0]):
		r.setLastKnown(nil)
	case !c.rules.elr:
	case r.Leader == record.NoLeader && !known && slices.Contains(c.replicas, c.old.Leader):
		r.setLastKnown([]int32{c.old.Leader})
	case r.Leader >= 0 && known:
		r.setLastKnown(nil)
	}
}

// assignment sets the replicas, those being added and removed, and the directories.
func (c *Change) assignment(r *partitionDelta) {
	if c.rules.mv.HasDirectories() {
		if dirs := c.directories(); !slices.Equal(dirs, c.old.Directories) {
			r.setDirectories(dirs)
		}
	}
	if !slices.Equal(c.replicas, c.old.Replicas) {
		r.setReplicas(c.replicas)
	}
	if !slices.Equal(c.removing, c.old.Removing()) {
		r.setRemoving(c.removing)
	}
	if !slices.Equal(c.adding, c.old.Adding()) {
		r.setAdding(c.adding)
	}
}

// directories returns the directory of each replica: the present one, or for a new replica the
// default of its broker.
func (c *Change) directories() []protocol.UUID {
	if c.moved == NoBroker && slices.Equal(c.replicas, c.old.Replicas) {
		return c.old.Directories
	}
	dirs := make([]protocol.UUID, len(c.replicas))
	for i, id := range c.replicas {
		switch {
		case id == c.moved:
			dirs[i] = c.movedTo
		case slices.Contains(c.old.Replicas, id):
			dirs[i] = c.old.Directory(id)
		default:
			dirs[i] = c.rules.img.Broker(id).DefaultDirectory()
		}
	}
	return dirs
}

// partitionDelta is a record under construction; set says whether it has any change.
type partitionDelta struct {
	record.PartitionChange
	set bool
}

// Lists in a record are nil for "no change", so an empty one is made non-nil.
func orEmpty(list []int32) []int32 {
	if list == nil {
		return []int32{}
	}
	return list
}

func (d *partitionDelta) setLeader(id int32) { d.Leader, d.set = id, true }
func (d *partitionDelta) setISR(l []int32)   { d.ISR, d.set = orEmpty(l), true }
func (d *partitionDelta) setELR(l []int32) {
	d.EligibleLeaderReplicas,
		d.set = orEmpty(l), true
}
func (d *partitionDelta) setLastKnown(l []int32) {
	d.LastKnownELR, d.set = orEmpty(l),
		true
}
func (d *partitionDelta) setReplicas(l []int32) { d.Replicas, d.set = l, true }
func (d *partitionDelta) setRemoving(l []int32) {
	d.RemovingReplicas, d.set = orEmpty(l),
		true
}
func (d *partitionDelta) setAdding(l []int32) {
	d.AddingReplicas, d.set = orEmpty(l),
		true
}
func (d *partitionDelta) setRecovery(state int8) {
	d.LeaderRecoveryState, d.set = state,
		true
}
func (d *partitionDelta) setDirectories(l []protocol.UUID) { d.Directories, d.set = l, true }

// without returns list without some ids: list itself when it holds none of them, else a copy.
func without(list []int32, ids ...int32) []int32 {
	gone := func(id int32) bool { return slices.Contains(ids, id) }
	if !slices.ContainsFunc(list, gone) {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), gone)
}

func containsAll(list, all []int32) bool {
	for _, id := range all {
		if !slices.Contains(list, id) {
			return false
		}
	}
	return true
}

func sameMembers(a, b []int32) bool { return len(a) == len(b) && containsAll(a, b) }

// ProposeISR sets the ISR and the recovery state that a leader reports.
func (c *Change) ProposeISR(isr []int32, recovery int8) { c.isr, c.recovery = isr, recovery }

// SetElection sets how far the election of the change may go; Online if it is not called.
func (c *Change) SetElection(kind Election) { c.election = kind }

// MoveReplica sets the directory of the replica on a broker.
func (c *Change) MoveReplica(broker int32, dir protocol.UUID) { c.moved, c.movedTo = broker, dir }

// LegalISR reports whether a leader may propose an ISR: distinct replicas, the leader among them.
func LegalISR(p *metadata.Partition, isr []int32) bool {
	return containsAll(p.Replicas, isr) && !hasDuplicates(isr) && slices.Contains(isr, p.Leader)
}

func hasDuplicates(ids []int32) bool {
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			return true
		}
	}
	return false
}
