package controller

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// METADATA (3), versions 0 to 13: brokers and topics for ordinary clients (KIP-516 for topic ids, KIP-1102 for the error code of version 13, which only refusals use).
//
// No Kafka controller answers this. Ours does, from the committed image and on any node, so that a client with a controller as its
// seed finds the brokers. Answers are those of a broker (KafkaApis.handleTopicMetadataRequest) but for what clientView says about listeners
// and the controller id, and no topic is created for having been asked for.
func (c *Controller) metadata(_ context.Context, caller Caller, req *kmsg.MetadataRequest) *kmsg.MetadataResponse {
	resp := responseTo[*kmsg.MetadataResponse](req)
	if req.Version < 12 && slices.ContainsFunc(req.Topics, func(t kmsg.MetadataRequestTopic) bool { return t.Topic == nil || t.TopicID != [16]byte{} }) {
		return metadataError(resp, req, kerr.InvalidRequest)
	}
	view := newClientView(c.Image(), caller)
	for id := range view.img.Brokers() {
		if n := view.nodes[id]; n.alive() {
			b := kmsg.NewMetadataResponseBroker()
			b.NodeID, b.Host, b.Port, b.Rack = id, n.endpoint.Host, int32(n.endpoint.Port), n.broker.Rack
			resp.Brokers = append(resp.Brokers, b)
		}
	}
	resp.ClusterID, resp.ControllerID = &c.cfg.ClusterID, view.controllerID(caller)
	view.addTopics(resp, req)
	if req.IncludeTopicAuthorizedOperations {
		for i := range resp.Topics {
			resp.Topics[i].AuthorizedOperations = topicOperations
		}
	}
	if req.IncludeClusterAuthorizedOperations {
		resp.AuthorizedOperations = clusterOperations
	}
	return resp
}

// metadataError answers every topic with an error.
func metadataError(resp *kmsg.MetadataResponse, req *kmsg.MetadataRequest, err *kerr.Error) *kmsg.MetadataResponse {
	resp.ErrorCode = err.Code
	for _, t := range req.Topics {
		resp.Topics = append(resp.Topics, missingTopic(err, topicName(t), t.TopicID))
	}
	return resp
}

func topicName(t kmsg.MetadataRequestTopic) string {
	if t.Topic == nil {
		return ""
	}
	return *t.Topic
}

// addTopics answers for all topics (null; in version 0 none), for ids when the request has any, else for names; each once.
func (v clientView) addTopics(resp *kmsg.MetadataResponse, req *kmsg.MetadataRequest) {
	if req.Topics == nil || req.Version == 0 && len(req.Topics) == 0 {
		for t := range v.img.TopicsByName("") {
			resp.Topics = append(resp.Topics, v.topic(t, req.Version))
		}
		return
	}
	byID := slices.ContainsFunc(req.Topics, func(t kmsg.MetadataRequestTopic) bool { return t.TopicID != [16]byte{} })
	seen := make(map[any]bool)
	for _, t := range req.Topics {
		var key any = topicName(t)
		if byID {
			key = t.TopicID
		}
		if seen[key] || byID && t.TopicID == [16]byte{} {
			continue
		}
		seen[key] = true
		resp.Topics = append(resp.Topics, v.askedTopic(t, byID, req.Version))
	}
}

func (v clientView) askedTopic(asked kmsg.MetadataRequestTopic, byID bool, version int16) kmsg.MetadataResponseTopic {
	if byID {
		if t := v.img.Topic(record.UUID(asked.TopicID)); t != nil {
			return v.topic(t, version)
		}
		unknown := missingTopic(kerr.UnknownTopicID, "", asked.TopicID)
		unknown.Topic = nil
		return unknown
	}
	name := topicName(asked)
	if t := v.img.TopicByName(name); t != nil {
		return v.topic(t, version)
	}
	return missingTopic(unknownTopic(name), name, [16]byte{})
}

func missingTopic(err *kerr.Error, name string, id [16]byte) kmsg.MetadataResponseTopic {
	t := kmsg.NewMetadataResponseTopic()
	t.ErrorCode, t.Topic, t.TopicID, t.IsInternal = err.Code, &name, id, internalTopic(name)
	return t
}

func (v clientView) topic(t *metadata.Topic, version int16) kmsg.MetadataResponseTopic {
	resp := kmsg.NewMetadataResponseTopic()
	resp.Topic, resp.TopicID, resp.IsInternal = &t.Name, t.ID, internalTopic(t.Name)
	resp.Partitions = make([]kmsg.MetadataResponseTopicPartition, 0, t.Len())
	for id, p := range t.Partitions() {
		resp.Partitions = append(resp.Partitions, v.partition(id, p, version))
	}
	return resp
}

// partition in version 0 leaves out the replicas on brokers that are not there, and says so; before version 6 a missing listener
// reads as a missing leader.
func (v clientView) partition(id int32, p *metadata.Partition, version int16) kmsg.MetadataResponseTopicPartition {
	resp := kmsg.NewMetadataResponseTopicPartition()
	leader, err := v.leader(p)
	if err == kerr.ListenerNotFound && version < 6 {
		err = kerr.LeaderNotAvailable
	}
	resp.Partition, resp.Leader, resp.LeaderEpoch = id, leader, p.LeaderEpoch
	resp.Replicas, resp.ISR, resp.OfflineReplicas = p.Replicas, p.ISR, v.offline(p)
	if version == 0 {
		resp.Replicas, resp.ISR = v.living(p.Replicas), v.living(p.ISR)
		if err == nil && (len(resp.Replicas) < len(p.Replicas) || len(resp.ISR) < len(p.ISR)) {
			err = kerr.ReplicaNotAvailable
		}
	}
	if err != nil {
		resp.ErrorCode = err.Code
	}
	return resp
}
