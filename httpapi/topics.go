package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/controller/feed"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// createTopicArgs is the body of create_topic.
type createTopicArgs struct {
	Name              string            `json:"name" minLength:"1" maxLength:"249" doc:"Name of the topic: letters, digits, dots, underscores, hyphens." example:"orders"`
	NumPartitions     *int32            `json:"numPartitions,omitempty" minimum:"1" maximum:"10000" doc:"Number of partitions; num.partitions of the controllers when absent." example:"3"`
	ReplicationFactor *int16            `json:"replicationFactor,omitempty" minimum:"1" maximum:"1000" doc:"Replicas of each partition; default.replication.factor of the controllers when absent." example:"3"`
	Assignments       [][]int32         `json:"assignments,omitempty" maxItems:"10000" doc:"Brokers of each partition, instead of numPartitions and replicationFactor." example:"[[1,2],[2,3]]"`
	Configs           map[string]string `json:"configs,omitempty" maxProperties:"200" doc:"Topic configuration." example:"{\"retention.ms\":\"3600000\"}"`
	ValidateOnly      bool              `json:"validateOnly,omitempty" doc:"Answer as if the topic were created, and create nothing." example:"false"`
}

func (c *createTopicArgs) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	var errs []error
	if len(c.Assignments) > 0 && c.NumPartitions != nil {
		errs = append(errs, &huma.ErrorDetail{Location: at.With("numPartitions"), Message: "not together with assignments"})
	}
	if len(c.Assignments) > 0 && c.ReplicationFactor != nil {
		errs = append(errs, &huma.ErrorDetail{Location: at.With("replicationFactor"), Message: "not together with assignments"})
	}
	return errs
}

// TopicArgs names a topic to read.
type TopicArgs struct {
	Name string `query:"name" json:"name" required:"true" minLength:"1" maxLength:"249" doc:"Name of the topic." example:"orders"`
}

// topicAnswer is a topic as a whole.
type topicAnswer struct {
	Record[TopicFields]
	TopicUUID  string            `json:"topicUUID" doc:"The topic's id." example:"Jb1aPjOFQJ2pUL4xzHq1Lg"`
	Partitions []TopicPartition  `json:"partitions" doc:"Its partitions, by id."`
	Configs    map[string]string `json:"configs" doc:"Configuration that is set on the topic; all else has its default." example:"{\"retention.ms\":\"3600000\"}"`
}

// TopicPartition is a partition in a topic's answer: its record, with what the record's contract
// has no fields for.
type TopicPartition struct {
	Record[PartitionFields]
	LeaderEpoch  int32   `json:"leaderEpoch" doc:"Counts the changes of the partition's leader." example:"0"`
	ELR          []int32 `json:"ELR" doc:"Eligible leader replicas: not in sync, but known to have everything that was acknowledged." example:"[]"`
	LastKnownELR []int32 `json:"lastKnownELR" doc:"Of a partition without leader, ISR and ELR: its last leader." example:"[]"`
}

func topicPartition(r *record.Partition, at place) TopicPartition {
	name, fields := tell(r, feed.State{}, 0)
	return TopicPartition{
		newRecord(name, fields.(PartitionFields), at), r.LeaderEpoch, ids(r.EligibleLeaderReplicas),
		ids(r.LastKnownELR),
	}
}

func (a *API) topics() {
	huma.Register(a.huma, describe(http.MethodPost, "create_topic", tagTopics, "Create a topic",
		"The topic with its partitions and configuration, in one batch of the log.", writeStatuses...), a.createTopic)
	one := "A topic with its partitions and configuration."
	statuses := append([]int{http.StatusNotFound}, readStatuses...)
	huma.Register(a.huma, describe(http.MethodGet, "get_topic_by_name", tagTopics, "Show a topic", one, statuses...),
		func(ctx context.Context, in *struct {
			ReadParams
			TopicArgs
		}) (*answer[topicAnswer], error) {
			return a.topic(ctx, in.ReadParams, in.Name)
		})
	huma.Register(a.huma, describe(http.MethodPost, "get_topic_by_name", tagTopics, "Show a topic", one, statuses...),
		func(ctx context.Context, in *struct {
			ReadParams
			Body TopicArgs
		}) (*answer[topicAnswer], error) {
			return a.topic(ctx, in.ReadParams, in.Body.Name)
		})
}

func (a *API) topic(ctx context.Context, p ReadParams, name string) (*answer[topicAnswer], error) {
	img, err := a.read(ctx, p)
	if err != nil {
		return nil, err
	}
	t := img.TopicByName(name)
	if t == nil {
		return nil, kafkaProblem(kerr.UnknownTopicOrPartition, "There is no topic named "+strconv.Quote(name)+".")
	}
	if err := afford(ctx, int64(t.Len())*partitionBytes); err != nil {
		return nil, err
	}
	at := placeOfImage(img)
	body := topicAnswer{
		Record: newRecord(record.TypeTopic.String(), TopicFields{t.ID.String(), t.Name}, at), TopicUUID: t.ID.String(),
		Partitions: []TopicPartition{}, Configs: map[string]string{},
	}
	for id, p := range t.Partitions() {
		body.Partitions = append(body.Partitions, topicPartition(p.Record(t.ID, id), at))
	}
	for name, value := range img.Config(metadata.ConfigTopic, t.Name) {
		body.Configs[name] = shown(name, value)
	}
	return &answer[topicAnswer]{headersOf(img), body}, nil
}

func (a *API) createTopic(ctx context.Context, in *struct {
	WriteParams
	Body createTopicArgs
}) (*answer[topicAnswer], error) {
	if err := afford(ctx, int64(in.Body.partitions())*partitionBytes); err != nil {
		return nil, err
	}
	ctx, cancel := a.bounded(ctx)
	defer cancel()
	outcome, err := a.do(ctx, controller.Operation{
		Name: "create_topic", DryRun: in.Body.ValidateOnly,
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

// partitionBytes is what a partition takes in an answer, as a value and as JSON, about.
const partitionBytes = 800

// partitions is how many there will be; the controllers' own default is small.
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

// createdTopic tells of a new topic by the records that made it.
func createdTopic(written []controller.Written) *answer[topicAnswer] {
	out := &answer[topicAnswer]{Body: topicAnswer{Partitions: []TopicPartition{}, Configs: map[string]string{}}}
	for _, w := range written {
		at := placeOf(w)
		switch r := w.Record.(type) {
		case *record.Topic:
			out.Body.Record = newRecord(r.Type().String(), TopicFields{r.TopicID.String(), r.Name}, at)
			out.Body.TopicUUID = r.TopicID.String()
			out.PositionHeaders = PositionHeaders{at.offset, at.epoch}
		case *record.Partition:
			out.Body.Partitions = append(out.Body.Partitions, topicPartition(r, at))
		case *record.Config:
			out.Body.Configs[r.Name] = shown(r.Name, text(r.Value))
		}
	}
	return out
}
