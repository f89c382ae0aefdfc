package controller

import (
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/controller/configs"
	"github.com/yakt/yakt/controller/partition"
	"github.com/yakt/yakt/controller/quota"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// CREATE_TOPICS (19), versions 2 to 7.
//
// Behaviour: each topic succeeds or fails by itself. All that succeed are one batch: for each topic
// its TopicRecord, its ConfigRecords and its PartitionRecords. The ISR of a new partition is its
// active replicas. The sender needs CREATE on the cluster, or else on each topic. The answer for a
// topic on which it has no DESCRIBE_CONFIGS leaves out the configs and the numbers of partitions
// and replicas. A topic whose name differs from an existing one only in dots and underscores is
// refused; two such names in one request are both created, as in Kafka. A validating request gets
// the same answer, with an id that nothing has, writes nothing, and draws on the quota like any
// other (KIP-599).
//
// Versions: 4 allows defaults (KIP-464), 5 returns configs (KIP-525), 7 returns topic ids
// (KIP-516).
//
// Kafka: ReplicationControlManager.createTopics.
func (c *core) createTopics(o op, req *kmsg.CreateTopicsRequest) result {
	names := timesNamed(req.Topics,
		func(t *kmsg.CreateTopicsRequestTopic) string { return t.Topic })
	accepted := make([]*kmsg.CreateTopicsRequestTopic, 0, len(req.Topics))
	for i := range req.Topics {
		if t := &req.Topics[i]; names[t.Topic] == 1 && t.Topic != protocol.MetadataTopic &&
			mayCreate(o.rights, t.Topic) {
			accepted = append(accepted, t)
		}
	}
	if c.partitionsAskedFor(accepted) > recordsPerUserOp {
		return result{response: failCreateTopics(req,
			protocol.Errorf(kerr.PolicyViolation,
				"Excessively large number of partitions per request."))}
	}
	creation := topicCreation{
		core: c, img: c.working, configs: c.configChanges(o), rights: o.rights,
		placing:    partition.NewPlacement(c.working, c.cfg.Random),
		collisions: configs.NewCollisions(c.working),
		quota:      c.allowance(o, req.Version >= strictCreateTopics),
		answers:    make([]createdTopic, 0, len(names)),
	}
	creation.plain = c.plainTopic.For(creation.configs.Defaults())
	for _, t := range accepted {
		creation.topic(t)
	}
	if len(creation.records) > recordsPerUserOp {
		return result{response: failCreateTopics(req, errTooLarge)}
	}
	creation.refuseNames(req, names)
	r := result{records: creation.records, response: creation.response(req), atomic: true,
		then: func(int64) {
			c.plainTopic = creation.plain
			c.quota.Spend(creation.quota)
		}}
	if req.ValidateOnly {
		r.records = nil
	}
	return r
}

// decideCreateTopics decides which topics may be created, and of which the answer may tell more.
func decideCreateTopics(r *rights, req *kmsg.CreateTopicsRequest) (some bool) {
	r.take(acls.OnCluster(acls.Create))
	for i := range req.Topics {
		name := req.Topics[i].Topic
		if r.onCluster(acls.Create) || r.takeTopic(acls.Create, name) {
			act := acls.Action{Operation: acls.DescribeConfigs, ResourceType: acls.Topic,
				ResourceName: name}
			r.taken[act] = r.mayKnow(act)
			some = true
		}
	}
	return some || len(req.Topics) == 0
}

func mayCreate(r *rights, topic string) bool {
	return r.onCluster(acls.Create) || r.onTopic(acls.Create, topic)
}

// strictCreateTopics is the version from which clients know THROTTLING_QUOTA_EXCEEDED.
const strictCreateTopics = 6

// allowance is the quota on partitions created and deleted that holds for the sender.
func (c *core) allowance(o op, strict bool) *quota.Allowance {
	return c.quota.Allowance(c.working, o.caller, o.now, strict)
}

// timesNamed counts how often each name occurs in a request.
func timesNamed[T any](list []T, name func(*T) string) map[string]int {
	times := make(map[string]int, len(list))
	for i := range list {
		times[name(&list[i])]++
	}
	return times
}

func topicResource(name string) configs.Resource {
	return configs.Resource{Kind: metadata.ConfigTopic, Name: name}
}

// refuseNames refuses each repeated name, with one entry in the response, the metadata log's name,
// and those that the sender may not create.
func (tc *topicCreation) refuseNames(req *kmsg.CreateTopicsRequest, names map[string]int) {
	for i := range req.Topics {
		name := req.Topics[i].Topic
		switch {
		case names[name] > 1:
			tc.refuse(name, protocol.Errorf(kerr.InvalidRequest, "Duplicate topic name."))
			names[name] = 0
		case names[name] == 1 && name == protocol.MetadataTopic:
			tc.refuse(name, protocol.Errorf(kerr.InvalidRequest,
				"Creation of internal topic %s is prohibited.", name))
		case names[name] == 1 && !mayCreate(tc.rights, name):
			tc.refuse(name, protocol.Errorf(kerr.TopicAuthorizationFailed,
				"Authorization failed."))
		}
	}
}

// partitionsAskedFor bounds the work before it is begun.
func (c *core) partitionsAskedFor(topics []*kmsg.CreateTopicsRequestTopic) (n int64) {
	for _, t := range topics {
		switch {
		case len(t.ReplicaAssignment) > 0:
			n += int64(len(t.ReplicaAssignment))
		case t.NumPartitions == -1:
			n += int64(c.cfg.DefaultPartitions)
		default:
			n += int64(max(t.NumPartitions, 0))
		}
	}
	return n
}

func createTopicResult(
	name string, err *protocol.Error, message *string,
) kmsg.CreateTopicsResponseTopic {
	t := kmsg.NewCreateTopicsResponseTopic()
	t.Topic, t.ErrorCode, t.ErrorMessage = name, err.Code(), message
	t.Configs = []kmsg.CreateTopicsResponseTopicConfig{} // null is for who may not see them
	return t
}

// topicCreation collects the records of the topics of one request, and the answers.
type topicCreation struct {
	core       *core
	img        *metadata.Image
	configs    *configs.Changes
	rights     *rights
	plain      configs.PlainTopic
	placing    *partition.Placement
	collisions configs.Collisions
	quota      *quota.Allowance
	records    []record.Record
	answers    []createdTopic
	messages   protocol.Messages
}

// createdTopic is the answer for one topic, without its configuration, which is made when it is
// written.
type createdTopic struct {
	name       string
	err        *protocol.Error
	id         protocol.UUID
	partitions int32
	factor     int16
	overrides  map[string]string // nil: none
	hidden     bool              // the sender may not see more than the id
}

func (tc *topicCreation) refuse(name string, err *protocol.Error) {
	tc.answers = append(tc.answers, createdTopic{name: name, err: tc.messages.Bounded(err)})
}

func (tc *topicCreation) response(req *kmsg.CreateTopicsRequest) kmsg.Response {
	resp := responseTo[*kmsg.CreateTopicsResponse](req)
	resp.ThrottleMillis = tc.quota.ThrottleMs()
	defaults, plain := tc.configs.Defaults(), tc.plain.Configs
	answers := tc.answers
	return list(resp, &resp.Topics, len(answers), func(i int) kmsg.CreateTopicsResponseTopic {
		a := &answers[i]
		t := createTopicResult(a.name, a.err, a.err.Text())
		if a.err != nil {
			return t
		}
		t.TopicID = a.id
		if a.hidden {
			t.ConfigErrorCode = kerr.TopicAuthorizationFailed.Code
			return t
		}
		t.NumPartitions, t.ReplicationFactor, t.Configs = a.partitions, a.factor, plain
		if a.overrides != nil {
			t.Configs = configs.DescribeCreated(defaults, a.overrides)
		}
		return t
	})
}

// topic creates one topic, or says why not.
func (tc *topicCreation) topic(t *kmsg.CreateTopicsRequestTopic) {
	answer, err := tc.create(t)
	if err != nil {
		tc.refuse(t.Topic, err)
		return
	}
	tc.answers = append(tc.answers, answer)
}

func (tc *topicCreation) create(
	t *kmsg.CreateTopicsRequestTopic,
) (created createdTopic, err *protocol.Error) {
	if err := tc.checkName(t.Topic); err != nil {
		return created, err
	}
	ops, err := creationConfigs(t)
	if err != nil {
		return created, err
	}
	overrides, err := tc.configs.Incremental(topicResource(t.Topic), ops, true)
	if err != nil {
		return created, err
	}
	id := newUUID(tc.core.cfg.Random)
	partitions, err := tc.partitions(t, id)
	if err != nil {
		return created, err
	}
	if err := tc.quota.Charge(len(partitions)); err != nil {
		return created, err
	}
	tc.records = append(tc.records, &record.Topic{Name: t.Topic, TopicID: id})
	tc.records = append(tc.records, overrides...)
	tc.records = append(tc.records, configs.ClearElrs(tc.img, overrides)...)
	for _, p := range partitions {
		tc.records = append(tc.records, p)
	}
	return createdTopic{
		name: t.Topic, id: id, partitions: int32(len(partitions)),
		factor: int16(len(partitions[0].Replicas)), overrides: overridesIn(overrides),
		hidden: !tc.rights.onTopic(acls.DescribeConfigs, t.Topic),
	}, nil
}

func (tc *topicCreation) checkName(name string) *protocol.Error {
	if tc.img.TopicByName(name) != nil {
		return protocol.Errorf(kerr.TopicAlreadyExists, "Topic '%s' already exists.", name)
	}
	if err := configs.CheckTopicName(name); err != nil {
		return err
	}
	switch other, ok := tc.collisions.Find(name); {
	case other != "":
		return protocol.Errorf(kerr.InvalidTopicException,
			"Topic '%s' collides with existing topic: %s", name, other)
	case !ok:
		return protocol.Errorf(kerr.PolicyViolation,
			"Too many topics have names like '%s' to see whether it collides with one of them: "+
				"choose another name.", name)
	}
	return nil
}

// creationConfigs returns the config overrides that a creation requests.
func creationConfigs(t *kmsg.CreateTopicsRequestTopic) ([]configs.Op, *protocol.Error) {
	ops := make([]configs.Op, 0, len(t.Configs))
	var null []string
	for _, config := range t.Configs {
		if config.Value == nil {
			null = append(null, config.Name)
		}
		ops = append(ops, configs.Op{Key: config.Name, Op: kmsg.IncrementalAlterConfigOpSet,
			Value: config.Value})
	}
	if len(null) > 0 {
		return nil, protocol.Errorf(kerr.InvalidConfig,
			"Null value not supported for topic configs: %s", strings.Join(null, ","))
	}
	return ops, nil
}

// partitions are the records of the topic's partitions, by id; never none.
func (tc *topicCreation) partitions(
	t *kmsg.CreateTopicsRequestTopic, id protocol.UUID,
) ([]*record.Partition, *protocol.Error) {
	switch {
	case len(t.ReplicaAssignment) > 0:
		return tc.assigned(t, id)
	case t.ReplicationFactor < -1 || t.ReplicationFactor == 0:
		return nil, protocol.Errorf(kerr.InvalidReplicationFactor,
			"Replication factor must be larger than 0, or -1 to use the default value.")
	case t.NumPartitions < -1 || t.NumPartitions == 0:
		return nil, protocol.Errorf(kerr.InvalidPartitions,
			"Number of partitions was set to an invalid non-positive value.")
	}
	n, factor := int(t.NumPartitions), int(t.ReplicationFactor)
	if n == -1 {
		n = int(tc.core.cfg.DefaultPartitions)
	}
	if factor == -1 {
		factor = int(tc.core.cfg.DefaultReplicationFactor)
	}
	partitions, err := tc.placing.Partitions(id, 0, n, factor)
	if err != nil {
		return nil, protocol.Errorf(err.Kafka, "Unable to replicate the partition %d time(s): %s",
			factor, err.Message)
	}
	return partitions, nil
}

// assigned takes the replicas that the request gives for each partition.
func (tc *topicCreation) assigned(
	t *kmsg.CreateTopicsRequestTopic, id protocol.UUID,
) ([]*record.Partition, *protocol.Error) {
	switch {
	case t.ReplicationFactor != -1:
		return nil, protocol.Errorf(kerr.InvalidRequest,
			"A manual partition assignment was specified, but replication factor was not set "+
				"to -1.")
	case t.NumPartitions != -1:
		return nil, protocol.Errorf(kerr.InvalidRequest,
			"A manual partition assignment was specified, but numPartitions was not set to -1.")
	}
	byID := make(map[int32]*record.Partition, len(t.ReplicaAssignment))
	factor := 0
	for _, a := range t.ReplicaAssignment {
		if byID[a.Partition] != nil {
			return nil, protocol.Errorf(kerr.InvalidReplicaAssignment,
				"Found multiple manual partition assignments for partition %d", a.Partition)
		}
		if err := partition.CheckReplicas(tc.img, a.Replicas, factor); err != nil {
			return nil, err
		}
		factor = len(a.Replicas)
		p, ok := partition.NewPartition(tc.img, id, a.Partition, a.Replicas)
		if !ok {
			return nil, allInactive(a.Partition)
		}
		byID[a.Partition] = p
	}
	partitions := make([]*record.Partition, len(byID))
	for i := range partitions {
		if partitions[i] = byID[int32(i)]; partitions[i] == nil {
			return nil, protocol.Errorf(kerr.InvalidReplicaAssignment,
				"partitions should be a consecutive 0-based integer sequence")
		}
	}
	return partitions, nil
}

func allInactive(id int32) *protocol.Error {
	return protocol.Errorf(kerr.InvalidReplicaAssignment,
		"All brokers specified in the manual partition assignment for partition %d are fenced or "+
			"in controlled shutdown.", id)
}

// overridesIn are the configs that records set, nil for none.
func overridesIn(records []record.Record) map[string]string {
	if len(records) == 0 {
		return nil
	}
	overrides := make(map[string]string, len(records))
	for _, r := range records {
		if config, ok := r.(*record.Config); ok {
			overrides[config.Name] = *config.Value
		}
	}
	return overrides
}

func failCreateTopics(req *kmsg.CreateTopicsRequest, err *protocol.Error) kmsg.Response {
	resp := responseTo[*kmsg.CreateTopicsResponse](req)
	return list(resp, &resp.Topics, len(req.Topics), func(i int) kmsg.CreateTopicsResponseTopic {
		return createTopicResult(req.Topics[i].Topic, err, err.TextAt(i))
	})
}

func createTopicsTimeout(_ *Controller, req kmsg.Request) time.Duration {
	return requestTimeout(req.(*kmsg.CreateTopicsRequest).TimeoutMillis)
}
