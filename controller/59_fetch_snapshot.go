package controller

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// FETCH_SNAPSHOT (59), versions 0 and 1: a piece of a snapshot file (KIP-630; endpoints since KIP-853).
//
// Only the leader serves. An observer goes back to FETCH when a snapshot is SNAPSHOT_NOT_FOUND, so this is the answer to whatever
// cannot be read; Kafka says POSITION_OUT_OF_RANGE to a bad position, which an observer repeats for ever. Errors are repeated without
// a pause but BROKER_NOT_AVAILABLE; that is therefore the answer while nobody leads. CurrentLeader has no default that means
// "unknown", and an observer stops its process when SnapshotId or Position are not its own: all three are always set.
func (c *Controller) fetchSnapshot(_ context.Context, caller Caller, req *kmsg.FetchSnapshotRequest) *kmsg.FetchSnapshotResponse {
	resp := responseTo[*kmsg.FetchSnapshotResponse](req)
	if !c.sameCluster(req.ClusterID) {
		resp.ErrorCode = kerr.InconsistentClusterID.Code
		return resp
	}
	if len(req.Topics) != 1 || len(req.Topics[0].Partitions) != 1 {
		resp.ErrorCode = kerr.InvalidRequest.Code
		return resp
	}
	want := &req.Topics[0].Partitions[0]
	quorum := c.cfg.Log.Quorum()
	leader := quorum.LeaderID
	if req.Version >= 1 && leader >= 0 {
		leader = c.nameSnapshotLeader(resp, caller, leader)
	}
	p := kmsg.NewFetchSnapshotResponseTopicPartition()
	p.Partition, p.Position = want.Partition, want.Position
	p.SnapshotID.EndOffset, p.SnapshotID.Epoch = want.SnapshotID.EndOffset, want.SnapshotID.Epoch
	p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = leader, quorum.LeaderEpoch
	if req.Topics[0].Topic != metadataTopic || want.Partition != 0 {
		p.ErrorCode = kerr.UnknownTopicOrPartition.Code
	} else {
		p.ErrorCode = c.readSnapshot(&p, want, quorum, int(req.MaxBytes))
	}
	topic := kmsg.NewFetchSnapshotResponseTopic()
	topic.Topic, topic.Partitions = req.Topics[0].Topic, []kmsg.FetchSnapshotResponseTopicPartition{p}
	resp.Topics = []kmsg.FetchSnapshotResponseTopic{topic}
	return resp
}

// snapshotChunkMaxBytes bounds one answer, whatever the observer asks for.
const snapshotChunkMaxBytes = 8 << 20

// readSnapshot fills in the bytes asked for, or returns an error code.
func (c *Controller) readSnapshot(p *kmsg.FetchSnapshotResponseTopicPartition, want *kmsg.FetchSnapshotRequestTopicPartition, quorum Quorum, maxBytes int) int16 {
	switch {
	case want.CurrentLeaderEpoch < quorum.LeaderEpoch:
		return kerr.FencedLeaderEpoch.Code
	case want.CurrentLeaderEpoch > quorum.LeaderEpoch:
		return kerr.UnknownLeaderEpoch.Code
	case quorum.LeaderID < 0:
		return kerr.BrokerNotAvailable.Code
	case quorum.LeaderID != c.cfg.NodeID:
		return kerr.NotLeaderForPartition.Code
	}
	id := want.SnapshotID
	if id.EndOffset <= 0 || id.Epoch < 0 || want.Position < 0 {
		return kerr.SnapshotNotFound.Code
	}
	chunk, size, err := c.cfg.Log.ReadSnapshot(id.EndOffset, id.Epoch, want.Position, min(max(maxBytes, 1), snapshotChunkMaxBytes))
	if err != nil || want.Position >= size {
		return kerr.SnapshotNotFound.Code
	}
	p.Size, p.Bytes = size, chunk
	return 0
}

// nameSnapshotLeader adds the leader's endpoint and returns its id, or -1 when no endpoint is known.
func (c *Controller) nameSnapshotLeader(resp *kmsg.FetchSnapshotResponse, caller Caller, leader int32) int32 {
	host, port, ok := c.controllerEndpoint(c.Image(), leader, caller.Listener)
	if !ok {
		return -1
	}
	node := kmsg.NewFetchSnapshotResponseNodeEndpoint()
	node.NodeID, node.Host, node.Port = leader, host, port
	resp.NodeEndpoints = []kmsg.FetchSnapshotResponseNodeEndpoint{node}
	return leader
}
