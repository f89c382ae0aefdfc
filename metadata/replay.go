package metadata

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/protocol/batch"
)

// Editor makes the successor of an image. All editors of images that descend from one another must
// be used by one goroutine. After an error an editor must be discarded, because its image is half
// changed. Always: the generation of img is greater than that of base, so that no change reaches
// base.
type Editor struct {
	base *Image
	// allocated separately, so that a published image does not keep its editor, and so its
	// predecessor, in memory
	img         *Image
	lastOrdinal uint32 // the topic looked up last: successive records mostly name one topic
	// ownConfig is the resource whose configs were copied in generation ownGen. While the
	// generation is the same they are changed in place, so that many records of one resource copy
	// them once.
	ownConfig configKey
	ownGen    uint64
	scratch   []byte // for what checking a record needs
	changed   bool   // a record other than a bare NoOp was replayed
}

// Edit begins a successor of img, which does not change.
func (img *Image) Edit() *Editor {
	next := *img
	next.gen++
	return &Editor{base: img, img: &next}
}

// Image is the state as edited so far, for reading between two changes of the same editor. It is
// not a published image.
func (e *Editor) Image() *Image { return e.img }

// Done ends the editor and returns the image, at the position that the log gave to the last batch
// replayed.
func (e *Editor) Done(endOffset int64, epoch int32, timestampMs int64) *Image {
	e.img.endOffset, e.img.epoch, e.img.timestampMs = endOffset, epoch, timestampMs
	if e.changed {
		e.img.changeEnd = endOffset
	}
	return e.img
}

// ReplayBatch replays a whole batch of the log.
func (img *Image) ReplayBatch(b batch.Batch) (*Image, error) {
	e := img.Edit()
	if err := e.Batch(b); err != nil {
		return nil, err
	}
	return e.Done(b.EndOffset(), b.Epoch(), b.TimestampMs()), nil
}

// Batch replays the records of b.
func (e *Editor) Batch(b batch.Batch) error {
	control := b.IsControl()
	return b.Each(func(offset int64, key, value []byte) error {
		if control {
			r, err := record.DecodeControl(key, value)
			if err != nil {
				return err
			}
			e.Control(r)
			return nil
		}
		r, _, err := record.Decode(value)
		if err != nil {
			return err
		}
		return e.Read(offset, r)
	})
}

// Control replays a control record.
func (e *Editor) Control(r record.Control) {
	switch r := r.(type) {
	case *record.KRaftVersion:
		e.img.kraftVersion = r.Version
	case *record.Voters:
		e.img.voters = r
	}
}

// Replay applies one record of the log; no image changes in another way. The image owns the record
// from then on. An error means that the record contradicts the image: its writer has a fault, or
// the log is damaged.
func (e *Editor) Replay(offset int64, r record.Record) error {
	if noOp, ok := r.(*record.NoOp); !ok || len(noOp.Dropped) > 0 {
		e.changed = true
	}
	if err := e.replay(offset, r); err != nil {
		return fmt.Errorf("replay of %v at offset %d: %w", r.Type(), offset, err)
	}
	if e.img.poison.len() > 0 {
		e.cure(offset, r)
	}
	return nil
}

