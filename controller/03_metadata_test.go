package controller

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

var (
	idA, idB = testUUID(0xa), testUUID(0xb)
	rackA    = "ra"
)

// clientCluster has brokers 1 to 4: 2 is secure only, 3 is fenced, 4 has no endpoint; and topics a
// and b.
func clientCluster() []record.Record {
	plain := record.Endpoint{Name: "PLAINTEXT", Host: "p", Port: 9092}
	secure := record.Endpoint{Name: "SECURE", Host: "s", Port: 49093, SecurityProtocol: 3}
	internal := record.Endpoint{Name: "INTERNAL", Host: "i", Port: 9094}
	return []record.Record{
		&record.RegisterBroker{BrokerID: 1, Endpoints: []record.Endpoint{secure, internal, plain},
			Rack: &rackA, LogDirs: []protocol.UUID{testUUID(1)}},
		&record.RegisterBroker{BrokerID: 2, Endpoints: []record.Endpoint{secure}},
		&record.RegisterBroker{BrokerID: 3, Endpoints: []record.Endpoint{plain}, Fenced: true},
		&record.RegisterBroker{BrokerID: 4},
		&record.Topic{Name: "a", TopicID: idA},
		&record.Partition{TopicID: idA, PartitionID: 0, Replicas: []int32{1, 2}, ISR: []int32{1, 2},
			Leader: 1, LeaderEpoch: 5, Directories: []protocol.UUID{testUUID(9), {}}},
		&record.Partition{TopicID: idA, PartitionID: 1, Replicas: []int32{3, 2}, ISR: []int32{2},
			Leader: 2, LeaderEpoch: 6},
		&record.Partition{TopicID: idA, PartitionID: 2, Replicas: []int32{4, 5}, ISR: []int32{4},
			Leader: 4, LeaderEpoch: 7},
		&record.Partition{TopicID: idA, PartitionID: 3, Replicas: []int32{1, 5}, ISR: []int32{5},
			Leader: -1, LeaderEpoch: 8, EligibleLeaderReplicas: []int32{1}, LastKnownELR: []int32{5}},
		&record.Topic{Name: "__consumer_offsets", TopicID: idB},
		&record.Partition{TopicID: idB, PartitionID: 0, Replicas: []int32{1}, ISR: []int32{1},
			Leader: 1},
	}
}

func metadataTopicsRequest(topics ...any) *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{}
	for _, t := range topics {
		topic := kmsg.NewMetadataRequestTopic()
		switch t := t.(type) {
		case string:
			topic.Topic = &t
		case protocol.UUID:
			topic.TopicID = t
		}
		req.Topics = append(req.Topics, topic)
	}
	return req
}

func TestMetadataBrokers(t *testing.T) {
	c, _ := newReadController(t, clientCluster()...)
	eachVersion(t, 3, func(t *testing.T, v int16) {
		resp := ask[*kmsg.MetadataResponse](t, c, controllerCaller, metadataTopicsRequest("nope"),
			v)
		if len(resp.Brokers) != 2 {
			t.Fatalf("v%d: %+v", v, resp.Brokers)
		}
		one, two := resp.Brokers[0], resp.Brokers[1]
		if one.NodeID != 1 || one.Host != "i" || one.Port != 9094 || two.NodeID != 2 ||
			two.Host != "s" || two.Port != 49093 {
			t.Errorf("v%d: %+v", v, resp.Brokers)
		}
		if v >= 1 && (one.Rack == nil || *one.Rack != "ra" || resp.ControllerID != 1 &&
			resp.ControllerID != 2) {
			t.Errorf("v%d: rack %v, controller %d", v, one.Rack, resp.ControllerID)
		}
		if v >= 2 && (resp.ClusterID == nil || *resp.ClusterID != c.cfg.ClusterID) {
			t.Errorf("v%d: cluster %v", v, resp.ClusterID)
		}
	})
}

func TestMetadataListener(t *testing.T) {
	c, _ := newReadController(t, clientCluster()...)
	for _, test := range []struct {
		caller protocol.Caller
		host   string
	}{
		{protocol.Caller{Listener: "CONTROLLER", SecurityProtocol: 0}, "i"},
		{protocol.Caller{Listener: "CONTROLLER", SecurityProtocol: 3}, "s"},
		{protocol.Caller{Listener: "CONTROLLER", SecurityProtocol: 1}, "s"},
		{protocol.Caller{Listener: "plaintext", SecurityProtocol: 3}, "p"},
	} {
		resp := ask[*kmsg.MetadataResponse](t, c, test.caller, metadataTopicsRequest(), 13)
		if resp.Brokers[0].Host != test.host {
			t.Errorf("%+v: %s", test.caller, resp.Brokers[0].Host)
		}
	}
}

func TestMetadataControllerIDSpreads(t *testing.T) {
	c, _ := newReadController(t, clientCluster()...)
	seen := make(map[int32]int)
	for i := range 100 {
		caller := protocol.Caller{ClientAddr: "10.0.0." + string(rune('0'+i%10)),
			ClientID: string(rune('a' + i/10))}
		id := ask[*kmsg.MetadataResponse](t, c, caller, metadataTopicsRequest(), 13).ControllerID
		if again := ask[*kmsg.MetadataResponse](t, c, caller, metadataTopicsRequest(),
			13).ControllerID; again != id {
			t.Errorf("%+v is sent to %d and to %d", caller, id, again)
		}
		seen[id]++
	}
	if len(seen) != 2 || seen[1] < 20 || seen[2] < 20 {
		t.Errorf("clients per controller id: %v", seen)
	}
	empty, _ := newReadController(t)
	if resp := ask[*kmsg.MetadataResponse](t, empty, controllerCaller, metadataTopicsRequest(),
		13); resp.ControllerID != -1 || len(resp.Brokers) != 0 {
		t.Errorf("without brokers: %+v", resp)
	}
}

