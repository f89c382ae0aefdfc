package metadata

import (
	"iter"
)

// partitionRef names a partition in the indexes: topic ordinal, then partition id.
type partitionRef uint64

func newPartitionRef(ordinal uint32, id int32) partitionRef {
	return partitionRef(uint64(ordinal)<<32 | uint64(uint32(id)))
}

// host is a broker's index entry: the partitions with it in their ISR or ELR, how many partitions
// it leads, and the leaderless partitions with a replica on it.
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

// Hosted iterates over the partitions that have the broker in their ISR or ELR, those of one topic
// together and by id.
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

// Imbalanced iterates over the partitions that their first replica does not lead, leaderless ones
// included.
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
