package controller

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// CREATE_PARTITIONS (37), versions 0-3 (ReplicationControlManager.createPartitions). Each topic succeeds or fails by itself and
// the new partitions of all that succeed are one batch. They get as many replicas as partition 0 has. Where Kafka writes the partitions
// of a topic up to the one that fails, we write none of it; more than 10,000 new partitions are POLICY_VIOLATION, where it has an
// UNKNOWN_SERVER_ERROR.
func (c *core) createPartitions(o op, req *kmsg.CreatePartitionsRequest) result {
	resp := req.ResponseKind().(*kmsg.CreatePartitionsResponse)
	names := timesNamed(req.Topics, func(t *kmsg.CreatePartitionsRequestTopic) string { return t.Topic })
	quota := c.mutationQuota(o, req.Version, strictCreatePartitions)
	var records []record.Record
	for i := range req.Topics {
		t := &req.Topics[i]
		switch names[t.Topic] {
		case 0: // answered
		case 1:
			partitions, err := c.morePartitions(t, quota)
			for _, p := range partitions {
				records = append(records, p)
			}
			resp.Topics = append(resp.Topics, createPartitionsResult(t.Topic, err))
		default:
			names[t.Topic] = 0
			resp.Topics = append(resp.Topics, createPartitionsResult(t.Topic, errorf(kerr.InvalidRequest, "Duplicate topic name.")))
		}
		if len(records) > recordsPerUserOp {
			return result{response: failCreatePartitions(req, errTooLarge)}
		}
	}
	if req.ValidateOnly {
		records = nil
	}
	resp.ThrottleMillis = quota.throttleMillis()
	return result{records: records, response: resp, atomic: true, then: func(int64) { c.spend(quota) }}
}

func createPartitionsResult(name string, err *apiError) kmsg.CreatePartitionsResponseTopic {
	t := kmsg.NewCreatePartitionsResponseTopic()
	t.Topic, t.ErrorCode, t.ErrorMessage = name, err.code(), err.text()
	return t
}

// morePartitions are the records that bring a topic to the count asked for.
func (c *core) morePartitions(req *kmsg.CreatePartitionsRequestTopic, quota *mutationQuota) ([]*record.Partition, *apiError) {
	img := c.working
	t := img.TopicByName(req.Topic)
	if t == nil {
		return nil, errorf(kerr.UnknownTopicOrPartition, "This server does not host this topic-partition.")
	}
	added := int(req.Count) - t.Len()
	switch {
	case added == 0:
		return nil, errorf(kerr.InvalidPartitions, "Topic already has %d partition(s).", t.Len())
	case added < 0:
		return nil, errorf(kerr.InvalidPartitions, "The topic %s currently has %d partition(s); %d would not be an increase.", t.Name, t.Len(), req.Count)
	case req.Assignment != nil && len(req.Assignment) != added:
		return nil, errorf(kerr.InvalidReplicaAssignment, "Attempted to add %d additional partition(s), but only %d assignment(s) were specified.", added, len(req.Assignment))
	case added > recordsPerUserOp:
		return nil, errTooLarge
	}
	if err := quota.charge(added); err != nil {
		return nil, err
	}
	factor := len(t.Partition(0).Replicas)
	if req.Assignment != nil {
		return assignedPartitions(img, t, req.Assignment, factor)
	}
	return placePartitions(img, c.cfg.Random, t.ID, t.Len(), added, factor)
}

func assignedPartitions(img *metadata.Image, t *metadata.Topic, assignment []kmsg.CreatePartitionsRequestTopicAssignment, factor int) ([]*record.Partition, *apiError) {
	partitions := make([]*record.Partition, len(assignment))
	for i, a := range assignment {
		if err := checkReplicas(img, a.Replicas, factor); err != nil {
			return nil, err
		}
		id := int32(t.Len() + i)
		p, ok := newPartition(img, t.ID, id, a.Replicas)
		if !ok {
			return nil, allInactive(id)
		}
		partitions[i] = p
	}
	return partitions, nil
}

func failCreatePartitions(req *kmsg.CreatePartitionsRequest, err *apiError) *kmsg.CreatePartitionsResponse {
	resp := req.ResponseKind().(*kmsg.CreatePartitionsResponse)
	for i := range req.Topics {
		resp.Topics = append(resp.Topics, createPartitionsResult(req.Topics[i].Topic, err))
	}
	return resp
}

func createPartitionsTimeout(_ *Controller, req kmsg.Request) time.Duration {
	return requestTimeout(req.(*kmsg.CreatePartitionsRequest).TimeoutMillis)
}
