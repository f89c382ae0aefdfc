package controller

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
)

func describeTopicsRequest(limit int32, topics ...string) *kmsg.DescribeTopicPartitionsRequest {
	req := kmsg.NewPtrDescribeTopicPartitionsRequest()
	req.ResponsePartitionLimit = limit
	for _, name := range topics {
		topic := kmsg.NewDescribeTopicPartitionsRequestTopic()
		topic.Topic = name
		req.Topics = append(req.Topics, topic)
	}
	return req
}

func at(
	req *kmsg.DescribeTopicPartitionsRequest, topic string, partition int32,
) *kmsg.DescribeTopicPartitionsRequest {
	cursor := kmsg.NewDescribeTopicPartitionsRequestCursor()
	cursor.Topic, cursor.Partition = topic, partition
	req.Cursor = &cursor
	return req
}

func TestDescribeTopicPartitions(t *testing.T) {
	c, _ := newReadController(t, clientCluster()...)
	resp := ask[*kmsg.DescribeTopicPartitionsResponse](t, c, controllerCaller,
		describeTopicsRequest(100, "a"), 0)
	name := "a"
	want := []kmsg.DescribeTopicPartitionsResponseTopic{{
		Topic: &name, TopicID: idA, AuthorizedOperations: 0xdf8,
		Partitions: []kmsg.DescribeTopicPartitionsResponseTopicPartition{
			{Partition: 0, LeaderID: 1, LeaderEpoch: 5, Replicas: []int32{1, 2}, ISR: []int32{1, 2},
				OfflineReplicas: []int32{1}},
			{Partition: 1, LeaderID: 2, LeaderEpoch: 6, Replicas: []int32{3, 2}, ISR: []int32{2},
				OfflineReplicas: []int32{3}},
			{Partition: 2, LeaderID: -1, LeaderEpoch: 7, Replicas: []int32{4, 5}, ISR: []int32{4},
				OfflineReplicas: []int32{4, 5}},
			{Partition: 3, LeaderID: -1, LeaderEpoch: 8, Replicas: []int32{1, 5}, ISR: []int32{5},
				OfflineReplicas: []int32{5}, EligibleLeaderReplicas: []int32{1}, LastKnownELR: []int32{5}},
		},
	}}
	sameMessage(t, "topics", resp.Topics, want)
	if resp.NextCursor != nil {
		t.Errorf("cursor %+v", resp.NextCursor)
	}
	if resp.Topics[0].Partitions[0].EligibleLeaderReplicas == nil {
		t.Error("no eligible leader replicas is null instead of empty")
	}
}

// pages are what an answer holds in short: topic:partitions or topic!error, then the next cursor.
func pages(resp *kmsg.DescribeTopicPartitionsResponse) string {
	var b strings.Builder
	for _, t := range resp.Topics {
		fmt.Fprint(&b, *t.Topic)
		if t.ErrorCode != 0 {
			fmt.Fprintf(&b, "!%d", t.ErrorCode)
		}
		for _, p := range t.Partitions {
			fmt.Fprintf(&b, ":%d", p.Partition)
		}
		b.WriteByte(' ')
	}
	if resp.NextCursor != nil {
		fmt.Fprintf(&b, "-> %s %d", resp.NextCursor.Topic, resp.NextCursor.Partition)
	}
	return strings.TrimSpace(b.String())
}

func TestDescribeTopicPartitionsPages(t *testing.T) {
	c, _ := newReadController(t, clientCluster()...)
	for _, test := range []struct {
		req  *kmsg.DescribeTopicPartitionsRequest
		want string
	}{
		{describeTopicsRequest(100), "__consumer_offsets:0 a:0:1:2:3"},
		{describeTopicsRequest(1), "__consumer_offsets:0 -> a 0"},
		{describeTopicsRequest(0), "__consumer_offsets:0 -> a 0"},
		{describeTopicsRequest(3), "__consumer_offsets:0 a:0:1 -> a 2"},
		{at(describeTopicsRequest(3), "a", 2), "a:2:3"},
		{at(describeTopicsRequest(1), "a", 2), "a:2 -> a 3"},
		{at(describeTopicsRequest(3), "a", 9), "a"},
		{at(describeTopicsRequest(3), "a", 1<<31-1), "a"},
		{at(describeTopicsRequest(3), "_gone", 7), "a:0:1:2 -> a 3"},
		{describeTopicsRequest(100, "b", "a", "a", "b/c"), "a:0:1:2:3 b!3 b/c!17"},
		{describeTopicsRequest(4, "a", "b"), "a:0:1:2:3 -> b 0"},
		{at(describeTopicsRequest(4, "a", "b"), "b", 0), "b!3"},
		{at(describeTopicsRequest(4, "a"), "b", 0), "a!42"},
		{at(describeTopicsRequest(4, "a"), "a", -1), "a!42"},
		{at(describeTopicsRequest(4), "a", -1), ""},
	} {
		if got := pages(ask[*kmsg.DescribeTopicPartitionsResponse](t, c, controllerCaller, test.req,
			0)); got != test.want {
			t.Errorf("limit %d, cursor %+v, topics %d: %q, want %q",
				test.req.ResponsePartitionLimit, test.req.Cursor, len(test.req.Topics), got, test.want)
		}
	}
}

func TestDescribeTopicPartitionsServerLimit(t *testing.T) {
	records := []record.Record{&record.Topic{Name: "big", TopicID: idA}}
	for i := range int32(2500) {
		records = append(records, &record.Partition{TopicID: idA, PartitionID: i,
			Replicas: []int32{1}, ISR: []int32{1}, Leader: 1})
	}
	c, _ := newReadController(t, records...)
	resp := ask[*kmsg.DescribeTopicPartitionsResponse](t, c, controllerCaller,
		describeTopicsRequest(1<<30), 0)
	if len(resp.Topics[0].Partitions) != 2000 || resp.NextCursor == nil ||
		resp.NextCursor.Partition != 2000 {
		t.Errorf("%d partitions, cursor %+v", len(resp.Topics[0].Partitions), resp.NextCursor)
	}
}
