package controller

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/partition"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// ALTER_PARTITION (56), versions 2 and 3: a leader reports the ISR that it wants, and that it has
// recovered from an unclean election.
//
// Behaviour: each partition succeeds or fails by itself. A request that has already been applied
// names an old partition epoch and is refused with INVALID_UPDATE_VERSION, and so is a partition
// that a request names twice. A request that changes nothing succeeds. When the new ISR completes a
// reassignment and the sender no longer leads, the change is made and the answer is
// NEW_LEADER_ELECTED. A request with many partitions runs in parts, each of which checks the sender
// again.
//
// Versions: 3 has the epochs of the ISR's members (KIP-903).
//
// Differs from Kafka: an unknown leader recovery state is INVALID_REQUEST; Kafka's controller
// resigns.
//
// KIP-497, KIP-704. Kafka: ReplicationControlManager.alterPartition.
func (c *core) alterPartition(_ op, req *kmsg.AlterPartitionRequest) result {
	a := &isrAlteration{core: c, req: req}
	return a.part(place{})
}

// isrAlteration is one request in progress. It has the answers of the finished parts, in the order
// of the request.
type isrAlteration struct {
	core    *core
	req     *kmsg.AlterPartitionRequest
	answers []isrAnswer
}

// isrAnswer is the answer for one partition: an error code, or its state.
type isrAnswer struct {
	state *metadata.Partition // nil: code alone
	code  int16
}

func isrLists(req *kmsg.AlterPartitionRequest) entryLists {
	return entryLists{len(req.Topics), func(i int) int { return len(req.Topics[i].Partitions) }}
}

// part changes the partitions from a place on.
func (a *isrAlteration) part(at place) result {
	c, req := a.core, a.req
	_, err := registered(c.working, req.BrokerID, req.BrokerEpoch)
	if err != nil && len(req.Topics) > 0 { // Kafka checks the sender for each topic
		return result{response: failAlterPartition(req, err)}
	}
	p := &isrPart{
		rules: c.partitionRules(c.working, partition.NoUpdate), sender: req.BrokerID,
		changed: make(map[partitionKey]bool), answers: a.answers[:at.index],
	}
	runs, next := isrLists(req).part(at, c.partMax)
	for _, r := range runs {
		p.alterTopic(&req.Topics[r.list], r)
	}
	a.answers = p.answers
	if next.list < len(req.Topics) {
		return result{records: p.records, more: func(op) result { return a.part(next) }}
	}
	return result{records: p.records, response: a.response()}
}

func (a *isrAlteration) response() kmsg.Response {
	resp := responseTo[*kmsg.AlterPartitionResponse](a.req)
	return nested(resp, &resp.Topics, isrLists(a.req),
		func(r run) kmsg.AlterPartitionResponseTopic {
			t := kmsg.NewAlterPartitionResponseTopic()
			t.TopidID = a.req.Topics[r.list].TopicID
			t.Partitions = make([]kmsg.AlterPartitionResponseTopicPartition, r.entries())
			for i, asked := range a.req.Topics[r.list].Partitions[r.entry:r.end] {
				t.Partitions[i] = a.answers[r.index+i].response(asked.Partition)
			}
			return t
		})
}

func (a isrAnswer) response(id int32) kmsg.AlterPartitionResponseTopicPartition {
	r := kmsg.NewAlterPartitionResponseTopicPartition()
	r.Partition, r.ErrorCode = id, a.code
	if p := a.state; p != nil {
		r.LeaderID, r.ISR, r.LeaderRecoveryState = p.Leader, p.ISR, p.RecoveryState
		r.LeaderEpoch, r.PartitionEpoch = p.LeaderEpoch, p.PartitionEpoch
	}
	return r
}

// isrPart collects the changes and answers of one part.
type isrPart struct {
	rules   *partition.Rules
	sender  int32
	records []record.Record
	changed map[partitionKey]bool
	answers []isrAnswer
}

type partitionKey struct {
	topic protocol.UUID
	id    int32
}

