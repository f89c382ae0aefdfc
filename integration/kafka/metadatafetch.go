package kafka

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

// MetadataFetch returns the FETCH of an observer of the metadata log, which claims to have the log
// up to an offset. clusterID may be nil.
func MetadataFetch(clusterID *string, epoch int32, offset int64) kmsg.Request {
	req := kmsg.NewPtrFetchRequest()
	req.ClusterID = clusterID
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.CurrentLeaderEpoch, partition.FetchOffset = epoch, offset
	partition.LastFetchedEpoch = 0
	topic := kmsg.NewFetchRequestTopic()
	topic.TopicID, topic.Partitions = [16]byte{15: 1}, append(topic.Partitions, partition)
	req.Topics = append(req.Topics, topic)
	return req
}

// MetadataSnapshotFetch returns the FETCH_SNAPSHOT of an observer for a snapshot that no controller
// has.
func MetadataSnapshotFetch(epoch int32) kmsg.Request {
	req := kmsg.NewPtrFetchSnapshotRequest()
	partition := kmsg.NewFetchSnapshotRequestTopicPartition()
	partition.CurrentLeaderEpoch = epoch
	partition.SnapshotID.EndOffset, partition.SnapshotID.Epoch = 1<<40, 1
	topic := kmsg.NewFetchSnapshotRequestTopic()
	topic.Topic, topic.Partitions = protocol.MetadataTopic, append(topic.Partitions, partition)
	req.Topics = append(req.Topics, topic)
	return req
}
