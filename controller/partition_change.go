package controller

import (
	"slices"

	"github.com/yakt/yakt/controller/configs"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// This file, election.go and reassignment.go are the rules by which a partition changes: what becomes of its leader, ISR and
// ELR when brokers come and go, when its leader reports a new ISR and when its replicas move. They follow Kafka's
// PartitionChangeBuilder (KIP-704 recovery, KIP-841 fencing, KIP-858 directories, KIP-966 ELR). On purpose we differ where Kafka is
// known to be wrong: an ELR keeps to the replicas, the last known leader is never -1 or a broker that is no replica any more,
// and an unclean leader is always marked as recovering.

// partitionRules is what changes to partitions depend on besides the partition itself. It holds for one image.
type partitionRules struct {
	img    *metadata.Image
	mv     metadata.Version
	elr    bool
	update replicaUpdate
	config configs.TopicDefaults

	topic   *metadata.Topic // that the rest is for
	minISR  int
	unclean bool // unclean.leader.election.enable
}

func (c *core) partitionRules(img *metadata.Image, u replicaUpdate) *partitionRules {
	return &partitionRules{img: img, mv: img.Version(), elr: img.ElrEnabled(), update: u, config: c.topicDefaults(img)}
}

// of switches to a topic. Partitions come grouped by topic, so this is looked up once for each.
func (r *partitionRules) of(t *metadata.Topic) *partitionRules {
	if r.topic == t {
		return r
	}
	r.topic = t
	overrides := r.img.Config(metadata.ConfigTopic, t.Name)
	r.unclean = r.config.UncleanElection(overrides)
	if r.elr {
		r.minISR = r.config.MinISR(overrides)
		if first := t.Partition(0); first != nil {
			r.minISR = min(r.minISR, len(first.Replicas))
		}
	}
	return r
}

// election is the kind that a topic allows.
func (r *partitionRules) election() election {
	if r.unclean {
		return electUncleanly
	}
	return electOnline
}

// acceptable reports whether a broker may lead p: it is active and p's directory there is online.
func (r *partitionRules) acceptable(p *metadata.Partition, id int32) bool {
	if id < 0 || id == r.update.remove || id == r.update.unclean {
		return false
	}
	b := r.img.Broker(id)
	return b != nil && (b.Active() || id == r.update.add) && b.DirectoryOnline(p.Directory(id))
}

// partitionChange works out the record that brings a partition where it is wanted. Start it with change, set what is to
// become different, call record.
type partitionChange struct {
	rules *partitionRules
	topic record.UUID
	id    int32
	old   *metadata.Partition

	isr, replicas, removing, adding []int32
	recovery                        int8
	election                        election
	// moved says that one replica's directory is known to be another: movedTo.
	moved   int32
	movedTo record.UUID
	// lossy is set by record when the leader was elected uncleanly.
	lossy bool
}

// change starts a change of a partition of r's topic that leaves it as it is.
func (r *partitionRules) change(id int32, p *metadata.Partition) partitionChange {
	return partitionChange{
		rules: r, topic: r.topic.ID, id: id, old: p, isr: p.ISR, replicas: p.Replicas, removing: p.Removing(), adding: p.Adding(),
		recovery: p.RecoveryState, moved: noBroker,
	}
}

// record returns the change, nil when nothing changes.
func (c *partitionChange) record() *record.PartitionChange {
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
		r.setLeader(c.old.Leader) // same leader, new epoch: a replica that is removed must not fetch on
	}
	if !c.rules.elr {
		elr = nil
	}
	if !sameMembers(elr, c.old.ELR()) {
		r.setELR(elr)
	}
	if !slices.Equal(isr, c.old.ISR) && (len(isr) > 0 || c.rules.elr) { // with ELR off the last member of an ISR stays
		r.setISR(isr)
	}
	if c.rules.mv.HasLeaderEpochBumpOnShrink() && r.ISR != nil && r.Leader == record.NoLeaderChange && !containsAll(isr, c.old.ISR) {
		r.setLeader(c.old.Leader)
	}
	c.lastKnownLeader(&r)
	c.assignment(&r)
	if c.recovery != c.old.RecoveryState {
		r.setRecovery(c.recovery)
	}
	return r.orNil()
}

// targetELR is the ELR before an election: empty when the ISR is large enough, else who was in it or in the ISR and left neither
// through an unclean shutdown nor through a reassignment. Ascending. With the feature just turned off, a last ELR may still
// give a leader to a partition whose ISR is empty; the change itself ends it.
func (c *partitionChange) targetELR() []int32 {
	switch {
	case !c.rules.elr && len(c.isr) == 0:
		return c.old.ELR()
	case !c.rules.elr, len(c.isr) >= c.rules.minISR:
		return nil
	}
	var elr []int32
	for _, list := range [2][]int32{c.old.ELR(), c.old.ISR} {
		for _, id := range list {
			if id != c.rules.update.unclean && !slices.Contains(c.isr, id) && slices.Contains(c.replicas, id) && !slices.Contains(elr, id) {
				elr = append(elr, id)
			}
		}
	}
	slices.Sort(elr)
	return elr
}

// lastKnownLeader remembers who led a partition that becomes leaderless, and forgets it when someone leads again, or when that one is removed:
// Kafka's controllers fail when they meet one that is no replica.
func (c *partitionChange) lastKnownLeader(r *partitionDelta) {
	known := len(c.old.LastKnownELR()) > 0
	switch {
	case known && c.rules.mv.HasElr() && slices.Contains(c.old.Replicas, c.old.LastKnownELR()[0]) && !slices.Contains(c.replicas, c.old.LastKnownELR()[0]):
		r.setLastKnown(nil)
	case !c.rules.elr:
	case r.Leader == record.NoLeader && !known && slices.Contains(c.replicas, c.old.Leader):
		r.setLastKnown([]int32{c.old.Leader})
	case r.Leader >= 0 && known:
		r.setLastKnown(nil)
	}
}

// assignment sets the replicas, those that come and go, and the directories.
func (c *partitionChange) assignment(r *partitionDelta) {
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

// directories has the directory of each replica: where it was, or where the broker puts new ones.
func (c *partitionChange) directories() []record.UUID {
	if c.moved == noBroker && slices.Equal(c.replicas, c.old.Replicas) {
		return c.old.Directories
	}
	dirs := make([]record.UUID, len(c.replicas))
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

// partitionDelta is a record in the making that knows whether it says anything yet.
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

func (d *partitionDelta) setLeader(id int32)             { d.Leader, d.set = id, true }
func (d *partitionDelta) setISR(l []int32)               { d.ISR, d.set = orEmpty(l), true }
func (d *partitionDelta) setELR(l []int32)               { d.EligibleLeaderReplicas, d.set = orEmpty(l), true }
func (d *partitionDelta) setLastKnown(l []int32)         { d.LastKnownELR, d.set = orEmpty(l), true }
func (d *partitionDelta) setReplicas(l []int32)          { d.Replicas, d.set = l, true }
func (d *partitionDelta) setRemoving(l []int32)          { d.RemovingReplicas, d.set = orEmpty(l), true }
func (d *partitionDelta) setAdding(l []int32)            { d.AddingReplicas, d.set = orEmpty(l), true }
func (d *partitionDelta) setRecovery(state int8)         { d.LeaderRecoveryState, d.set = state, true }
func (d *partitionDelta) setDirectories(l []record.UUID) { d.Directories, d.set = l, true }

func (d *partitionDelta) orNil() *record.PartitionChange {
	if !d.set {
		return nil
	}
	r := d.PartitionChange
	return &r
}

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
