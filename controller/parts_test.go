package controller

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/partition"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// manyTopics makes two brokers and n topics of two partitions, one of which is on the move.
func manyTopics(t testing.TB, n int) *testDriver {
	d := newTestDriver(t)
	d.addBroker(1)
	d.addBroker(2)
	var records []record.Record
	for i := range n {
		id := newUUID(d.cfg.Random)
		records = append(records, &record.Topic{Name: manyName(i), TopicID: id})
		for p := range int32(2) {
			r := &record.Partition{
				PartitionID: p, TopicID: id, Replicas: []int32{2, 1}, ISR: []int32{2, 1}, Leader: 1,
				Directories: make([]protocol.UUID, 2),
			}
			if p == 1 {
				r.RemovingReplicas = []int32{1}
			}
			records = append(records, r)
		}
	}
	d.apply(records...)
	return d
}

func manyName(i int) string { return fmt.Sprintf("topic-%04d", i) }

// raw asks as a connection does: the answer may be in parts.
func (d *testDriver) raw(req kmsg.Request) kmsg.Response {
	d.t.Helper()
	var resp kmsg.Response
	d.Handle(context.Background(), protocol.Caller{}, req, func(r kmsg.Response) { resp = r })
	d.settle()
	if resp == nil {
		d.t.Fatalf("%s is not answered", kmsg.NameForKey(req.Key()))
	}
	return resp
}

// namedMany are requests for n topics, whether or not they exist, and how many elements their
// answers have of every topic.
func namedMany(n int) map[string]kmsg.Request {
	describe := kmsg.NewPtrDescribeConfigsRequest()
	list := kmsg.NewPtrListPartitionReassignmentsRequest()
	named := kmsg.NewPtrMetadataRequest()
	remove := kmsg.NewPtrDeleteTopicsRequest()
	create := kmsg.NewPtrCreateTopicsRequest()
	alter := kmsg.NewPtrIncrementalAlterConfigsRequest()
	legacy := kmsg.NewPtrAlterConfigsRequest()
	grow := kmsg.NewPtrCreatePartitionsRequest()
	elect := kmsg.NewPtrElectLeadersRequest()
	move := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	named.Version, remove.Version, create.Version, alter.Version, elect.Version = 12, 5, 7, 1, 2
	list.Topics, elect.ElectionType = []kmsg.ListPartitionReassignmentsRequestTopic{}, 1
	for i := range n {
		name := manyName(i)
		describe.Resources = append(describe.Resources,
			kmsg.DescribeConfigsRequestResource{ResourceType: kmsg.ConfigResourceTypeTopic,
				ResourceName: name})
		list.Topics = append(list.Topics, kmsg.ListPartitionReassignmentsRequestTopic{Topic: name,
			Partitions: []int32{0, 1}})
		named.Topics = append(named.Topics, kmsg.MetadataRequestTopic{Topic: &name})
		remove.TopicNames = append(remove.TopicNames, name+"-unknown")
		create.Topics = append(create.Topics,
			kmsg.CreateTopicsRequestTopic{Topic: name, NumPartitions: 1, ReplicationFactor: 1})
		alter.Resources = append(alter.Resources,
			kmsg.IncrementalAlterConfigsRequestResource{ResourceType: kmsg.ConfigResourceTypeTopic,
				ResourceName: name})
		legacy.Resources = append(legacy.Resources,
			kmsg.AlterConfigsRequestResource{ResourceType: kmsg.ConfigResourceTypeTopic,
				ResourceName: name})
		grow.Topics = append(grow.Topics, kmsg.CreatePartitionsRequestTopic{Topic: name, Count: 1})
		elect.Topics = append(elect.Topics, kmsg.ElectLeadersRequestTopic{Topic: name,
			Partitions: []int32{0, 7}})
		move.Topics = append(move.Topics, kmsg.AlterPartitionAssignmentsRequestTopic{Topic: name,
			Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{{Partition: 7}}})
	}
	return map[string]kmsg.Request{
		"describe configs": describe, "list reassignments": list, "metadata": named, "delete": remove, "create": create,
		"alter configs": alter, "legacy alter " +
			"configs": legacy, "create partitions": grow, "elect": elect, "reassign": move,
	}
}

// elementsOf is the one array of a response that may be long.
func elementsOf(resp kmsg.Response) reflect.Value {
	v := reflect.ValueOf(resp).Elem()
	if f := v.FieldByName("Resources"); f.IsValid() {
		return f
	}
	return v.FieldByName("Topics")
}

