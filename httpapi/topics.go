package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// createTopicArgs is the body of create_topic.
type createTopicArgs struct {
	// Name of the topic: letters, digits, dots, underscores and hyphens.
	Name string `json:"name" minLength:"1" maxLength:"249" example:"orders"`
	// Number of partitions. The default is the controllers' num.partitions.
	NumPartitions *int32 `json:"numPartitions,omitempty" minimum:"1" maximum:"10000" example:"3"`
	// Number of replicas of each partition. The default is the controllers'
	// default.replication.factor.
	ReplicationFactor *int16 `json:"replicationFactor,omitempty" minimum:"1" maximum:"1000"`
	// Brokers of each partition, instead of numPartitions and replicationFactor.
	Assignments [][]int32 `json:"assignments,omitempty" maxItems:"10000" example:"[[1,2],[2,3]]"`
	// Configuration of the topic.
	Configs map[string]string `json:"configs,omitempty" maxProperties:"200"`
	// Answer as if the topic were created, and create nothing.
	ValidateOnly bool `json:"validateOnly,omitempty" example:"false"`
}

// Resolve checks the rules that a schema cannot express; huma calls it.
func (c *createTopicArgs) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	const excluded = "cannot be combined with assignments"
	var errs []error
	if len(c.Assignments) > 0 && c.NumPartitions != nil {
		errs = append(errs, fieldError(at.With("numPartitions"), excluded))
	}
	if len(c.Assignments) > 0 && c.ReplicationFactor != nil {
		errs = append(errs, fieldError(at.With("replicationFactor"), excluded))
	}
	return errs
}

// TopicArgs names a topic to read.
type TopicArgs struct {
	// Name of the topic.
	Name string `query:"name" json:"name" required:"true" minLength:"1" maxLength:"249"`
}

// topicAnswer is a topic with its partitions and configuration.
type topicAnswer struct {
	Record[TopicFields]
	// Id of the topic.
	TopicUUID string `json:"topicUUID" example:"Jb1aPjOFQJ2pUL4xzHq1Lg"`
	// The topic's partitions, by id.
	Partitions []TopicPartition `json:"partitions"`
	// Configuration that is set on the topic; all other keys have their defaults.
	Configs map[string]string `json:"configs" example:"{\"retention.ms\":\"3600000\"}"`
	// Whether configs is empty because the caller may not see it.
	ConfigsHidden bool `json:"configsHidden,omitempty" example:"false"`
}

// TopicPartition is a partition in the answer of a topic: its record, with state that the fields of
// a PartitionRecord do not include.
type TopicPartition struct {
	Record[PartitionFields]
	// Number of changes of the partition's leader.
	LeaderEpoch int32 `json:"leaderEpoch" example:"0"`
	// Eligible leader replicas: not in sync, but known to hold every acknowledged message.
	ELR []int32 `json:"ELR" example:"[]"`
	// The last leader of a partition that has no leader, no ISR and no ELR.
	LastKnownELR []int32 `json:"lastKnownELR" example:"[]"`
}

func topicPartition(r *record.Partition, at position) TopicPartition {
	return TopicPartition{
		newRecord(r.Type().String(), newPartitionFields(r), at), r.LeaderEpoch,
		ids(r.EligibleLeaderReplicas), ids(r.LastKnownELR),
	}
}

func (a *API) topics() {
	handle(a, operation{
		kind: writeKind, name: "create_topic", tag: tagTopics,
		needs:   onTopic(acls.Create).also("CREATE on CLUSTER will do as well."),
		summary: "Create a topic",
		text:    "Creates the topic with its partitions and configuration, in one batch of the log.",
	}, a.createTopic)
	show := operation{
		kind: readKind, name: "get_topic_by_name", tag: tagTopics,
		needs:   showsTopic,
		summary: "Show a topic",
		text:    "A topic with its partitions and configuration.", statuses: []int{http.StatusNotFound},
	}
	handle(a, show, func(ctx context.Context, in *struct {
		StateParams
		TopicArgs
	}) (*stateAnswer[topicAnswer], error) {
		return a.topic(ctx, in.ReadParams, TopicRef{Name: in.Name})
	})
	handle(a, show.by(http.MethodPost), func(ctx context.Context, in *struct {
		ReadParams
		Body TopicArgs
	}) (*stateAnswer[topicAnswer], error) {
		return a.topic(ctx, in.ReadParams, TopicRef{Name: in.Body.Name})
	})
}

