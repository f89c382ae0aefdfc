package metadata

import "iter"

// Long walks over an index are done in parts, against whatever image is the newest by then. A walk
// is continued by the last partition it looked at: the order of an index is the same in all images
// of a process, and the zero TopicPartition is its beginning.

// HostedAfter is Hosted from behind a partition on.
func (img *Image) HostedAfter(broker int32, after TopicPartition) iter.Seq[TopicPartition] {
	h, ok := img.hosts.get(broker)
	if !ok {
		return func(func(TopicPartition) bool) {}
	}
	return img.resolve(h.members.from(after.next()))
}

// LeaderlessAfter is Leaderless from behind a partition on.
func (img *Image) LeaderlessAfter(after TopicPartition) iter.Seq[TopicPartition] {
	return img.resolve(img.leaderless.from(after.next()))
}

// LeaderlessOnAfter iterates over the partitions without a leader that have a replica on the
// broker, from behind a partition on.
func (img *Image) LeaderlessOnAfter(broker int32, after TopicPartition) iter.Seq[TopicPartition] {
	h, ok := img.hosts.get(broker)
	if !ok {
		return func(func(TopicPartition) bool) {}
	}
	return img.resolve(h.leaderless.from(after.next()))
}

// ImbalancedAfter is Imbalanced from behind a partition on.
func (img *Image) ImbalancedAfter(after TopicPartition) iter.Seq[TopicPartition] {
	return img.resolve(img.imbalanced.from(after.next()))
}

// ReassigningAfter is Reassigning from behind a partition on.
func (img *Image) ReassigningAfter(after TopicPartition) iter.Seq[TopicPartition] {
	return img.resolve(img.reassigns.from(after.next()))
}

func (tp TopicPartition) next() partitionRef {
	if tp.Topic == nil {
		return 0
	}
	return newPartitionRef(tp.Topic.ordinal, tp.ID) + 1
}