func TestMetadataPartitions(t *testing.T) {
	c, _ := newReadController(t, clientCluster()...)
	eachVersion(t, 3, func(t *testing.T, v int16) {
		resp := ask[*kmsg.MetadataResponse](t, c, controllerCaller, metadataTopicsRequest("a"), v)
		topic := resp.Topics[0]
		if len(resp.Topics) != 1 || topic.ErrorCode != 0 || topic.Topic == nil ||
			*topic.Topic != "a" || len(topic.Partitions) != 4 || v >= 10 && topic.TopicID != idA {
			t.Fatalf("v%d: %+v", v, resp.Topics)
		}
		noListener := int16(72)
		if v < 6 {
			noListener = 5
		}
		want := []kmsg.MetadataResponseTopicPartition{
			// a directory that broker 1 does not have
			{Partition: 0, Leader: 1, LeaderEpoch: 5, Replicas: []int32{1, 2}, ISR: []int32{1, 2},
				OfflineReplicas: []int32{1}},
			{Partition: 1, Leader: 2, LeaderEpoch: 6, Replicas: []int32{3, 2}, ISR: []int32{2},
				OfflineReplicas: []int32{3}},
			{Partition: 2, Leader: -1, LeaderEpoch: 7, ErrorCode: noListener,
				Replicas: []int32{4, 5}, ISR: []int32{4}, OfflineReplicas: []int32{4, 5}},
			{Partition: 3, Leader: -1, LeaderEpoch: 8, ErrorCode: 5, Replicas: []int32{1, 5},
				ISR: []int32{5}, OfflineReplicas: []int32{5}},
		}
		if v == 0 {
			want[1].ErrorCode, want[1].Replicas = 9, []int32{2}
			want[2].Replicas, want[2].ISR = nil, nil
			want[3].Replicas, want[3].ISR = []int32{1}, nil
		}
		for i := range want {
			if v < 5 {
				want[i].OfflineReplicas = nil
			}
			if v < 7 {
				want[i].LeaderEpoch = -1
			}
		}
		sameMessage(t, "partitions of v"+string('0'+rune(v)), topic.Partitions, want)
	})
}

func TestMetadataTopics(t *testing.T) {
	c, _ := newReadController(t, clientCluster()...)
	none := protocol.UUID{}
	unknown := testUUID(0xf)
	type answer struct {
		name string
		id   protocol.UUID
		code int16
	}
	all := []answer{{"__consumer_offsets", idB, 0}, {"a", idA, 0}}
	for _, test := range []struct {
		version int16
		req     *kmsg.MetadataRequest
		want    []answer
	}{
		{0, metadataTopicsRequest(), all},
		{1, metadataTopicsRequest(), nil},
		{1, kmsg.NewPtrMetadataRequest(), all},
		{13, kmsg.NewPtrMetadataRequest(), all},
		{13, metadataTopicsRequest("a", "b", "a", "b/c", ""),
			[]answer{{"a", idA, 0}, {"b", none, 3}, {"b/c", none, 17}, {"", none, 17}}},
		{12, metadataTopicsRequest(idA, unknown, idA),
			[]answer{{"a", idA, 0}, {"<null>", unknown, 100}}},
		{12, metadataTopicsRequest("b", idB), []answer{{"__consumer_offsets", idB, 0}}},
		{11, metadataTopicsRequest("a", idB), []answer{{"a", none, 42}, {"", idB, 42}}},
		{10, metadataTopicsRequest(idB), []answer{{"", idB, 42}}},
	} {
		resp := ask[*kmsg.MetadataResponse](t, c, controllerCaller, test.req, test.version)
		var got []answer
		for _, topic := range resp.Topics {
			name := "<null>"
			if topic.Topic != nil {
				name = *topic.Topic
			}
			if internal := name == "__consumer_offsets"; topic.IsInternal != internal &&
				test.version > 0 {
				t.Errorf("v%d %s: internal %v", test.version, name, topic.IsInternal)
			}
			if test.version < 10 {
				topic.TopicID = map[string]protocol.UUID{"a": idA, "__consumer_offsets": idB}[name]
			}
			got = append(got, answer{name, topic.TopicID, topic.ErrorCode})
		}
		if len(got) != len(test.want) {
			t.Errorf("v%d: %v, want %v", test.version, got, test.want)
			continue
		}
		for i := range got {
			if got[i] != test.want[i] {
				t.Errorf("v%d: %v, want %v", test.version, got, test.want)
			}
		}
	}
}

func TestMetadataOperations(t *testing.T) {
	c, _ := newReadController(t, clientCluster()...)
	for v := int16(8); v <= 13; v++ {
		req := metadataTopicsRequest("a")
		resp := ask[*kmsg.MetadataResponse](t, c, controllerCaller, req, v)
		if resp.AuthorizedOperations != -1<<31 || resp.Topics[0].AuthorizedOperations != -1<<31 {
			t.Errorf("v%d not asked: %+v", v, resp)
		}
		req.IncludeClusterAuthorizedOperations, req.IncludeTopicAuthorizedOperations = true, true
		resp = ask[*kmsg.MetadataResponse](t, c, controllerCaller, req, v)
		if resp.Topics[0].AuthorizedOperations != 0xdf8 || v <= 10 &&
			resp.AuthorizedOperations != 0x1fa0 {
			t.Errorf("v%d asked: %x %x", v, resp.AuthorizedOperations,
				resp.Topics[0].AuthorizedOperations)
		}
	}
}
