package controller

import (
	"context"
	"reflect"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

// tight are limits of one below what overLimit lists.
var tight = Limits{Topics: 2, Partitions: 5, Changes: 2, Resources: 2, Configs: 5, Directories: 2,
	Listeners: 2, Features: 2}

// overLimit are requests that go beyond one limit of tight each.
func overLimit() map[string]kmsg.Request {
	requests := make(map[string]kmsg.Request)
	for name, req := range namedMany(3) {
		requests[name] = req
	}
	partitions := electionsOf("foo", 6)
	describe := kmsg.NewPtrDescribeTopicPartitionsRequest()
	describe.Topics = make([]kmsg.DescribeTopicPartitionsRequestTopic, 3)
	quorum := kmsg.NewPtrDescribeQuorumRequest()
	quorum.Topics = make([]kmsg.DescribeQuorumRequestTopic, 3)
	isr := kmsg.NewPtrAlterPartitionRequest()
	isr.Version = 2
	isr.Topics = []kmsg.AlterPartitionRequestTopic{
		{Partitions: make([]kmsg.AlterPartitionRequestTopicPartition, 6)},
	}
	dirs := kmsg.NewPtrAssignReplicasToDirsRequest()
	dirs.Directories = make([]kmsg.AssignReplicasToDirsRequestDirectory, 3)
	values := kmsg.NewPtrIncrementalAlterConfigsRequest()
	values.Version = 1
	values.Resources = []kmsg.IncrementalAlterConfigsRequestResource{
		{Configs: make([]kmsg.IncrementalAlterConfigsRequestResourceConfig, 6)},
	}
	offline := heartbeatRequest(1, 1, 1)
	offline.OfflineLogDirs = make([][16]byte, 3)
	cordoned := heartbeatRequest(1, 1, 1)
	cordoned.CordonedLogDirs = make([][16]byte, 3)
	listeners := registrationRequest("", 1, 1)
	listeners.Features, listeners.Listeners = nil, make([]kmsg.BrokerRegistrationRequestListener, 3)
	logDirs := registrationRequest("", 1, 1)
	logDirs.Features, logDirs.LogDirs = nil, make([][16]byte, 3)
	features := kmsg.NewPtrControllerRegistrationRequest()
	features.Features = make([]kmsg.ControllerRegistrationRequestFeature, 3)
	requests["offline"], requests["cordoned"], requests["listeners"] = offline, cordoned, listeners
	requests["log dirs"], requests["features"] = logDirs, features
	for name, req := range map[string]kmsg.Request{
		"partitions": partitions, "describe": describe, "quorum": quorum, "isr": isr, "dirs": dirs,
		"values": values,
	} {
		requests[name] = req
	}
	return requests
}

// errorCodes are all error codes in a response, each once.
func errorCodes(v reflect.Value) (codes []int16) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			codes = errorCodes(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			codes = append(codes, errorCodes(v.Index(i))...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name == "ErrorCode" {
				codes = append(codes, int16(v.Field(i).Int()))
				continue
			}
			codes = append(codes, errorCodes(v.Field(i))...)
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

func TestRequestsBeyondALimitAreRefusedBeforeAnythingIsDone(t *testing.T) {
	t.Parallel()
	for name, req := range overLimit() {
		d := newTestDriver(t, func(cfg *Config) { cfg.Limits = tight })
		end := d.log.End
		var resp kmsg.Response
		d.Handle(context.Background(), protocol.Caller{}, req,
			func(r kmsg.Response) { resp = whole(r) })
		if resp == nil || d.queue.len() != 0 || d.log.End != end {
			t.Fatalf("%s: answered %v, %d in the queue", name, resp != nil, d.queue.len())
		}
		codes := slices.DeleteFunc(errorCodes(reflect.ValueOf(resp)),
			func(c int16) bool { return c == 0 })
		if !slices.Equal(codes, []int16{kerr.PolicyViolation.Code}) {
			t.Errorf("%s: codes %v", name, codes)
		}
		refusals := int64(0)
		for _, r := range d.limits.refused {
			refusals += r.Count()
		}
		if refusals != 1 {
			t.Errorf("%s: %d refusals counted", name, refusals)
		}
		if _, err := d.Do(context.Background(), protocol.Caller{}, req); err == nil &&
			apiOf(req.Key()).write != nil {
			t.Errorf("%s: carried out for a caller in this process", name)
		}
	}
}

func TestRequestsWithinTheLimitsAreNot(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t, func(cfg *Config) { cfg.Limits = tight })
	for name, req := range namedMany(2) {
		if err := d.limits.check(protocol.Caller{}, req); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCostsAreLinear doubles requests and compares what answering them is said to take.
func TestCostsAreLinear(t *testing.T) {
	t.Parallel()
	d := manyTopics(t, 400)
	small, large := namedMany(200), namedMany(400)
	for name, req := range small {
		one, two := d.Cost(req), d.Cost(large[name])
		if one <= 0 || two > 2*one+two/10 {
			t.Errorf("%s: %d for 200 topics, %d for 400", name, one, two)
		}
	}
	steady := heartbeatRequest(1, 1, 1)
	if cost := d.Cost(steady); cost > 1<<10 {
		t.Errorf("a heartbeat costs %d", cost)
	}
	one := kmsg.NewPtrMetadataRequest()
	one.Topics = []kmsg.MetadataRequestTopic{{Topic: kmsg.StringPtr(manyName(1))}}
	if cost := d.Cost(one); cost > 4<<10 {
		t.Errorf("METADATA for a topic costs %d", cost)
	}
}

// TestElementsTellShortRequestsFromLong: what is read for a request that names 10 topics is less
// than for one that names 100, and that is less than for all 400.
func TestElementsTellShortRequestsFromLong(t *testing.T) {
	t.Parallel()
	d := manyTopics(t, 400)
	every := map[string]kmsg.Request{
		"metadata":           everything(),
		"list reassignments": kmsg.NewPtrListPartitionReassignmentsRequest(),
		"elect":              kmsg.NewPtrElectLeadersRequest(),
	}
	few, many := namedMany(10), namedMany(100)
	for name, req := range few {
		if a, b := d.Elements(req), d.Elements(many[name]); a < 10 || b < 9*a {
			t.Errorf("%s: %d elements for 10 topics, %d for 100", name, a, b)
		}
		if all, ok := every[name]; ok && d.Elements(all) < 400 {
			t.Errorf("%s: %d elements for all topics", name, d.Elements(all))
		}
	}
	if n := d.Elements(heartbeatRequest(1, 1, 1)); n != 0 {
		t.Errorf("%d elements for a heartbeat", n)
	}
}

// TestNoCostIsMoreThanAConnectionMayHold: a request whose cost is more would never be answered.
func TestNoCostIsMoreThanAConnectionMayHold(t *testing.T) {
	t.Parallel()
	const connection = 32 << 20
	d := manyTopics(t, 10)
	for name, n := range map[string]int{
		"metadata": 100_000, "describe configs": 100_000, "list reassignments": 100_000, "elect": 100_000,
		"create": recordsPerUserOp, "delete": recordsPerUserOp, "alter configs": recordsPerUserOp,
		"reassign": recordsPerUserOp,
	} {
		if cost := d.Cost(namedMany(n)[name]); cost > connection/2 {
			t.Errorf("%s of %d: %d bytes", name, n, cost)
		}
	}
}

func TestTheLargestTopicIsLookedForWhereItMatters(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t)
	d.addBroker(1)
	d.addPartitions("small", 3, func(int) []int32 { return []int32{1} })
	if got := d.largest.of(d.Image()); got != 3 || d.largest.known.Load() != nil {
		t.Errorf("%d partitions", got)
	}
	d.addPartitions("large", 2*partEntries, func(int) []int32 { return []int32{1} })
	for range 2 {
		if got := d.largest.of(d.Image()); got != 2*partEntries {
			t.Errorf("%d partitions", got)
		}
	}
	all := kmsg.NewPtrMetadataRequest()
	all.Version, all.Topics = 12, nil
	if cost := d.Cost(all); cost < 2*partEntries*elementBytes {
		t.Errorf("all topics cost %d", cost)
	}
}
