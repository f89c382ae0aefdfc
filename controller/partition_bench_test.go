package controller

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/partition"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// stormCore has ten brokers and topics whose partitions all have broker 0 among their three
// replicas; it leads a third of them.
func stormCore(b *testing.B, topics, partitions int) *testCore {
	tc := newTestCore(b)
	tc.addBrokers(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	for i := range topics {
		replicas := make([][]int32, partitions)
		for p := range replicas {
			list := []int32{0, int32(1 + (i+p)%9), int32(1 + (i+p+1)%9)}
			k := (i + p) % 3
			replicas[p] = append(append([]int32{}, list[k:]...), list[:k]...)
		}
		tc.addTopic(fmt.Sprintf("topic-%05d", i), replicas...)
	}
	return tc
}

// BenchmarkFenceStorm fences a broker with 100,000 partitions: making the changes, and replaying
// them as well.
func BenchmarkFenceStorm(b *testing.B) {
	for _, shape := range []struct{ topics, partitions int }{{100, 1000}, {10_000, 10}} {
		tc := stormCore(b, shape.topics, shape.partitions)
		total := float64(shape.topics * shape.partitions)
		for _, replay := range []bool{false, true} {
			b.Run(fmt.Sprintf("topics=%d/replay=%v", shape.topics, replay), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					img, last := tc.working, &metadata.TopicPartition{}
					for last != nil {
						var changes []record.Record
						changes, last = tc.updateReplicas(img, partition.Remove(0),
							img.HostedAfter(0, *last), recordsPerBatch)
						if replay {
							img = replayed(b, img, changes)
						}
					}
				}
				b.ReportMetric(total*float64(b.N)/b.Elapsed().Seconds(), "changes/s")
			})
		}
	}
}

func replayed(b *testing.B, img *metadata.Image, records []record.Record) *metadata.Image {
	edit := img.Edit()
	for i, r := range records {
		if err := edit.Replay(img.EndOffset()+int64(i), r); err != nil {
			b.Fatal(err)
		}
	}
	return edit.Done(img.EndOffset()+int64(len(records)), 1, 0)
}

// BenchmarkAlterPartition is a leader that shrinks and grows the ISR of a partition, ten partitions
// in a request.
func BenchmarkAlterPartition(b *testing.B) {
	tc := stormCore(b, 100, 100)
	var topic *metadata.Topic
	for t := range tc.working.Topics() {
		topic = t
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		req := kmsg.NewPtrAlterPartitionRequest()
		req.Version = 3
		t := kmsg.NewAlterPartitionRequestTopic()
		t.TopicID = topic.ID
		for id, p := range tc.working.Topic(topic.ID).Partitions() {
			if p.Leader != 0 || len(t.Partitions) == 10 {
				continue
			}
			part := kmsg.NewAlterPartitionRequestTopicPartition()
			part.Partition, part.LeaderEpoch, part.PartitionEpoch = id, p.LeaderEpoch, p.PartitionEpoch
			for _, member := range p.Replicas[:3-n%2] {
				part.NewEpochISR = append(part.NewEpochISR,
					kmsg.AlterPartitionRequestTopicPartitionNewEpochISR{BrokerID: member,
						BrokerEpoch: -1})
			}
			t.Partitions = append(t.Partitions, part)
		}
		req.BrokerEpoch = tc.working.Broker(0).Epoch
		req.Topics = append(req.Topics, t)
		r := tc.alterPartition(op{}, req)
		tc.working = replayed(b, tc.working, r.records)
		n++
	}
	b.ReportMetric(float64(10*b.N)/b.Elapsed().Seconds(), "partitions/s")
}

// BenchmarkDeleteTopic replays the one record that removes a topic of 10,000 partitions.
func BenchmarkDeleteTopic(b *testing.B) {
	tc := stormCore(b, 100, 1000)
	id := tc.addTopic("large", []int32{0, 1, 2})
	for first := 1; first < 10_000; first += 1111 {
		var records []record.Record
		for p := first; p < first+1111; p++ {
			replicas := []int32{int32(p % 10), int32((p + 1) % 10), int32((p + 2) % 10)}
			records = append(records, &record.Partition{PartitionID: int32(p), TopicID: id,
				Replicas: replicas, ISR: replicas, Leader: replicas[0], Directories: make([]protocol.UUID, 3)})
		}
		tc.apply(records...)
	}
	b.ReportAllocs()
	for b.Loop() {
		replayed(b, tc.working, []record.Record{&record.RemoveTopic{TopicID: id}})
	}
}

// BenchmarkCreateTopics makes a topic, up to its batch and the image after it, and encodes the
// response.
func BenchmarkCreateTopics(b *testing.B) {
	tc := stormCore(b, 10, 1000)
	for _, partitions := range []int{1, 1000} {
		b.Run(fmt.Sprintf("partitions=%d", partitions), func(b *testing.B) {
			req := kmsg.NewPtrCreateTopicsRequest()
			req.Version = 7
			t := kmsg.NewCreateTopicsRequestTopic()
			t.Topic, t.NumPartitions, t.ReplicationFactor = "new", int32(partitions), 3
			req.Topics = append(req.Topics, t)
			var out []byte
			b.ReportAllocs()
			for b.Loop() {
				r := tc.createTopics(op{}, req)
				if len(r.records) != 1+partitions {
					b.Fatal(r.response)
				}
				if _, _, err := tc.batches(testStart, r); err != nil {
					b.Fatal(err)
				}
				r.response.SetVersion(req.Version)
				out = r.response.AppendTo(out[:0])
			}
			b.ReportMetric(float64(partitions*b.N)/b.Elapsed().Seconds(), "partitions/s")
		})
	}
}
