package controller

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
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
			TopicID: id, Replicas: replicas, ISR: replicas, Leader: b, Directories: make([]record.UUID, 3),
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
	{"CreateTopics/5000", func(*testDriver, []int64) kmsg.Request {
		req := kmsg.NewPtrCreateTopicsRequest()
		req.Version = 7
		for i := range 5000 {
			t := kmsg.NewCreateTopicsRequestTopic()
			t.Topic, t.NumPartitions, t.ReplicationFactor = "new.topic-"+strconv.Itoa(i), 1, 3
			req.Topics = append(req.Topics, t)
		}
		return req
	}},
	{"CreateTopics/configs", func(*testDriver, []int64) kmsg.Request {
		req := kmsg.NewPtrCreateTopicsRequest()
		req.Version = 7
		for i := range 2000 {
			t := kmsg.NewCreateTopicsRequestTopic()
			t.Topic, t.NumPartitions, t.ReplicationFactor = "conf.topic-"+strconv.Itoa(i), 1, 3
			for _, k := range []string{"retention.ms", "segment.ms", "retention.bytes"} {
				c := kmsg.NewCreateTopicsRequestTopicConfig()
				c.Name, c.Value = k, kmsg.StringPtr("1000000")
				t.Configs = append(t.Configs, c)
			}
			req.Topics = append(req.Topics, t)
		}
		return req
	}},
	{"CreateTopics/existing", func(*testDriver, []int64) kmsg.Request {
		req := kmsg.NewPtrCreateTopicsRequest()
		req.Version = 7
		for i := range 10_000 {
			t := kmsg.NewCreateTopicsRequestTopic()
			t.Topic, t.NumPartitions, t.ReplicationFactor = largeName(i), 1, 3
			req.Topics = append(req.Topics, t)
		}
		return req
	}},
	{"CreateTopics/partitions", func(*testDriver, []int64) kmsg.Request {
		req := kmsg.NewPtrCreateTopicsRequest()
		req.Version = 7
		t := kmsg.NewCreateTopicsRequestTopic()
		t.Topic, t.NumPartitions, t.ReplicationFactor = "new", 9999, 3
		req.Topics = append(req.Topics, t)
		return req
	}},
	{"DeleteTopics/10000", func(d *testDriver, _ []int64) kmsg.Request {
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.Version = 5
		for i := range 10_000 {
			req.TopicNames = append(req.TopicNames, largeName(i))
		}
		return req
	}},
	{"DeleteTopics/unknown", func(d *testDriver, _ []int64) kmsg.Request {
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.Version = 5
		for i := range 10_000 {
			req.TopicNames = append(req.TopicNames, "unknown-"+strconv.Itoa(i))
		}
		return req
	}},
	{"IncrementalAlterConfigs/topics", func(d *testDriver, _ []int64) kmsg.Request {
		req := kmsg.NewPtrIncrementalAlterConfigsRequest()
		req.Version = 1
		for i := range 10_000 {
			r := kmsg.NewIncrementalAlterConfigsRequestResource()
			r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, largeName(50_000+i)
			c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
			c.Name, c.Value = "retention.ms", kmsg.StringPtr("1000000")
			r.Configs = append(r.Configs, c)
			req.Resources = append(req.Resources, r)
		}
		return req
	}},
	{"IncrementalAlterConfigs/unknown", func(d *testDriver, _ []int64) kmsg.Request {
		req := kmsg.NewPtrIncrementalAlterConfigsRequest()
		req.Version = 1
		for i := range 10_000 {
			r := kmsg.NewIncrementalAlterConfigsRequestResource()
			r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, "unknown-"+strconv.Itoa(i)
			c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
			c.Name, c.Value = "retention.ms", kmsg.StringPtr("1000000")
			r.Configs = append(r.Configs, c)
			req.Resources = append(req.Resources, r)
		}
		return req
	}},
	{"IncrementalAlterConfigs/keys", func(d *testDriver, _ []int64) kmsg.Request {
		req := kmsg.NewPtrIncrementalAlterConfigsRequest()
		req.Version = 1
		for i := range 10 {
			r := kmsg.NewIncrementalAlterConfigsRequestResource()
			r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeBroker, strconv.Itoa(i)
			for j := range 1000 {
				c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
				c.Name, c.Value = "key-"+strconv.Itoa(j), kmsg.StringPtr("1000000")
				r.Configs = append(r.Configs, c)
			}
			req.Resources = append(req.Resources, r)
		}
		return req
	}},
	{"AlterPartitionReassignments/10000", func(d *testDriver, _ []int64) kmsg.Request {
		req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
		for i := range 10_000 {
			t := kmsg.NewAlterPartitionAssignmentsRequestTopic()
			t.Topic = largeName(20_000 + i)
			p := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
			b := int32(i % 10)
			p.Replicas = []int32{(b + 3) % 10, (b + 4) % 10, (b + 5) % 10}
			t.Partitions = append(t.Partitions, p)
			req.Topics = append(req.Topics, t)
		}
		return req
	}},
	{"ElectLeaders/100000", func(d *testDriver, _ []int64) kmsg.Request {
		req := kmsg.NewPtrElectLeadersRequest()
		req.Version = 2
		for i := range largeTopics {
			t := kmsg.NewElectLeadersRequestTopic()
			t.Topic, t.Partitions = largeName(i), []int32{0}
			req.Topics = append(req.Topics, t)
		}
		return req
	}},
	{"ElectLeaders/all", func(d *testDriver, _ []int64) kmsg.Request { return everything() }},
	{"AlterPartition/10000", func(d *testDriver, epochs []int64) kmsg.Request {
		req := kmsg.NewPtrAlterPartitionRequest()
		req.Version, req.BrokerID, req.BrokerEpoch = 2, 0, epochs[0]
		for i := 30_000; i < 100_000; i += 10 {
			topic := d.Image().TopicByName(largeName(i))
			p := topic.Partition(0)
			t := kmsg.NewAlterPartitionRequestTopic()
			t.TopicID = topic.ID
			tp := kmsg.NewAlterPartitionRequestTopicPartition()
			tp.LeaderEpoch, tp.PartitionEpoch, tp.NewISR = p.LeaderEpoch, p.PartitionEpoch, p.ISR[:2]
			t.Partitions = append(t.Partitions, tp)
			req.Topics = append(req.Topics, t)
		}
		return req
	}},
	{"AssignReplicasToDirs", func(d *testDriver, epochs []int64) kmsg.Request {
		req := kmsg.NewPtrAssignReplicasToDirsRequest()
		req.BrokerID, req.BrokerEpoch = 0, epochs[0]
		dir := kmsg.NewAssignReplicasToDirsRequestDirectory()
		dir.ID = testUUID(0)
		for i := 40_000; i < 100_000; i += 10 {
			t := kmsg.NewAssignReplicasToDirsRequestDirectoryTopic()
			t.TopicID = d.Image().TopicByName(largeName(i)).ID
			t.Partitions = append(t.Partitions, kmsg.NewAssignReplicasToDirsRequestDirectoryTopicPartition())
			dir.Topics = append(dir.Topics, t)
		}
		req.Directories = append(req.Directories, dir)
		return req
	}},
	{"BrokerHeartbeat/directories", func(d *testDriver, epochs []int64) kmsg.Request {
		req := heartbeatRequest(0, epochs[0], 1<<40)
		for i := range 1000 {
			req.OfflineLogDirs = append(req.OfflineLogDirs, testUUID(1_000_000+i))
		}
		return req
	}},
	{"Fence", func(d *testDriver, epochs []int64) kmsg.Request {
		req := heartbeatRequest(1, epochs[1], 1<<40)
		req.WantFence = true
		return req
	}},
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
