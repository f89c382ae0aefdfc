package controller

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// METADATA (3), versions 0 to 13: brokers and topics, for ordinary clients.
//
// Behaviour: a read of the committed image, on any node. Answers are those of a broker
// (KafkaApis.handleTopicMetadataRequest), except for listeners and the controller id: see
// clientView. Topics on which the client has no DESCRIBE are left out, or refused where they are
// named, whether they exist or not. Asking for a topic does not create it. Version 13 has an error
// code, which only refusals use.
//
// Differs from Kafka: its controllers do not serve METADATA. Here it lets a client that has a
// controller as its seed find the brokers.
//
// KIP-516 (topic ids), KIP-1102.
func (c *Controller) metadata(
	_ context.Context, caller protocol.Caller, req *kmsg.MetadataRequest,
) kmsg.Response {
	resp := responseTo[*kmsg.MetadataResponse](req)
	if req.Version < 12 && slices.ContainsFunc(req.Topics,
		func(t kmsg.MetadataRequestTopic) bool {
			return t.Topic == nil ||
				t.TopicID != [16]byte{}
		}) {
		return failMetadata(req, &protocol.Error{Kafka: kerr.InvalidRequest})
	}
	view := c.clientView(caller)
	for id := range view.img.Brokers() {
		if n := view.nodes[id]; n.alive() {
			b := kmsg.NewMetadataResponseBroker()
			b.NodeID, b.Rack = id, n.broker.Rack
			b.Host, b.Port = n.endpoint.Host, int32(n.endpoint.Port)
			resp.Brokers = append(resp.Brokers, b)
		}
	}
	resp.ClusterID, resp.ControllerID = &c.cfg.ClusterID, view.controllerID(caller)
	if req.IncludeClusterAuthorizedOperations {
		resp.AuthorizedOperations = view.rights.clusterOperations()
	}
	if everyTopic(req) {
		return view.everyTopic(resp, req)
	}
	return view.namedTopics(resp, req)
}

// failMetadata answers every topic with an error.
func failMetadata(req *kmsg.MetadataRequest, err *protocol.Error) kmsg.Response {
	resp := responseTo[*kmsg.MetadataResponse](req)
	resp.ErrorCode = err.Code()
	return list(resp, &resp.Topics, len(req.Topics), func(i int) kmsg.MetadataResponseTopic {
		t := req.Topics[i]
		return missingTopic(err.Kafka, topicName(t), t.TopicID)
	})
}

func topicName(t kmsg.MetadataRequestTopic) string {
	if t.Topic == nil {
		return ""
	}
	return *t.Topic
}

// everyTopic reports whether a request asks for all topics: null, in version 0 none.
func everyTopic(req *kmsg.MetadataRequest) bool {
	return req.Topics == nil || req.Version == 0 && len(req.Topics) == 0
}

// everyTopic answers for all topics, by name.
func (v clientView) everyTopic(
	resp *kmsg.MetadataResponse, req *kmsg.MetadataRequest,
) kmsg.Response {
	return topicsByName(resp, &resp.Topics, v.img, v.img.PartitionCount(), v.shown(),
		func() topicElement[kmsg.MetadataResponseTopic] {
			return func(t *metadata.Topic) (kmsg.MetadataResponseTopic, int) {
				return v.topic(t, req),
					t.Len()
			}
		})
}

// namedTopics answers for ids when the request has any, else for names; each once.
func (v clientView) namedTopics(
	resp *kmsg.MetadataResponse, req *kmsg.MetadataRequest,
) kmsg.Response {
	byID := slices.ContainsFunc(req.Topics,
		func(t kmsg.MetadataRequestTopic) bool { return t.TopicID != [16]byte{} })
	var asked []int32
	if byID {
		asked = firstOfEach(len(req.Topics), func(i int) [16]byte { return req.Topics[i].TopicID })
		asked = slices.DeleteFunc(asked,
			func(i int32) bool { return req.Topics[i].TopicID == [16]byte{} })
	} else {
		asked = firstOfEach(len(req.Topics), func(i int) string { return topicName(req.Topics[i]) })
	}
	partitions := func(i int) int {
		if t := findAsked(v.img, &req.Topics[asked[i]]); t != nil {
			return t.Len()
		}
		return 0
	}
	return weighted(resp, &resp.Topics, len(asked), partitions,
		func(i int) kmsg.MetadataResponseTopic {
			return v.askedTopic(&req.Topics[asked[i]], byID, req)
		})
}

// askedTopic answers for a topic that the request names.
func (v clientView) askedTopic(
	asked *kmsg.MetadataRequestTopic, byID bool, req *kmsg.MetadataRequest,
) kmsg.MetadataResponseTopic {
	t := findAsked(v.img, asked)
	switch {
	case t != nil && v.sees(t.Name):
		return v.topic(t, req)
	case byID && t != nil:
		return hiddenTopic(nil, asked.TopicID)
	case !byID && !v.sees(topicName(*asked)):
		return hiddenTopic(asked.Topic, [16]byte{})
	}
	unknown := unknownAsked(asked, byID)
	if req.IncludeTopicAuthorizedOperations && !byID {
		unknown.AuthorizedOperations = v.topicOperations(topicName(*asked))
	}
	return unknown
}

// hiddenTopic answers for a topic that the client may not know, by what it named it by.
func hiddenTopic(name *string, id [16]byte) kmsg.MetadataResponseTopic {
	t := kmsg.NewMetadataResponseTopic()
	t.ErrorCode, t.Topic, t.TopicID = kerr.TopicAuthorizationFailed.Code, name, id
	return t
}

// findAsked looks a topic up by its id if it has one, else by its name; nil when there is none.
func findAsked(img *metadata.Image, asked *kmsg.MetadataRequestTopic) *metadata.Topic {
	if asked.TopicID != [16]byte{} {
		return img.Topic(asked.TopicID)
	}
	return img.TopicByName(topicName(*asked))
}

// unknownAsked answers for a topic that does not exist.
func unknownAsked(asked *kmsg.MetadataRequestTopic, byID bool) kmsg.MetadataResponseTopic {
	if byID {
		unknown := missingTopic(kerr.UnknownTopicID, "", asked.TopicID)
		unknown.Topic = nil
		return unknown
	}
	name := topicName(*asked)
	return missingTopic(unknownTopic(name), name, [16]byte{})
}

func missingTopic(err *kerr.Error, name string, id [16]byte) kmsg.MetadataResponseTopic {
	t := kmsg.NewMetadataResponseTopic()
	t.ErrorCode, t.Topic, t.TopicID = err.Code, &name, id
	t.IsInternal = protocol.InternalTopic(name)
	return t
}

func (v clientView) topic(t *metadata.Topic, req *kmsg.MetadataRequest) kmsg.MetadataResponseTopic {
	resp := kmsg.NewMetadataResponseTopic()
	if req.IncludeTopicAuthorizedOperations {
		resp.AuthorizedOperations = v.topicOperations(t.Name)
	}
	resp.Topic, resp.TopicID, resp.IsInternal = &t.Name, t.ID, protocol.InternalTopic(t.Name)
	resp.Partitions = make([]kmsg.MetadataResponseTopicPartition, 0, t.Len())
	for id, p := range t.Partitions() {
		resp.Partitions = append(resp.Partitions, v.partition(id, p, req.Version))
	}
	return resp
}

// partition in version 0 leaves out the replicas on brokers that are not there, and says so; before
// version 6 a missing listener reads as a missing leader.
func (v clientView) partition(
	id int32, p *metadata.Partition, version int16,
) kmsg.MetadataResponseTopicPartition {
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
