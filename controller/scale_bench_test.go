package controller

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// The benchmarks change a small part of a cluster: a broker with smallPartitions partitions, and a
// topic with as many. The cluster around it has any size, and a tenth of its partitions has no
// leader, since their only broker is gone.
const (
	smallPartitions = 100
	smallBroker     = 100
	goneBroker      = 50
)

// scaleCore is such a cluster, of about so many partitions.
func scaleCore(tb testing.TB, partitions int) *testCore {
	tb.Helper()
	tc := newTestCore(tb)
	tc.addBrokers(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, smallBroker, goneBroker)
	const perTopic = 1000
	for i := range partitions / perTopic {
		replicas := make([][]int32, perTopic)
		for p := range replicas {
			if p%10 == 0 {
				replicas[p] = []int32{goneBroker}
				continue
			}
			replicas[p] = []int32{int32((i + p) % 10), int32((i + p + 1) % 10),
				int32((i + p + 2) % 10)}
		}
		tc.addTopic(fmt.Sprintf("topic-%05d", i), replicas...)
	}
	shared, alone := make([][]int32, smallPartitions), make([][]int32, smallPartitions)
	for p := range smallPartitions {
		shared[p] = []int32{smallBroker, int32(p % 10), int32((p + 1) % 10)}
		alone[p] = []int32{smallBroker}
	}
	tc.addTopic("shared", shared...)
	tc.addTopic("alone", alone...)
	tc.do(func(op) result { return tc.fenceAll(goneBroker) })
	return tc
}

// fenceAll fences a broker, in as many parts as it takes.
func (tc *testCore) fenceAll(id int32) result {
	records, rest := tc.fence(tc.working, tc.working.Broker(id))
	r := result{records: records}
	if rest != nil {
		r.more = tc.continueWalk(*rest, finished)
	}
	return r
}

// smallChanges are operations on that small part. Each returns the records it writes, and
// needs a freshly prepared core.
var smallChanges = []struct {
	name    string
	prepare func(*testCore)
	run     func(*testCore) []record.Record
	records int
}{
	{"fence", func(*testCore) {}, func(tc *testCore) []record.Record {
		return tc.fenceAll(smallBroker).records
	}, 1 + 2*smallPartitions},
	{"unfence", func(tc *testCore) { tc.do(func(op) result { return tc.fenceAll(smallBroker) }) },
		func(tc *testCore) []record.Record {
			records, _ := tc.unfence(tc.working, tc.working.Broker(smallBroker))
			return records
		}, 1 + smallPartitions},
	{"delete", func(*testCore) {}, func(tc *testCore) []record.Record {
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.Version, req.TopicNames = 3, []string{"shared"}
		return tc.deleteTopics(op{}, req).records
	}, 1},
}

// replayChange makes a batch of what an operation writes, and the image that follows.
func replayChange(tb testing.TB, tc *testCore, records []record.Record) *metadata.Image {
	_, images, err := tc.batches(tc.clock.Now(), result{records: records})
	if err != nil {
		tb.Fatal(err)
	}
	return images[len(images)-1]
}

// BenchmarkSmallChange is the whole cost of a small change to the core: its records, their
// encoding, the image that follows. It must not depend on the size of the cluster.
func BenchmarkSmallChange(b *testing.B) {
	for _, partitions := range []int{10_000, 100_000, 1_000_000} {
		tc := scaleCore(b, partitions)
		for _, c := range smallChanges {
			b.Run(fmt.Sprintf("%s/partitions=%d", c.name, partitions), func(b *testing.B) {
				c.prepare(tc)
				b.ReportAllocs()
				for b.Loop() {
					records := c.run(tc)
					if len(records) != c.records {
						b.Fatalf("%d records, want %d", len(records), c.records)
					}
					replayChange(b, tc, records)
				}
			})
			tc.do(func(op) result {
				r, _ := tc.unfence(tc.working, tc.working.Broker(smallBroker))
				return result{records: r}
			})
		}
	}
}

// TestSmallChangesCostAlike: what a small change reads and makes does not grow with the cluster;
// the trees in which it makes it have a level or two more.
func TestSmallChangesCostAlike(t *testing.T) {
	small, large := scaleCore(t, 1000), scaleCore(t, 100_000)
	for _, c := range smallChanges {
		allocs := make(map[*testCore]float64)
		for _, tc := range []*testCore{small, large} {
			c.prepare(tc)
			if got := len(c.run(tc)); got != c.records {
				t.Fatalf("%s: %d records, want %d", c.name, got, c.records)
			}
			allocs[tc] = testing.AllocsPerRun(5, func() { replayChange(t, tc, c.run(tc)) })
			tc.do(func(op) result {
				r, _ := tc.unfence(tc.working, tc.working.Broker(smallBroker))
				return result{records: r}
			})
		}
		t.Logf("%s: %v allocations among %d partitions, %v among %d", c.name, allocs[small],
			small.working.PartitionCount(), allocs[large], large.working.PartitionCount())
		if allocs[large] > 2*allocs[small] {
			t.Errorf("%s: %v allocations among %d partitions, %v among %d", c.name, allocs[small],
				small.working.PartitionCount(), allocs[large], large.working.PartitionCount())
		}
	}
}

// TestWalksLookAtTheirOwn: a walk looks at the broker's partitions and at no others, however many
// there are.
func TestWalksLookAtTheirOwn(t *testing.T) {
	tc := scaleCore(t, 10_000)
	looked := func(kind walkKind, dirs ...protocol.UUID) (n int) {
		for range (walk{session: sessionOf(tc.working.Broker(smallBroker)), kind: kind,
			dirs: dirs}).partitions(tc.working) {
			n++
		}
		return n
	}
	if n := looked(walkLeave); n != 2*smallPartitions {
		t.Errorf("leaving looks at %d partitions", n)
	}
	if n := looked(walkDirs, testUUID(smallBroker)); n != 2*smallPartitions {
		t.Errorf("a directory that is offline looks at %d partitions", n)
	}
	if n := looked(walkJoin); n != 0 {
		t.Errorf("joining without need looks at %d partitions", n)
	}
	tc.do(func(op) result { return tc.fenceAll(smallBroker) })
	if n := looked(walkJoin); n != smallPartitions ||
		tc.working.LeaderlessCount() != smallPartitions+1000 {
		t.Errorf("joining looks at %d partitions, %d have no leader", n,
			tc.working.LeaderlessCount())
	}
}
