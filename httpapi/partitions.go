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
	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// TopicRef names a topic by its id or by its name.
type TopicRef struct {
	// Id of the topic; or set name.
	TopicUUID uuidText `json:"topicUUID,omitempty" example:"Jb1aPjOFQJ2pUL4xzHq1Lg"`
	// Name of the topic; or set topicUUID.
	Name string `json:"name,omitempty" minLength:"1" maxLength:"249" example:"orders"`
}

func (t TopicRef) check(at *huma.PathBuffer) []error {
	if (t.TopicUUID == "") == (t.Name == "") {
		return []error{fieldError(at.String(), "set either topicUUID or name")}
	}
	return nil
}

func (t TopicRef) find(img *metadata.Image) (*metadata.Topic, error) {
	if t.Name != "" {
		if topic := img.TopicByName(t.Name); topic != nil {
			return topic, nil
		}
		return nil, protocol.Errorf(kerr.UnknownTopicOrPartition, "%s", noTopic(t.Name))
	}
	id, err := t.TopicUUID.parse()
	if topic := img.Topic(id); err == nil && topic != nil {
		return topic, nil
	}
	return nil, noTopicID(t.TopicUUID)
}

func noTopicID(id uuidText) *protocol.Error {
	return protocol.Errorf(kerr.UnknownTopicID, "There is no topic with the id %s.", id)
}

// createPartitionArgs is the body of create_partition.
type createPartitionArgs struct {
	TopicRef
	// Id of the new partition. It must be the next one, which is also the default.
	PartitionID *int32 `json:"partitionId,omitempty" minimum:"0" maximum:"1000000" example:"3"`
	// Brokers of the partition, the preferred leader first. By default the controller places it.
	Replicas []int32 `json:"replicas,omitempty" minItems:"1" maxItems:"1000" example:"[1,2,3]"`
}

// Resolve checks the rules that a schema cannot express; huma calls it.
func (c *createPartitionArgs) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	return c.check(at)
}

// replicaArgs is the body of add_replica and remove_replica.
type replicaArgs struct {
	TopicRef
	// Id of the partition.
	PartitionID int32 `json:"partitionId" minimum:"0" maximum:"2147483647" example:"0"`
	// Id of the broker.
	BrokerID int32 `json:"brokerId" minimum:"0" maximum:"2147483647" example:"4"`
}

// Resolve checks the rules that a schema cannot express; huma calls it.
func (r *replicaArgs) Resolve(_ huma.Context, at *huma.PathBuffer) []error { return r.check(at) }

func (a *API) partitions() {
	handle(a, operation{
		kind: writeKind, name: "create_partition", tag: tagTopics,
		needs:   onTopic(acls.Alter),
		summary: "Add a partition to a topic",
		text:    "Adds the next partition by id, with as many replicas as the topic's others.",
	}, a.createPartition)
	handle(a, operation{
		kind: writeKind, name: "add_replica", tag: tagTopics,
		needs:   onCluster(acls.Alter),
		summary: "Add a replica to a partition",
		text: "Begins a reassignment: the broker is in addingReplicas until " +
			"the leader reports it in sync.",
	}, a.addReplica)
	handle(a, operation{
		kind: writeKind, name: "remove_replica", tag: tagTopics,
		needs:   onCluster(acls.Alter),
		summary: "Remove a replica from a partition",
		text: "A reassignment. It completes at once if the other replicas are in sync; otherwise the " +
			"broker is in removingReplicas until they are.",
	}, a.removeReplica)
}

func (a *API) createPartition(ctx context.Context, in *struct {
	WriteParams
	Body createPartitionArgs
}) (*answer[Record[PartitionFields]], error) {
	if err := a.permitTopic(ctx, in.Body.TopicRef, acls.Alter); err != nil {
		return nil, err
	}
	outcome, err := a.do(ctx, controller.Operation{
		Name: "create_partition", DryRun: in.DryRun,
		Make: func(img *metadata.Image) (kmsg.Request, error) {
			return in.Body.request(img, a.cfg.OperationTimeout.Milliseconds())
		},
	})
	if err != nil {
		return nil, problemOf(err)
	}
	for _, t := range outcome.Response.(*kmsg.CreatePartitionsResponse).Topics {
		if err := codeProblem(t.ErrorCode, t.ErrorMessage); err != nil {
			return nil, err
		}
	}
	created := outcome.Written[0].Record.(*record.Partition)
	return changedPartition(outcome, created.TopicID, created.PartitionID), nil
}

