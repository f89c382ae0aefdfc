package controller

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// reassign is a request to move partition 0 of topics; nil replicas cancel.
func reassignRequest(
	version int16, topic string, replicas ...[]int32,
) *kmsg.AlterPartitionAssignmentsRequest {
	t := kmsg.NewAlterPartitionAssignmentsRequestTopic()
	t.Topic = topic
	for _, r := range replicas {
		p := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
		p.Replicas = r
		t.Partitions = append(t.Partitions, p)
	}
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	req.Version = version
	req.Topics = append(req.Topics, t)
	return req
}

func reassignCodes(resp kmsg.Response) (codes []int16) {
	for _, t := range resp.(*kmsg.AlterPartitionAssignmentsResponse).Topics {
		for _, p := range t.Partitions {
			codes = append(codes, p.ErrorCode)
		}
	}
	return codes
}

func TestReassignmentGoesItsWay(t *testing.T) {
	tc := newTestCore(t)
	tc.addBrokers(1, 2, 3, 4, 5, 6)
	tc.addTopic("a", []int32{1, 2, 3})
	move := func(want int16, req *kmsg.AlterPartitionAssignmentsRequest) {
		t.Helper()
		if _, resp := tc.handle(req); !slices.Equal(reassignCodes(resp), []int16{want}) {
			t.Fatalf("%+v: got %v, want %d", req.Topics, reassignCodes(resp), want)
		}
	}
	is := func(replicas, removing, adding []int32) {
		t.Helper()
		p := tc.committed.TopicByName("a").Partition(0)
		if !slices.Equal(p.Replicas, replicas) || !slices.Equal(p.Removing(), removing) ||
			!slices.Equal(p.Adding(), adding) {
			t.Errorf("replicas %v removing %v adding %v; want %v %v %v", p.Replicas, p.Removing(),
				p.Adding(), replicas, removing, adding)
		}
	}
	move(kerr.NoReassignmentInProgress.Code, reassignRequest(0, "a", nil))
	move(0, reassignRequest(0, "a", []int32{3, 2, 1})) // a reordering is done at once
	is([]int32{3, 2, 1}, nil, nil)
	move(0, reassignRequest(0, "a", []int32{4, 5, 6}))
	is([]int32{4, 5, 6, 1, 2, 3}, []int32{1, 2, 3}, []int32{4, 5, 6})
	// turned back by a target: what came goes, and the rest is done
	move(0, reassignRequest(0, "a", []int32{1, 2, 3}))
	is([]int32{1, 2, 3}, nil, nil)
	move(0, reassignRequest(0, "a", []int32{1, 2, 4}))
	is([]int32{1, 2, 4, 3}, []int32{3}, []int32{4})
	move(0, reassignRequest(0, "a", nil))
	is([]int32{1, 2, 3}, nil, nil)
	move(0, reassignRequest(0, "a", []int32{1, 2}))
	is([]int32{1, 2}, nil, nil)
}

func TestReassignmentIsRefused(t *testing.T) {
	tc := newTestCore(t)
	tc.addBrokers(1, 2, 3)
	tc.addTopic("a", []int32{1, 2})
	strict := reassignRequest(1, "a", []int32{1, 2, 3})
	strict.AllowReplicationFactorChange = false
	for _, c := range []struct {
		req  *kmsg.AlterPartitionAssignmentsRequest
		want []int16
	}{
		{reassignRequest(1, "x", []int32{1}), []int16{kerr.UnknownTopicOrPartition.Code}},
		{reassignRequest(1, "a", []int32{}), []int16{kerr.InvalidReplicaAssignment.Code}},
		{reassignRequest(1, "a", []int32{1, 1}), []int16{kerr.InvalidReplicaAssignment.Code}},
		{reassignRequest(1, "a", []int32{1, 9}), []int16{kerr.InvalidReplicaAssignment.Code}},
		{reassignRequest(0, "a", []int32{1, 9}, []int32{1}),
			[]int16{kerr.InvalidReplicaAssignment.Code, kerr.InvalidRequest.Code}},
		{strict, []int16{kerr.InvalidReplicationFactor.Code}},
	} {
		records, resp := tc.handle(c.req)
		if got := reassignCodes(resp); !slices.Equal(got, c.want) || len(records) != 0 {
			t.Errorf("%+v: got %v and %d records, want %v", c.req.Topics, got, len(records), c.want)
		}
	}
}

