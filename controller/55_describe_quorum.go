package controller

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// DESCRIBE_QUORUM (55), versions 0 to 2: voters and observers, and the log end of each. Brokers
// forward it for kafka-metadata-quorum.
//
// Behaviour: only the leader answers. Any other node answers NOT_LEADER_OR_FOLLOWER for the
// partition, which an envelope turns into NOT_CONTROLLER.
//
// Versions: 1 has timestamps (KIP-836); 2 has directory ids, messages, and the voters' endpoints on
// all controller listeners (KIP-853). A message is empty, not null, where there is no error, as in
// Kafka.
//
// KIP-595.
func (c *Controller) describeQuorum(
	_ context.Context, _ protocol.Caller, req *kmsg.DescribeQuorumRequest,
) kmsg.Response {
	resp := responseTo[*kmsg.DescribeQuorumResponse](req)
	resp.ErrorMessage = noMessage()
	if len(req.Topics) != 1 || len(req.Topics[0].Partitions) != 1 ||
		req.Topics[0].Topic != protocol.MetadataTopic ||
		req.Topics[0].Partitions[0].Partition != 0 {
		return unknownQuorums(req)
	}
	topic := kmsg.NewDescribeQuorumResponseTopic()
	topic.Topic = protocol.MetadataTopic
	quorum := c.cfg.Log.Quorum()
	if quorum.LeaderID == c.cfg.NodeID {
		topic.Partitions = append(topic.Partitions, quorumPartition(quorum))
		resp.Nodes = c.quorumNodes(quorum)
	} else {
		topic.Partitions = append(topic.Partitions, quorumError(0, kerr.NotLeaderForPartition))
	}
	resp.Topics = append(resp.Topics, topic)
	return resp
}

func failDescribeQuorum(
	req *kmsg.DescribeQuorumRequest, err *protocol.Error,
) *kmsg.DescribeQuorumResponse {
	resp := responseTo[*kmsg.DescribeQuorumResponse](req)
	resp.ErrorCode, resp.ErrorMessage = err.Code(), err.Text()
	return resp
}

func quorumLists(req *kmsg.DescribeQuorumRequest) entryLists {
	return entryLists{len(req.Topics), func(i int) int { return len(req.Topics[i].Partitions) }}
}

// unknownQuorums answers for partitions that are not the metadata log.
func unknownQuorums(req *kmsg.DescribeQuorumRequest) kmsg.Response {
	err := &protocol.Error{Kafka: kerr.UnknownTopicOrPartition,
		Message: kerr.UnknownTopicOrPartition.Description}
	resp := responseTo[*kmsg.DescribeQuorumResponse](req)
	resp.ErrorMessage = noMessage()
	return nested(resp, &resp.Topics, quorumLists(req),
		func(r run) kmsg.DescribeQuorumResponseTopic {
			topic := kmsg.NewDescribeQuorumResponseTopic()
			topic.Topic = req.Topics[r.list].Topic
			for i, p := range req.Topics[r.list].Partitions[r.entry:r.end] {
				answer := quorumError(p.Partition, err.Kafka)
				answer.ErrorMessage = err.TextAt(r.index + i)
				topic.Partitions = append(topic.Partitions, answer)
			}
			return topic
		})
}

func quorumError(partition int32, err *kerr.Error) kmsg.DescribeQuorumResponseTopicPartition {
	p := kmsg.NewDescribeQuorumResponseTopicPartition()
	p.Partition, p.ErrorCode, p.ErrorMessage = partition, err.Code, &err.Description
	return p
}

func quorumPartition(q Quorum) kmsg.DescribeQuorumResponseTopicPartition {
	p := kmsg.NewDescribeQuorumResponseTopicPartition()
	p.ErrorMessage = noMessage()
	p.LeaderID, p.LeaderEpoch, p.HighWatermark = q.LeaderID, q.LeaderEpoch, q.HighWatermark
	p.CurrentVoters, p.Observers = quorumReplicas(q.Voters), quorumReplicas(q.Observers)
	return p
}

func quorumReplicas(states []ReplicaState) []kmsg.DescribeQuorumResponseTopicPartitionReplicaState {
	replicas := make([]kmsg.DescribeQuorumResponseTopicPartitionReplicaState, len(states))
	for i, s := range states {
		r := kmsg.NewDescribeQuorumResponseTopicPartitionReplicaState()
		r.ReplicaID, r.ReplicaDirectoryID, r.LogEndOffset = s.ID, s.DirectoryID, s.LogEndOffset
		r.LastFetchTimestamp, r.LastCaughtUpTimestamp = s.LastFetchMs, s.LastCaughtUpMs
		replicas[i] = r
	}
	return replicas
}

// quorumNodes lists the voters' endpoints.
func (c *Controller) quorumNodes(q Quorum) []kmsg.DescribeQuorumResponseNode {
	img := c.Image()
	nodes := make([]kmsg.DescribeQuorumResponseNode, len(q.Voters))
	for i, v := range q.Voters {
		nodes[i] = kmsg.NewDescribeQuorumResponseNode()
		nodes[i].NodeID = v.ID
		nodes[i].Listeners = voterListeners(img, v.ID)
	}
	return nodes
}

// voterListeners are a voter's endpoints: from the voter set, or from its registration if the set
// has none.
func voterListeners(img *metadata.Image, id int32) []kmsg.DescribeQuorumResponseNodeListener {
	var listeners []kmsg.DescribeQuorumResponseNodeListener
	add := func(name, host string, port uint16) {
		l := kmsg.NewDescribeQuorumResponseNodeListener()
		l.Name, l.Host, l.Port = name, host, port
		listeners = append(listeners, l)
	}
	if voters := img.Voters(); voters != nil {
		for _, v := range voters.Voters {
			if v.ID != id {
				continue
			}
			for _, e := range v.Endpoints {
				add(e.Name, e.Host, e.Port)
			}
		}
	}
	if registration := img.Controller(id); len(listeners) == 0 && registration != nil {
		for _, e := range registration.Endpoints {
			add(e.Name, e.Host, e.Port)
		}
	}
	return listeners
}
