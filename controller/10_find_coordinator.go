package controller

import (
	"context"
	"slices"
	"unicode/utf16"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/protocol"
)

// coordinatorTopics are the topics whose partition leaders are the coordinators, by type.
var coordinatorTopics = []string{protocol.OffsetsTopic, protocol.TransactionsTopic}

// FIND_COORDINATOR (10), versions 0 to 6: the brokers that coordinate groups and transactions, for
// ordinary clients.
//
// Behaviour: a read of the committed image, on any node. The coordinator of a group is the leader
// of a partition of __consumer_offsets, that of a transactional id one of __transaction_state; the
// partition is the Java hash of the key. The client needs DESCRIBE on the group or transactional
// id. Answers are those of a broker (KafkaApis.handleFindCoordinatorRequest), with listeners as in
// clientView. While there is no such topic or leader the answer is COORDINATOR_NOT_AVAILABLE, and
// clients repeat the request. The topic is created by brokers, which know its settings, when they
// are asked for a coordinator; so this node asks one.
//
// Differs from Kafka: its controllers do not serve FIND_COORDINATOR. Here it lets a consumer or a
// transactional producer have a controller as its seed. Coordinators of share partitions, which
// only brokers look for, are refused as an unknown type is.
//
// KIP-699, KIP-932.
func (c *Controller) findCoordinator(
	ctx context.Context, caller protocol.Caller, req *kmsg.FindCoordinatorRequest,
) kmsg.Response {
	resp := responseTo[*kmsg.FindCoordinatorResponse](req)
	c.haveTopicCreated(ctx, c.rightsOf(caller), req)
	view := c.clientView(caller)
	if req.Version >= 4 {
		return list(resp, &resp.Coordinators, len(req.CoordinatorKeys),
			func(i int) kmsg.FindCoordinatorResponseCoordinator {
				return view.coordinator(req.CoordinatorType, req.CoordinatorKeys[i])
			})
	}
	found := view.coordinator(req.CoordinatorType, req.CoordinatorKey)
	resp.ErrorCode, resp.NodeID = found.ErrorCode, found.NodeID
	resp.Host, resp.Port = found.Host, found.Port
	if resp.ErrorMessage = found.ErrorMessage; found.ErrorCode == 0 {
		none := "NONE"
		resp.ErrorMessage = &none
	} else if denied := errCoordinatorDenied[found.ErrorCode]; denied != nil {
		resp.ErrorMessage = denied.Text()
	}
	return resp
}

// The errors for who may not look for the coordinator of a group and of a transactional id, by type
// and by code.
var (
	errsCoordinatorDenied = []*protocol.Error{
		errGroupDenied,
		protocol.Errorf(kerr.TransactionalIDAuthorizationFailed,
			"Transactional Id authorization failed."),
	}
	errCoordinatorDenied = map[int16]*protocol.Error{
		errsCoordinatorDenied[0].Code(): errsCoordinatorDenied[0],
		errsCoordinatorDenied[1].Code(): errsCoordinatorDenied[1],
	}
)

// coordinatorResources are the types of resources whose coordinators are looked for, by type.
var coordinatorResources = []int8{acls.Group, acls.TransactionalID}

// seeCoordinator reports whether the client may look for a coordinator of a known type.
func (r *rights) seeCoordinator(kind int8, key string) bool {
	return r.allow(acls.Action{Operation: acls.Describe,
		ResourceType: coordinatorResources[kind], ResourceName: key})
}