// gather goes through the parts of a response, checks their bounds, and returns all elements.
func gather(t *testing.T, what string, r *inParts) (all []any) {
	t.Helper()
	count, next := r.Parts()
	for next() {
		part := elementsOf(r.Response)
		if n := part.Len(); n == 0 || n > partElements {
			t.Errorf("%s: a part of %d elements", what, n)
		}
		for i := range part.Len() {
			all = append(all, part.Index(i).Interface())
		}
	}
	if len(all) != count || elementsOf(r.Response).Len() != 0 {
		t.Errorf("%s: %d elements of %d, and %d behind them", what, len(all), count,
			elementsOf(r.Response).Len())
	}
	return all
}

// TestLongAnswersComeInParts asks for more than a part of everything. The parts together are the
// same each time, and what single requests are answered.
func TestLongAnswersComeInParts(t *testing.T) {
	t.Parallel()
	const n = 3*partElements + 1
	d := manyTopics(t, n)
	requests := namedMany(n)
	all := kmsg.NewPtrMetadataRequest()
	all.Version, all.Topics = 12, nil
	moving := kmsg.NewPtrListPartitionReassignmentsRequest()
	moving.Topics = nil
	elections := everything()
	elections.ElectionType = 1
	requests["all topics"], requests["all reassignments"], requests["all elections"] = all, moving, elections
	for name, req := range requests {
		r, ok := d.raw(req).(*inParts)
		if !ok {
			t.Errorf("%s: not in parts", name)
			continue
		}
		first, second := gather(t, name, r), gather(t, name, r)
		if !reflect.DeepEqual(first, second) {
			t.Errorf("%s: another answer the second time", name)
		}
		if len(first) != n {
			t.Errorf("%s: %d elements for %d topics", name, len(first), n)
		}
		one := elementsOf(d.answer(namedMany(1)[alike(name)]))
		if name == "delete" { // which comes in random order
			continue
		}
		if got := first[0]; !reflect.DeepEqual(got, one.Index(0).Interface()) &&
			!strings.HasPrefix(name, "all") {
			t.Errorf("%s:\n%+v is the first element of many, and\n%+v alone", name, got,
				one.Index(0))
		}
	}
}

// alike is a request with names for one that asks for everything.
func alike(name string) string {
	if strings.HasPrefix(name, "all") {
		return "metadata"
	}
	return name
}

func TestShortAnswersAreMadeAtOnce(t *testing.T) {
	t.Parallel()
	d := manyTopics(t, partElements)
	for name, req := range namedMany(10) {
		if _, ok := d.raw(req).(*inParts); ok {
			t.Errorf("%s: in parts", name)
		}
	}
}

// TestNoMessageRepeatsWhatWasSentForEver names something of 32,000 bytes that does not exist, again
// and again, and adds up what the answers say about it.
func TestNoMessageRepeatsWhatWasSentForEver(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t)
	d.addBroker(1)
	const entries = 20_000
	long := strings.Repeat("x", 32_000)
	elect := electionsOf(long, entries)
	move := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	topic := kmsg.AlterPartitionAssignmentsRequestTopic{Topic: long}
	for i := range int32(recordsPerUserOp) {
		topic.Partitions = append(topic.Partitions,
			kmsg.AlterPartitionAssignmentsRequestTopicPartition{Partition: i})
	}
	move.Topics = append(move.Topics, topic)
	requests := map[string]kmsg.Request{"elect": elect, "reassign": move}
	for name, req := range namedMany(recordsPerUserOp) {
		requests[name] = req
	}
	for name, req := range requests {
		sum, longest := messagesOf(reflect.ValueOf(whole(d.raw(req))))
		if sum > protocol.MessagesMaxBytes || longest > protocol.MessageMaxBytes {
			t.Errorf("%s: messages of %d bytes, the longest of %d", name, sum, longest)
		}
		if sum == 0 && (name == "elect" || name == "reassign") {
			t.Errorf("%s: no message at all", name)
		}
	}
}

// messagesOf adds up the error messages in a response.
func messagesOf(v reflect.Value) (sum, longest int) {
	note := func(n, most int) { sum, longest = sum+n, max(longest, most) }
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return messagesOf(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			note(messagesOf(v.Index(i)))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if message, ok := v.Field(i).Interface().(*string); ok &&
				v.Type().Field(i).Name == "ErrorMessage" && message != nil {
				note(len(*message), len(*message))
				continue
			}
			if k := v.Field(i).Kind(); k == reflect.Slice || k == reflect.Pointer {
				note(messagesOf(v.Field(i)))
			}
		}
	}
	return sum, longest
}

func TestEntriesWithoutRoomForAMessageHaveTheirCode(t *testing.T) {
	t.Parallel()
	var m protocol.Messages
	err := protocol.Errorf(kerr.InvalidRequest, "%s",
		strings.Repeat("x", 2*protocol.MessageMaxBytes))
	told := 0
	for range 2 * protocol.MessagesMaxBytes / protocol.MessageMaxBytes {
		got := m.Bounded(err)
		if got.Code() != kerr.InvalidRequest.Code {
			t.Fatalf("code %d", got.Code())
		}
		if got.Text() != nil {
			told += len(*got.Text())
		}
	}
	if told == 0 || told > protocol.MessagesMaxBytes {
		t.Errorf("messages of %d bytes", told)
	}
}