func (a *isrPart) alterTopic(req *kmsg.AlterPartitionRequestTopic, r run) {
	t := a.rules.Image().Topic(req.TopicID)
	for i := range req.Partitions[r.entry:r.end] {
		answer := isrAnswer{code: kerr.UnknownTopicID.Code}
		if t != nil {
			a.rules.Of(t)
			answer = a.alter(&req.Partitions[r.entry+i])
		}
		a.answers = append(a.answers, answer)
	}
}

// alter makes the change of one partition.
func (a *isrPart) alter(req *kmsg.AlterPartitionRequestTopicPartition) isrAnswer {
	p := a.rules.Topic().Partition(req.Partition)
	isr := newISR(req)
	if wrong := a.refusal(p, req, isr); wrong != nil {
		return isrAnswer{code: wrong.Code}
	}
	change := a.rules.Change(req.Partition, p)
	change.ProposeISR(isr, req.LeaderRecoveryState)
	change.SetElection(a.rules.Election())
	if r := change.Record(); r != nil {
		a.records = append(a.records, r)
		a.changed[partitionKey{r.TopicID, r.PartitionID}] = true
		p = p.Merge(r)
		if r.Leader != record.NoLeaderChange && r.Leader != a.sender {
			return isrAnswer{code: kerr.NewLeaderElected.Code}
		}
	}
	return isrAnswer{state: p}
}

func newISR(req *kmsg.AlterPartitionRequestTopicPartition) []int32 {
	if req.NewEpochISR == nil {
		return req.NewISR
	}
	isr := make([]int32, len(req.NewEpochISR))
	for i, member := range req.NewEpochISR {
		isr[i] = member.BrokerID
	}
	return isr
}

// refusal is the error for the request, nil for none; p may be nil. The checks are in Kafka's
// order: a sender that is ahead of this node must look for a newer leader of the quorum.
func (a *isrPart) refusal(
	p *metadata.Partition, req *kmsg.AlterPartitionRequestTopicPartition, isr []int32,
) *kerr.Error {
	switch {
	case p == nil:
		return kerr.UnknownTopicOrPartition
	case req.LeaderEpoch > p.LeaderEpoch, req.PartitionEpoch > p.PartitionEpoch:
		return kerr.NotController
	case req.LeaderEpoch < p.LeaderEpoch:
		return kerr.FencedLeaderEpoch
	case a.sender != p.Leader:
		return kerr.InvalidRequest
	case req.PartitionEpoch < p.PartitionEpoch, a.changed[partitionKey{a.rules.Topic().ID,
		req.Partition}]:
		return kerr.InvalidUpdateVersion
	case !partition.LegalISR(p, isr):
		return kerr.InvalidRequest
	case req.LeaderRecoveryState != record.Recovered &&
		req.LeaderRecoveryState != record.Recovering:
		return kerr.InvalidRequest
	case req.LeaderRecoveryState == record.Recovering &&
		(len(isr) > 1 || p.RecoveryState == record.Recovered):
		return kerr.InvalidRequest
	}
	return a.ineligible(req, isr)
}

// ineligible refuses members that may not be in an ISR now, or that have registered again since the
// leader chose them.
func (a *isrPart) ineligible(
	req *kmsg.AlterPartitionRequestTopicPartition, isr []int32,
) *kerr.Error {
	for i, id := range isr {
		b := a.rules.Image().Broker(id)
		if !b.Active() {
			return kerr.IneligibleReplica
		}
		if i < len(req.NewEpochISR) && req.NewEpochISR[i].BrokerEpoch != anyBrokerEpoch &&
			req.NewEpochISR[i].BrokerEpoch != b.Epoch {
			return kerr.IneligibleReplica
		}
	}
	return nil
}

// anyBrokerEpoch means that the sender does not know the epoch of that broker.
const anyBrokerEpoch = -1

func failAlterPartition(req *kmsg.AlterPartitionRequest, err *protocol.Error) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.AlterPartitionResponse)
	resp.ErrorCode = err.Code()
	return resp
}
