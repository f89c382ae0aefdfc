package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
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

// MetadataLog returns the committed batches at the start of a leader's metadata log, at most 1 MiB,
// as an observer that has nothing gets them.
func MetadataLog(ctx context.Context, endpoint, clusterID string, epoch int32) ([]byte, error) {
	req := MetadataFetch(&clusterID, epoch, 0).(*kmsg.FetchRequest)
	req.ReplicaState.ID, req.ReplicaState.Epoch = 1, 1
	req.MinBytes, req.MaxBytes = 1, 1<<20
	req.Topics[0].Partitions[0].PartitionMaxBytes = 1 << 20
	kresp, err := Ask(ctx, endpoint, req)
	if err != nil {
		return nil, err
	}
	resp := kresp.(*kmsg.FetchResponse)
	if resp.ErrorCode != 0 || len(resp.Topics) != 1 {
		return nil, fmt.Errorf("%d topics, %w", len(resp.Topics), kerr.ErrorForCode(resp.ErrorCode))
	}
	p := &resp.Topics[0].Partitions[0]
	return p.RecordBatches, kerr.ErrorForCode(p.ErrorCode)
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
