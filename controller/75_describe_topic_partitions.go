package controller

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// describePartitionsMax is how many partitions and unknown topics one answer holds
// (max.request.partition.size.limit, which counts partitions alone).
const describePartitionsMax = 2000

// DESCRIBE_TOPIC_PARTITIONS (75), version 0: topics page by page, with eligible leader replicas.
//
// Behaviour: a read of the committed image, on any node. Answers are those of a broker
// (DescribeTopicPartitionsRequestHandler), with listeners as in clientView. A request that names no
// topic asks for all; a topic that is deleted between two pages is skipped. Topics on which the
// client has no DESCRIBE are left out, or refused at the end where they are named. Topics are in
// the order of their names; the next cursor is where the next page begins. A partition has no error
// of its own: without a leader to show, its leader is -1.
//
// Differs from Kafka: its controllers do not serve this API; METADATA says why ours do.
//
// KIP-966.
func (c *Controller) describeTopicPartitions(
	_ context.Context, caller protocol.Caller, req *kmsg.DescribeTopicPartitionsRequest,
) kmsg.Response {
	if !legalCursor(req) {
		return failDescribeTopicPartitions(req, &protocol.Error{Kafka: kerr.InvalidRequest})
	}
	resp := responseTo[*kmsg.DescribeTopicPartitionsResponse](req)
	d := describer{view: c.clientView(caller), resp: resp,
		left: int(min(max(req.ResponsePartitionLimit, 1), describePartitionsMax))}
	var from kmsg.DescribeTopicPartitionsRequestCursor
	if req.Cursor != nil {
		from = *req.Cursor
	}
	if len(req.Topics) == 0 {
		d.all(from)
	} else {
		d.named(req.Topics, from)
	}
	return resp
}

func failDescribeTopicPartitions(
	req *kmsg.DescribeTopicPartitionsRequest, err *protocol.Error,
) kmsg.Response {
	resp := responseTo[*kmsg.DescribeTopicPartitionsResponse](req)
	return list(resp, &resp.Topics, len(req.Topics),
		func(i int) kmsg.DescribeTopicPartitionsResponseTopic {
			return describedTopic(req.Topics[i].Topic, err.Kafka)
		})
}

// legalCursor reports whether a cursor names one of the requested topics.
func legalCursor(req *kmsg.DescribeTopicPartitionsRequest) bool {
	if req.Cursor == nil {
		return true
	}
	asked := func(t kmsg.DescribeTopicPartitionsRequestTopic) bool {
		return t.Topic == req.Cursor.Topic
	}
	return req.Cursor.Partition >= 0 && (len(req.Topics) == 0 ||
		slices.ContainsFunc(req.Topics, asked))
}

// describer fills a response up to its limit of partitions.
type describer struct {
	view clientView
	resp *kmsg.DescribeTopicPartitionsResponse
	left int
}

func (d *describer) all(from kmsg.DescribeTopicPartitionsRequestCursor) {
	for t := range d.view.img.TopicsByName(from.Topic) {
		if !d.view.sees(t.Name) {
			continue
		}
		if !d.add(t.Name, t, from) {
			return
		}
	}
}

func (d *describer) named(topics []kmsg.DescribeTopicPartitionsRequestTopic,
	from kmsg.DescribeTopicPartitionsRequestCursor) {
	var names []string
	for _, t := range topics {
		if t.Topic >= from.Topic {
			names = append(names, t.Topic)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	hidden := slices.DeleteFunc(slices.Clone(names), d.view.sees)
	defer func() {
		for _, name := range hidden {
			t := describedTopic(name, kerr.TopicAuthorizationFailed)
			t.IsInternal = false
			d.resp.Topics = append(d.resp.Topics, t)
		}
	}()
	for _, name := range slices.DeleteFunc(names, func(n string) bool { return !d.view.sees(n) }) {
		if !d.add(name, d.view.img.TopicByName(name), from) {
			return
		}
	}
}

// add describes a topic, nil for an unknown one; if the cursor is in it, from the cursor on. It
// returns false when the response is full and the next cursor is set.
func (d *describer) add(
	name string, t *metadata.Topic, from kmsg.DescribeTopicPartitionsRequestCursor,
) bool {
	if d.left == 0 {
		d.next(name, 0)
		return false
	}
	if t == nil {
		unknown := describedTopic(name, unknownTopic(name))
		unknown.AuthorizedOperations = d.view.topicOperations(name)
		d.resp.Topics = append(d.resp.Topics, unknown)
		d.left--
		return true
	}
	topic := describedTopic(name, nil)
	topic.TopicID, topic.AuthorizedOperations = t.ID, d.view.topicOperations(name)
	first := 0
	if name == from.Topic {
		first = int(from.Partition)
	}
	end := min(t.Len(), first+d.left)
	for id := first; id < end; id++ {
		if p := t.Partition(int32(id)); p != nil {
			topic.Partitions = append(topic.Partitions, d.view.describe(int32(id), p))
		}
	}
	d.resp.Topics = append(d.resp.Topics, topic)
	if end < t.Len() {
		d.next(name, end)
		return false
	}
	d.left -= len(topic.Partitions)
	return true
}

func (d *describer) next(topic string, partition int) {
	cursor := kmsg.NewDescribeTopicPartitionsResponseNextCursor()
	cursor.Topic, cursor.Partition = topic, int32(partition)
	d.resp.NextCursor = &cursor
}

func describedTopic(name string, err *kerr.Error) kmsg.DescribeTopicPartitionsResponseTopic {
	t := kmsg.NewDescribeTopicPartitionsResponseTopic()
	t.Topic, t.IsInternal = &name, protocol.InternalTopic(name)
	if err != nil {
		t.ErrorCode = err.Code
	}
	return t
}

func (v clientView) describe(
	id int32, p *metadata.Partition,
) kmsg.DescribeTopicPartitionsResponseTopicPartition {
	resp := kmsg.NewDescribeTopicPartitionsResponseTopicPartition()
	leader, _ := v.leader(p)
	resp.Partition, resp.LeaderID, resp.LeaderEpoch = id, leader, p.LeaderEpoch
	resp.Replicas, resp.ISR, resp.OfflineReplicas = p.Replicas, p.ISR, v.offline(p)
	resp.EligibleLeaderReplicas, resp.LastKnownELR = notNil(p.ELR()), notNil(p.LastKnownELR())
	return resp
}

// notNil keeps an empty list from being null on the wire.
func notNil(ids []int32) []int32 {
	if ids == nil {
		return []int32{}
	}
	return ids
}
