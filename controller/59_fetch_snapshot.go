package controller

import (
	"context"
	"io"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

// FETCH_SNAPSHOT (59), versions 0 and 1: a piece of a snapshot file.
//
// Behaviour: only the leader serves it. An observer returns to FETCH after SNAPSHOT_NOT_FOUND, so
// that is the answer for everything that cannot be read. Observers repeat other errors without a
// pause, except BROKER_NOT_AVAILABLE, which is therefore the answer while nobody leads.
// CurrentLeader has no default that means "unknown", and an observer exits when SnapshotId or
// Position are not its own: all three are always set.
//
// Versions: 1 has endpoints (KIP-853).
//
// Differs from Kafka: it answers a bad position with POSITION_OUT_OF_RANGE, which an observer
// repeats for ever. A replica that may not read snapshots gets BROKER_NOT_AVAILABLE, as from FETCH.
//
// KIP-630.
func (c *Controller) fetchSnapshot(
	_ context.Context, caller protocol.Caller, req *kmsg.FetchSnapshotRequest,
) kmsg.Response {
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
	leader, epoch := c.cfg.Log.Leader()
	p := kmsg.NewFetchSnapshotResponseTopicPartition()
	p.Partition, p.Position = want.Partition, want.Position
	p.SnapshotID.EndOffset, p.SnapshotID.Epoch = want.SnapshotID.EndOffset, want.SnapshotID.Epoch
	p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = leader, epoch
	var piece snapshotPiece
	if req.Topics[0].Topic != protocol.MetadataTopic || want.Partition != 0 {
		p.ErrorCode = kerr.UnknownTopicOrPartition.Code
	} else {
		piece, p.ErrorCode = c.openSnapshot(want, leader, epoch, req.MaxBytes)
	}
	if req.Version >= 1 && leader >= 0 {
		p.CurrentLeader.LeaderID = c.nameSnapshotLeader(resp, caller, leader)
	}
	p.Size = piece.size
	topic := kmsg.NewFetchSnapshotResponseTopic()
	topic.Topic = req.Topics[0].Topic
	topic.Partitions = []kmsg.FetchSnapshotResponseTopicPartition{p}
	resp.Topics = []kmsg.FetchSnapshotResponseTopic{topic}
	if piece.file == nil {
		return resp
	}
	piece.FetchSnapshotResponse = resp
	return piece
}

func failFetchSnapshot(req *kmsg.FetchSnapshotRequest, err *protocol.Error) kmsg.Response {
	resp := responseTo[*kmsg.FetchSnapshotResponse](req)
	if resp.ErrorCode = err.Code(); req.ReplicaID >= 0 {
		resp.ErrorCode = kerr.BrokerNotAvailable.Code
	}
	return resp
}

// snapshotPiece is a response whose bytes are still in the snapshot's file; the connection sends
// them from there. So none of it is in memory, however many observers download at once.
type snapshotPiece struct {
	*kmsg.FetchSnapshotResponse
	file io.ReadCloser
	n    int64 // bytes from the file's present position
	size int64 // bytes of the whole file
}

// Content returns the field of the response that is missing, and a file with its n bytes. The
// caller closes the file.
func (p snapshotPiece) Content() (field *[]byte, file io.ReadCloser, n int64) {
	return &p.Topics[0].Partitions[0].Bytes, p.file, p.n
}

// snapshotPieceMaxBytes bounds one answer, whatever the observer asks for.
const snapshotPieceMaxBytes = 8 << 20

// openSnapshot opens the piece that is asked for, or returns an error code.
func (c *Controller) openSnapshot(
	want *kmsg.FetchSnapshotRequestTopicPartition, leader, epoch, maxBytes int32,
) (snapshotPiece, int16) {
	switch {
	case want.CurrentLeaderEpoch < epoch:
		return snapshotPiece{}, kerr.FencedLeaderEpoch.Code
	case want.CurrentLeaderEpoch > epoch:
		return snapshotPiece{}, kerr.UnknownLeaderEpoch.Code
	case leader < 0:
		return snapshotPiece{}, kerr.BrokerNotAvailable.Code
	case leader != c.cfg.NodeID:
		return snapshotPiece{}, kerr.NotLeaderForPartition.Code
	}
	id := want.SnapshotID
	if id.EndOffset <= 0 || id.Epoch < 0 || want.Position < 0 {
		return snapshotPiece{}, kerr.SnapshotNotFound.Code
	}
	file, size, err := c.cfg.Log.OpenSnapshot(id.EndOffset, id.Epoch, want.Position)
	if err != nil {
		return snapshotPiece{}, kerr.SnapshotNotFound.Code
	}
	if want.Position >= size {
		file.Close()
		return snapshotPiece{}, kerr.SnapshotNotFound.Code
	}
	n := min(int64(max(maxBytes, 1)), snapshotPieceMaxBytes, size-want.Position)
	return snapshotPiece{file: file, n: n, size: size}, 0
}

// nameSnapshotLeader adds the leader's endpoint and returns its id, or -1 when no endpoint is
// known.
func (c *Controller) nameSnapshotLeader(
	resp *kmsg.FetchSnapshotResponse, caller protocol.Caller, leader int32,
) int32 {
	host, port, ok := c.controllerEndpoint(c.Image(), leader, caller.Listener)
	if !ok {
		return -1
	}
	node := kmsg.NewFetchSnapshotResponseNodeEndpoint()
	node.NodeID, node.Host, node.Port = leader, host, port
	resp.NodeEndpoints = []kmsg.FetchSnapshotResponseNodeEndpoint{node}
	return leader
}