func (a *API) topic(
	ctx context.Context, p ReadParams, ref TopicRef,
) (*stateAnswer[topicAnswer], error) {
	img, err := a.read(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := a.permitTopic(ctx, ref, acls.Describe); err != nil {
		return nil, err
	}
	t, err := ref.find(img)
	if err != nil {
		return nil, problemOf(err)
	}
	if err := afford(ctx, int64(t.Len())*partitionBytes); err != nil {
		return nil, err
	}
	at := imagePosition(img)
	fields := TopicFields{t.ID.String(), t.Name}
	body := topicAnswer{
		Record: newRecord(record.TypeTopic.String(), fields, at), TopicUUID: fields.TopicUUID,
		Partitions: []TopicPartition{}, Configs: map[string]string{},
	}
	for id, p := range t.Partitions() {
		body.Partitions = append(body.Partitions, topicPartition(p.Record(t.ID, id), at))
	}
	body.ConfigsHidden = !a.mayKnow(ctx, acls.DescribeConfigs, acls.Topic, t.Name)
	if !body.ConfigsHidden {
		for name, value := range img.Config(metadata.ConfigTopic, t.Name) {
			body.Configs[name] = shown(name, value)
		}
	}
	return &stateAnswer[topicAnswer]{stateOf(img), body}, nil
}

func noTopic(name string) string { return "There is no topic named " + strconv.Quote(name) + "." }

func (a *API) createTopic(ctx context.Context, in *struct {
	WriteParams
	Body createTopicArgs
}) (*answer[topicAnswer], error) {
	if !a.allowsOnCluster(ctx, acls.Create) {
		if err := a.permit(ctx, acls.Create, acls.Topic, in.Body.Name); err != nil {
			return nil, err
		}
	}
	if err := afford(ctx, int64(in.Body.partitions())*partitionBytes); err != nil {
		return nil, err
	}
	outcome, err := a.do(ctx, controller.Operation{
		Name: "create_topic", DryRun: in.DryRun || in.Body.ValidateOnly,
		Make: func(*metadata.Image) (kmsg.Request, error) {
			return in.Body.request(a.cfg.OperationTimeout.Milliseconds()), nil
		},
	})
	if err != nil {
		return nil, problemOf(err)
	}
	for _, t := range outcome.Response.(*kmsg.CreateTopicsResponse).Topics {
		if err := codeProblem(t.ErrorCode, t.ErrorMessage); err != nil {
			return nil, err
		}
	}
	return createdTopic(outcome.Written), nil
}

// partitionBytes is roughly the memory that a partition takes in an answer, as a value and as JSON.
const partitionBytes = 800

// partitions is the number of partitions that the body asks for; 0 for the controllers' default,
// which is small.
func (c *createTopicArgs) partitions() int {
	if c.NumPartitions != nil {
		return int(*c.NumPartitions)
	}
	return len(c.Assignments)
}

func (c *createTopicArgs) request(timeoutMs int64) *kmsg.CreateTopicsRequest {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = c.Name, -1, -1
	if c.NumPartitions != nil {
		t.NumPartitions = *c.NumPartitions
	}
	if c.ReplicationFactor != nil {
		t.ReplicationFactor = *c.ReplicationFactor
	}
	for i, replicas := range c.Assignments {
		assignment := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		assignment.Partition, assignment.Replicas = int32(i), replicas
		t.ReplicaAssignment = append(t.ReplicaAssignment, assignment)
	}
	for name, value := range c.Configs {
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		config.Name, config.Value = name, &value
		t.Configs = append(t.Configs, config)
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.TimeoutMillis = 7, int32(timeoutMs)
	req.Topics = append(req.Topics, t)
	return req
}

// createdTopic shows a new topic from the records that created it, with their positions.
func createdTopic(written []controller.Written) *answer[topicAnswer] {
	out := &answer[topicAnswer]{Body: topicAnswer{
		Partitions: []TopicPartition{}, Configs: map[string]string{},
	}}
	for _, w := range written {
		at := writtenPosition(w)
		switch r := w.Record.(type) {
		case *record.Topic:
			out.Body.TopicUUID = r.TopicID.String()
			out.Body.Record = newRecord(r.Type().String(), TopicFields{out.Body.TopicUUID, r.Name}, at)
			out.PositionHeaders = at.headers()
		case *record.Partition:
			out.Body.Partitions = append(out.Body.Partitions, topicPartition(r, at))
		case *record.Config:
			out.Body.Configs[r.Name] = shown(r.Name, orEmpty(r.Value))
		}
	}
	return out
}