func (e *Editor) replay(offset int64, r record.Record) error {
	img, gen := e.img, e.img.gen
	switch r := r.(type) {
	case *record.RegisterBroker:
		img.brokers.set(gen, r.BrokerID, newBroker(r, offset))
	case *record.UnregisterBroker:
		img.brokers.delete(gen, r.BrokerID)
	case *record.FenceBroker:
		return e.registrationChange(&record.BrokerRegistrationChange{
			BrokerID: r.ID, BrokerEpoch: r.Epoch, Fenced: record.FencedFence,
		})
	case *record.UnfenceBroker:
		return e.registrationChange(&record.BrokerRegistrationChange{
			BrokerID: r.ID, BrokerEpoch: r.Epoch, Fenced: record.FencedUnfence,
		})
	case *record.BrokerRegistrationChange:
		return e.registrationChange(r)
	case *record.RegisterController:
		img.controllers.set(gen, r.ControllerID, r)
	case *record.UnregisterController:
		img.controllers.delete(gen, r.ControllerID)
	case *record.Topic:
		return e.topic(r)
	case *record.RemoveTopic:
		return e.removeTopic(r)
	case *record.Partition:
		return e.partition(r)
	case *record.PartitionChange:
		return e.partitionChange(r)
	case *record.ClearElr:
		return e.clearElr(r)
	case *record.Config:
		e.config(r)
	case *record.ClientQuota:
		e.quota(r)
	case *record.ProducerIDs:
		return e.producerIDs(r)
	case *record.FeatureLevel:
		return e.featureLevel(offset, r)
	case *record.AccessControlEntry:
		e.addACL(r)
	case *record.RemoveAccessControlEntry:
		return e.removeACL(r)
	case *record.UserScramCredential:
		img.scram.set(gen, scramKey(r.Mechanism, r.Name), r)
	case *record.RemoveUserScramCredential:
		img.scram.delete(gen, scramKey(r.Mechanism, r.Name))
	case *record.DelegationToken:
		img.tokens.set(gen, r.TokenID, r)
	case *record.RemoveDelegationToken:
		img.tokens.delete(gen, r.TokenID)
	case *record.BeginTransaction, *record.EndTransaction, *record.AbortTransaction:
		return e.transaction(r)
	case *record.NoOp:
		if len(r.Dropped) > 0 {
			return e.drop(offset, r.Dropped)
		}
	case *record.ZkMigrationState:
	default:
		return errors.New("this record type has no replay")
	}
	return nil
}

func (e *Editor) registrationChange(r *record.BrokerRegistrationChange) error {
	old := e.img.Broker(r.BrokerID)
	if old == nil {
		return fmt.Errorf("broker %d is not registered", r.BrokerID)
	}
	if old.Epoch != r.BrokerEpoch {
		return fmt.Errorf("broker %d has epoch %d, not %d", r.BrokerID, old.Epoch, r.BrokerEpoch)
	}
	b := *old
	switch r.Fenced {
	case record.FencedFence, record.FencedUnfence:
		b.Fenced = r.Fenced == record.FencedFence
	case record.FencedNoChange:
	default:
		return fmt.Errorf("unknown fencing change %d", r.Fenced)
	}
	switch r.InControlledShutdown {
	case 1:
		b.InControlledShutdown = true
	case 0:
	default:
		return fmt.Errorf("unknown controlled shutdown change %d", r.InControlledShutdown)
	}
	if len(r.LogDirs) > 0 {
		b.LogDirs = newBroker(&record.RegisterBroker{LogDirs: r.LogDirs}, 0).LogDirs
	}
	if r.CordonedLogDirs != nil {
		b.CordonedLogDirs = r.CordonedLogDirs
	}
	e.img.brokers.set(e.img.gen, b.ID, &b)
	return nil
}

func (e *Editor) topic(r *record.Topic) error {
	img := e.img
	img.lastOrdinal++
	ordinal := img.lastOrdinal
	if img.topicNames.set(img.gen, r.Name, ordinal) {
		return fmt.Errorf("there is already a topic named %q", r.Name)
	}
	if img.topicIDs.set(img.gen, string(r.TopicID[:]), ordinal) {
		return fmt.Errorf("there is already a topic with id %v", r.TopicID)
	}
	t := &Topic{Name: r.Name, ID: r.TopicID, ordinal: ordinal}
	t.partitions.own(img.gen) // they mostly follow at once
	img.topics.set(img.gen, ordinal, t)
	e.lastOrdinal = ordinal
	return nil
}

func (e *Editor) removeTopic(r *record.RemoveTopic) error {
	img := e.img
	t := img.Topic(r.TopicID)
	if t == nil {
		return fmt.Errorf("there is no topic with id %v", r.TopicID)
	}
	for id, p := range t.Partitions() {
		e.reindex(newPartitionRef(t.ordinal, id), p, nil)
	}
	img.partitions -= t.Len()
	img.topics.delete(img.gen, t.ordinal)
	img.topicIDs.delete(img.gen, string(t.ID[:]))
	img.topicNames.delete(img.gen, t.Name)
	img.configs.delete(img.gen, newConfigKey(ConfigTopic, t.Name))
	return nil
}