// haveTopicCreated asks a broker for a coordinator if the topic of the coordinators does not exist
// and the client may look for one. Its answer does not count: it is COORDINATOR_NOT_AVAILABLE until
// the topic has a leader.
func (c *Controller) haveTopicCreated(
	ctx context.Context, granted *rights, req *kmsg.FindCoordinatorRequest,
) {
	img := c.Image()
	if !coordinatorType(req.CoordinatorType) ||
		img.TopicByName(coordinatorTopics[req.CoordinatorType]) != nil {
		return
	}
	one, keys := *req, req.CoordinatorKeys
	if req.Version < 4 {
		keys = []string{req.CoordinatorKey}
	}
	i := slices.IndexFunc(keys, func(key string) bool {
		return granted.seeCoordinator(req.CoordinatorType, key)
	})
	if i < 0 {
		return
	}
	one.CoordinatorKeys = keys[i : i+1]
	if _, err := c.brokers.ask(ctx, img, &one); err != nil {
		c.cfg.Logger.Debug("no broker has been asked for a coordinator",
			"topic", coordinatorTopics[req.CoordinatorType], "error", err)
	}
}

// coordinatorType reports whether a type of coordinator is one that clients look for.
func coordinatorType(t int8) bool { return t >= 0 && int(t) < len(coordinatorTopics) }

// coordinator finds the coordinator for a key.
func (v clientView) coordinator(
	kind int8, key string,
) kmsg.FindCoordinatorResponseCoordinator {
	found := kmsg.NewFindCoordinatorResponseCoordinator()
	var message string
	found.Key, found.ErrorMessage = key, &message
	if !coordinatorType(kind) {
		return failCoordinator(found, protocol.Errorf(kerr.InvalidRequest,
			"The coordinator type %d is neither 0 (group) nor 1 (transaction).", kind))
	}
	if !v.rights.seeCoordinator(kind, key) {
		denied := failCoordinator(found, errsCoordinatorDenied[kind])
		denied.ErrorMessage = &message
		return denied
	}
	id, ok := v.coordinatorNode(coordinatorTopics[kind], key)
	if !ok {
		return failCoordinator(found, protocol.Errorf(kerr.CoordinatorNotAvailable,
			"The topic %s does not exist yet or has no leader: ask a broker, which creates it.",
			coordinatorTopics[kind]))
	}
	e := v.nodes[id].endpoint
	found.NodeID, found.Host, found.Port = id, e.Host, int32(e.Port)
	return found
}

// coordinatorNode is the living broker that leads the key's partition of a topic.
func (v clientView) coordinatorNode(topic, key string) (id int32, ok bool) {
	t := v.img.TopicByName(topic)
	if t == nil || t.Len() == 0 {
		return -1, false
	}
	p := t.Partition(int32(coordinatorPartition(key, t.Len())))
	if p == nil || !v.nodes[p.Leader].alive() {
		return -1, false
	}
	return p.Leader, true
}

func failCoordinator(
	found kmsg.FindCoordinatorResponseCoordinator, err *protocol.Error,
) kmsg.FindCoordinatorResponseCoordinator {
	found.ErrorCode, found.ErrorMessage = err.Code(), err.Text()
	found.NodeID, found.Host, found.Port = -1, "", -1
	return found
}

// coordinatorPartition is the partition for a key among n: Java's hash of the string, which is over
// its UTF-16 units, made positive as Kafka's Utils.abs does.
func coordinatorPartition(key string, n int) int {
	var h int32
	for _, unit := range utf16.Encode([]rune(key)) {
		h = 31*h + int32(unit)
	}
	if h < 0 {
		h = max(-h, 0) // -h is negative for the least int32, whose absolute value Kafka takes as 0
	}
	return int(h) % n
}

func failFindCoordinator(req *kmsg.FindCoordinatorRequest, err *protocol.Error) kmsg.Response {
	resp := responseTo[*kmsg.FindCoordinatorResponse](req)
	if req.Version < 4 {
		resp.ErrorCode, resp.ErrorMessage = err.Code(), err.Text()
		resp.NodeID, resp.Host, resp.Port = -1, "", -1
		return resp
	}
	return list(resp, &resp.Coordinators, len(req.CoordinatorKeys),
		func(i int) kmsg.FindCoordinatorResponseCoordinator {
			found := kmsg.NewFindCoordinatorResponseCoordinator()
			found.Key = req.CoordinatorKeys[i]
			return failCoordinator(found, err)
		})
}