func (c *createPartitionArgs) request(
	img *metadata.Image, timeoutMs int64,
) (kmsg.Request, error) {
	t, err := c.find(img)
	if err != nil {
		return nil, err
	}
	next := int32(t.Len())
	switch {
	case c.PartitionID == nil || *c.PartitionID == next:
	case *c.PartitionID < next:
		return nil, newProblem(http.StatusConflict, kerr.InvalidPartitions,
			"Topic %s already has a partition %d. The next one is %d.", t.Name, *c.PartitionID, next)
	default:
		return nil, newProblem(http.StatusBadRequest, kerr.InvalidPartitions,
			"Partition %d would leave a gap. The next partition of topic %s is %d.",
			*c.PartitionID, t.Name, next)
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

// changedPartition shows a partition after an operation. Its position is that of the last record
// that the operation wrote, or the image's if it wrote none.
func changedPartition(
	outcome controller.Outcome, topic protocol.UUID, id int32,
) *answer[Record[PartitionFields]] {
	at := imagePosition(outcome.Image)
	if len(outcome.Written) > 0 {
		at = writtenPosition(outcome.Written[len(outcome.Written)-1])
	}
	fields := partitionFields(topic, id, outcome.Image.Partition(topic, id))
	return recordAnswer(record.TypePartition, fields, at)
}

// replicaChange returns the replicas of a partition after a broker is added or removed.
type replicaChange = func(img *metadata.Image, p *metadata.Partition, broker int32) ([]int32, error)

func (a *API) addReplica(ctx context.Context, in *struct {
	WriteParams
	Body replicaArgs
}) (*answer[Record[PartitionFields]], error) {
	return a.reassign(ctx, "add_replica", in.DryRun, in.Body, withReplica)
}

func (a *API) removeReplica(ctx context.Context, in *struct {
	WriteParams
	Body replicaArgs
}) (*answer[Record[PartitionFields]], error) {
	return a.reassign(ctx, "remove_replica", in.DryRun, in.Body, withoutReplica)
}

// target is the replicas of a partition after its current reassignment.
func target(p *metadata.Partition) []int32 {
	removed := func(id int32) bool { return slices.Contains(p.Removing(), id) }
	return slices.DeleteFunc(slices.Clone(p.Replicas), removed)
}

func withReplica(img *metadata.Image, p *metadata.Partition, broker int32) ([]int32, error) {
	now := target(p)
	switch {
	case img.Broker(broker) == nil:
		return nil, protocol.Errorf(kerr.BrokerIDNotRegistered, "%s", notRegistered(broker))
	case slices.Contains(p.Adding(), broker):
		return nil, protocol.Errorf(kerr.ReassignmentInProgress,
			"Broker %d is already being added.", broker)
	case slices.Contains(now, broker):
		return nil, newProblem(http.StatusConflict, kerr.InvalidReplicaAssignment,
			"Broker %d already has a replica of this partition.", broker)
	}
	return append(now, broker), nil
}

func withoutReplica(_ *metadata.Image, p *metadata.Partition, broker int32) ([]int32, error) {
	now := target(p)
	i := slices.Index(now, broker)
	switch {
	case slices.Contains(p.Removing(), broker):
		return nil, protocol.Errorf(kerr.ReassignmentInProgress,
			"Broker %d is already being removed.", broker)
	case i < 0:
		return nil, protocol.Errorf(kerr.ReplicaNotAvailable,
			"Broker %d has no replica of this partition.", broker)
	case len(now) == 1:
		return nil, newProblem(http.StatusUnprocessableEntity, kerr.InvalidReplicaAssignment,
			"Broker %d has the last replica, and the data would be lost. Add another replica first.",
			broker)
	}
	return slices.Delete(now, i, i+1), nil
}

// reassign changes the replicas of a partition.
func (a *API) reassign(
	ctx context.Context, name string, dryRun bool, args replicaArgs, change replicaChange,
) (*answer[Record[PartitionFields]], error) {
	var topic protocol.UUID
	outcome, err := a.do(ctx, controller.Operation{
		Name: name, DryRun: dryRun,
		Make: func(img *metadata.Image) (kmsg.Request, error) {
			t, err := args.find(img)
			if err != nil {
				return nil, err
			}
			topic = t.ID
			p := t.Partition(args.PartitionID)
			if p == nil {
				return nil, protocol.Errorf(kerr.UnknownTopicOrPartition,
					"Topic %s has no partition %d.", t.Name, args.PartitionID)
			}
			replicas, err := change(img, p, args.BrokerID)
			if err != nil {
				return nil, err
			}
			timeoutMs := a.cfg.OperationTimeout.Milliseconds()
			return reassignment(t.Name, args.PartitionID, replicas, timeoutMs), nil
		},
	})
	if err != nil {
		return nil, problemOf(err)
	}
	resp := outcome.Response.(*kmsg.AlterPartitionAssignmentsResponse)
	if err := reassignmentProblem(resp); err != nil {
		return nil, err
	}
	return changedPartition(outcome, topic, args.PartitionID), nil
}

func reassignment(
	topic string, partition int32, replicas []int32, timeoutMs int64,
) *kmsg.AlterPartitionAssignmentsRequest {
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