// put replaces a partition of t, or adds it.
func (e *Editor) put(t *Topic, id int32, p *Partition) {
	img := e.img
	if !t.partitions.owned(img.gen) {
		own := *t
		own.partitions.own(img.gen)
		t = &own
		img.topics.set(img.gen, t.ordinal, t)
	}
	old := t.Partition(id)
	if old == nil {
		img.partitions++
	}
	t.partitions.set(img.gen, id, p)
	e.reindex(newPartitionRef(t.ordinal, id), old, p)
}

// topicByID is Image.Topic, and fast if the topic is that of the last call.
func (e *Editor) topicByID(id protocol.UUID) *Topic {
	if t, ok := e.img.topics.get(e.lastOrdinal); ok && t.ID == id {
		return t
	}
	t := e.img.Topic(id)
	if t != nil {
		e.lastOrdinal = t.ordinal
	}
	return t
}

func (e *Editor) partition(r *record.Partition) error {
	t := e.topicByID(r.TopicID)
	if t == nil {
		return fmt.Errorf("there is no topic with id %v", r.TopicID)
	}
	if n := len(r.Directories); n != 0 && n != len(r.Replicas) {
		return fmt.Errorf(
			"%s-%d has %d directories for %d replicas", t.Name, r.PartitionID, n, len(r.Replicas),
		)
	}
	if r.LeaderRecoveryState != record.Recovered && r.LeaderRecoveryState != record.Recovering {
		return fmt.Errorf(
			"%s-%d has an unknown leader recovery state %d", t.Name, r.PartitionID,
			r.LeaderRecoveryState,
		)
	}
	e.put(t, r.PartitionID, newPartition(r))
	return nil
}

func (e *Editor) partitionChange(r *record.PartitionChange) error {
	t := e.topicByID(r.TopicID)
	if t == nil {
		return fmt.Errorf("there is no topic with id %v", r.TopicID)
	}
	p := t.Partition(r.PartitionID)
	if p == nil {
		return fmt.Errorf("topic %s has no partition %d", t.Name, r.PartitionID)
	}
	if s := r.LeaderRecoveryState; s != record.NoRecoveryChange && s != record.Recovered &&
		s != record.Recovering {
		return fmt.Errorf("%s-%d gets an unknown leader recovery state %d", t.Name, r.PartitionID, s)
	}
	n := p.Merge(r)
	if len(n.Directories) != len(n.Replicas) {
		return fmt.Errorf(
			"%s-%d gets %d directories for %d replicas", t.Name, r.PartitionID, len(n.Directories),
			len(n.Replicas),
		)
	}
	e.put(t, r.PartitionID, n)
	return nil
}

func (e *Editor) clearElr(r *record.ClearElr) error {
	if r.TopicName == "" {
		for t := range e.img.Topics() {
			e.clearTopicElr(t)
		}
		return nil
	}
	t := e.img.TopicByName(r.TopicName)
	if t == nil {
		return fmt.Errorf("there is no topic named %q", r.TopicName)
	}
	e.clearTopicElr(t)
	return nil
}

func (e *Editor) clearTopicElr(t *Topic) {
	cleared := make(map[int32]*Partition)
	for id, p := range t.Partitions() {
		if len(p.ELR())+len(p.LastKnownELR()) > 0 {
			change := record.NewPartitionChange(t.ID, id)
			change.EligibleLeaderReplicas, change.LastKnownELR = []int32{}, []int32{}
			cleared[id] = p.Merge(change)
		}
	}
	for _, id := range sortedKeys(cleared) {
		e.put(e.img.Topic(t.ID), id, cleared[id])
	}
}

func (e *Editor) config(r *record.Config) {
	key := newConfigKey(r.ResourceType, r.ResourceName)
	old, _ := e.img.configs.get(key)
	values := e.copyOfConfig(key, old)
	if r.Value == nil {
		delete(values, r.Name)
	} else {
		if values == nil {
			values = make(map[string]string, 1)
		}
		values[r.Name] = *r.Value
	}
	if len(values) == 0 {
		e.img.configs.delete(e.img.gen, key)
		e.ownConfig = ""
		return
	}
	e.img.configs.set(e.img.gen, key, values)
}

// copyOfConfig returns a copy of a resource's configs, or the copy that this editor has made
// before.
func (e *Editor) copyOfConfig(key configKey, old map[string]string) map[string]string {
	if e.ownConfig == key && e.ownGen == e.img.gen {
		return old
	}
	e.ownConfig, e.ownGen = key, e.img.gen
	return maps.Clone(old)
}

