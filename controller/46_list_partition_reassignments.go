package controller

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
)

// LIST_PARTITION_REASSIGNMENTS (46), version 0 (KIP-455) (ReplicationControlManager.listPartitionReassignments).
//
// A read of the committed image, on any node. Null topics ask for every reassignment, an empty list for none. Topics that are unknown and
// partitions at rest are left out. Replicas are all of them, those that come and those that go included.
func (c *Controller) listPartitionReassignments(_ context.Context, _ Caller, req *kmsg.ListPartitionReassignmentsRequest) *kmsg.ListPartitionReassignmentsResponse {
	resp := responseTo[*kmsg.ListPartitionReassignmentsResponse](req)
	img := c.Image()
	list := reassignmentList{resp: resp}
	if req.Topics == nil {
		for tp := range img.Reassigning() {
			list.add(tp.Topic, tp.ID, tp.Partition)
		}
		return resp
	}
	for _, asked := range req.Topics {
		t := img.TopicByName(asked.Topic)
		if t == nil {
			continue
		}
		for _, id := range asked.Partitions {
			list.add(t, id, t.Partition(id))
		}
	}
	return resp
}

// reassignmentList groups the partitions it is given by topic.
type reassignmentList struct {
	resp *kmsg.ListPartitionReassignmentsResponse
}

func (l reassignmentList) add(t *metadata.Topic, id int32, p *metadata.Partition) {
	if p == nil || !p.Reassigning() {
		return
	}
	topics := &l.resp.Topics
	if n := len(*topics); n == 0 || (*topics)[n-1].Topic != t.Name {
		topic := kmsg.NewListPartitionReassignmentsResponseTopic()
		topic.Topic = t.Name
		*topics = append(*topics, topic)
	}
	answer := kmsg.NewListPartitionReassignmentsResponseTopicPartition()
	answer.Partition, answer.Replicas, answer.AddingReplicas, answer.RemovingReplicas = id, p.Replicas, p.Adding(), p.Removing()
	last := &(*topics)[len(*topics)-1]
	last.Partitions = append(last.Partitions, answer)
}
