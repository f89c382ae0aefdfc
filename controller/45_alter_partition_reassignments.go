package controller

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/partition"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// ALTER_PARTITION_REASSIGNMENTS (45), versions 0 and 1.
//
// Behaviour: each partition succeeds or fails by itself; the changes of all that succeed are one
// batch. Null replicas cancel a running reassignment; any others start one, or give a running one a
// new target. If the ISR allows it, the reassignment completes at once, otherwise with the change
// that brings the required ISR. Fenced brokers may be added, unknown ones may not.
//
// Versions: 1 has AllowReplicationFactorChange (KIP-860).
//
// Differs from Kafka: a new target of a running reassignment starts from the original replicas, so
// that a cancellation restores them (see partition.Change.Reassign); a partition that a request
// names twice is refused the second time, where Kafka computes both changes from the same state.
//
// KIP-455. Kafka: ReplicationControlManager.alterPartitionReassignments.
func (c *core) alterPartitionReassignments(
	_ op, req *kmsg.AlterPartitionAssignmentsRequest,
) result {
	resp := responseTo[*kmsg.AlterPartitionAssignmentsResponse](req)
	resp.AllowReplicationFactorChange = allowsFactorChange(req)
	lists := reassignmentLists(req)
	r := reassignments{
		rules:             c.partitionRules(c.working, partition.NoUpdate),
		allowFactorChange: allowsFactorChange(req),
		seen:              make(map[metadata.TopicPartition]bool),
		answers:           make([]*protocol.Error, 0, lists.total()),
	}
	for i := range req.Topics {
		r.topic(&req.Topics[i])
	}
	if len(r.records) > recordsPerUserOp {
		return result{response: failAlterPartitionReassignments(req, errTooLarge)}
	}
	answer := nested(resp, &resp.Topics, lists, func(at run) reassignedTopic {
		return reassignmentAnswer(req, at, func(i int) (*protocol.Error, *string) {
			return r.answers[i], r.answers[i].Text()
		})
	})
	return result{records: r.records, response: answer, atomic: true}
}

type reassignedTopic = kmsg.AlterPartitionAssignmentsResponseTopic

func reassignmentLists(req *kmsg.AlterPartitionAssignmentsRequest) entryLists {
	return entryLists{len(req.Topics), func(i int) int { return len(req.Topics[i].Partitions) }}
}

// reassignmentAnswer answers for partitions of a topic; errOf has the errors of all partitions, by
// index.
func reassignmentAnswer(
	req *kmsg.AlterPartitionAssignmentsRequest, at run,
	errOf func(i int) (*protocol.Error, *string),
) reassignedTopic {
	t := kmsg.NewAlterPartitionAssignmentsResponseTopic()
	t.Topic = req.Topics[at.list].Topic
	for i, asked := range req.Topics[at.list].Partitions[at.entry:at.end] {
		err, message := errOf(at.index + i)
		p := kmsg.NewAlterPartitionAssignmentsResponseTopicPartition()
		p.Partition, p.ErrorCode, p.ErrorMessage = asked.Partition, err.Code(), message
		t.Partitions = append(t.Partitions, p)
	}
	return t
}

// allowsFactorChange is the request's field, which version 0 does not have: there it is allowed.
func allowsFactorChange(req *kmsg.AlterPartitionAssignmentsRequest) bool {
	return req.Version < 1 || req.AllowReplicationFactorChange
}

// reassignments collects the changes of one request, and the answers for its partitions, in their
// order.
type reassignments struct {
	rules             *partition.Rules
	allowFactorChange bool
	seen              map[metadata.TopicPartition]bool
	records           []record.Record
	answers           []*protocol.Error
	messages          protocol.Messages
}

func (r *reassignments) topic(req *kmsg.AlterPartitionAssignmentsRequestTopic) {
	t := r.rules.Image().TopicByName(req.Topic)
	for i := range req.Partitions {
		var err *protocol.Error
		if t == nil {
			err = protocol.Errorf(kerr.UnknownTopicOrPartition, "Unable to find a topic named %s.",
				req.Topic)
		} else {
			err = r.partition(t, &req.Partitions[i])
		}
		r.answers = append(r.answers, r.messages.Bounded(err))
	}
}

func (r *reassignments) partition(
	t *metadata.Topic, req *kmsg.AlterPartitionAssignmentsRequestTopicPartition,
) *protocol.Error {
	p := t.Partition(req.Partition)
	if p == nil {
		return protocol.Errorf(kerr.UnknownTopicOrPartition, "Unable to find partition %s:%d.",
			t.Name, req.Partition)
	}
	key := metadata.TopicPartition{Topic: t, ID: req.Partition}
	if r.seen[key] {
		return protocol.Errorf(kerr.InvalidRequest, "Partition %s:%d comes twice in the request.",
			t.Name, req.Partition)
	}
	r.seen[key] = true
	change := r.rules.Of(t).Change(req.Partition, p)
	err := r.retarget(&change, p, req.Replicas)
	if err != nil {
		return err
	}
	if rec := change.Record(); rec != nil {
		r.records = append(r.records, rec)
	}
	return nil
}

// retarget sets what the request asks for; replicas that are nil cancel.
func (r *reassignments) retarget(
	change *partition.Change, p *metadata.Partition, replicas []int32,
) *protocol.Error {
	if replicas == nil {
		return change.CancelReassignment()
	}
	if err := partition.CheckReplicas(r.rules.Image(), replicas, 0); err != nil {
		return err
	}
	if before := partition.TargetFactor(p); !r.allowFactorChange && len(replicas) != before {
		return protocol.Errorf(kerr.InvalidReplicationFactor,
			"The replication factor is changed from %d to %d", before, len(replicas))
	}
	return change.Reassign(replicas)
}

func failAlterPartitionReassignments(
	req *kmsg.AlterPartitionAssignmentsRequest, err *protocol.Error,
) kmsg.Response {
	resp := responseTo[*kmsg.AlterPartitionAssignmentsResponse](req)
	resp.ErrorCode, resp.ErrorMessage = err.Code(), err.Text()
	resp.AllowReplicationFactorChange = allowsFactorChange(req)
	return nested(resp, &resp.Topics, reassignmentLists(req), func(at run) reassignedTopic {
		return reassignmentAnswer(req, at, func(i int) (*protocol.Error, *string) {
			return err, err.TextAt(i)
		})
	})
}

func alterPartitionReassignmentsTimeout(_ *Controller, req kmsg.Request) time.Duration {
	return requestTimeout(req.(*kmsg.AlterPartitionAssignmentsRequest).TimeoutMillis)
}
