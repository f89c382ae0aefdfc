package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// TopicRef names a topic by its id or its name.
type TopicRef struct {
	TopicUUID string `json:"topicUUID,omitempty" pattern:"^([A-Za-z0-9_-]{21}[AQgw]|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$" doc:"Id of the topic; or give name." example:"Jb1aPjOFQJ2pUL4xzHq1Lg"`
	Name      string `json:"name,omitempty" minLength:"1" maxLength:"249" doc:"Name of the topic; or give topicUUID." example:"orders"`
}

func (t TopicRef) check(at *huma.PathBuffer) []error {
	if (t.TopicUUID == "") == (t.Name == "") {
		return []error{&huma.ErrorDetail{Location: at.String(), Message: "name the topic by topicUUID or by name, one of them"}}
	}
	return nil
}

func (t TopicRef) find(img *metadata.Image) (*metadata.Topic, error) {
	if t.Name != "" {
		if topic := img.TopicByName(t.Name); topic != nil {
			return topic, nil
		}
		return nil, protocol.Errorf(kerr.UnknownTopicOrPartition, "There is no topic named %q.", t.Name)
	}
	id, err := parseUUID(t.TopicUUID)
	if topic := img.Topic(id); err == nil && topic != nil {
		return topic, nil
	}
	return nil, protocol.Errorf(kerr.UnknownTopicID, "There is no topic with the id %s.", t.TopicUUID)
}

// createPartitionArgs is the body of create_partition.
type createPartitionArgs struct {
	TopicRef
	PartitionID *int32  `json:"partitionId,omitempty" minimum:"0" maximum:"1000000" doc:"Id that the partition is to have: the next one, which it gets anyway." example:"3"`
	Replicas    []int32 `json:"replicas,omitempty" minItems:"1" maxItems:"1000" doc:"Brokers to hold it, the preferred leader first; placed by the controller when absent." example:"[1,2,3]"`
}

func (c *createPartitionArgs) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	return c.check(at)
}

// replicaArgs is the body of add_replica and remove_replica.
type replicaArgs struct {
	TopicRef
	PartitionID int32 `json:"partitionId" minimum:"0" maximum:"2147483647" doc:"The partition." example:"0"`
	BrokerID    int32 `json:"brokerId" minimum:"0" maximum:"2147483647" doc:"The broker." example:"4"`
}

func (r *replicaArgs) Resolve(_ huma.Context, at *huma.PathBuffer) []error { return r.check(at) }

func (a *API) partitions() {
	huma.Register(a.huma, describe(http.MethodPost, "create_partition", tagTopics, "Add a partition to a topic",
		"One more partition, the next by id, with as many replicas as the topic's others.", writeStatuses...), a.createPartition)
	huma.Register(a.huma, describe(http.MethodPost, "add_replica", tagTopics, "Add a replica to a partition",
		"A reassignment: the broker is in addingReplicas until the leader has it in sync.", writeStatuses...), a.addReplica)
	huma.Register(a.huma, describe(http.MethodPost, "remove_replica", tagTopics, "Remove a replica of a partition",
		"A reassignment: done at once when the others are in sync, else the broker is in removingReplicas until they are.", writeStatuses...), a.removeReplica)
}

func (a *API) createPartition(ctx context.Context, in *struct {
	WriteParams
	Body createPartitionArgs
}) (*answer[Record[PartitionFields]], error) {
	ctx, cancel := a.bounded(ctx)
	defer cancel()
	outcome, err := a.do(ctx, controller.Operation{Name: "create_partition", Make: func(img *metadata.Image) (kmsg.Request, error) {
		return in.Body.request(img, a.cfg.OperationTimeout.Milliseconds())
	}})
	if err != nil {
		return nil, problemOf(err)
	}
	for _, t := range outcome.Response.(*kmsg.CreatePartitionsResponse).Topics {
		if err := codeProblem(t.ErrorCode, t.ErrorMessage); err != nil {
			return nil, err
		}
	}
	return changedPartition(outcome, outcome.Written[0].Record.(*record.Partition).TopicID, outcome.Written[0].Record.(*record.Partition).PartitionID), nil
}

func (c *createPartitionArgs) request(img *metadata.Image, timeoutMs int64) (kmsg.Request, error) {
	t, err := c.find(img)
	if err != nil {
		return nil, err
	}
	next := int32(t.Len())
	switch {
	case c.PartitionID == nil || *c.PartitionID == next:
	case *c.PartitionID < next:
		return nil, newProblem(http.StatusConflict, kerr.InvalidPartitions, "Topic %s has a partition %d already. The next one is %d.", t.Name, *c.PartitionID, next)
	default:
		return nil, newProblem(http.StatusBadRequest, kerr.InvalidPartitions, "Partition %d would leave a gap. The next one of topic %s is %d.", *c.PartitionID, t.Name, next)
	}
	topic := kmsg.NewCreatePartitionsRequestTopic()
	topic.Topic, topic.Count = t.Name, next+1
	if len(c.Replicas) > 0 {
		assignment := kmsg.NewCreatePartitionsRequestTopicAssignment()
		assignment.Replicas = c.Replicas
		topic.Assignment = append(topic.Assignment, assignment)
	}
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.Version, req.TimeoutMillis = 3, int32(timeoutMs)
	req.Topics = append(req.Topics, topic)
	return req, nil
}