// TestARequestOfABrokerGoesInParts has a leader change the ISRs of more partitions than a part has,
// and tell the directories of as many.
func TestARequestOfABrokerGoesInParts(t *testing.T) {
	t.Parallel()
	const n = 2*partitionsPerPart + 10
	d := newTestDriver(t)
	epoch := d.addBroker(1)
	d.addBroker(2)
	d.addPartitions("foo", n, func(int) []int32 { return []int32{1, 2} })
	id := d.Image().TopicByName("foo").ID
	isr := kmsg.NewPtrAlterPartitionRequest()
	isr.Version, isr.BrokerID, isr.BrokerEpoch = 2, 1, epoch
	dirs := kmsg.NewPtrAssignReplicasToDirsRequest()
	dirs.BrokerID, dirs.BrokerEpoch = 1, epoch
	topic := kmsg.AlterPartitionRequestTopic{TopicID: id}
	placed := kmsg.AssignReplicasToDirsRequestDirectoryTopic{TopicID: id}
	for i := range int32(n) {
		topic.Partitions = append(topic.Partitions,
			kmsg.AlterPartitionRequestTopicPartition{Partition: i, NewISR: []int32{1}})
		placed.Partitions = append(placed.Partitions,
			kmsg.AssignReplicasToDirsRequestDirectoryTopicPartition{Partition: i})
	}
	isr.Topics = append(isr.Topics, topic)
	dirs.Directories = []kmsg.AssignReplicasToDirsRequestDirectory{{ID: testUUID(9),
		Topics: []kmsg.AssignReplicasToDirsRequestDirectoryTopic{placed}}}

	batches := len(d.log.All)
	answered := 0
	for _, topic := range d.answer(isr).(*kmsg.AlterPartitionResponse).Topics {
		for _, p := range topic.Partitions {
			if p.Partition != int32(answered) || p.ErrorCode != 0 ||
				!slices.Equal(p.ISR, []int32{1}) {
				t.Fatalf("partition %d: %+v", answered, p)
			}
			answered++
		}
	}
	resp := d.answer(dirs).(*kmsg.AssignReplicasToDirsResponse)
	if got := len(resp.Directories[0].Topics[0].Partitions); answered != n || got != n {
		t.Errorf("%d and %d answers for %d partitions", answered, got, n)
	}
	for _, b := range d.log.All[batches:] {
		if b.Count() > 2*partitionsPerPart {
			t.Errorf("a part of %d records", b.Count())
		}
	}
	if got := len(d.log.All) - batches; got < 6 {
		t.Errorf("%d batches", got)
	}
	for i := range int32(n) {
		// which is not online
		if p := d.Image().Partition(id, i); p.Directory(1) != testUUID(9) || p.Leader == 1 {
			t.Fatalf("partition %d: %+v", i, p)
		}
	}
}

// TestAWalkOverDirectoriesCountsWhatItPassesOver: a heartbeat may name a directory in which nothing
// is.
func TestAWalkOverDirectoriesCountsWhatItPassesOver(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t)
	d.core.partMax = 10
	epoch := d.addBroker(1)
	d.addBroker(2)
	d.addPartitions("foo", 5*10*partition.SkippedPerLook,
		func(int) []int32 { return []int32{1, 2} })
	beat := heartbeatRequest(1, epoch, 1<<40)
	beat.OfflineLogDirs = [][16]byte{testUUID(77)}
	slot, turns := d.ask(beat), 0
	for ; *slot == nil; turns++ {
		d.step()
	}
	if turns < 5 {
		t.Errorf("%d turns for what should take five parts", turns)
	}
}

// TestAPassThatEndsEarlyLeavesNothing: the audit log reads the first part of a response, and the
// connection must find the array empty all the same.
func TestAPassThatEndsEarlyLeavesNothing(t *testing.T) {
	t.Parallel()
	d := manyTopics(t, 3*partElements)
	req := kmsg.NewPtrElectLeadersRequest()
	resp, ok := d.raw(req).(*inParts)
	if !ok {
		t.Fatal("the answer is not in parts")
	}
	empty := reflect.ValueOf(resp.Response).Elem().FieldByName("Topics").Len
	_, next := resp.Parts()
	if next(); empty() == 0 {
		t.Fatal("the first part is empty")
	}
	if resp.Parts(); empty() != 0 {
		t.Errorf("a pass begins with %d elements", empty())
	}
}
