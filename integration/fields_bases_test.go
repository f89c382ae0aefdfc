package integration

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
)

// base makes a valid request: it is answered without an error and, if its API writes, it causes a
// write, to entities made for it. Every array has at least one element to change.
type base func(v *target) kmsg.Request

// bases are valid requests of every API that the controller listener serves, read-only ones first.
var bases = []base{
	(*target).fetchRequest, (*target).metadataRequest, (*target).apiVersionsRequest,
	(*target).describeConfigsRequest, (*target).listReassignmentsRequest,
	(*target).describeQuorumRequest, (*target).fetchSnapshotRequest,
	(*target).describeClusterRequest, (*target).describePartitionsRequest,
	(*target).describeAclsRequest, (*target).describeTokensRequest,
	(*target).describeQuotasRequest, (*target).describeScramRequest,
	(*target).createAclsRequest, (*target).deleteAclsRequest, (*target).createTokenRequest,
	(*target).renewTokenRequest, (*target).expireTokenRequest,
	(*target).alterQuotasRequest, (*target).alterScramRequest,
	(*target).createTopicsRequest, (*target).deleteTopicsRequest, (*target).alterConfigsRequest,
	(*target).incrementalAlterConfigsRequest, (*target).createPartitionsRequest,
	(*target).electLeadersRequest,
	(*target).reassignmentRequest, (*target).alterPartitionRequest, (*target).envelopeRequest,
	(*target).brokerRegistrationRequest, (*target).heartbeatRequest, (*target).unregisterRequest,
	(*target).producerIDsRequest, (*target).controllerRegistrationRequest,
	(*target).assignDirectoriesRequest,
}

// expected are the errors in the answers to those bases that cannot be answered without one, by key
// and version.
var expected = map[[2]int16]*kerr.Error{
	// FETCH without the last epoch.
	{1, 7}: kerr.InvalidRequest, {1, 8}: kerr.InvalidRequest, {1, 9}: kerr.InvalidRequest,
	{1, 10}: kerr.InvalidRequest, {1, 11}: kerr.InvalidRequest,
	{60, 0}: kerr.InvalidRequest, // has no EndpointType
	{43, 0}: kerr.ElectionNotNeeded, {43, 1}: kerr.ElectionNotNeeded,
	{43, 2}: kerr.ElectionNotNeeded,
	{59, 0}: kerr.SnapshotNotFound, {59, 1}: kerr.SnapshotNotFound,
	{62, 0}: kerr.InvalidRegistration, {62, 1}: kerr.InvalidRegistration, // have no directories
}

// firstError returns the first unexpected, nonzero error code anywhere in a response.
func firstError(resp kmsg.Response) error {
	but := expected[[2]int16{resp.Key(), resp.GetVersion()}]
	if code := errorIn(reflect.ValueOf(resp), but); code != 0 {
		return kerr.ErrorForCode(code)
	}
	return nil
}

func errorIn(v reflect.Value, but *kerr.Error) (code int16) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return errorIn(v.Elem(), but)
		}
	case reflect.Slice:
		for i := 0; i < v.Len() && v.Type().Elem().Kind() == reflect.Struct && code == 0; i++ {
			code = errorIn(v.Index(i), but)
		}
	case reflect.Struct:
		if f := v.FieldByName("ErrorCode"); f.IsValid() &&
			(but == nil || int16(f.Int()) != but.Code) {
			code = int16(f.Int())
		}
		for i := 0; i < v.NumField() && code == 0; i++ {
			code = errorIn(v.Field(i), but)
		}
	}
	return code
}

func pointer[T any](v T) *T { return &v }

func (v *target) fetchRequest() kmsg.Request {
	id := v.q.ClusterID()
	req := kafka.MetadataFetch(&id, v.epoch, v.log.offset).(*kmsg.FetchRequest)
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.Rack = 0, 0, 1<<20, "rack"
	topic := &req.Topics[0]
	topic.Topic = "__cluster_metadata"
	p := &topic.Partitions[0]
	p.LastFetchedEpoch, p.ReplicaDirectoryID[0], p.HighWatermark = v.log.epoch, 1, 0
	req.ForgottenTopics = []kmsg.FetchRequestForgottenTopic{{Topic: "t", Partitions: []int32{0}}}
	req.ReplicaState.ID = 1
	return req
}

func (v *target) metadataRequest() kmsg.Request {
	req := kmsg.NewPtrMetadataRequest()
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = pointer("topic-1")
	req.Topics = append(req.Topics, topic)
	return req
}

