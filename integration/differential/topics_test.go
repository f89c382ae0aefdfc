package differential

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Requests of brokers and clients about topics and partitions.

func (w *world) topicName() string { return fmt.Sprintf("t%d", w.rng.IntN(topicCount)) }

// likelyTopicName draws a name that mostly is that of an existing topic.
func (w *world) likelyTopicName() string {
	if t := w.anyTopic(); t != nil && w.chance(80) {
		return t.Name
	}
	return w.topicName()
}

func (w *world) anyTopic() *metadata.Topic {
	all := slices.Collect(w.img().TopicsByName(""))
	if len(all) == 0 {
		return nil
	}
	return pick(w.rng, all)
}

// aPartition draws a partition of the image; ok is false if there is none.
func (w *world) aPartition() (t *metadata.Topic, id int32, p *metadata.Partition, ok bool) {
	t = w.anyTopic()
	if t == nil || t.Len() == 0 {
		return nil, 0, nil, false
	}
	id = int32(w.rng.IntN(t.Len()))
	p = t.Partition(id)
	return t, id, p, p != nil
}

// replicas draws a list of distinct brokers, mostly registered ones.
func (w *world) replicas(most int) []int32 {
	ids := slices.Collect(maps.Keys(maps.Collect(w.img().Brokers())))
	slices.Sort(ids)
	if len(ids) == 0 || w.chance(4) {
		ids = []int32{1, 2, 3, 98}
	}
	w.rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	return ids[:min(len(ids), 1+w.rng.IntN(most))]
}

func (w *world) assignment(partitions, factor int) [][]int32 {
	var all [][]int32
	for range partitions {
		r := w.replicas(brokerCount)
		for len(r) != factor && w.chance(95) && len(r) > 0 {
			if len(r) < factor {
				r = w.replicas(brokerCount)
				if !w.chance(95) {
					break
				}
				continue
			}
			r = r[:factor]
		}
		if w.chance(1) {
			r = append(slices.Clone(r), r[0])
		}
		all = append(all, r)
	}
	return all
}

func (w *world) createTopics() {
	req := kmsg.NewPtrCreateTopicsRequest()
	version(w.rng, req)
	req.TimeoutMillis, req.ValidateOnly = 10_000, w.chance(5)
	for range 1 + w.rng.IntN(2) {
		req.Topics = append(req.Topics, w.topicToCreate())
	}
	if w.chance(2) {
		req.Topics = append(req.Topics, req.Topics[0])
	}
	w.request(req)
}

func (w *world) topicToCreate() kmsg.CreateTopicsRequestTopic {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = w.topicName(), -1, -1
	if w.chance(4) {
		t.Topic = pick(w.rng, []string{"a.b.c", "a_b.c", "a.b_c"})
	}
	if w.chance(4) {
		t.Topic = pick(w.rng, []string{"", ".", "..", "a.b", "a_b", "a.b_c", "a/b",
			"__cluster_metadata", strings.Repeat("n", 249), strings.Repeat("n", 250)})
	}
	switch {
	case w.chance(20): // placed by the controller
		t.NumPartitions, t.ReplicationFactor = pick(w.rng, []int32{-1, 1, 3, 3, 2, 0, -2}),
			pick(w.rng, []int16{-1, 1, 2, 3, 3, 5, 0, -2, 20})
		if w.chance(2) {
			// With more, the sum of two topics is negative in Kafka, which then tries to place
			// them.
			t.NumPartitions = pick(w.rng, []int32{10_001, 1 << 29})
		}
	default:
		for i, replicas := range w.assignment(1+w.rng.IntN(4), 1+w.rng.IntN(4)) {
			a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
			a.Partition, a.Replicas = int32(i), replicas
			if w.chance(1) {
				a.Partition = int32(w.rng.IntN(5))
			}
			t.ReplicaAssignment = append(t.ReplicaAssignment, a)
		}
		if w.chance(2) {
			t.NumPartitions = 3
		}
		if w.chance(2) {
			t.ReplicationFactor = 2
		}
	}
	for range w.rng.IntN(4) - 1 {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = w.topicConfig()
		t.Configs = append(t.Configs, c)
	}
	return t
}

