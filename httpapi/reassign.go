package httpapi

import (
	"context"
	"errors"

	"github.com/danielgtaylor/huma/v2"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata"
)

// PartitionRef names a partition in a body.
type PartitionRef struct {
	// Name of the topic.
	Topic string `json:"topic" minLength:"1" maxLength:"249" example:"orders"`
	// Id of the partition.
	PartitionID int32 `json:"partitionId" minimum:"0" maximum:"2147483647" example:"0"`
}

// partitionsMax bounds the partitions of one request.
const partitionsMax = 1000

// targetArgs is a partition with the replicas that it is to have.
type targetArgs struct {
	PartitionRef
	// Brokers that are to hold the partition, the preferred leader first.
	Replicas []int32 `json:"replicas" minItems:"1" maxItems:"1000" example:"[2,3]"`
}

// reassignArgs is the body of reassign_partitions.
type reassignArgs struct {
	// The partitions, each once.
	Partitions []targetArgs `json:"partitions" minItems:"1" maxItems:"1000"`
	// Refuse partitions whose number of replicas would change.
	KeepFactor bool `json:"keepReplicationFactor,omitempty" example:"false"`
	// Bytes per second to which the throttle of the answer limits each broker.
	ThrottleBytesPerSec int64 `json:"throttleBytesPerSec,omitempty" minimum:"1" maximum:"1000000000000"`
}

// cancelArgs is the body of cancel_reassignments.
type cancelArgs struct {
	// The partitions, each once.
	Partitions []PartitionRef `json:"partitions" minItems:"1" maxItems:"1000"`
}

// PartitionOutcome is what a request did to one partition: its new state, or why it is unchanged.
type PartitionOutcome struct {
	// Name of the topic.
	Topic string `json:"topic" example:"orders"`
	// Id of the partition.
	PartitionID int32 `json:"partitionId" example:"0"`
	// Kafka's name of the error; absent if the request succeeded for this partition.
	Code string `json:"code,omitempty" example:"INVALID_REPLICA_ASSIGNMENT"`
	// What is wrong, and what to do.
	Detail string `json:"detail,omitempty" example:"Name registered brokers, each once."`
	// The partition after the request; absent if there is no such partition.
	State *PartitionFields `json:"state,omitempty"`
}

// PartitionOutcomes is the answer of an operation on several partitions, each of which succeeds or
// fails by itself. If none succeeds the answer is the problem of the first one instead.
type PartitionOutcomes struct {
	// The partitions, in the order of the request.
	Partitions []PartitionOutcome `json:"partitions"`
	// Number of partitions for which the request failed.
	Failed int `json:"failed" example:"0"`
	// What becomes of the partitions; only in a dry run.
	Impact *Impact `json:"impact,omitempty"`
	// Configurations that limit the bandwidth of the reassignment, if the request asks for them.
	Throttle *Throttle `json:"throttle,omitempty"`
}

func (a *API) reassignments() {
	handle(a, operation{
		kind: writeKind, name: "reassign_partitions", tag: tagTopics,
		needs:   onCluster(acls.Alter),
		summary: "Move partitions to other brokers",
		text: "Begins a reassignment of each partition, which ends when the new replicas are in " +
			"sync. Each partition succeeds or fails by itself. With throttleBytesPerSec the answer " +
			"lists the configurations that limit the bandwidth; it does not set them.",
	}, a.reassignPartitions)
	handle(a, operation{
		kind: writeKind, name: "cancel_reassignments", tag: tagTopics,
		needs:   onCluster(acls.Alter),
		summary: "Cancel reassignments",
		text: "Returns partitions to the replicas that they had before their reassignments, which " +
			"the operation partitions lists by with=reassigning.",
	}, a.cancelReassignments)
}

func (a *API) reassignPartitions(ctx context.Context, in *struct {
	WriteParams
	Body reassignArgs
}) (*answer[PartitionOutcomes], error) {
	targets := map[PartitionRef][]int32{}
	refs := make([]PartitionRef, len(in.Body.Partitions))
	for i, p := range in.Body.Partitions {
		refs[i], targets[p.PartitionRef] = p.PartitionRef, p.Replicas
	}
	r := changedReplicas{refs: refs, targets: targets, factor: !in.Body.KeepFactor}
	return a.alter(ctx, "reassign_partitions", in.WriteParams, &r, in.Body.ThrottleBytesPerSec)
}

func (a *API) cancelReassignments(ctx context.Context, in *struct {
	WriteParams
	Body cancelArgs
}) (*answer[PartitionOutcomes], error) {
	r := changedReplicas{refs: in.Body.Partitions, factor: true}
	return a.alter(ctx, "cancel_reassignments", in.WriteParams, &r, 0)
}

// changedReplicas is a change of the replicas of several partitions.
type changedReplicas struct {
	refs    []PartitionRef
	targets map[PartitionRef][]int32 // nil: cancel
	factor  bool                     // the number of replicas may change
}

func (c *changedReplicas) request(timeoutMs int64) kmsg.Request {
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	req.Version, req.TimeoutMillis = 1, int32(timeoutMs)
	req.AllowReplicationFactorChange = c.factor
	for _, ref := range c.refs {
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != ref.Topic {
			t := kmsg.NewAlterPartitionAssignmentsRequestTopic()
			t.Topic = ref.Topic
			req.Topics = append(req.Topics, t)
		}
		p := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
		p.Partition, p.Replicas = ref.PartitionID, c.targets[ref]
		last := &req.Topics[len(req.Topics)-1]
		last.Partitions = append(last.Partitions, p)
	}
	return req
}