func (v *target) apiVersionsRequest() kmsg.Request {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "test", "1"
	return req
}

func (v *target) describeConfigsRequest() kmsg.Request {
	req := kmsg.NewPtrDescribeConfigsRequest()
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, "topic-1"
	resource.ConfigNames = []string{"retention.ms"}
	req.Resources = append(req.Resources, resource)
	return req
}

func (v *target) listReassignmentsRequest() kmsg.Request {
	req := kmsg.NewPtrListPartitionReassignmentsRequest()
	topic := kmsg.ListPartitionReassignmentsRequestTopic{Topic: "topic-1", Partitions: []int32{0}}
	req.Topics = append(req.Topics, topic)
	return req
}

func (v *target) describeQuorumRequest() kmsg.Request {
	req := kmsg.NewPtrDescribeQuorumRequest()
	partitions := []kmsg.DescribeQuorumRequestTopicPartition{{}}
	topic := kmsg.DescribeQuorumRequestTopic{Topic: "__cluster_metadata", Partitions: partitions}
	req.Topics = append(req.Topics, topic)
	return req
}

func (v *target) fetchSnapshotRequest() kmsg.Request {
	req := kafka.MetadataSnapshotFetch(v.epoch).(*kmsg.FetchSnapshotRequest)
	req.ClusterID = pointer(v.q.ClusterID())
	return req
}

func (v *target) describeClusterRequest() kmsg.Request {
	req := kmsg.NewPtrDescribeClusterRequest()
	req.EndpointType = 2 // controllers
	return req
}

func (v *target) describePartitionsRequest() kmsg.Request {
	req := kmsg.NewPtrDescribeTopicPartitionsRequest()
	req.Topics = []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: "topic-1"}}
	req.Cursor = &kmsg.DescribeTopicPartitionsRequestCursor{Topic: "topic-1"}
	return req
}

func (v *target) createTopicsRequest() kmsg.Request {
	req := kmsg.NewPtrCreateTopicsRequest()
	placed, assigned := kmsg.NewCreateTopicsRequestTopic(), kmsg.NewCreateTopicsRequestTopic()
	placed.Topic = fmt.Sprintf("placed-%d", v.next())
	placed.NumPartitions, placed.ReplicationFactor = 1, 1
	config := kmsg.NewCreateTopicsRequestTopicConfig()
	config.Name, config.Value = "retention.ms", pointer("1000")
	placed.Configs = append(placed.Configs, config)
	assigned.Topic = fmt.Sprintf("assigned-%d", v.next())
	assigned.NumPartitions, assigned.ReplicationFactor = -1, -1
	replicas := kmsg.CreateTopicsRequestTopicReplicaAssignment{Replicas: []int32{1, 2}}
	assigned.ReplicaAssignment = append(assigned.ReplicaAssignment, replicas)
	req.Topics = []kmsg.CreateTopicsRequestTopic{assigned, placed}
	req.TimeoutMillis = 1000
	return req
}

func (v *target) deleteTopicsRequest() kmsg.Request {
	topic := v.topic(1)
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TopicNames = []string{topic.Topic}
	req.Topics = []kmsg.DeleteTopicsRequestTopic{{Topic: &topic.Topic}}
	req.TimeoutMillis = 1000
	return req
}

// configured are resources that have configs, with one valid config each.
func (v *target) configured() []kmsg.IncrementalAlterConfigsRequestResource {
	var all []kmsg.IncrementalAlterConfigsRequestResource
	add := func(kind kmsg.ConfigResourceType, name, key, value string) {
		config := kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: key, Value: &value}
		resource := kmsg.IncrementalAlterConfigsRequestResource{ResourceType: kind,
			ResourceName: name}
		resource.Configs = append(resource.Configs, config)
		all = append(all, resource)
	}
	n := v.next()
	number := fmt.Sprint(1000 + n)
	add(kmsg.ConfigResourceTypeTopic, "topic-1", "retention.ms", number)
	add(kmsg.ConfigResourceTypeBroker, "1", "background.threads", fmt.Sprint(1+n%50))
	add(kmsg.ConfigResourceTypeBroker, "", "log.retention.ms", number)
	subscription, group := fmt.Sprintf("metrics-%d", n%8), fmt.Sprintf("group-%d", n%8)
	add(kmsg.ConfigResourceTypeClientMetrics, subscription, "interval.ms", number)
	timeoutMs := fmt.Sprint(45_000 + n%10_000)
	add(kmsg.ConfigResourceTypeGroupConfig, group, "consumer.session.timeout.ms", timeoutMs)
	return all
}

