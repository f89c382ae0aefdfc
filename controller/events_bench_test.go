package controller

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// largeTopics is how many topics the cluster has that large requests meet.
const largeTopics = 100_000

// largeCluster makes ten brokers and largeTopics topics of one partition.
func largeCluster(t testing.TB) (d *testDriver, epochs []int64) {
	d = newTestDriver(t)
	for i := range int32(10) {
		epochs = append(epochs, d.addBroker(i))
	}
	var records []record.Record
	for i := range largeTopics {
		id, b := newUUID(d.cfg.Random), int32(i%10)
		replicas := []int32{b, (b + 1) % 10, (b + 2) % 10}
		records = append(records, &record.Topic{Name: largeName(i), TopicID: id}, &record.Partition{
			TopicID: id, Replicas: replicas, ISR: replicas, Leader: b, Directories: make([]protocol.UUID, 3),
		})
		if len(records) == recordsPerUserOp {
			d.apply(records...)
			records = nil
		}
	}
	return d, epochs
}

func largeName(i int) string { return fmt.Sprintf("some.topic-%06d", i) }

// largeRequests are requests at the bounds of what one may ask for.
var largeRequests = []struct {
	name string
	make func(d *testDriver, epochs []int64) kmsg.Request
}{
	{"CreateTopics/5000", func(*testDriver,
		[]int64) kmsg.Request {
		return newTopics(5000, "new.topic-", 1)
	}},
	{"CreateTopics/configs", func(*testDriver, []int64) kmsg.Request {
		return newTopics(2000, "conf.topic-", 1, "retention.ms", "segment.ms", "retention.bytes")
	}},
	{"CreateTopics/existing", func(*testDriver,
		[]int64) kmsg.Request {
		return newTopics(10_000, "", 1)
	}},
	{"CreateTopics/partitions", func(*testDriver,
		[]int64) kmsg.Request {
		return newTopics(1, "wide-", 9999)
	}},
	{"DeleteTopics/10000", func(*testDriver, []int64) kmsg.Request { return oldTopics(largeName) }},
	{"DeleteTopics/unknown", func(*testDriver, []int64) kmsg.Request {
		return oldTopics(func(i int) string { return "unknown-" + strconv.Itoa(i) })
	}},
	{"IncrementalAlterConfigs/topics", func(*testDriver, []int64) kmsg.Request {
		return newConfigs(kmsg.ConfigResourceTypeTopic, 10_000, 1,
			func(i int) string { return largeName(50_000 + i) })
	}},
	{"IncrementalAlterConfigs/unknown", func(*testDriver, []int64) kmsg.Request {
		return newConfigs(kmsg.ConfigResourceTypeTopic, 10_000, 1,
			func(i int) string { return "unknown-" + strconv.Itoa(i) })
	}},
	{"IncrementalAlterConfigs/keys", func(*testDriver, []int64) kmsg.Request {
		return newConfigs(kmsg.ConfigResourceTypeBroker, 10, 1000, strconv.Itoa)
	}},
	{"AlterPartitionReassignments/10000", func(*testDriver, []int64) kmsg.Request {
		req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
		for i := range 10_000 {
			b := int32(i % 10)
			req.Topics = append(req.Topics, kmsg.AlterPartitionAssignmentsRequestTopic{
				Topic: largeName(20_000 +
					i), Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{
					{Replicas: []int32{(b + 3) % 10, (b + 4) % 10, (b + 5) % 10}},
				},
			})
		}
		return req
	}},
	{"ElectLeaders/100000", func(*testDriver, []int64) kmsg.Request {
		req := kmsg.NewPtrElectLeadersRequest()
		req.Version = 2
		for i := range largeTopics {
			req.Topics = append(req.Topics, kmsg.ElectLeadersRequestTopic{Topic: largeName(i),
				Partitions: []int32{0}})
		}
		return req
	}},
	{"ElectLeaders/all", func(*testDriver, []int64) kmsg.Request { return everything() }},
	{"AlterPartition/7000", func(d *testDriver, epochs []int64) kmsg.Request {
		req := kmsg.NewPtrAlterPartitionRequest()
		req.Version, req.BrokerID, req.BrokerEpoch = 2, 0, epochs[0]
		for i := 30_000; i < largeTopics; i += 10 {
			topic := d.Image().TopicByName(largeName(i))
			p := topic.Partition(0)
			req.Topics = append(req.Topics, kmsg.AlterPartitionRequestTopic{
				TopicID: topic.ID, Partitions: []kmsg.AlterPartitionRequestTopicPartition{
					{LeaderEpoch: p.LeaderEpoch, PartitionEpoch: p.PartitionEpoch,
						NewISR: p.ISR[:2]},
				},
			})
		}
		return req
	}},
	{"AssignReplicasToDirs/6000", func(d *testDriver, epochs []int64) kmsg.Request {
		req := kmsg.NewPtrAssignReplicasToDirsRequest()
		req.BrokerID, req.BrokerEpoch = 0, epochs[0]
		dir := kmsg.AssignReplicasToDirsRequestDirectory{ID: testUUID(0)}
		for i := 40_000; i < largeTopics; i += 10 {
			dir.Topics = append(dir.Topics, kmsg.AssignReplicasToDirsRequestDirectoryTopic{
				TopicID:    d.Image().TopicByName(largeName(i)).ID,
				Partitions: make([]kmsg.AssignReplicasToDirsRequestDirectoryTopicPartition, 1),
			})
		}
		req.Directories = append(req.Directories, dir)
		return req
	}},
	{"BrokerHeartbeat/directories", func(_ *testDriver, epochs []int64) kmsg.Request {
		req := heartbeatRequest(0, epochs[0], 1<<40)
		for i := range 500 {
			req.OfflineLogDirs = append(req.OfflineLogDirs, testUUID(1_000_000+i))
		}
		return req
	}},
	{"Fence", func(_ *testDriver, epochs []int64) kmsg.Request {
		req := heartbeatRequest(1, epochs[1], 1<<40)
		req.WantFence = true
		return req
	}},
}