func (w *world) createPartitions() {
	req := kmsg.NewPtrCreatePartitionsRequest()
	version(w.rng, req)
	req.TimeoutMillis, req.ValidateOnly = 10_000, w.chance(10)
	for range 1 + w.rng.IntN(2) {
		t := kmsg.NewCreatePartitionsRequestTopic()
		t.Topic, t.Count = w.likelyTopicName(), int32(w.rng.IntN(7))
		if known := w.img().TopicByName(t.Topic); known != nil {
			if !uniform(known) {
				continue
			}
			added := w.rng.IntN(4) - w.rng.IntN(2)
			t.Count = int32(known.Len() + added)
			if !w.chance(15) && known.Partition(0) != nil {
				for _, replicas := range w.assignment(max(added, 0),
					len(known.Partition(0).Replicas)) {
					t.Assignment = append(t.Assignment,
						kmsg.CreatePartitionsRequestTopicAssignment{Replicas: replicas})
				}
			}
		}
		if w.chance(2) {
			t.Assignment = append(t.Assignment,
				kmsg.CreatePartitionsRequestTopicAssignment{Replicas: w.replicas(3)})
		}
		if t.Count < 12 {
			req.Topics = append(req.Topics, t)
		}
	}
	// Only one, since in Kafka it leaves no room for another.
	if len(req.Topics) > 0 && w.chance(2) {
		req.Topics = req.Topics[:1]
		req.Topics[0].Count, req.Topics[0].Assignment = 10_100, nil
	}
	if len(req.Topics) > 0 && w.chance(3) {
		req.Topics = append(req.Topics, req.Topics[0])
	}
	w.request(req)
}

// uniform reports whether all partitions of a topic have equally many replicas. New partitions get
// as many as an existing one, which Kafka chooses by the order of a hash table.
func uniform(t *metadata.Topic) bool {
	for _, p := range t.Partitions() {
		if t.Partition(0) == nil || len(p.Replicas) != len(t.Partition(0).Replicas) {
			return false
		}
	}
	return true
}

func (w *world) deleteTopics() {
	req := kmsg.NewPtrDeleteTopicsRequest()
	version(w.rng, req)
	req.TimeoutMillis = 10_000
	for range 1 + w.rng.IntN(2) {
		name := w.topicName()
		if req.Version < 6 {
			req.TopicNames = append(req.TopicNames, name)
			continue
		}
		t := kmsg.NewDeleteTopicsRequestTopic()
		known := w.img().TopicByName(name)
		switch {
		case w.chance(40):
			t.Topic = &name
		case known != nil:
			t.TopicID = known.ID
		case w.chance(50):
			t.TopicID = w.unique('t')
		}
		if w.chance(5) {
			t.Topic = &name
		}
		req.Topics = append(req.Topics, t)
		if w.chance(5) { // again, or by its other name
			if t.Topic != nil && known != nil && w.chance(50) {
				t.Topic, t.TopicID = nil, known.ID
			}
			req.Topics = append(req.Topics, t)
		}
	}
	if len(req.TopicNames) > 0 && w.chance(5) {
		req.TopicNames = append(req.TopicNames, req.TopicNames[0])
	}
	w.request(req)
}

func (w *world) alterPartition() {
	t, _, p, ok := w.aPartition()
	if !ok {
		return
	}
	req := kmsg.NewPtrAlterPartitionRequest()
	version(w.rng, req)
	req.BrokerID = p.Leader
	if p.Leader < 0 || w.chance(5) {
		req.BrokerID = w.anyBroker().id
	}
	req.BrokerEpoch = w.epoch(req.BrokerID)
	if w.chance(3) {
		req.BrokerEpoch++
	}
	req.Topics = append(req.Topics, w.alteredTopic(req, t))
	if other := w.anyTopic(); w.chance(20) && (other != t || w.chance(20)) {
		req.Topics = append(req.Topics, w.alteredTopic(req, other))
	}
	for _, topic := range req.Topics {
		if malformed := slices.IndexFunc(topic.Partitions,
			func(p kmsg.AlterPartitionRequestTopicPartition) bool {
				return p.LeaderRecoveryState > 1
			}); malformed >= 0 {
			// Kafka fails the whole request
			topic.Partitions = topic.Partitions[malformed : malformed+1]
			req.Topics = []kmsg.AlterPartitionRequestTopic{topic}
			break
		}
	}
	w.request(req)
}

