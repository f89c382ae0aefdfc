package metadata

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/protocol/batch"
)

// The size that everything here is measured at: 1,000,000 partitions of three replicas on 100
// brokers.
const (
	benchBrokers    = 100
	benchTopics     = 1000
	benchPartitions = 1000
)

func benchID(kind, n int) protocol.UUID {
	return protocol.UUID{
		0: byte(kind), 5: byte(n * 97), 12: byte(n >> 24), 13: byte(n >> 16), 14: byte(n >> 8),
		15: byte(n),
	}
}

// largeRecords yields the records of a cluster of topics × partitions.
func largeRecords(topics, partitions int, yield func(record.Record)) {
	for _, r := range BootstrapFeatures(LatestVersion) {
		yield(r)
	}
	for b := range benchBrokers {
		yield(&record.RegisterBroker{
			BrokerID:      int32(b),
			IncarnationID: benchID(1, b), LogDirs: []protocol.UUID{benchID(2, b)},
			Endpoints: []record.Endpoint{
				{Name: "PLAINTEXT", Host: "b", Port: 9092},
			}, Features: SupportedFeatures(false),
		})
	}
	n := 0
	for t := range topics {
		id := benchID(3, t)
		yield(&record.Topic{Name: fmt.Sprintf("topic-%d", t), TopicID: id})
		for p := range partitions {
			n++
			replicas := []int32{
				int32(n % benchBrokers), int32((n*7 + 1) % benchBrokers),
				int32((n*13 + 2 + n/100) % benchBrokers),
			}
			dirs := make([]protocol.UUID, 3)
			for i, b := range replicas {
				dirs[i] = benchID(2, int(b))
			}
			yield(&record.Partition{
				PartitionID: int32(p),
				TopicID:     id, Replicas: replicas, ISR: append([]int32(nil), replicas...),
				Leader:      replicas[0],
				Directories: dirs,
			})
		}
	}
}

// largeBatches is the log of such a cluster.
func largeBatches(tb testing.TB, topics, partitions int) []batch.Batch {
	var batches []batch.Batch
	w := batch.NewWriter(1000)
	var offset int64
	flush := func() {
		b, err := w.Finish()
		if err != nil {
			tb.Fatal(err)
		}
		b.SetPosition(offset, 1)
		offset = b.EndOffset()
		batches = append(batches, b)
		w = batch.NewWriter(1000)
	}
	largeRecords(topics, partitions, func(r record.Record) {
		value, err := record.Append(nil, r, LatestVersion.RecordVersion(r))
		if err != nil {
			tb.Fatal(err)
		}
		w.Add(nil, value)
		if w.Count() == 1000 {
			flush()
		}
	})
	if w.Count() > 0 {
		flush()
	}
	return batches
}

func largeImage(tb testing.TB, topics, partitions int) *Image {
	img := Empty()
	for _, b := range largeBatches(tb, topics, partitions) {
		next, err := img.ReplayBatch(b)
		if err != nil {
			tb.Fatal(err)
		}
		img = next
	}
	return img
}

func liveHeap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkReplayLog replays the whole log and reports the memory of the image.
func BenchmarkReplayLog(b *testing.B) {
	batches := largeBatches(b, benchTopics, benchPartitions)
	before := liveHeap()
	var img *Image
	for b.Loop() {
		img = Empty()
		for _, batch := range batches {
			img, _ = img.ReplayBatch(batch)
		}
	}
	reportImage(b, img, before)
	runtime.KeepAlive(batches)
}

func reportImage(b *testing.B, img *Image, before uint64) {
	b.ReportMetric(float64(img.PartitionCount())*float64(b.N)/b.Elapsed().Seconds(), "partitions/s")
	b.ReportMetric(float64(liveHeap()-before)/(1<<20), "MiB-live")
	runtime.KeepAlive(img)
}

func BenchmarkWriteSnapshot(b *testing.B) {
	img := largeImage(b, benchTopics, benchPartitions)
	b.ReportAllocs()
	for b.Loop() {
		if err := WriteSnapshot(io.Discard, img); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(img.PartitionCount())*float64(b.N)/b.Elapsed().Seconds(), "partitions/s")
}

func BenchmarkReadSnapshot(b *testing.B) {
	var file bytes.Buffer
	if err := WriteSnapshot(&file, largeImage(b, benchTopics, benchPartitions)); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(file.Len())/(1<<20), "MiB-file")
	before := liveHeap()
	var img *Image
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if img, err = ReadSnapshot(bytes.NewReader(file.Bytes()), 2_000_000, 1); err != nil {
			b.Fatal(err)
		}
	}
	reportImage(b, img, before)
	runtime.KeepAlive(&file)
}

// BenchmarkPartitionChange edits one partition and publishes, at full size.
func BenchmarkPartitionChange(b *testing.B) {
	img := largeImage(b, benchTopics, benchPartitions)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		change := record.NewPartitionChange(
			benchID(3, i*7919%benchTopics), int32(i*31%benchPartitions),
		)
		change.Leader = int32(i % benchBrokers)
		change.ISR = []int32{change.Leader}
		e := img.Edit()
		if err := e.Replay(img.EndOffset(), change); err != nil {
			b.Fatal(err)
		}
		img = e.Done(img.EndOffset()+1, 1, 1000)
	}
}

// BenchmarkChangeBatch edits 1000 partitions of many topics in one batch and publishes.
func BenchmarkChangeBatch(b *testing.B) {
	img := largeImage(b, benchTopics, benchPartitions)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		e := img.Edit()
		for range 1000 {
			i++
			change := record.NewPartitionChange(
				benchID(3, i*7919%benchTopics), int32(i*31%benchPartitions),
			)
			change.Leader = int32(i % benchBrokers)
			if err := e.Replay(img.EndOffset(), change); err != nil {
				b.Fatal(err)
			}
		}
		img = e.Done(img.EndOffset()+1000, 1, 1000)
	}
}

// BenchmarkCreateTopic makes one topic of one partition after the other, each in an image of its
// own, at full size.
func BenchmarkCreateTopic(b *testing.B) {
	img := largeImage(b, benchTopics, benchPartitions)
	dirs := make([]protocol.UUID, 3)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		id, replicas := benchID(
			4, i,
		), []int32{
			int32(i % benchBrokers), int32((i + 1) % benchBrokers), int32((i + 2) % benchBrokers),
		}
		e := img.Edit()
		for _, r := range []record.Record{
			&record.Topic{Name: fmt.Sprintf("new-%d", i), TopicID: id},
			&record.Partition{
				TopicID: id, Replicas: replicas, ISR: replicas, Leader: replicas[0], Directories: dirs,
			},
		} {
			if err := e.Replay(img.EndOffset(), r); err != nil {
				b.Fatal(err)
			}
		}
		img = e.Done(img.EndOffset()+2, 1, 1000)
		i++
	}
}
