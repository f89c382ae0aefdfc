package controller

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

// FETCH (1), versions 4 to 18: brokers and other observers read the metadata log.
//
// Behaviour: every node answers; the log decides what it returns and when. Only partition 0 of
// __cluster_metadata can be fetched, by name up to version 12 and by id from version 13. As in
// Kafka, PartitionMaxBytes and MinBytes have no effect. Hundreds of observers wait for each commit
// and get the same answer, which is encoded once: see sharedFetch.
//
// Differs from Kafka: a broker exits on a partition with INVALID_REQUEST, on
// CLUSTER_AUTHORIZATION_FAILED at the top, and on a leader that is neither in its voter set nor in
// NodeEndpoints. So every fault of a request is an error at the top, and a leader without a known
// endpoint on the caller's listener is not named. Kafka refuses negative offsets and waits at the
// partition. A replica that may not fetch, because an ACL was removed or a super user forgotten,
// gets BROKER_NOT_AVAILABLE: it tries again every 20 ms, and goes on when it is allowed. With
// Kafka's answer all brokers would exit. The log of this node says who is refused, and the broker's
// says so of its registration and heartbeats. Others get CLUSTER_AUTHORIZATION_FAILED.
//
// KIP-595, KIP-853, KIP-1166.
func (c *Controller) fetch(
	ctx context.Context, caller protocol.Caller, req *kmsg.FetchRequest,
) kmsg.Response {
	if !c.sameCluster(req.ClusterID) {
		return fetchRefusal(req, kerr.InconsistentClusterID)
	}
	p := fetchPartition(req)
	if p == nil {
		return fetchRefusal(req, kerr.InvalidRequest)
	}
	r := c.cfg.Log.Fetch(ctx, FetchRequest{
		ReplicaID: fetchReplica(req), ReplicaDir: p.ReplicaDirectoryID,
		LeaderEpoch: p.CurrentLeaderEpoch,
		Offset:      p.FetchOffset, LastEpoch: p.LastFetchedEpoch, HighWatermark: p.HighWatermark,
		MaxBytes: int(req.MaxBytes), MaxWait: time.Duration(req.MaxWaitMillis) * time.Millisecond,
	})
	var endpoint leaderEndpoint
	if req.Version >= 16 && r.LeaderID >= 0 {
		if endpoint.host, endpoint.port, endpoint.known = c.controllerEndpoint(c.Image(),
			r.LeaderID, caller.Listener); !endpoint.known {
			r.LeaderID = -1
		}
	}
	if !shareable(r) {
		return fetchResponse(req, r, endpoint)
	}
	return c.sharedFetch(req, r, endpoint)
}

// failFetch is the answer to who may not fetch, before version 13 also in the partitions: the first
// versions have no other place for it.
func failFetch(req *kmsg.FetchRequest, err *protocol.Error) kmsg.Response {
	resp := responseTo[*kmsg.FetchResponse](req)
	resp.ErrorCode, resp.SessionID = err.Code(), req.SessionID
	if fetchReplica(req) >= 0 {
		resp.ErrorCode = kerr.BrokerNotAvailable.Code
	}
	if req.Version >= 13 {
		return resp
	}
	lists := entryLists{len(req.Topics), func(i int) int { return len(req.Topics[i].Partitions) }}
	return nested(resp, &resp.Topics, lists, func(r run) kmsg.FetchResponseTopic {
		t := kmsg.NewFetchResponseTopic()
		t.Topic = req.Topics[r.list].Topic
		for _, asked := range req.Topics[r.list].Partitions[r.entry:r.end] {
			t.Partitions = append(t.Partitions,
				refusedPartition(asked.Partition, resp.ErrorCode))
		}
		return t
	})
}

func refusedPartition(id int32, code int16) kmsg.FetchResponseTopicPartition {
	p := kmsg.NewFetchResponseTopicPartition()
	p.Partition, p.ErrorCode, p.HighWatermark = id, code, -1
	p.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
	p.RecordBatches = []byte{}
	return p
}

func fetchRefusal(req *kmsg.FetchRequest, err *kerr.Error) kmsg.Response {
	resp := responseTo[*kmsg.FetchResponse](req)
	resp.ErrorCode = err.Code
	return resp
}

// fetchPartition is the one partition of a valid request, else nil.
func fetchPartition(req *kmsg.FetchRequest) *kmsg.FetchRequestTopicPartition {
	if len(req.Topics) != 1 || len(req.Topics[0].Partitions) != 1 || req.MaxWaitMillis < 0 {
		return nil
	}
	t := &req.Topics[0]
	if named := t.Topic == protocol.MetadataTopic; req.Version < 13 && !named ||
		req.Version >= 13 && t.TopicID != protocol.MetadataTopicID {
		return nil
	}
	p := &t.Partitions[0]
	if p.Partition != 0 || p.FetchOffset < 0 || p.LastFetchedEpoch < 0 ||
		p.LastFetchedEpoch > p.CurrentLeaderEpoch {
		return nil
	}
	return p
}

func fetchReplica(req *kmsg.FetchRequest) int32 {
	if req.Version >= 15 {
		return req.ReplicaState.ID
	}
	return req.ReplicaID
}

// leaderEndpoint is where the leader listens, as far as it is known to the caller's listener.
type leaderEndpoint struct {
	host  string
	port  uint16
	known bool
}

func fetchResponse(
	req *kmsg.FetchRequest, r FetchResult, leader leaderEndpoint,
) *kmsg.FetchResponse {
	resp := responseTo[*kmsg.FetchResponse](req)
	if leader.known {
		node := kmsg.NewFetchResponseBroker()
		node.NodeID, node.Host, node.Port = r.LeaderID, leader.host, int32(leader.port)
		resp.Brokers = []kmsg.FetchResponseBroker{node}
	}
	topic := kmsg.NewFetchResponseTopic()
	topic.Topic, topic.TopicID = protocol.MetadataTopic, protocol.MetadataTopicID
	topic.Partitions = []kmsg.FetchResponseTopicPartition{fetchedPartition(r)}
	resp.Topics = []kmsg.FetchResponseTopic{topic}
	return resp
}

func fetchedPartition(r FetchResult) kmsg.FetchResponseTopicPartition {
	p := kmsg.NewFetchResponseTopicPartition()
	p.ErrorCode, p.HighWatermark, p.LogStartOffset = r.ErrorCode, r.HighWatermark, r.LogStart
	p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = r.LeaderID, r.LeaderEpoch
	p.DivergingEpoch.Epoch, p.DivergingEpoch.EndOffset = r.DivergingEpoch, r.DivergingEnd
	p.SnapshotID.Epoch, p.SnapshotID.EndOffset = r.SnapshotEpoch, r.SnapshotEnd
	p.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
	p.PreferredReadReplica = -1
	p.RecordBatches = r.Records
	if p.RecordBatches == nil {
		p.RecordBatches = []byte{}
	}
	return p
}