// alteredTopic contains all partitions of a topic that the sender leads, and rarely others.
func (w *world) alteredTopic(
	req *kmsg.AlterPartitionRequest, t *metadata.Topic,
) kmsg.AlterPartitionRequestTopic {
	topic := kmsg.NewAlterPartitionRequestTopic()
	topic.TopicID = t.ID
	for id, p := range t.Partitions() {
		if p.Leader == req.BrokerID && w.chance(70) || w.chance(4) {
			topic.Partitions = append(topic.Partitions, w.alteration(id, p, req.Version))
		}
	}
	if w.chance(2) {
		topic.TopicID = w.unique('t')
	}
	if len(topic.Partitions) > 0 && w.chance(3) {
		again := topic.Partitions[0]
		again.Partition += int32(w.rng.IntN(2)) * 50
		topic.Partitions = append(topic.Partitions, again)
	}
	return topic
}

func (w *world) alteration(
	id int32, p *metadata.Partition, version int16,
) kmsg.AlterPartitionRequestTopicPartition {
	a := kmsg.NewAlterPartitionRequestTopicPartition()
	a.Partition, a.LeaderEpoch, a.PartitionEpoch, a.LeaderRecoveryState = id, p.LeaderEpoch,
		p.PartitionEpoch, p.RecoveryState
	switch w.rng.IntN(40) {
	case 0:
		a.LeaderEpoch += int32(w.rng.IntN(3) - 1)
	case 1:
		a.PartitionEpoch += int32(w.rng.IntN(3) - 1)
	case 2:
		a.LeaderRecoveryState = int8(w.rng.IntN(3))
	}
	if p.RecoveryState == record.Recovering && w.chance(70) {
		a.LeaderRecoveryState = record.Recovered
	}
	for _, id := range w.newISR(p) {
		a.NewISR = append(a.NewISR, id)
		member := kmsg.NewAlterPartitionRequestTopicPartitionNewEpochISR()
		member.BrokerID, member.BrokerEpoch = id, w.epoch(id)
		if w.chance(4) {
			member.BrokerEpoch = pick(w.rng,
				[]int64{-1, member.BrokerEpoch - 1, member.BrokerEpoch + 1})
		}
		a.NewEpochISR = append(a.NewEpochISR, member)
	}
	if version >= 3 {
		a.NewISR = nil
	} else {
		a.NewEpochISR = nil
	}
	return a
}

// newISR grows the ISR to all active replicas, or shrinks it, or is arbitrary.
func (w *world) newISR(p *metadata.Partition) []int32 {
	var isr []int32
	kind := w.rng.IntN(10)
	for _, id := range p.Replicas {
		b := w.img().Broker(id)
		active := b != nil && b.Active()
		in := slices.Contains(p.ISR, id)
		switch {
		case kind < 5 && (in || active), kind >= 5 && kind < 8 && active &&
			(id == p.Leader || w.chance(60)), kind == 8 && (in || w.chance(50)), kind == 9 &&
			w.chance(60):
			isr = append(isr, id)
		}
	}
	if w.chance(3) {
		isr = append(isr, pick(w.rng, []int32{-1, 99, 1, p.Leader}))
	}
	if w.chance(30) {
		w.rng.Shuffle(len(isr), func(i, j int) { isr[i], isr[j] = isr[j], isr[i] })
	}
	return isr
}

func (w *world) reassign() {
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	version(w.rng, req)
	req.TimeoutMillis = 10_000
	req.AllowReplicationFactorChange = req.Version == 0 || w.chance(80)
	for range 1 + w.rng.IntN(2) {
		t := kmsg.NewAlterPartitionAssignmentsRequestTopic()
		t.Topic = w.topicName()
		if known, _, _, ok := w.aPartition(); ok && w.chance(95) {
			t.Topic = known.Name
		}
		if slices.ContainsFunc(req.Topics,
			func(other kmsg.AlterPartitionAssignmentsRequestTopic) bool {
				return other.Topic == t.Topic
			}) {
			continue
		}
		for id := range w.partitionIDs(t.Topic) {
			p := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
			p.Partition, p.Replicas = id, w.target(w.img().TopicByName(t.Topic), id)
			t.Partitions = append(t.Partitions, p)
			if w.chance(1) {
				p.Replicas = w.target(w.img().TopicByName(t.Topic), id)
				t.Partitions = append(t.Partitions, p)
			}
		}
		req.Topics = append(req.Topics, t)
	}
	w.request(req)
}

