package controller

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/controller/partition"
	"github.com/yakt/yakt/controller/quota"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// CREATE_PARTITIONS (37), versions 0 to 3.
//
// Behaviour: each topic succeeds or fails by itself, and the new partitions of all that succeed are
// one batch. They get as many replicas as partition 0 has. The sender needs ALTER on each topic. A
// request that asks for more than 10,000
// new partitions is refused as a whole, before any topic is looked at more closely.
//
// Differs from Kafka: if one partition of a topic fails, the topic gets none of them, where Kafka
// writes those before it.
//
// Kafka: ReplicationControlManager.createPartitions.
func (c *core) createPartitions(o op, req *kmsg.CreatePartitionsRequest) result {
	names := timesNamed(req.Topics,
		func(t *kmsg.CreatePartitionsRequestTopic) string { return t.Topic })
	if excessivePartitions(c.working, req.Topics, names, o.rights) {
		return result{response: failCreatePartitions(req,
			protocol.Errorf(kerr.PolicyViolation,
				"Excessively large number of additional partitions per request."))}
	}
	allowance := c.allowance(o, req.Version >= strictCreatePartitions)
	more := partitionCreation{img: c.working,
		placing: partition.NewPlacement(c.working, c.cfg.Random), quota: allowance,
		rights: o.rights}
	for i := range req.Topics {
		switch t := &req.Topics[i]; names[t.Topic] {
		case 0: // answered
		case 1:
			more.topic(t)
		default:
			names[t.Topic] = 0
			more.answer(t.Topic, protocol.Errorf(kerr.InvalidRequest, "Duplicate topic name."))
		}
	}
	if req.ValidateOnly {
		more.records = nil
	}
	return result{records: more.records, response: more.response(req), atomic: true,
		then: func(int64) { c.quota.Spend(allowance) }}
}

// decideCreatePartitions decides which topics may get more partitions.
func decideCreatePartitions(r *rights, req *kmsg.CreatePartitionsRequest) (some bool) {
	for i := range req.Topics {
		some = r.takeTopic(acls.Alter, req.Topics[i].Topic) || some
	}
	return some || len(req.Topics) == 0
}

// excessivePartitions reports whether the topics that are named once, and may be altered, would
// together get more new partitions than one operation may write records.
func excessivePartitions(
	img *metadata.Image, topics []kmsg.CreatePartitionsRequestTopic, names map[string]int,
	r *rights,
) bool {
	total := 0
	for i := range topics {
		req := &topics[i]
		if names[req.Topic] > 1 || !r.onTopic(acls.Alter, req.Topic) {
			continue
		}
		if t := img.TopicByName(req.Topic); t != nil {
			total += max(int(req.Count)-t.Len(), 0)
		}
		if total > recordsPerUserOp {
			return true
		}
	}
	return false
}

// strictCreatePartitions is the version from which clients know THROTTLING_QUOTA_EXCEEDED.
const strictCreatePartitions = 3

// partitionCreation collects the records of one request, and the answers.
type partitionCreation struct {
	img      *metadata.Image
	placing  *partition.Placement
	quota    *quota.Allowance
	rights   *rights
	records  []record.Record
	answers  []grownTopic
	messages protocol.Messages
}

// grownTopic is the answer for one topic.
type grownTopic struct {
	name string
	err  *protocol.Error
}

func (pc *partitionCreation) answer(name string, err *protocol.Error) {
	pc.answers = append(pc.answers, grownTopic{name, pc.messages.Bounded(err)})
}

func (pc *partitionCreation) topic(t *kmsg.CreatePartitionsRequestTopic) {
	partitions, err := pc.morePartitions(t)
	for _, p := range partitions {
		pc.records = append(pc.records, p)
	}
	pc.answer(t.Topic, err)
}

func (pc *partitionCreation) response(req *kmsg.CreatePartitionsRequest) kmsg.Response {
	resp := responseTo[*kmsg.CreatePartitionsResponse](req)
	resp.ThrottleMillis = pc.quota.ThrottleMs()
	return list(resp, &resp.Topics, len(pc.answers),
		func(i int) kmsg.CreatePartitionsResponseTopic {
			return createPartitionsResult(pc.answers[i].name, pc.answers[i].err,
				pc.answers[i].err.Text())
		})
}

func createPartitionsResult(
	name string, err *protocol.Error, message *string,
) kmsg.CreatePartitionsResponseTopic {
	t := kmsg.NewCreatePartitionsResponseTopic()
	t.Topic, t.ErrorCode, t.ErrorMessage = name, err.Code(), message
	return t
}

// morePartitions are the records that bring a topic to the count asked for.
func (pc *partitionCreation) morePartitions(
	req *kmsg.CreatePartitionsRequestTopic,
) ([]*record.Partition, *protocol.Error) {
	img := pc.img
	if !pc.rights.onTopic(acls.Alter, req.Topic) {
		return nil, &protocol.Error{Kafka: kerr.TopicAuthorizationFailed} // no message, as in Kafka
	}
	t := img.TopicByName(req.Topic)
	if t == nil {
		// without a message, as in Kafka
		return nil, &protocol.Error{Kafka: kerr.UnknownTopicOrPartition}
	}
	added := int(req.Count) - t.Len()
	switch {
	case added == 0:
		return nil, protocol.Errorf(kerr.InvalidPartitions, "Topic already has %d partition(s).",
			t.Len())
	case added < 0:
		return nil, protocol.Errorf(kerr.InvalidPartitions,
			"The topic %s currently has %d partition(s); "+
				"%d would not be an increase.", t.Name, t.Len(), req.Count)
	case req.Assignment != nil && len(req.Assignment) != added:
		return nil, protocol.Errorf(kerr.InvalidReplicaAssignment,
			"Attempted to add %d additional partition(s), but only %d "+
				"assignment(s) were specified.", added, len(req.Assignment))
	}
	if err := pc.quota.Charge(added); err != nil {
		return nil, err
	}
	factor := len(t.Partition(0).Replicas)
	if req.Assignment != nil {
		return assignedPartitions(img, t, req.Assignment, factor)
	}
	return pc.placing.Partitions(t.ID, t.Len(), added, factor)
}

func assignedPartitions(
	img *metadata.Image, t *metadata.Topic,
	assignment []kmsg.CreatePartitionsRequestTopicAssignment, factor int,
) ([]*record.Partition, *protocol.Error) {
	partitions := make([]*record.Partition, len(assignment))
	for i, a := range assignment {
		if err := partition.CheckReplicas(img, a.Replicas, factor); err != nil {
			return nil, err
		}
		id := int32(t.Len() + i)
		p, ok := partition.NewPartition(img, t.ID, id, a.Replicas)
		if !ok {
			return nil, allInactive(id)
		}
		partitions[i] = p
	}
	return partitions, nil
}

func failCreatePartitions(req *kmsg.CreatePartitionsRequest, err *protocol.Error) kmsg.Response {
	resp := responseTo[*kmsg.CreatePartitionsResponse](req)
	return list(resp, &resp.Topics, len(req.Topics),
		func(i int) kmsg.CreatePartitionsResponseTopic {
			return createPartitionsResult(req.Topics[i].Topic, err, err.TextAt(i))
		})
}

func createPartitionsTimeout(_ *Controller, req kmsg.Request) time.Duration {
	return requestTimeout(req.(*kmsg.CreatePartitionsRequest).TimeoutMillis)
}