func TestListReassignments(t *testing.T) {
	d := newTestDriver(t)
	for id := range int32(3) {
		d.addBroker(id + 1)
	}
	d.answer(createTopicRequest("a", []int32{1, 2}))
	d.answer(createTopicRequest("b", []int32{1, 2}))
	d.answer(reassignRequest(1, "b", []int32{2, 3}))
	list := func(topics []kmsg.ListPartitionReassignmentsRequestTopic) []kmsg.ListPartitionReassignmentsResponseTopic {
		req := kmsg.NewPtrListPartitionReassignmentsRequest()
		req.Topics = topics
		return d.answer(req).(*kmsg.ListPartitionReassignmentsResponse).Topics
	}
	all := list(nil)
	if len(all) != 1 || all[0].Topic != "b" ||
		!slices.Equal(all[0].Partitions[0].Replicas, []int32{2, 3, 1}) ||
		!slices.Equal(all[0].Partitions[0].AddingReplicas, []int32{3}) ||
		!slices.Equal(all[0].Partitions[0].RemovingReplicas, []int32{1}) {
		t.Errorf("all: %+v", all)
	}
	if got := list([]kmsg.ListPartitionReassignmentsRequestTopic{}); len(got) != 0 {
		t.Errorf("none: %+v", got)
	}
	some := list([]kmsg.ListPartitionReassignmentsRequestTopic{{Topic: "a", Partitions: []int32{0}},
		{Topic: "b", Partitions: []int32{0, 7}}, {Topic: "x", Partitions: []int32{0}}})
	if len(some) != 1 || len(some[0].Partitions) != 1 {
		t.Errorf("some: %+v", some)
	}
}

// TestLongReassignmentsRunInParts: partitions of several topics are reassigned in parts of two; one
// that comes again in a later part is refused, and each answer is in its place.
func TestLongReassignmentsRunInParts(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t)
	d.core.partMax = 2
	for id := range int32(4) {
		d.addBroker(id + 1)
	}
	for _, name := range []string{"a", "b"} {
		d.addPartitions(name, 3, func(int) []int32 { return []int32{1, 2} })
	}
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	for _, asked := range []struct {
		topic      string
		partitions []int32
	}{{"a", []int32{0, 1, 2}}, {"none", []int32{0}}, {"b", []int32{2, 7, 0}}, {"a", []int32{1}}} {
		of := kmsg.NewAlterPartitionAssignmentsRequestTopic()
		of.Topic = asked.topic
		for _, id := range asked.partitions {
			p := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
			p.Partition, p.Replicas = id, []int32{3, 4}
			of.Partitions = append(of.Partitions, p)
		}
		req.Topics = append(req.Topics, of)
	}
	slot, turns := d.ask(req), 0
	for ; *slot == nil; turns++ {
		if _, ok := d.step(); !ok {
			t.Fatal("no answer")
		}
	}
	unknown, invalid := kerr.UnknownTopicOrPartition.Code, kerr.InvalidRequest.Code
	want := []int16{0, 0, 0, unknown, 0, unknown, 0, invalid}
	if got := reassignCodes(whole(*slot)); !slices.Equal(got, want) || turns < 4 {
		t.Errorf("codes %v after %d turns, want %v", got, turns, want)
	}
	for _, name := range []string{"a", "b"} {
		for id := range int32(3) {
			p := d.Image().TopicByName(name).Partition(id)
			if moves := len(p.Adding()) == 2; moves == (name == "b" && id == 1) {
				t.Errorf("%s-%d: adding %v", name, id, p.Adding())
			}
		}
	}
}
