package metadata

import "iter"

// Long iterations over an index are done in pieces, each against the newest image. An iteration is
// continued from the last partition that it visited: the order of an index is the same in all
// images of a process. The zero TopicPartition precedes all others.

// HostedAfter is Hosted for the partitions after a given one.
func (img *Image) HostedAfter(broker int32, after TopicPartition) iter.Seq[TopicPartition] {
	h, ok := img.hosts.get(broker)
	if !ok {
		return func(func(TopicPartition) bool) {}
	}
	return img.resolve(h.members.from(after.next()))
}

// LeaderlessAfter is Leaderless for the partitions after a given one.
func (img *Image) LeaderlessAfter(after TopicPartition) iter.Seq[TopicPartition] {
	return img.resolve(img.leaderless.from(after.next()))
}

// LeaderlessOnAfter iterates over the partitions without a leader that have a replica on the broker
// and follow a given partition.
func (img *Image) LeaderlessOnAfter(broker int32, after TopicPartition) iter.Seq[TopicPartition] {
	h, ok := img.hosts.get(broker)
	if !ok {
		return func(func(TopicPartition) bool) {}
	}
	return img.resolve(h.leaderless.from(after.next()))
}

// ImbalancedAfter is Imbalanced for the partitions after a given one.
func (img *Image) ImbalancedAfter(after TopicPartition) iter.Seq[TopicPartition] {
	return img.resolve(img.imbalanced.from(after.next()))
}

// ReassigningAfter is Reassigning for the partitions after a given one.
func (img *Image) ReassigningAfter(after TopicPartition) iter.Seq[TopicPartition] {
	return img.resolve(img.reassigns.from(after.next()))
}

func (tp TopicPartition) next() partitionRef {
	if tp.Topic == nil {
		return 0
	}
	return newPartitionRef(tp.Topic.ordinal, tp.ID) + 1
}