// changedPartition is a partition as an operation left it, at the place of the record that did so; at the state's when nothing was written.
func changedPartition(outcome controller.Outcome, topic record.UUID, id int32) *answer[Record[PartitionFields]] {
	at := placeOfImage(outcome.Image)
	if len(outcome.Written) > 0 {
		at = placeOf(outcome.Written[len(outcome.Written)-1])
	}
	fields := partitionFields(topic, id, outcome.Image.Partition(topic, id))
	return &answer[Record[PartitionFields]]{PositionHeaders{at.offset, at.epoch}, newRecord(record.TypePartition.String(), fields, at)}
}

func (a *API) addReplica(ctx context.Context, in *struct {
	WriteParams
	Body replicaArgs
}) (*answer[Record[PartitionFields]], error) {
	return a.reassign(ctx, "add_replica", in.Body, oneMore)
}

func (a *API) removeReplica(ctx context.Context, in *struct {
	WriteParams
	Body replicaArgs
}) (*answer[Record[PartitionFields]], error) {
	return a.reassign(ctx, "remove_replica", in.Body, oneLess)
}

// target is the replica list that a partition is on its way to.
func target(p *metadata.Partition) []int32 {
	return slices.DeleteFunc(slices.Clone(p.Replicas), func(id int32) bool { return slices.Contains(p.Removing(), id) })
}

func oneMore(img *metadata.Image, p *metadata.Partition, broker int32) ([]int32, error) {
	now := target(p)
	switch {
	case img.Broker(broker) == nil:
		return nil, protocol.Errorf(kerr.BrokerIDNotRegistered, "%s", notRegistered(broker))
	case slices.Contains(p.Adding(), broker):
		return nil, protocol.Errorf(kerr.ReassignmentInProgress, "Broker %d is being added already.", broker)
	case slices.Contains(now, broker):
		return nil, newProblem(http.StatusConflict, kerr.InvalidReplicaAssignment, "Broker %d is a replica already. Nothing is to be done.", broker)
	}
	return append(now, broker), nil
}

func oneLess(_ *metadata.Image, p *metadata.Partition, broker int32) ([]int32, error) {
	now := target(p)
	i := slices.Index(now, broker)
	switch {
	case slices.Contains(p.Removing(), broker):
		return nil, protocol.Errorf(kerr.ReassignmentInProgress, "Broker %d is being removed already.", broker)
	case i < 0:
		return nil, protocol.Errorf(kerr.ReplicaNotAvailable, "Broker %d is no replica of this partition.", broker)
	case len(now) == 1:
		return nil, newProblem(http.StatusUnprocessableEntity, kerr.InvalidReplicaAssignment, "Broker %d is the last replica, and the data would be lost. Add another one first.", broker)
	}
	return slices.Delete(now, i, i+1), nil
}

// reassign moves a partition's replicas to what change makes of them.
func (a *API) reassign(ctx context.Context, name string, args replicaArgs, change func(*metadata.Image, *metadata.Partition, int32) ([]int32, error)) (*answer[Record[PartitionFields]], error) {
	ctx, cancel := a.bounded(ctx)
	defer cancel()
	var topic record.UUID
	outcome, err := a.do(ctx, controller.Operation{Name: name, Make: func(img *metadata.Image) (kmsg.Request, error) {
		t, err := args.find(img)
		if err != nil {
			return nil, err
		}
		topic = t.ID
		p := t.Partition(args.PartitionID)
		if p == nil {
			return nil, protocol.Errorf(kerr.UnknownTopicOrPartition, "Topic %s has no partition %d.", t.Name, args.PartitionID)
		}
		replicas, err := change(img, p, args.BrokerID)
		if err != nil {
			return nil, err
		}
		return reassignment(t.Name, args.PartitionID, replicas, a.cfg.OperationTimeout.Milliseconds()), nil
	}})
	if err != nil {
		return nil, problemOf(err)
	}
	if err := reassignmentProblem(outcome.Response.(*kmsg.AlterPartitionAssignmentsResponse)); err != nil {
		return nil, err
	}
	return changedPartition(outcome, topic, args.PartitionID), nil
}

func reassignment(topic string, partition int32, replicas []int32, timeoutMs int64) *kmsg.AlterPartitionAssignmentsRequest {
	p := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
	p.Partition, p.Replicas = partition, replicas
	t := kmsg.NewAlterPartitionAssignmentsRequestTopic()
	t.Topic = topic
	t.Partitions = append(t.Partitions, p)
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	req.Version, req.TimeoutMillis, req.AllowReplicationFactorChange = 1, int32(timeoutMs), true
	req.Topics = append(req.Topics, t)
	return req
}

func reassignmentProblem(resp *kmsg.AlterPartitionAssignmentsResponse) error {
	if err := codeProblem(resp.ErrorCode, resp.ErrorMessage); err != nil {
		return err
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := codeProblem(p.ErrorCode, p.ErrorMessage); err != nil {
				return err
			}
		}
	}
	return nil
}

func itoa[N int | int32 | int64](n N) string { return fmt.Sprint(n) }