// partitionIDs are about half of a topic's partitions, and rarely one that it does not have.
func (w *world) partitionIDs(topic string) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		n := 1
		if t := w.img().TopicByName(topic); t != nil {
			n = t.Len() + w.rng.IntN(6)/5
		}
		for id := range int32(n) {
			if w.chance(50) && !yield(id) {
				return
			}
		}
	}
}

// target draws the target replicas of a partition's reassignment; nil cancels it.
func (w *world) target(t *metadata.Topic, id int32) []int32 {
	if w.chance(2) {
		return []int32{}
	}
	if t == nil || t.Partition(id) == nil {
		return w.replicas(4)
	}
	p := t.Partition(id)
	switch {
	case p.Reassigning() && w.chance(35), w.chance(4):
		return nil
	case w.chance(30): // one replica replaced, or the order changed
		replicas := slices.Clone(p.Replicas)
		w.rng.Shuffle(len(replicas),
			func(i, j int) { replicas[i], replicas[j] = replicas[j], replicas[i] })
		if w.chance(60) {
			replicas[0] = w.replicas(1)[0]
		}
		return replicas
	}
	return w.replicas(5)
}

func (w *world) elect() {
	req := kmsg.NewPtrElectLeadersRequest()
	version(w.rng, req)
	if req.Version > 0 {
		req.ElectionType = int8(w.rng.IntN(2))
		if w.chance(2) {
			req.ElectionType = 5
		}
	}
	req.TimeoutMillis = 10_000
	if w.chance(40) {
		w.request(req)
		return
	}
	req.Topics = []kmsg.ElectLeadersRequestTopic{}
	for range w.rng.IntN(3) {
		t := kmsg.NewElectLeadersRequestTopic()
		t.Topic = w.likelyTopicName()
		t.Partitions = slices.Collect(w.partitionIDs(t.Topic))
		if len(t.Partitions) > 0 && w.chance(20) {
			t.Partitions = append(t.Partitions, t.Partitions[0])
		}
		if !slices.ContainsFunc(req.Topics,
			func(other kmsg.ElectLeadersRequestTopic) bool { return other.Topic == t.Topic }) {
			req.Topics = append(req.Topics, t)
		}
	}
	w.request(req)
}

func (w *world) assignDirs() {
	b := w.anyBroker()
	req := kmsg.NewPtrAssignReplicasToDirsRequest()
	req.BrokerID, req.BrokerEpoch = b.id, w.epoch(b.id)
	if w.chance(4) {
		req.BrokerEpoch++
	}
	for range 1 + w.rng.IntN(2) {
		d := kmsg.NewAssignReplicasToDirsRequestDirectory()
		d.ID = w.directory(b)
		t, id, _, ok := w.aPartition()
		if !ok {
			return
		}
		topic := kmsg.NewAssignReplicasToDirsRequestDirectoryTopic()
		topic.TopicID = t.ID
		if w.chance(3) {
			topic.TopicID = w.unique('t')
		}
		for n := range int32(t.Len()) {
			if n == id || w.chance(30) {
				topic.Partitions = append(topic.Partitions,
					kmsg.AssignReplicasToDirsRequestDirectoryTopicPartition{Partition: n +
						int32(w.rng.IntN(25)/24)*40})
			}
		}
		d.Topics = append(d.Topics, topic)
		req.Directories = append(req.Directories, d)
	}
	w.request(req)
}

func (w *world) directory(b *broker) protocol.UUID {
	if len(b.dirs) > 0 && w.chance(85) {
		return pick(w.rng, b.dirs)
	}
	if other := w.anyBroker(); len(other.dirs) > 0 && w.chance(60) {
		return pick(w.rng, other.dirs)
	}
	return pick(w.rng, []protocol.UUID{protocol.DirLost, protocol.DirUnassigned, protocol.DirMigrating,
		w.unique('?')})
}

func (w *world) list() {
	req := kmsg.NewPtrListPartitionReassignmentsRequest()
	req.TimeoutMillis = 10_000
	if w.chance(70) {
		w.request(req)
		return
	}
	req.Topics = []kmsg.ListPartitionReassignmentsRequestTopic{}
	for n, first := w.rng.IntN(3), w.rng.IntN(topicCount); n > 0; n-- {
		req.Topics = append(req.Topics,
			kmsg.ListPartitionReassignmentsRequestTopic{Topic: fmt.Sprintf("t%d",
				(first+n)%topicCount), Partitions: []int32{0, 1, 2, 9}})
	}
	w.request(req)
}
