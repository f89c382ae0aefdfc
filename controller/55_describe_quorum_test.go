package controller

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

func describeQuorumRequest(topic string, partition int32) *kmsg.DescribeQuorumRequest {
	p := kmsg.NewDescribeQuorumRequestTopicPartition()
	p.Partition = partition
	t := kmsg.NewDescribeQuorumRequestTopic()
	t.Topic, t.Partitions = topic, []kmsg.DescribeQuorumRequestTopicPartition{p}
	req := kmsg.NewPtrDescribeQuorumRequest()
	req.Topics = []kmsg.DescribeQuorumRequestTopic{t}
	return req
}

func TestDescribeQuorum(t *testing.T) {
	c, log := newReadController(t)
	log.quorum = Quorum{LeaderID: 3000, LeaderEpoch: 7, HighWatermark: 90, Voters: []ReplicaState{
		{ID: 3000, DirectoryID: testUUID(3000), LogEndOffset: 91, LastFetchMs: 500,
			LastCaughtUpMs: 500},
		{ID: 3001, DirectoryID: testUUID(3001), LogEndOffset: 90, LastFetchMs: 490,
			LastCaughtUpMs: 480},
	}, Observers: []ReplicaState{{ID: 1, DirectoryID: testUUID(1), LogEndOffset: 89,
		LastFetchMs: -1, LastCaughtUpMs: -1}}}
	eachVersion(t, 55, func(t *testing.T, v int16) {
		resp := ask[*kmsg.DescribeQuorumResponse](t, c, controllerCaller,
			describeQuorumRequest(protocol.MetadataTopic, 0), v)
		if resp.ErrorCode != 0 || len(resp.Topics) != 1 ||
			resp.Topics[0].Topic != protocol.MetadataTopic || len(resp.Topics[0].Partitions) != 1 {
			t.Fatalf("v%d: %+v", v, resp)
		}
		p := resp.Topics[0].Partitions[0]
		for _, message := range []*string{resp.ErrorMessage, p.ErrorMessage} {
			if v >= 2 && (message == nil || *message != "") {
				t.Errorf("v%d: a message is %v, where Kafka has an empty one", v, message)
			}
		}
		if p.Partition != 0 || p.ErrorCode != 0 || p.LeaderID != 3000 || p.LeaderEpoch != 7 ||
			p.HighWatermark != 90 || len(p.CurrentVoters) != 2 || len(p.Observers) != 1 {
			t.Fatalf("v%d: %+v", v, p)
		}
		want := kmsg.NewDescribeQuorumResponseTopicPartitionReplicaState()
		want.ReplicaID, want.LogEndOffset = 3001, 90
		if v >= 1 {
			want.LastFetchTimestamp, want.LastCaughtUpTimestamp = 490, 480
		}
		if v >= 2 {
			want.ReplicaDirectoryID = testUUID(3001)
		}
		sameMessage(t, "voter", p.CurrentVoters[1], want)
		if v < 2 {
			return
		}
		if len(resp.Nodes) != 2 || resp.Nodes[1].NodeID != 3001 ||
			len(resp.Nodes[1].Listeners) != 2 ||
			resp.Nodes[1].Listeners[0].Name != "CONTROLLER" ||
			resp.Nodes[1].Listeners[0].Port != 9001 ||
			resp.Nodes[1].Listeners[1].Port != 65000 {
			t.Errorf("v%d: nodes %+v", v, resp.Nodes)
		}
	})
}

func TestDescribeQuorumTakesEndpointsOfRegistrations(t *testing.T) {
	c, log := newReadController(t)
	e := metadata.Empty().Edit()
	if err := e.Replay(0, registeredControllers()[1]); err != nil {
		t.Fatal(err)
	}
	c.published.Store(e.Done(1, 1, 0))
	log.quorum = Quorum{LeaderID: 3000, Voters: []ReplicaState{{ID: 3001}, {ID: 3009}}}
	resp := ask[*kmsg.DescribeQuorumResponse](t, c, controllerCaller,
		describeQuorumRequest(protocol.MetadataTopic, 0), 2)
	if len(resp.Nodes[0].Listeners) != 1 || resp.Nodes[0].Listeners[0].Host != "c1" ||
		len(resp.Nodes[1].Listeners) != 0 {
		t.Errorf("%+v", resp.Nodes)
	}
}

func TestDescribeQuorumErrors(t *testing.T) {
	c, log := newReadController(t)
	eachVersion(t, 55, func(t *testing.T, v int16) {
		for _, test := range []struct {
			topic     string
			partition int32
			leader    int32
			code      int16
		}{{protocol.MetadataTopic, 0, 3001, 6}, {protocol.MetadataTopic, 0, -1, 6}, {"t", 0, 3000,
			3}, {protocol.MetadataTopic, 1, 3000, 3}} {
			log.quorum.LeaderID = test.leader
			resp := ask[*kmsg.DescribeQuorumResponse](t, c, controllerCaller,
				describeQuorumRequest(test.topic, test.partition), v)
			p := resp.Topics[0].Partitions[0]
			if resp.ErrorCode != 0 || resp.Topics[0].Topic != test.topic ||
				p.Partition != test.partition || p.ErrorCode != test.code ||
				(p.ErrorMessage != nil) != (v >= 2) || len(resp.Nodes) != 0 {
				t.Errorf("v%d: %+v", v, resp)
			}
		}
	})
}