func (a *API) alter(
	ctx context.Context, name string, p WriteParams, change *changedReplicas, throttle int64,
) (*answer[PartitionOutcomes], error) {
	if err := afford(ctx, int64(len(change.refs))*partitionBytes); err != nil {
		return nil, err
	}
	var throttled *Throttle
	outcome, err := a.do(ctx, controller.Operation{
		Name: name, DryRun: p.DryRun,
		Make: func(img *metadata.Image) (kmsg.Request, error) {
			if throttle > 0 {
				throttled = newThrottle(img, change, throttle)
			}
			return change.request(a.cfg.OperationTimeout.Milliseconds()), nil
		},
	})
	if err != nil {
		return nil, problemOf(err)
	}
	resp := outcome.Response.(*kmsg.AlterPartitionAssignmentsResponse)
	if err := codeProblem(resp.ErrorCode, resp.ErrorMessage); err != nil {
		return nil, err
	}
	list := outcomeList{img: outcome.Image}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			list.add(t.Topic, p.Partition, p.ErrorCode, p.ErrorMessage)
		}
	}
	body, err := list.body()
	if err != nil {
		return nil, err
	}
	body.Impact, body.Throttle = a.impactOf(outcome), throttled
	return &answer[PartitionOutcomes]{headersOf(outcome.Image), body}, nil
}

// outcomeList collects what a request did to partitions.
type outcomeList struct {
	img   *metadata.Image // after the request
	all   []PartitionOutcome
	first *Problem // of the first partition that failed
	bad   int
}

func (l *outcomeList) add(topic string, id int32, code int16, message *string) {
	o := PartitionOutcome{Topic: topic, PartitionID: id}
	if t := l.img.TopicByName(topic); t != nil {
		if p := t.Partition(id); p != nil {
			state := partitionFields(t.ID, id, p)
			o.State = &state
		}
	}
	if p := (*Problem)(nil); errors.As(codeProblem(code, message), &p) {
		o.Code, o.Detail = p.Code, p.Detail
		l.bad++
		if l.first == nil {
			l.first = p
		}
	}
	l.all = append(l.all, o)
}

// body is the answer, or the first problem if nothing succeeded.
func (l *outcomeList) body() (PartitionOutcomes, error) {
	if l.bad > 0 && l.bad == len(l.all) {
		return PartitionOutcomes{}, l.first
	}
	return PartitionOutcomes{Partitions: append([]PartitionOutcome{}, l.all...), Failed: l.bad}, nil
}

// electArgs is the body of elect_leaders.
type electArgs struct {
	// preferred: the first replica of each partition, if it is in sync. unclean: any live replica,
	// for partitions without a leader; records that only the lost replicas have are lost.
	Election string `json:"election" enum:"preferred,unclean" example:"preferred"`
	// The partitions.
	Partitions []PartitionRef `json:"partitions,omitempty" maxItems:"1000"`
	// All partitions that need such an election, instead of a list.
	All bool `json:"all,omitempty" example:"false"`
}

// Resolve checks the rules that a schema cannot express; huma calls it.
func (e *electArgs) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	if e.All == (len(e.Partitions) > 0) {
		return []error{fieldError(at.String(), "set either partitions or all")}
	}
	return nil
}

func (a *API) elections() {
	handle(a, operation{
		kind: writeKind, name: "elect_leaders", tag: tagTopics,
		needs:   onCluster(acls.Alter),
		summary: "Elect leaders",
		text: "Holds elections in some partitions, or in all that need one. Each partition succeeds " +
			"or fails by itself; ELECTION_NOT_NEEDED counts as success. With all, partitions that " +
			"need no election are not listed, and at most 1,000 of the others are.",
	}, a.electLeaders)
}

func (a *API) electLeaders(ctx context.Context, in *struct {
	WriteParams
	Body electArgs
}) (*answer[PartitionOutcomes], error) {
	if err := afford(ctx, partitionsMax*partitionBytes); err != nil {
		return nil, err
	}
	outcome, err := a.do(ctx, controller.Operation{
		Name: "elect_leaders", DryRun: in.DryRun,
		Make: func(*metadata.Image) (kmsg.Request, error) {
			return in.Body.request(a.cfg.OperationTimeout.Milliseconds()), nil
		},
	})
	if err != nil {
		return nil, problemOf(err)
	}
	resp := outcome.Response.(*kmsg.ElectLeadersResponse)
	if err := codeProblem(resp.ErrorCode, nil); err != nil {
		return nil, err
	}
	list := outcomeList{img: outcome.Image}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if len(list.all) == partitionsMax {
				break
			}
			if p.ErrorCode == kerr.ElectionNotNeeded.Code {
				p.ErrorCode, p.ErrorMessage = 0, nil
			}
			list.add(t.Topic, p.Partition, p.ErrorCode, p.ErrorMessage)
		}
	}
	body, err := list.body()
	if err != nil {
		return nil, err
	}
	body.Impact = a.impactOf(outcome)
	return &answer[PartitionOutcomes]{headersOf(outcome.Image), body}, nil
}

func (e *electArgs) request(timeoutMs int64) kmsg.Request {
	req := kmsg.NewPtrElectLeadersRequest()
	req.Version, req.TimeoutMillis = 2, int32(timeoutMs)
	if e.Election == "unclean" {
		req.ElectionType = 1
	}
	if e.All {
		return req
	}
	for _, ref := range e.Partitions {
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != ref.Topic {
			t := kmsg.NewElectLeadersRequestTopic()
			t.Topic = ref.Topic
			req.Topics = append(req.Topics, t)
		}
		last := &req.Topics[len(req.Topics)-1]
		last.Partitions = append(last.Partitions, ref.PartitionID)
	}
	return req
}
