package controller

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/controllertest"
	"github.com/yakt/yakt/controller/partition"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// TestPartitionWalk does random things to a cluster through the API handlers and the updates for
// brokers. Every record must replay, and after every step every partition must be whole: see check.
func TestPartitionWalk(t *testing.T) {
	for _, c := range []struct {
		name string
		mv   metadata.Version
		elr  bool
	}{{"elr", metadata.LatestVersion, true}, {"no elr", metadata.LatestVersion, false}, {"3.5",
		metadata.V3_5_IV2, false}} {
		t.Run(c.name, func(t *testing.T) {
			w := newPartitionWalk(t, c.mv, c.elr)
			for w.step = range 1500 {
				w.steps()[w.r.IntN(len(w.steps()))]()
				w.check()
			}
		})
	}
}

type partitionWalk struct {
	*testCore
	r    *rand.Rand
	step int
}

const walkBrokers = 7

func newPartitionWalk(t *testing.T, mv metadata.Version, elr bool) *partitionWalk {
	tc := newTestCore(t, func(cfg *Config) {
		cfg.Bootstrap = []record.Record{&record.FeatureLevel{Name: metadata.FeatureMetadata,
			Level: int16(mv)}}
		if elr {
			cfg.Bootstrap = append(cfg.Bootstrap,
				&record.FeatureLevel{Name: metadata.FeatureElr, Level: 1})
		}
		cfg.MinISR = 2
	})
	w := &partitionWalk{testCore: tc, r: rand.New(rand.NewPCG(11, uint64(mv)))}
	for id := range int32(walkBrokers) {
		w.register(id, false)
	}
	return w
}

func (w *partitionWalk) steps() []func() {
	return []func(){
		w.create, w.grow, w.remove, w.configure, w.fence, w.unfence, w.unfence, w.shutDown, w.comeBack,
		w.alter, w.alter, w.alter, w.alter, w.assign, w.dirOffline, w.reassign, w.cancel, w.elect,
	}
}

func (w *partitionWalk) register(id int32, fenced bool) {
	r := &record.RegisterBroker{
		BrokerID: id, BrokerEpoch: w.nextOffset(), IncarnationID: testUUID(int(w.nextOffset())),
		Fenced:   fenced,
		Features: metadata.SupportedFeatures(false),
	}
	if w.working.Version().HasDirectories() {
		for i := range 1 + int(id)%3 {
			r.LogDirs = append(r.LogDirs, scriptDir(id, i))
		}
	}
	w.apply(r)
}

func (w *partitionWalk) broker() *metadata.Broker {
	return w.working.Broker(int32(w.r.IntN(walkBrokers)))
}

func (w *partitionWalk) topic() *metadata.Topic {
	topics := slices.Collect(w.working.Topics())
	if len(topics) == 0 {
		return nil
	}
	return topics[w.r.IntN(len(topics))]
}

func (w *partitionWalk) create() {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version = 7
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic = fmt.Sprintf("t%d", w.r.IntN(30))
	t.NumPartitions, t.ReplicationFactor = int32(1+w.r.IntN(4)), int16(1+w.r.IntN(4))
	if w.r.IntN(4) == 0 {
		value := "true"
		t.Configs = append(t.Configs,
			kmsg.CreateTopicsRequestTopicConfig{Name: "unclean.leader.election.enable",
				Value: &value})
	}
	req.Topics = append(req.Topics, t)
	w.handle(req)
}

func (w *partitionWalk) grow() {
	if t := w.topic(); t != nil && t.Len() < 8 {
		req := kmsg.NewPtrCreatePartitionsRequest()
		req.Topics = append(req.Topics, kmsg.CreatePartitionsRequestTopic{Topic: t.Name,
			Count: int32(t.Len() + 1 + w.r.IntN(2))})
		w.handle(req)
	}
}

func (w *partitionWalk) remove() {
	if t := w.topic(); t != nil && w.r.IntN(3) == 0 {
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.Version = 6
		req.Topics = append(req.Topics, kmsg.DeleteTopicsRequestTopic{TopicID: t.ID})
		w.handle(req)
	}
}

func (w *partitionWalk) configure() {
	t := w.topic()
	if t == nil {
		return
	}
	key, value := "min.insync.replicas", fmt.Sprint(1+w.r.IntN(3))
	if w.r.IntN(3) == 0 {
		key, value = "unclean.leader.election.enable", fmt.Sprint(w.r.IntN(3) == 0)
	}
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, t.Name
	r.Configs = append(r.Configs, kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: key,
		Value: &value})
	req.Resources = append(req.Resources, r)
	w.handle(req)
}

// update runs an update part by part, as a storm is.
func (w *partitionWalk) update(u partition.Update) {
	last := &metadata.TopicPartition{}
	for last != nil {
		var changes []record.Record
		partitions := w.working.HostedAfter(u.Broker(), *last)
		if u.Joins() {
			partitions = w.working.LeaderlessOnAfter(u.Broker(), *last)
		}
		changes, last = w.updateReplicas(w.working, u, partitions, 3)
		if len(changes) > 0 {
			w.apply(changes...)
		}
	}
}

func (w *partitionWalk) fence() {
	if b := w.broker(); !b.Fenced {
		w.apply(fencingRecord(b, true))
		w.update(partition.Remove(b.ID))
	}
}

func (w *partitionWalk) unfence() {
	if b := w.broker(); b.Fenced && !b.InControlledShutdown {
		w.apply(fencingRecord(b, false))
		w.update(partition.Add(b.ID))
	}
}