func (e *Editor) quota(r *record.ClientQuota) {
	key := quotaKey(r.Entity)
	old, _ := e.img.quotas.get(key)
	q := &Quota{Entity: r.Entity}
	if old != nil {
		q.Entity, q.Values = old.Entity, maps.Clone(old.Values)
	}
	if r.Remove {
		delete(q.Values, r.Key)
	} else {
		if q.Values == nil {
			q.Values = make(map[string]float64, 1)
		}
		q.Values[r.Key] = r.Value
	}
	if len(q.Values) == 0 {
		e.img.quotas.delete(e.img.gen, key)
		return
	}
	e.img.quotas.set(e.img.gen, key, q)
}

// quotaKey returns a key that does not depend on the order of an entity's parts.
func quotaKey(entity []record.QuotaEntity) string {
	parts := make(map[string]string, len(entity))
	for _, e := range entity {
		parts[e.Type] = "\x00"
		if e.Name != nil {
			parts[e.Type] = "\x01" + *e.Name
		}
	}
	var b strings.Builder
	for _, k := range sortedKeys(parts) {
		fmt.Fprintf(&b, "%q%q", k, parts[k])
	}
	return b.String()
}

func (e *Editor) producerIDs(r *record.ProducerIDs) error {
	if r.NextProducerID <= e.img.nextProducerID {
		return fmt.Errorf(
			"next producer id %d does not follow %d", r.NextProducerID, e.img.nextProducerID,
		)
	}
	e.img.nextProducerID = r.NextProducerID
	return nil
}

func (e *Editor) featureLevel(offset int64, r *record.FeatureLevel) error {
	if r.Name == FeatureMetadata {
		if v := Version(r.Level); v < MinVersion || v > UnstableVersion {
			return fmt.Errorf(
				"metadata.version %d is not one that this release knows (%d to %d)", r.Level,
				MinVersion, UnstableVersion,
			)
		}
	}
	// KAFKA-18979: a log may have such a record, but the control record decides
	if r.Name == FeatureKRaft {
		return nil
	}
	features := maps.Clone(e.img.features)
	if features == nil {
		features = make(map[string]int16)
	}
	features[r.Name] = r.Level
	if r.Level == 0 {
		delete(features, r.Name)
	}
	e.img.features, e.img.featuresOffset = features, offset
	return nil
}

func (e *Editor) addACL(r *record.AccessControlEntry) {
	if old := e.img.ACL(r.ID); old != nil {
		e.img.aclIndex.Remove(e.img.gen, old)
	}
	e.img.acls.set(e.img.gen, string(r.ID[:]), r)
	e.img.aclIndex.Add(e.img.gen, r)
}

func (e *Editor) removeACL(r *record.RemoveAccessControlEntry) error {
	old := e.img.ACL(r.ID)
	if old == nil {
		return fmt.Errorf("there is no access control entry %v", r.ID)
	}
	e.img.aclIndex.Remove(e.img.gen, old)
	e.img.acls.delete(e.img.gen, string(r.ID[:]))
	return nil
}

// transaction opens, publishes or aborts a metadata transaction (KIP-868).
func (e *Editor) transaction(r record.Record) error {
	if _, begin := r.(*record.BeginTransaction); begin {
		if e.img.beforeTransaction != nil {
			return errors.New("a metadata transaction is already open")
		}
		before := *e.img
		e.img.beforeTransaction, e.img.stable = &before, e.base.Stable()
		e.img.gen++
		return nil
	}
	before := e.img.beforeTransaction
	if before == nil {
		return errors.New("no metadata transaction is open")
	}
	if _, abort := r.(*record.AbortTransaction); abort {
		gen, kraftVersion, voters := e.img.gen, e.img.kraftVersion, e.img.voters
		cleanFrom := e.img.cleanFrom
		*e.img = *before
		e.img.gen = gen + 1
		// control records are in no transaction
		e.img.kraftVersion, e.img.voters = kraftVersion, voters
		e.img.cleanFrom = cleanFrom // brokers read aborted records, too
	}
	e.img.beforeTransaction, e.img.stable = nil, nil
	return nil
}
