package controller

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// TestCoordinatorPartition: Utils.abs(key.hashCode()) % 50 in Java.
func TestCoordinatorPartition(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]int{"": 0, "g1": 42, "group-é": 33, "😀 group": 6,
		"polygenelubricants": 0, "console-consumer-12345": 6} {
		if got := coordinatorPartition(key, 50); got != want {
			t.Errorf("%q: %d, want %d", key, got, want)
		}
	}
}

// coordinators is a cluster whose group g is coordinated by broker 2, and h by a fenced broker; no
// transaction has ever been coordinated.
func coordinators() []record.Record {
	offsets := protocol.UUID{7}
	endpoint := func(host string) []record.Endpoint {
		return []record.Endpoint{{Name: "PLAINTEXT", Host: host, Port: 9092}}
	}
	partition := func(id, leader int32) *record.Partition {
		return &record.Partition{TopicID: offsets, PartitionID: id, Replicas: []int32{leader},
			ISR: []int32{leader}, Leader: leader}
	}
	return []record.Record{
		&record.RegisterBroker{BrokerID: 1, Endpoints: endpoint("one")},
		&record.RegisterBroker{BrokerID: 2, Endpoints: endpoint("two")},
		&record.RegisterBroker{BrokerID: 3, Endpoints: endpoint("three"), Fenced: true},
		&record.Topic{Name: protocol.OffsetsTopic, TopicID: offsets},
		partition(0, 3), // h
		partition(1, 2), // g
	}
}

func coordinatorRequest(kind int8, version int16, keys ...string) *kmsg.FindCoordinatorRequest {
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.CoordinatorType = kind
	if req.CoordinatorKeys = keys; version < 4 {
		req.CoordinatorKey, req.CoordinatorKeys = keys[0], nil
	}
	return req
}

// TestFindCoordinator expects what a real broker answered, but for the messages of errors.
func TestFindCoordinator(t *testing.T) {
	c, _ := newReadController(t, coordinators()...)
	eachVersion(t, 10, func(t *testing.T, v int16) {
		for _, test := range []struct {
			kind int8
			key  string
			code int16
			node int32
			host string
		}{
			{0, "g", 0, 2, "two"}, {0, "h", 15, -1, ""}, {1, "g", 15, -1, ""},
			{2, "g:AAAAAAAAAAAAAAAAAAAABQ:3", 42, -1, ""}, {-1, "g", 42, -1, ""},
		} {
			if v == 0 && test.kind != 0 {
				continue
			}
			resp := ask[*kmsg.FindCoordinatorResponse](t, c, controllerCaller,
				coordinatorRequest(test.kind, v, test.key), v)
			found := kmsg.FindCoordinatorResponseCoordinator{Key: test.key, NodeID: resp.NodeID,
				Host: resp.Host, Port: resp.Port, ErrorCode: resp.ErrorCode,
				ErrorMessage: resp.ErrorMessage}
			if v >= 4 {
				found = resp.Coordinators[0]
			}
			port := int32(-1)
			if test.code == 0 {
				port = 9092
			}
			if found.Key != test.key || found.ErrorCode != test.code ||
				found.NodeID != test.node || found.Host != test.host || found.Port != port {
				t.Errorf("v%d %+v: %+v", v, test, found)
			}
			checkCoordinatorMessage(t, v, found)
		}
	})
}

func checkCoordinatorMessage(
	t *testing.T, version int16, found kmsg.FindCoordinatorResponseCoordinator,
) {
	t.Helper()
	m := found.ErrorMessage
	switch {
	case version == 0:
	case m == nil, found.ErrorCode != 0 && len(*m) < 20:
		t.Errorf("v%d: no message for %+v", version, found)
	case found.ErrorCode == 0 && version < 4 && *m != "NONE",
		found.ErrorCode == 0 && version >= 4 && *m != "":
		t.Errorf("v%d: the message is %q", version, *m)
	}
}

func TestFindCoordinatorsOfMany(t *testing.T) {
	c, _ := newReadController(t, coordinators()...)
	resp := ask[*kmsg.FindCoordinatorResponse](t, c, controllerCaller,
		coordinatorRequest(0, 4, "g", "h", "g"), 4)
	if r := resp.Coordinators; len(r) != 3 || r[0].NodeID != 2 || r[1].ErrorCode != 15 ||
		r[2].NodeID != 2 {
		t.Errorf("%+v", r)
	}
	if resp := ask[*kmsg.FindCoordinatorResponse](t, c, controllerCaller,
		coordinatorRequest(0, 4), 4); len(resp.Coordinators) != 0 {
		t.Errorf("%+v", resp)
	}
	c.limits = newLimiter(Limits{Resources: 2}, c.cfg.Logger)
	resp = ask[*kmsg.FindCoordinatorResponse](t, c, controllerCaller,
		coordinatorRequest(0, 4, "g", "h", "g"), 4)
	if r := resp.Coordinators; len(r) != 3 || r[0].ErrorCode != 44 || r[2].ErrorCode != 44 {
		t.Errorf("more than the limit: %+v", r)
	}
}

// TestFindCoordinatorHasTopicCreated: brokers create the topics of coordinators when they are asked
// for one, and a client may never ask a broker.
func TestFindCoordinatorHasTopicCreated(t *testing.T) {
	c, _ := newReadController(t, coordinators()...)
	asked := fakeBroker{}
	c.brokers = newBrokerAsker(asked.ask)
	for _, req := range []*kmsg.FindCoordinatorRequest{
		coordinatorRequest(0, 4, "g"), coordinatorRequest(1, 4), coordinatorRequest(2, 4, "g"),
		coordinatorRequest(1, 4, "a", "b"),
	} {
		ask[*kmsg.FindCoordinatorResponse](t, c, controllerCaller, req, 4)
	}
	if len(asked.requests) != 1 {
		t.Fatalf("asked %d times", len(asked.requests))
	}
	req := asked.requests[0].(*kmsg.FindCoordinatorRequest)
	if req.CoordinatorType != 1 || len(req.CoordinatorKeys) != 1 || req.CoordinatorKeys[0] != "a" {
		t.Errorf("asked %+v", req)
	}
}
