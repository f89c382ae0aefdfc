package metadata

import (
	"slices"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Partition is a partition's registration. Immutable; its slices are shared and must not be
// changed.
type Partition struct {
	Replicas []int32
	ISR      []int32
	// Directories has one entry for each replica.
	Directories    []protocol.UUID
	Leader         int32 // -1: no leader
	LeaderEpoch    int32
	PartitionEpoch int32
	RecoveryState  int8 // record.Recovered or record.Recovering
	more           *partitionMore
}

// partitionMore has the fields that most partitions do not use, so that a million partitions stay
// small.
type partitionMore struct {
	removing, adding, elr, lastKnownELR []int32
}

var noMore partitionMore

func (p *Partition) rare() *partitionMore {
	if p.more == nil {
		return &noMore
	}
	return p.more
}

// Removing are the replicas that a running reassignment removes. The caller must not change them.
func (p *Partition) Removing() []int32 { return p.rare().removing }

// Adding are the replicas that a running reassignment adds. The caller must not change them.
func (p *Partition) Adding() []int32 { return p.rare().adding }

// ELR are the eligible leader replicas (KIP-966). The caller must not change them.
func (p *Partition) ELR() []int32 { return p.rare().elr }

// LastKnownELR is the last leader of a partition that has none (KIP-966), a list of at most one.
func (p *Partition) LastKnownELR() []int32 { return p.rare().lastKnownELR }

// Reassigning reports whether replicas are being added or removed.
func (p *Partition) Reassigning() bool { return len(p.rare().removing)+len(p.rare().adding) > 0 }

// Preferred reports whether the first replica leads.
func (p *Partition) Preferred() bool { return len(p.Replicas) > 0 && p.Leader == p.Replicas[0] }

// Directory is the directory of a broker's replica; DirMigrating if the broker has none.
func (p *Partition) Directory(broker int32) protocol.UUID {
	if i := slices.Index(p.Replicas, broker); i >= 0 && i < len(p.Directories) {
		return p.Directories[i]
	}
	return protocol.DirMigrating
}

func (p *Partition) setMore(m partitionMore) {
	if len(m.removing)+len(m.adding)+len(m.elr)+len(m.lastKnownELR) == 0 {
		p.more = nil
		return
	}
	own := m // not m itself, which would be allocated for every partition
	p.more = &own
}

// newPartition returns the partition of a record. The image owns the record's slices from then on.
func newPartition(r *record.Partition) *Partition {
	p := &Partition{
		Replicas: r.Replicas, ISR: r.ISR, Directories: r.Directories, Leader: r.Leader,
		LeaderEpoch:    r.LeaderEpoch,
		PartitionEpoch: r.PartitionEpoch, RecoveryState: r.LeaderRecoveryState,
	}
	p.shareISR()
	p.Directories = fillDirectories(p.Directories, len(p.Replicas))
	p.setMore(
		partitionMore{
			r.RemovingReplicas, r.AddingReplicas, r.EligibleLeaderReplicas, r.LastKnownELR,
		},
	)
	return p
}

// shareISR makes an ISR of all replicas share the replica list: nearly every partition saves an
// array.
func (p *Partition) shareISR() {
	if slices.Equal(p.ISR, p.Replicas) {
		p.ISR = p.Replicas
	}
}

// fillDirectories gives replicas without a known directory the marker DirMigrating.
func fillDirectories(dirs []protocol.UUID, replicas int) []protocol.UUID {
	switch {
	case len(dirs) == replicas:
		return dirs
	case replicas <= len(migrating):
		return migrating[:replicas:replicas]
	}
	return make([]protocol.UUID, replicas)
}

// migrating is shared by the partitions without known directories, which are all in an old cluster.
var migrating [16]protocol.UUID

// Merge returns p after a change (PartitionRegistration.merge). Every change increments the
// partition epoch; a change that sets the leader, even to the same broker, increments the leader
// epoch. Known directories do not change with the replicas: a change of only one of the two gives a
// partition that does not replay.
func (p *Partition) Merge(c *record.PartitionChange) *Partition {
	n := *p
	if c.ISR != nil {
		n.ISR = c.ISR
	}
	if c.Replicas != nil {
		n.Replicas = c.Replicas
	}
	if c.Directories != nil {
		n.Directories = c.Directories
	}
	if !slices.ContainsFunc(
		n.Directories, func(d protocol.UUID) bool { return d != protocol.DirMigrating },
	) {
		n.Directories = fillDirectories(nil, len(n.Replicas))
	}
	n.shareISR()
	if c.Leader != record.NoLeaderChange {
		n.Leader = c.Leader
		n.LeaderEpoch++
	}
	if c.LeaderRecoveryState != record.NoRecoveryChange {
		n.RecoveryState = c.LeaderRecoveryState
	}
	n.PartitionEpoch++
	more := *p.rare()
	override(&more.removing, c.RemovingReplicas)
	override(&more.adding, c.AddingReplicas)
	override(&more.elr, c.EligibleLeaderReplicas)
	override(&more.lastKnownELR, c.LastKnownELR)
	n.setMore(more)
	return &n
}

func override(field *[]int32, v []int32) {
	if v != nil {
		*field = v
	}
}

// Record is the partition as a whole record.
func (p *Partition) Record(topic protocol.UUID, id int32) *record.Partition {
	r := p.record(topic, id)
	return &r
}

func (p *Partition) record(topic protocol.UUID, id int32) record.Partition {
	return record.Partition{
		PartitionID: id, TopicID: topic, Replicas: p.Replicas, ISR: p.ISR,
		RemovingReplicas: p.Removing(), AddingReplicas: p.Adding(),
		Leader: p.Leader, LeaderRecoveryState: p.RecoveryState, LeaderEpoch: p.LeaderEpoch,
		PartitionEpoch: p.PartitionEpoch,
		Directories:    p.Directories, EligibleLeaderReplicas: p.ELR(), LastKnownELR: p.LastKnownELR(),
	}
}
