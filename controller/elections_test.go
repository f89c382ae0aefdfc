package controller

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/partition"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// TestElectionRunsAreBounded: a run of the periodic task holds a thousand elections and asks for
// another.
func TestElectionRunsAreBounded(t *testing.T) {
	tc := newTestCore(t)
	tc.addBrokers(1, 2)
	replicas := make([][]int32, electionsPerRun+10)
	for i := range replicas {
		replicas[i] = []int32{1, 2}
	}
	tc.addTopic("foo", replicas...)
	changes, last := tc.updateReplicas(tc.working, partition.Remove(1), tc.working.Hosted(1),
		len(replicas))
	if len(changes) != len(replicas) || last != nil {
		t.Fatalf("%d changes, last %v", len(changes), last)
	}
	tc.apply(changes...)
	var isrs []record.Record
	for id := range tc.working.TopicByName("foo").Partitions() {
		r := record.NewPartitionChange(tc.working.TopicByName("foo").ID, id)
		r.ISR = []int32{2, 1}
		isrs = append(isrs, r)
	}
	tc.apply(isrs...)
	for _, want := range []struct {
		n     int
		again bool
	}{{electionsPerRun, true}, {10, false}, {0, false}} {
		r, again := tc.electPreferred(op{})
		if len(r.records) != want.n || again != want.again {
			t.Fatalf("%d elections, again %v; want %v", len(r.records), again, want)
		}
		if len(r.records) > 0 {
			tc.apply(r.records...)
		}
	}
}

// TestElectionRunsLookAtABoundedNumber: where most partitions wait for a broker that is gone, a run
// examines some of them and the next run continues after those.
func TestElectionRunsLookAtABoundedNumber(t *testing.T) {
	tc := newTestCore(t)
	tc.addBrokers(1, 2, 3)
	waiting := slices.Repeat([][]int32{{1, 2}}, candidatesPerRun/2)
	tc.addTopic("waiting-a", waiting...)
	tc.addTopic("waiting-b", waiting...)
	tc.addTopic("moved", []int32{3, 2}, []int32{3, 2})
	tc.do(func(op) result { return tc.fenceAll(1) })
	moved := tc.working.TopicByName("moved")
	for id := range moved.Partitions() {
		r := record.NewPartitionChange(moved.ID, id)
		r.Leader = 2
		tc.apply(r)
	}
	for range 2 { // every pass is the same
		for run, want := range []int{0, 2} {
			r, again := tc.electPreferred(op{})
			if len(r.records) != want || again != (run == 0) {
				t.Fatalf("run %d: %d elections, again %v", run, len(r.records), again)
			}
			r.then(tc.nextOffset())
		}
	}
	r, _ := tc.electPreferred(op{})
	r.then(tc.nextOffset())
	tc.lead(2)
	if r, again := tc.electPreferred(op{}); len(r.records) != 0 || !again {
		t.Fatalf("another epoch does not start from the beginning: %d elections, again %v",
			len(r.records), again)
	}
}

// TestUpdatesLookAtABoundedNumber: an update stops at its bound whether or not it changed anything,
// and the next one continues there.
func TestUpdatesLookAtABoundedNumber(t *testing.T) {
	tc := newTestCore(t)
	tc.addBrokers(1, 2, 3)
	tc.addTopic("solo", []int32{1}, []int32{1}, []int32{1}) // led by 1 for good: nobody else may
	tc.addTopic("pair", []int32{2, 1}, []int32{1, 2})
	tc.apply(fencingRecord(tc.working.Broker(1), true))
	var looked, changed []int
	for last := new(metadata.TopicPartition); last != nil; {
		var changes []record.Record
		changes, last = tc.updateReplicas(tc.working, partition.Remove(1),
			tc.working.HostedAfter(1, *last), 2)
		looked, changed = append(looked, 2), append(changed, len(changes))
		if len(changes) > 0 {
			tc.apply(changes...)
		}
	}
	if len(looked) != 3 || changed[0]+changed[1]+changed[2] != 5 {
		t.Fatalf("parts of %v changed %v", looked, changed)
	}
}

// TestErrorsOfWholeRequests: an error that concerns a whole request stands where its API has a
// place for it.
func TestErrorsOfWholeRequests(t *testing.T) {
	named := "foo"
	for _, req := range []kmsg.Request{
		&kmsg.CreateTopicsRequest{Version: 7,
			Topics: []kmsg.CreateTopicsRequestTopic{{Topic: named}, {Topic: named}}},
		&kmsg.CreatePartitionsRequest{Version: 3,
			Topics: []kmsg.CreatePartitionsRequestTopic{{Topic: named}}},
		&kmsg.DeleteTopicsRequest{Version: 6,
			Topics: []kmsg.DeleteTopicsRequestTopic{{Topic: &named}}},
		&kmsg.DeleteTopicsRequest{Version: 1, TopicNames: []string{named}},
		&kmsg.IncrementalAlterConfigsRequest{Version: 1,
			Resources: []kmsg.IncrementalAlterConfigsRequestResource{{ResourceName: named}}},
		&kmsg.AlterPartitionRequest{Version: 3},
		&kmsg.AssignReplicasToDirsRequest{},
	} {
		resp := apiOf(req.Key()).fail(req, errNotController)
		if resp.GetVersion() != req.GetVersion() {
			t.Errorf("%T: version %d of %d", resp, resp.GetVersion(), req.GetVersion())
		}
		for _, code := range wholeErrors(resp) {
			if code != errNotController.Code() {
				t.Errorf("%T: code %d", resp, code)
			}
		}
		if len(wholeErrors(resp)) == 0 {
			t.Errorf("%T has no place for the error", resp)
		}
	}
}

func wholeErrors(resp kmsg.Response) (codes []int16) {
	switch r := resp.(type) {
	case *kmsg.CreateTopicsResponse:
		for _, t := range r.Topics {
			codes = append(codes, t.ErrorCode)
		}
	case *kmsg.CreatePartitionsResponse:
		for _, t := range r.Topics {
			codes = append(codes, t.ErrorCode)
		}
	case *kmsg.DeleteTopicsResponse:
		for _, t := range r.Topics {
			codes = append(codes, t.ErrorCode)
		}
	case *kmsg.IncrementalAlterConfigsResponse:
		for _, t := range r.Resources {
			codes = append(codes, t.ErrorCode)
		}
	case *kmsg.AlterPartitionResponse:
		codes = append(codes, r.ErrorCode)
	case *kmsg.AssignReplicasToDirsResponse:
		codes = append(codes, r.ErrorCode)
	}
	return codes
}