func (w *partitionWalk) shutDown() {
	if b := w.broker(); b.Active() {
		w.apply(&record.BrokerRegistrationChange{BrokerID: b.ID, BrokerEpoch: b.Epoch,
			InControlledShutdown: 1})
		w.update(partition.Remove(b.ID))
	}
}

func (w *partitionWalk) comeBack() {
	b := w.broker()
	u := partition.Remove(b.ID)
	if w.working.ElrEnabled() && w.r.IntN(2) == 0 {
		u = partition.Unclean(b.ID)
	}
	w.update(u)
	w.register(b.ID, true)
}

// alter is a leader that reports some ISR of live replicas, which may still be wrong.
func (w *partitionWalk) alter() {
	t := w.topic()
	if t == nil {
		return
	}
	id := int32(w.r.IntN(t.Len()))
	p := t.Partition(id)
	if p.Leader < 0 {
		return
	}
	isr := slices.DeleteFunc(controllertest.Shuffled(w.r.Shuffle, p.Replicas),
		func(id int32) bool { return id != p.Leader && w.r.IntN(4) == 0 })
	if p.RecoveryState == record.Recovering && w.r.IntN(2) == 0 {
		isr = []int32{p.Leader}
	}
	req := kmsg.NewPtrAlterPartitionRequest()
	req.Version, req.BrokerID, req.BrokerEpoch = 2, p.Leader, w.working.Broker(p.Leader).Epoch
	part := kmsg.NewAlterPartitionRequestTopicPartition()
	part.Partition, part.NewISR = id, isr
	part.LeaderEpoch, part.PartitionEpoch = p.LeaderEpoch, p.PartitionEpoch
	req.Topics = []kmsg.AlterPartitionRequestTopic{{TopicID: t.ID,
		Partitions: []kmsg.AlterPartitionRequestTopicPartition{part, part}}}
	w.handle(req)
}

func (w *partitionWalk) assign() {
	t, b := w.topic(), w.broker()
	if t == nil {
		return
	}
	dirs := []protocol.UUID{protocol.DirUnassigned, protocol.DirLost, scriptDir(b.ID, 0),
		scriptDir(b.ID, 5)}
	req := kmsg.NewPtrAssignReplicasToDirsRequest()
	req.BrokerID, req.BrokerEpoch = b.ID, b.Epoch
	dir := kmsg.AssignReplicasToDirsRequestDirectory{ID: dirs[w.r.IntN(len(dirs))]}
	topic := kmsg.AssignReplicasToDirsRequestDirectoryTopic{TopicID: t.ID}
	for id := range t.Partitions() {
		topic.Partitions = append(topic.Partitions,
			kmsg.AssignReplicasToDirsRequestDirectoryTopicPartition{Partition: id})
	}
	dir.Topics = append(dir.Topics, topic)
	req.Directories = append(req.Directories, dir)
	w.handle(req)
}

func (w *partitionWalk) dirOffline() {
	b := w.broker()
	if len(b.LogDirs) < 2 {
		return
	}
	lost := b.LogDirs[len(b.LogDirs)-1]
	changes, _ := w.updateReplicas(w.working, partition.RemoveDirs(b.ID, []protocol.UUID{lost}),
		w.working.Hosted(b.ID), 1_000_000)
	w.apply(append(changes, &record.BrokerRegistrationChange{BrokerID: b.ID, BrokerEpoch: b.Epoch,
		LogDirs: b.LogDirs[:len(b.LogDirs)-1]})...)
}

func (w *partitionWalk) change(f func(*partition.Change) *protocol.Error) {
	t := w.topic()
	if t == nil {
		return
	}
	id := int32(w.r.IntN(t.Len()))
	c := w.partitionRules(w.working, partition.NoUpdate).Of(t).Change(id, t.Partition(id))
	if f(&c) != nil {
		return
	}
	if r := c.Record(); r != nil {
		w.apply(r)
	}
}

func (w *partitionWalk) reassign() {
	w.change(func(c *partition.Change) *protocol.Error {
		return c.Reassign(controllertest.IDs(w.r.Perm(walkBrokers))[:1+w.r.IntN(4)])
	})
}

func (w *partitionWalk) cancel() {
	w.change((*partition.Change).CancelReassignment)
}

func (w *partitionWalk) elect() {
	f := w.electPreferred
	if w.r.IntN(2) == 0 {
		f = w.electUnclean
	}
	w.do(func(o op) result {
		r, _ := f(o)
		return r
	})
}

// check asserts the invariants of each partition, that every leader is live, and that no partition
// is leaderless while its ISR has a live member.
func (w *partitionWalk) check() {
	rules := w.partitionRules(w.working, partition.NoUpdate)
	for t := range w.working.Topics() {
		rules.Of(t)
		for id, p := range t.Partitions() {
			checkPartition(w.t, w.working, t.Name, id, p)
			live := func(id int32) bool { return rules.Acceptable(p, id) }
			if p.Leader >= 0 && !live(p.Leader) {
				w.t.Errorf("%s-%d is led by a dead broker: %s", t.Name, id, partitionText(p))
			}
			if p.Leader < 0 && slices.ContainsFunc(p.ISR, live) {
				w.t.Errorf("%s-%d has no leader but a live ISR: %s", t.Name, id, partitionText(p))
			}
		}
	}
	if w.t.Failed() {
		w.t.Fatalf("after step %d", w.step)
	}
}