// newTopics creates n topics; without a prefix those that there are.
func newTopics(
	n int, prefix string, partitions int32, configs ...string,
) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version = 7
	for i := range n {
		t := kmsg.CreateTopicsRequestTopic{Topic: largeName(i), NumPartitions: partitions,
			ReplicationFactor: 3}
		if prefix != "" {
			t.Topic = prefix + strconv.Itoa(i)
		}
		for _, name := range configs {
			t.Configs = append(t.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: name,
				Value: kmsg.StringPtr("1000000")})
		}
		req.Topics = append(req.Topics, t)
	}
	return req
}

// oldTopics deletes 10,000 topics.
func oldTopics(name func(i int) string) *kmsg.DeleteTopicsRequest {
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version = 5
	for i := range 10_000 {
		req.TopicNames = append(req.TopicNames, name(i))
	}
	return req
}

// newConfigs sets configs of n resources, so many of each.
func newConfigs(
	kind kmsg.ConfigResourceType, n, each int, name func(i int) string,
) *kmsg.IncrementalAlterConfigsRequest {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Version = 1
	for i := range n {
		r := kmsg.IncrementalAlterConfigsRequestResource{ResourceType: kind, ResourceName: name(i)}
		for j := range each {
			c := kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: "key-" + strconv.Itoa(j),
				Value: kmsg.StringPtr("1000000")}
			if kind == kmsg.ConfigResourceTypeTopic {
				c.Name = "retention.ms"
			}
			r.Configs = append(r.Configs, c)
		}
		req.Resources = append(req.Resources, r)
	}
	return req
}

// BenchmarkLongestEvent is the longest turn of the core that large requests take, commits included.
func BenchmarkLongestEvent(b *testing.B) {
	d, epochs := largeCluster(b)
	for _, r := range largeRequests {
		b.Run(r.name, func(b *testing.B) {
			b.ReportAllocs()
			var longest time.Duration
			parts := 0
			for b.Loop() {
				req := r.make(d, epochs)
				slot := d.ask(req)
				for *slot == nil {
					began := time.Now()
					if _, ok := d.step(); !ok {
						b.Fatal("no answer")
					}
					longest = max(longest, time.Since(began))
					parts++
				}
				d.settle()
			}
			b.ReportMetric(float64(longest.Microseconds())/1000, "longest-ms")
			b.ReportMetric(float64(parts)/float64(b.N), "turns")
		})
	}
}
