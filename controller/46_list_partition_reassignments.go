package controller

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// LIST_PARTITION_REASSIGNMENTS (46), version 0.
//
// Behaviour: a read of the committed image, on any node. Null topics stand for every reassignment,
// an empty list for none. Unknown topics and partitions without a reassignment are left out. The
// replicas of a partition include those that are added and removed.
//
// KIP-455. Kafka: ReplicationControlManager.listPartitionReassignments.
func (c *Controller) listPartitionReassignments(
	_ context.Context, _ protocol.Caller, req *kmsg.ListPartitionReassignmentsRequest,
) kmsg.Response {
	resp := responseTo[*kmsg.ListPartitionReassignmentsResponse](req)
	img := c.Image()
	w := reassignmentWalk{img: img, req: req}
	if req.Topics != nil {
		w.asked = firstOfEach(len(req.Topics), func(i int) string { return req.Topics[i].Topic })
	}
	first := w
	if resp.Topics = w.part(reassignedTopics{}); w.atEnd {
		return resp
	}
	topics := len(resp.Topics)
	for part := w.part(nil); len(part) > 0; part = w.part(part[:0]) {
		topics += len(part)
	}
	return newParts(resp, &resp.Topics, topics, func() func() bool {
		w := first
		return func() bool {
			resp.Topics = w.part(resp.Topics[:0])
			return len(resp.Topics) > 0
		}
	})
}

// reassignmentWalk finds the partitions with a running reassignment among those that a request asks
// for. A topic with many of them appears several times.
type reassignmentWalk struct {
	img   *metadata.Image
	req   *kmsg.ListPartitionReassignmentsRequest
	asked []int32 // topics of the request; nil: all topics are asked for
	// The next part begins after this partition, or at this entry of the request.
	after            metadata.TopicPartition
	topic, partition int
	atEnd            bool // nothing is left after the last part
}

type reassignedTopics = []kmsg.ListPartitionReassignmentsResponseTopic

// part appends topics to a list until it is long enough, or the walk is over.
func (w *reassignmentWalk) part(topics reassignedTopics) reassignedTopics {
	entries := 0
	add := func(t *metadata.Topic, id int32, p *metadata.Partition) (full bool) {
		if p != nil && p.Reassigning() {
			entries++
			topics = addReassignment(topics, t, id, p)
		}
		return entries == partEntries || len(topics) == partElements
	}
	if w.asked == nil {
		for tp := range w.img.ReassigningAfter(w.after) {
			w.after = tp
			if add(tp.Topic, tp.ID, tp.Partition) {
				return topics
			}
		}
		w.atEnd = true
		return topics
	}
	for ; w.topic < len(w.asked); w.topic, w.partition = w.topic+1, 0 {
		asked := &w.req.Topics[w.asked[w.topic]]
		t := w.img.TopicByName(asked.Topic)
		if t == nil {
			continue
		}
		for w.partition < len(asked.Partitions) {
			id := asked.Partitions[w.partition]
			w.partition++
			if add(t, id, t.Partition(id)) {
				return topics
			}
		}
	}
	w.atEnd = true
	return topics
}

// addReassignment adds a partition to the last topic of the list if it belongs there, else to a new
// one.
func addReassignment(
	topics reassignedTopics, t *metadata.Topic, id int32, p *metadata.Partition,
) reassignedTopics {
	if n := len(topics); n == 0 || topics[n-1].Topic != t.Name {
		topic := kmsg.NewListPartitionReassignmentsResponseTopic()
		topic.Topic = t.Name
		topics = append(topics, topic)
	}
	answer := kmsg.NewListPartitionReassignmentsResponseTopicPartition()
	answer.Partition, answer.Replicas = id, p.Replicas
	answer.AddingReplicas, answer.RemovingReplicas = p.Adding(), p.Removing()
	last := &topics[len(topics)-1]
	last.Partitions = append(last.Partitions, answer)
	return topics
}

// failListPartitionReassignments names what was asked for, as Kafka does.
func failListPartitionReassignments(
	req *kmsg.ListPartitionReassignmentsRequest, err *protocol.Error,
) kmsg.Response {
	resp := responseTo[*kmsg.ListPartitionReassignmentsResponse](req)
	resp.ErrorCode, resp.ErrorMessage = err.Code(), err.Text()
	lists := entryLists{len(req.Topics), func(i int) int { return len(req.Topics[i].Partitions) }}
	return nested(resp, &resp.Topics, lists,
		func(r run) kmsg.ListPartitionReassignmentsResponseTopic {
			t := kmsg.NewListPartitionReassignmentsResponseTopic()
			t.Topic = req.Topics[r.list].Topic
			for _, id := range req.Topics[r.list].Partitions[r.entry:r.end] {
				p := kmsg.NewListPartitionReassignmentsResponseTopicPartition()
				p.Partition = id
				t.Partitions = append(t.Partitions, p)
			}
			return t
		})
}