func (v *target) alterConfigsRequest() kmsg.Request {
	req := kmsg.NewPtrAlterConfigsRequest()
	for _, r := range v.configured() {
		config := kmsg.AlterConfigsRequestResourceConfig{Name: r.Configs[0].Name,
			Value: r.Configs[0].Value}
		configs := []kmsg.AlterConfigsRequestResourceConfig{config}
		// 4.3 does not allow the removal of the brokers' default for this key
		if r.ResourceName == "" {
			isr := kmsg.AlterConfigsRequestResourceConfig{Name: "min.insync.replicas"}
			isr.Value = pointer("1")
			configs = append(configs, isr)
		}
		req.Resources = append(req.Resources, kmsg.AlterConfigsRequestResource{
			ResourceType: r.ResourceType, ResourceName: r.ResourceName, Configs: configs})
	}
	return v.rotate(req, len(req.Resources), reflect.Swapper(req.Resources))
}

func (v *target) incrementalAlterConfigsRequest() kmsg.Request {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Resources = v.configured()
	return v.rotate(req, len(req.Resources), reflect.Swapper(req.Resources))
}

// rotate puts a different one of n elements first each time, since changes apply to the first
// element of an array.
func (v *target) rotate(req kmsg.Request, n int, swap func(i, j int)) kmsg.Request {
	swap(0, int(v.next())%n)
	return req
}

func (v *target) createPartitionsRequest() kmsg.Request {
	req := kmsg.NewPtrCreatePartitionsRequest()
	topic := kmsg.NewCreatePartitionsRequestTopic()
	topic.Topic, topic.Count = v.topic(1).Topic, 2
	topic.Assignment = []kmsg.CreatePartitionsRequestTopicAssignment{{Replicas: []int32{3, 2}}}
	req.Topics, req.TimeoutMillis = append(req.Topics, topic), 1000
	return req
}

func (v *target) electLeadersRequest() kmsg.Request {
	req := kmsg.NewPtrElectLeadersRequest()
	req.Topics = []kmsg.ElectLeadersRequestTopic{{Topic: "topic-1", Partitions: []int32{0}}}
	req.TimeoutMillis = 1000
	return req
}

func (v *target) reassignmentRequest() kmsg.Request {
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	partitions := []kmsg.AlterPartitionAssignmentsRequestTopicPartition{{Replicas: []int32{2, 3}}}
	topic := kmsg.AlterPartitionAssignmentsRequestTopic{Topic: v.topic(1).Topic,
		Partitions: partitions}
	req.Topics, req.TimeoutMillis = append(req.Topics, topic), 1000
	return req
}

func (v *target) alterPartitionRequest() kmsg.Request {
	req := kmsg.NewPtrAlterPartitionRequest()
	req.BrokerID, req.BrokerEpoch = 1, v.brokers[1]
	p := kmsg.NewAlterPartitionRequestTopicPartition()
	p.NewISR = []int32{1}
	isr := kmsg.NewAlterPartitionRequestTopicPartitionNewEpochISR()
	isr.BrokerID, isr.BrokerEpoch = 1, v.brokers[1]
	p.NewEpochISR = append(p.NewEpochISR, isr)
	topic := kmsg.NewAlterPartitionRequestTopic()
	topic.TopicID = v.topic(1).TopicID
	topic.Partitions = append(topic.Partitions, p)
	req.Topics = append(req.Topics, topic)
	return req
}

// envelopeRequest contains a request to create topics.
func (v *target) envelopeRequest() kmsg.Request {
	nested := atVersion(v.createTopicsRequest(), 7)
	return envelope(nested.AppendTo(requestHeader(v.schemas[nested.Key()], 7)))
}

func envelope(data []byte) kmsg.Request {
	req := kmsg.NewPtrEnvelopeRequest()
	req.RequestData = data
	req.RequestPrincipal = []byte("\x00\x00\x05User\x06alice\x00\x00")
	req.ClientHostAddress = []byte{127, 0, 0, 1}
	return req
}

func atVersion(req kmsg.Request, version int16) kmsg.Request {
	req.SetVersion(version)
	return req
}

