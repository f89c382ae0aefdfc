package partition

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/yakt/yakt/controller/configs"
	"github.com/yakt/yakt/controller/controllertest"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// movingPartition is a partition of a cluster of six live brokers.
type movingPartition struct {
	t   *testing.T
	img *metadata.Image
}

func newMovingPartition(t *testing.T, replicas, isr []int32) *movingPartition {
	t.Helper()
	m := &movingPartition{t, metadata.Empty()}
	records := metadata.BootstrapFeatures(metadata.LatestVersion)
	for id := range int32(modelBrokers) {
		records = append(records, &record.RegisterBroker{
			BrokerID: id, LogDirs: []protocol.UUID{testUUID(int(id))},
		})
	}
	m.replay(append(records, &record.Topic{Name: "t", TopicID: testUUID(100)}, &record.Partition{
		TopicID: testUUID(100), Replicas: replicas, ISR: isr, Leader: isr[0],
		Directories: make([]protocol.UUID, len(replicas)),
	})...)
	return m
}

func (m *movingPartition) replay(records ...record.Record) {
	m.t.Helper()
	edit := m.img.Edit()
	for i, r := range records {
		if err := edit.Replay(m.img.EndOffset()+int64(i), r); err != nil {
			m.t.Fatal(err)
		}
	}
	m.img = edit.Done(m.img.EndOffset()+int64(len(records)), 1, 0)
}

func (m *movingPartition) partition() *metadata.Partition {
	return m.img.TopicByName("t").Partition(0)
}

// change makes a change of the partition; refused is the text of its error.
func (m *movingPartition) change(f func(*Change) error) (refused string) {
	m.t.Helper()
	rules := NewRules(m.img, NoUpdate, configs.NewTopicDefaults(m.img, configs.Settings{}))
	c := rules.Of(m.img.TopicByName("t")).Change(0, m.partition())
	if err := f(&c); err != nil {
		return err.Error()
	}
	if r := c.Record(); r != nil {
		m.replay(r)
	}
	return ""
}

func (m *movingPartition) reassign(target ...int32) string {
	m.t.Helper()
	return m.change(func(c *Change) error {
		if err := c.Reassign(target); err != nil {
			return err
		}
		return nil
	})
}

func (m *movingPartition) cancel() string {
	m.t.Helper()
	return m.change(func(c *Change) error {
		if err := c.CancelReassignment(); err != nil {
			return err
		}
		return nil
	})
}

// TestARetargetedReassignmentRemembersTheOriginalReplicas has the chains in which a cancellation
// kept brokers that were never among the original replicas.
func TestARetargetedReassignmentRemembersTheOriginalReplicas(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		targets                              [][]int32
		replicas, adding, removing, restored string
	}{
		{[][]int32{{3}, {1, 3}}, "[1 3 2]", "[3]", "[2]", "[1 2]"},
		{[][]int32{{3, 4}, {1, 3}}, "[1 3 2]", "[3]", "[2]", "[1 2]"},
		{[][]int32{{3, 4}, {5}}, "[5 1 2]", "[5]", "[1 2]", "[1 2]"},
		{[][]int32{{3}, {4}, {5}}, "[5 1 2]", "[5]", "[1 2]", "[1 2]"},
		{[][]int32{{3}, {2, 1}}, "[2 1]", "[]", "[]", "[2 1]"},
		{[][]int32{{3, 4}, {1}}, "[1]", "[]", "[]", "[1]"},
	} {
		m := newMovingPartition(t, []int32{1, 2}, []int32{1, 2})
		for _, target := range c.targets {
			if refused := m.reassign(target...); refused != "" {
				t.Fatal(refused)
			}
		}
		p := m.partition()
		got := fmt.Sprint(p.Replicas, p.Adding(), p.Removing())
		if want := fmt.Sprint(c.replicas, " ", c.adding, " ", c.removing); got != want {
			t.Errorf("%v: %s, want %s", c.targets, got, want)
		}
		if p.Reassigning() {
			m.cancel()
		}
		if got := fmt.Sprint(m.partition().Replicas); got != c.restored {
			t.Errorf("%v, cancelled: %s, want %s", c.targets, got, c.restored)
		}
	}
}

// TestCancellingRestoresTheReplicasBeforeTheFirstTarget tries random chains of targets. As long as
// the ISR does not change, a cancellation restores the replicas from before the first of them.
func TestCancellingRestoresTheReplicasBeforeTheFirstTarget(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(45, 1))
	cancelled := 0
	for range 2000 {
		original := controllertest.IDs(r.Perm(modelBrokers))[:1+r.IntN(3)]
		shuffled := controllertest.Shuffled(r.Shuffle, original)
		m := newMovingPartition(t, original, shuffled[:1+r.IntN(len(original))])
		for range 1 + r.IntN(5) {
			m.reassign(controllertest.IDs(r.Perm(modelBrokers))[:1+r.IntN(4)]...)
			p := m.partition()
			if err := Check(p, m.img.ElrEnabled()); err != nil {
				t.Fatalf("from %v: %v: %+v", original, err, p)
			}
			if !p.Reassigning() {
				original = p.Replicas // it has completed: there is nothing to cancel
			}
		}
		if !m.partition().Reassigning() {
			continue
		}
		cancelled++
		if refused := m.cancel(); refused != "" {
			t.Fatal(refused)
		}
		got := m.partition()
		if got.Reassigning() || !sameMembers(got.Replicas, original) {
			t.Fatalf("cancelled: %+v, want the replicas %v", got, original)
		}
	}
	if cancelled < 500 {
		t.Errorf("only %d chains were cancelled: the test shows little", cancelled)
	}
}

// TestADroppedReplicaIsNotTheLastOneInSync: a target without the replicas that alone are in sync is
// refused, as a cancellation is.
func TestADroppedReplicaIsNotTheLastOneInSync(t *testing.T) {
	t.Parallel()
	m := newMovingPartition(t, []int32{1}, []int32{1})
	m.reassign(2, 3)
	m.change(func(c *Change) error { c.ProposeISR([]int32{2}, record.Recovered); return nil })
	before := *m.partition()
	if !before.Reassigning() || !slices.Equal(before.ISR, []int32{2}) {
		t.Fatalf("the test begins with %+v", before)
	}
	if refused := m.reassign(4); refused == "" {
		t.Errorf("the only replica in sync was dropped: %+v", m.partition())
	}
	if refused := m.reassign(2, 4); refused != "" || m.partition().Leader != 2 {
		t.Errorf("%s: %+v", refused, m.partition())
	}
}
