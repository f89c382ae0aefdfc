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
// Behaviour: each partition succeeds or fails by itself. A long request runs in parts, and the
// changes of all that succeed in a part are one batch. Null replicas cancel a running reassignment;
// any others start one, or give a running one a new target. If the ISR allows it, the reassignment
// completes at once, otherwise with the change that brings the required ISR. Fenced brokers may be
// added, unknown ones may not.
//
// Versions: 1 has AllowReplicationFactorChange (KIP-860).
//
// Differs from Kafka: a new target of a running reassignment starts from the original replicas, so
// that a cancellation restores them (see partition.Change.Reassign); a partition that a request
// names twice is refused the second time, where Kafka computes both changes from the same state;
// Kafka writes all changes of a request as one batch.
//
// KIP-455. Kafka: ReplicationControlManager.alterPartitionReassignments.
func (c *core) alterPartitionReassignments(
	_ op, req *kmsg.AlterPartitionAssignmentsRequest,
) result {
	w := &reassignments{
		core: c, req: req, lists: reassignmentLists(req), max: c.partMax,
		seen: make(map[namedPartition]int),
	}
	total := w.lists.total()
	w.answers = make([]*protocol.Error, 0, total)
	if total > recordsPerUserOp {
		w.max = total + w.lists.n // it may be too much, which is known only at the end
	}
	return w.part(place{}, protocol.Messages{})
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

// reassignments are those of one request. They run in parts, each against the state that it finds.
type reassignments struct {
	core  *core
	req   *kmsg.AlterPartitionAssignmentsRequest
	lists entryLists
	max   int // entries of a part

	answers []*protocol.Error // in the order of the request
	// seen has the index of the entry that named a partition first.
	seen map[namedPartition]int
}

type namedPartition struct {
	topic string
	id    int32
}

// part reassigns the partitions from a place on; messages are those of the answers before it. It
// may be computed again, and then replaces its answers.
func (w *reassignments) part(at place, messages protocol.Messages) result {
	runs, next := w.lists.part(at, w.max)
	p := reassignmentPart{
		reassignments: w, rules: w.core.partitionRules(w.core.working, partition.NoUpdate),
		messages: messages,
	}
	w.answers = w.answers[:at.index]
	for _, r := range runs {
		p.topic(r)
	}
	if len(p.records) > recordsPerUserOp {
		return result{response: failAlterPartitionReassignments(w.req, errTooLarge)}
	}
	r := result{records: p.records, atomic: true}
	if next.list < w.lists.n {
		r.more = func(op) result { return w.part(next, p.messages) }
		return r
	}
	r.response = w.response()
	return r
}

func (w *reassignments) response() kmsg.Response {
	resp := responseTo[*kmsg.AlterPartitionAssignmentsResponse](w.req)
	resp.AllowReplicationFactorChange = allowsFactorChange(w.req)
	if len(w.req.Topics) == 0 {
		resp.ErrorMessage = noMessage() // Kafka's response, of which it then sets nothing
	}
	return nested(resp, &resp.Topics, w.lists, func(at run) reassignedTopic {
		return reassignmentAnswer(w.req, at, func(i int) (*protocol.Error, *string) {
			return w.answers[i], w.answers[i].Text()
		})
	})
}

// reassignmentPart is a part that is not proposed yet.
type reassignmentPart struct {
	*reassignments
	rules    *partition.Rules
	records  []record.Record
	messages protocol.Messages
}

func (p *reassignmentPart) topic(at run) {
	req := &p.req.Topics[at.list]
	t := p.rules.Image().TopicByName(req.Topic)
	for i := at.entry; i < at.end; i++ {
		var err *protocol.Error
		if t == nil {
			err = protocol.Errorf(kerr.UnknownTopicOrPartition, "Unable to find a topic named %s.",
				req.Topic)
		} else {
			err = p.partition(t, &req.Partitions[i])
		}
		p.answers = append(p.answers, p.messages.Bounded(err))
	}
}

func (p *reassignmentPart) partition(
	t *metadata.Topic, req *kmsg.AlterPartitionAssignmentsRequestTopicPartition,
) *protocol.Error {
	old := t.Partition(req.Partition)
	if old == nil {
		return protocol.Errorf(kerr.UnknownTopicOrPartition, "Unable to find partition %s:%d.",
			t.Name, req.Partition)
	}
	key, index := namedPartition{t.Name, req.Partition}, len(p.answers)
	if first, again := p.seen[key]; again && first < index {
		return protocol.Errorf(kerr.InvalidRequest, "Partition %s:%d comes twice in the request.",
			t.Name, req.Partition)
	}
	p.seen[key] = index
	change := p.rules.Of(t).Change(req.Partition, old)
	if err := p.retarget(&change, old, req.Replicas); err != nil {
		return err
	}
	if rec := change.Record(); rec != nil {
		p.records = append(p.records, rec)
	}
	return nil
}

// retarget sets what the request asks for; replicas that are nil cancel.
func (p *reassignmentPart) retarget(
	change *partition.Change, old *metadata.Partition, replicas []int32,
) *protocol.Error {
	if replicas == nil {
		return change.CancelReassignment()
	}
	if err := partition.CheckReplicas(p.rules.Image(), replicas, 0); err != nil {
		return err
	}
	before := partition.TargetFactor(old)
	if !allowsFactorChange(p.req) && len(replicas) != before {
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