func (v *target) brokerRegistrationRequest() kmsg.Request {
	id := firstFreshBroker + v.next()
	req := kafka.FakeRegistration(id, v.q.ClusterID())
	req.Rack = pointer("rack")
	second := [16]byte{9}
	binary.BigEndian.PutUint32(second[4:], uint32(id))
	req.LogDirs = append(req.LogDirs, second)
	other := req.Listeners[0]
	other.Name = "OTHER"
	req.Listeners = append(req.Listeners, other)
	unknown := kmsg.BrokerRegistrationRequestFeature{Name: "of.the.future", MaxSupportedVersion: 1}
	req.Features = append([]kmsg.BrokerRegistrationRequestFeature{unknown}, req.Features...)
	return req
}

func (v *target) heartbeatRequest() kmsg.Request {
	id := firstFreshBroker + v.next()
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.BrokerID, req.BrokerEpoch = id, v.register(id)
	req.CurrentMetadataOffset = req.BrokerEpoch
	req.OfflineLogDirs, req.CordonedLogDirs = [][16]byte{{15: 7}}, [][16]byte{{15: 8}}
	return req
}

func (v *target) unregisterRequest() kmsg.Request {
	id := firstFreshBroker + v.next()
	v.register(id)
	req := kmsg.NewPtrUnregisterBrokerRequest()
	req.BrokerID = id
	return req
}

func (v *target) producerIDsRequest() kmsg.Request {
	req := kmsg.NewPtrAllocateProducerIDsRequest()
	req.BrokerID, req.BrokerEpoch = 1, v.brokers[1]
	return req
}

func (v *target) controllerRegistrationRequest() kmsg.Request {
	const observer = 2000 // not a voter: voters are registered by their peers
	follow := atVersion(v.fetchRequest(), 17).(*kmsg.FetchRequest)
	dropLater(follow, 17)
	follow.ReplicaState.ID = observer
	v.do(follow)
	req := kmsg.NewPtrControllerRegistrationRequest()
	req.ControllerID = observer
	binary.BigEndian.PutUint32(req.IncarnationID[:], uint32(v.next()))
	listener := kmsg.ControllerRegistrationRequestListener{Name: "CONTROLLER", Host: "127.0.0.1",
		Port: 1}
	req.Listeners = append(req.Listeners, listener)
	feature := kmsg.ControllerRegistrationRequestFeature{Name: "metadata.version"}
	feature.MinSupportedVersion, feature.MaxSupportedVersion = 7, 30
	req.Features = append(req.Features, feature)
	return req
}

func (v *target) assignDirectoriesRequest() kmsg.Request {
	req := kmsg.NewPtrAssignReplicasToDirsRequest()
	req.BrokerID, req.BrokerEpoch = 1, v.brokers[1]
	topic := kmsg.AssignReplicasToDirsRequestDirectoryTopic{TopicID: v.topic(1).TopicID,
		Partitions: []kmsg.AssignReplicasToDirsRequestDirectoryTopicPartition{{}}}
	directory := kmsg.AssignReplicasToDirsRequestDirectory{ID: [16]byte{3, 15: 3}}
	directory.Topics = append(directory.Topics, topic)
	req.Directories = append(req.Directories, directory)
	return req
}

// body encodes a base. The schema omits tagged fields that its version does not have.
func (v *target) body(create base, version int16) (kmsg.Request, []byte) {
	v.t.Helper()
	req := atVersion(create(v), version)
	if beat, ok := req.(*kmsg.BrokerHeartbeatRequest); ok {
		if version < 1 {
			beat.OfflineLogDirs = nil
		}
		if version < 2 {
			beat.CordonedLogDirs = nil
		}
	}
	if f, ok := req.(*kmsg.FetchRequest); ok {
		dropLater(f, version)
	}
	if f, ok := req.(*kmsg.FetchSnapshotRequest); ok && version < 1 {
		f.Topics[0].Partitions[0].ReplicaDirectoryID = [16]byte{}
	}
	return req, bytes.Clone(req.AppendTo(nil))
}

// dropLater removes tagged fields from a FETCH that its version does not have.
func dropLater(req *kmsg.FetchRequest, version int16) {
	fresh := kmsg.NewFetchRequestTopicPartition()
	p := &req.Topics[0].Partitions[0]
	if version < 15 {
		req.ReplicaState = kmsg.NewFetchRequestReplicaState()
	}
	if version < 17 {
		p.ReplicaDirectoryID = fresh.ReplicaDirectoryID
	}
	if version < 18 {
		p.HighWatermark = fresh.HighWatermark
	}
}
