package metadata

import (
	"cmp"
	"iter"
	"slices"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Topic is a topic with its partitions. Immutable once its image is.
type Topic struct {
	Name string
	ID   protocol.UUID

	ordinal    uint32
	partitions table[int32, *Partition]
}

// Partition returns a partition, or nil.
func (t *Topic) Partition(id int32) *Partition {
	p, _ := t.partitions.get(id)
	return p
}

// Partitions iterates over the partitions by id.
func (t *Topic) Partitions() iter.Seq2[int32, *Partition] { return t.partitions.all() }

// Len is the number of partitions.
func (t *Topic) Len() int { return t.partitions.len() }

// Partition is a partition's registration. Immutable; its slices are shared and must not be changed.
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

// partitionMore holds what most partitions do not have, so that a million of them stay small.
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

// Removing and Adding are the replicas that a running reassignment takes away and brings.
func (p *Partition) Removing() []int32 { return p.rare().removing }

func (p *Partition) Adding() []int32 { return p.rare().adding }

// ELR are the eligible leader replicas, LastKnownELR holds the last leader of a partition that has none (KIP-966).
func (p *Partition) ELR() []int32 { return p.rare().elr }

func (p *Partition) LastKnownELR() []int32 { return p.rare().lastKnownELR }

// Reassigning reports whether replicas are being added or removed.
func (p *Partition) Reassigning() bool { return len(p.rare().removing)+len(p.rare().adding) > 0 }

// Preferred reports whether the first replica leads.
func (p *Partition) Preferred() bool { return len(p.Replicas) > 0 && p.Leader == p.Replicas[0] }

// Directory is the directory of a replica; DirMigrating when the broker is none.
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

// newPartition takes a PartitionRecord; its slices are the image's from then on.
func newPartition(r *record.Partition) *Partition {
	p := &Partition{
		Replicas: r.Replicas, ISR: r.ISR, Directories: r.Directories, Leader: r.Leader, LeaderEpoch: r.LeaderEpoch,
		PartitionEpoch: r.PartitionEpoch, RecoveryState: r.LeaderRecoveryState,
	}
	p.shareISR()
	p.Directories = fillDirectories(p.Directories, len(p.Replicas))
	p.setMore(partitionMore{r.RemovingReplicas, r.AddingReplicas, r.EligibleLeaderReplicas, r.LastKnownELR})
	return p
}

// shareISR lets a full ISR be the replica list itself: nearly every partition saves an array.
func (p *Partition) shareISR() {
	if slices.Equal(p.ISR, p.Replicas) {
		p.ISR = p.Replicas
	}
}

// fillDirectories gives replicas that know no directory the marker for it.
func fillDirectories(dirs []protocol.UUID, replicas int) []protocol.UUID {
	switch {
	case len(dirs) == replicas:
		return dirs
	case replicas <= len(migrating):
		return migrating[:replicas:replicas]
	}
	return make([]protocol.UUID, replicas)
}

// migrating is shared by the partitions that know no directories, which in an old cluster are all.
var migrating [16]protocol.UUID

// Merge returns p as the change leaves it (PartitionRegistration.merge). Every change bumps the partition epoch; one that
// sets the leader, be it to the same broker, bumps the leader epoch. Directories that are known stay as they are when the replicas
// change: who changes the one and not the other gets a partition that does not replay.
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
	if !slices.ContainsFunc(n.Directories, func(d protocol.UUID) bool { return d != protocol.DirMigrating }) {
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
		PartitionID: id, TopicID: topic, Replicas: p.Replicas, ISR: p.ISR, RemovingReplicas: p.Removing(), AddingReplicas: p.Adding(),
		Leader: p.Leader, LeaderRecoveryState: p.RecoveryState, LeaderEpoch: p.LeaderEpoch, PartitionEpoch: p.PartitionEpoch,
		Directories: p.Directories, EligibleLeaderReplicas: p.ELR(), LastKnownELR: p.LastKnownELR(),
	}
}

// partitionRef names a partition in the indexes: topic ordinal, then partition id.
type partitionRef uint64

func newPartitionRef(ordinal uint32, id int32) partitionRef {
	return partitionRef(uint64(ordinal)<<32 | uint64(uint32(id)))
}

// host is what a broker holds of partitions: those with it in their ISR or ELR, how many of them it leads, and those of its replicas
// that nobody leads.
type host struct {
	members    ascending[partitionRef, struct{}]
	leaderless table[partitionRef, struct{}]
	leads      int
	gen        uint64
}

// TopicPartition is a partition with its name, as the indexes yield it.
type TopicPartition struct {
	Topic     *Topic
	ID        int32
	Partition *Partition
}

// Hosted iterates over the partitions that have the broker in their ISR or ELR, those of one topic together and by id.
func (img *Image) Hosted(broker int32) iter.Seq[TopicPartition] {
	h, ok := img.hosts.get(broker)
	if !ok {
		return func(func(TopicPartition) bool) {}
	}
	return img.resolve(h.members.all())
}

// Leads is the number of partitions that the broker leads.
func (img *Image) Leads(broker int32) int {
	if h, ok := img.hosts.get(broker); ok {
		return h.leads
	}
	return 0
}

// Leaderless iterates over the partitions without a leader.
func (img *Image) Leaderless() iter.Seq[TopicPartition] { return img.resolve(img.leaderless.all()) }

// LeaderlessCount is the number of partitions without a leader.
func (img *Image) LeaderlessCount() int { return img.leaderless.len() }

// Imbalanced iterates over the partitions that their first replica does not lead, leaderless ones included.
func (img *Image) Imbalanced() iter.Seq[TopicPartition] { return img.resolve(img.imbalanced.all()) }

// ImbalancedCount is the number of partitions that their first replica does not lead.
func (img *Image) ImbalancedCount() int { return img.imbalanced.len() }

// Reassigning iterates over the partitions with a running reassignment.
func (img *Image) Reassigning() iter.Seq[TopicPartition] { return img.resolve(img.reassigns.all()) }

func (img *Image) resolve(refs iter.Seq2[partitionRef, struct{}]) iter.Seq[TopicPartition] {
	return func(yield func(TopicPartition) bool) {
		var topic *Topic
		for ref := range refs {
			ordinal, id := uint32(ref>>32), int32(uint32(ref))
			if topic == nil || topic.ordinal != ordinal {
				topic, _ = img.topics.get(ordinal)
			}
			if !yield(TopicPartition{topic, id, topic.Partition(id)}) {
				return
			}
		}
	}
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
