package metadata

import (
	"bytes"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/protocol/batch"
)

// history makes random records that fit the image they are meant for, so that logs with everything
// in them can be had from a seed.
type history struct {
	*rand.Rand
	version   Version
	tx        bool // metadata transactions too
	offset    int64
	timestamp int64
}

func newHistory(seed uint64, version Version) *history {
	return &history{
		Rand: rand.New(rand.NewPCG(seed, uint64(version))), version: version,
		timestamp: 1000,
	}
}

func (h *history) uuid() (u protocol.UUID) {
	for i := range u {
		u[i] = byte(h.Uint32())
	}
	u[0] |= 1 // not reserved
	return u
}

func (h *history) name(kind string) string { return fmt.Sprintf("%s-%d", kind, h.IntN(12)) }

func (h *history) maybe() bool { return h.IntN(2) == 0 }

// pick returns some element, or false when there is none.
func pick[T any](h *history, all iter.Seq[T]) (T, bool) {
	list := slices.Collect(all)
	if len(list) == 0 {
		var none T
		return none, false
	}
	return list[h.IntN(len(list))], true
}

// brokers are up to n different ids.
func (h *history) brokers(n int) []int32 {
	ids := make([]int32, 0, n)
	for _, id := range h.Perm(9)[:h.IntN(n)+1] {
		ids = append(ids, int32(id))
	}
	return ids
}

func (h *history) subset(ids []int32) []int32 {
	out := []int32{}
	for _, id := range ids {
		if h.IntN(4) > 0 {
			out = append(out, id)
		}
	}
	return out
}

func (h *history) dirs(n int) []protocol.UUID {
	dirs := make([]protocol.UUID, n)
	for i := range dirs {
		switch h.IntN(6) {
		case 0:
			dirs[i] = protocol.DirUnassigned
		case 1:
			dirs[i] = protocol.DirLost
		case 2:
			dirs[i] = protocol.DirMigrating
		default:
			dirs[i] = h.uuid()
		}
	}
	return dirs
}

func (h *history) leader(isr []int32) int32 {
	if len(isr) == 0 || h.IntN(6) == 0 {
		return record.NoLeader
	}
	return isr[h.IntN(len(isr))]
}

// record makes one record that fits img.
func (h *history) record(img *Image) record.Record {
	kinds := []func(*Image) record.Record{
		h.registerBroker, h.changeBroker, h.removeBroker, h.registerController,
		h.unregisterController, h.topic, h.topic,
		h.partition, h.partition, h.partition, h.partition,
		h.partitionChange, h.partitionChange, h.partitionChange, h.partitionChange,
		h.partitionChange, h.removeTopic, h.clearElr,
		h.config, h.config, h.quota, h.acl, h.scram, h.token, h.feature, h.producerIDs, h.nothing,
	}
	if h.tx {
		kinds = append(kinds, h.transaction, h.transaction)
	}
	for {
		if r := kinds[h.IntN(len(kinds))](img); r != nil {
			return r
		}
	}
}

func (h *history) registerBroker(*Image) record.Record {
	r := &record.RegisterBroker{
		BrokerID:      int32(h.IntN(9)),
		IncarnationID: h.uuid(), BrokerEpoch: h.offset, Fenced: h.maybe(),
		InControlledShutdown: h.IntN(5) == 0,
		Endpoints: []record.Endpoint{
			{Name: "PLAINTEXT", Host: h.name("host"), Port: uint16(h.Uint32())},
		}, Features: SupportedFeatures(h.maybe()),
	}
	if h.maybe() {
		rack := h.name("rack")
		r.Rack = &rack
	}
	if h.version.HasDirectories() {
		r.LogDirs = []protocol.UUID{h.uuid(), h.uuid()}
		slices.SortFunc(r.LogDirs, protocol.UUID.Compare)
	}
	if h.version.HasCordonedDirectories() {
		r.CordonedLogDirs = [][]protocol.UUID{nil, {}, r.LogDirs[:1]}[h.IntN(3)]
	}
	return r
}

func (h *history) changeBroker(img *Image) record.Record {
	id, ok := pick(h, keys(img.Brokers()))
	if !ok {
		return nil
	}
	epoch := img.Broker(id).Epoch
	switch h.IntN(8) {
	case 0:
		return &record.FenceBroker{ID: id, Epoch: epoch}
	case 1:
		return &record.UnfenceBroker{ID: id, Epoch: epoch}
	}
	r := &record.BrokerRegistrationChange{
		BrokerID: id, BrokerEpoch: epoch,
		Fenced: int8(h.IntN(3) - 1), InControlledShutdown: int8(h.IntN(2)),
	}
	if h.version.HasDirectories() && h.maybe() {
		r.LogDirs = []protocol.UUID{h.uuid()}
	}
	if h.version.HasCordonedDirectories() && h.maybe() {
		r.CordonedLogDirs = []protocol.UUID{}
	}
	return r
}

func keys[K, V any](all iter.Seq2[K, V]) iter.Seq[K] {
	return func(yield func(K) bool) {
		for k := range all {
			if !yield(k) {
				return
			}
		}
	}
}

func (h *history) removeBroker(img *Image) record.Record {
	id, ok := pick(h, keys(img.Brokers()))
	if !ok || h.IntN(4) > 0 {
		return nil
	}
	return &record.UnregisterBroker{BrokerID: id, BrokerEpoch: img.Broker(id).Epoch}
}

func (h *history) registerController(*Image) record.Record {
	if !h.version.HasControllerRegistration() {
		return nil
	}
	return &record.RegisterController{
		ControllerID:  int32(3000 + h.IntN(3)),
		IncarnationID: h.uuid(), Features: SupportedFeatures(false),
		Endpoints: []record.Endpoint{{Name: "CONTROLLER", Host: "c", Port: 9093}},
	}
}

// unregisterController sometimes names a controller that is not registered, which is no error.
func (h *history) unregisterController(*Image) record.Record {
	if !h.version.HasControllerUnregistration() {
		return nil
	}
	return &record.UnregisterController{ControllerID: int32(3000 + h.IntN(4))}
}

func (h *history) topic(img *Image) record.Record {
	name := h.name("topic")
	if img.TopicByName(name) != nil {
		return nil
	}
	return &record.Topic{Name: name, TopicID: h.uuid()}
}

func (h *history) partition(img *Image) record.Record {
	t, ok := pick(h, img.Topics())
	if !ok {
		return nil
	}
	id := int32(t.Len())
	if h.IntN(5) == 0 {
		id = int32(h.IntN(t.Len() + 1)) // a partition that may be there already
	}
	replicas := h.brokers(5)
	r := &record.Partition{
		TopicID: t.ID, PartitionID: id, Replicas: replicas, ISR: h.subset(replicas),
		LeaderRecoveryState: int8(h.IntN(2)),
		LeaderEpoch:         h.Int32N(100), PartitionEpoch: h.Int32N(100),
	}
	r.Leader = h.leader(r.ISR)
	if h.maybe() {
		r.ISR = slices.Clone(replicas)
	}
	if h.IntN(4) == 0 {
		r.AddingReplicas, r.RemovingReplicas = h.subset(replicas), h.subset(replicas)
	}
	if h.version.HasDirectories() {
		r.Directories = h.dirs(len(replicas))
	}
	if h.version.HasElr() && h.maybe() {
		r.EligibleLeaderReplicas, r.LastKnownELR = h.subset(replicas), h.subset(replicas)
	}
	return r
}

func (h *history) partitionChange(img *Image) record.Record {
	t, ok := pick(h, img.Topics())
	if !ok {
		return nil
	}
	id, ok := pick(h, keys(t.Partitions()))
	if !ok {
		return nil
	}
	p, r := t.Partition(id), record.NewPartitionChange(t.ID, id)
	replicas := p.Replicas
	if h.maybe() {
		r.ISR = h.subset(replicas)
		r.Leader = h.leader(r.ISR)
	}
	if h.IntN(4) == 0 {
		replicas = h.brokers(5)
		r.Replicas, r.AddingReplicas = replicas, h.subset(replicas)
		r.RemovingReplicas = h.subset(replicas)
		if h.version.HasDirectories() {
			r.Directories = h.dirs(len(replicas))
		}
	}
	if h.IntN(6) == 0 {
		r.LeaderRecoveryState = int8(h.IntN(2))
	}
	if h.version.HasElr() && h.maybe() {
		r.EligibleLeaderReplicas = h.subset(replicas)
		r.LastKnownELR = h.subset(replicas)
	}
	return r
}

func (h *history) removeTopic(img *Image) record.Record {
	t, ok := pick(h, img.Topics())
	if !ok || h.IntN(4) > 0 {
		return nil
	}
	return &record.RemoveTopic{TopicID: t.ID}
}

func (h *history) clearElr(img *Image) record.Record {
	if h.IntN(4) == 0 {
		return &record.ClearElr{}
	}
	t, ok := pick(h, img.Topics())
	if !ok {
		return nil
	}
	return &record.ClearElr{TopicName: t.Name}
}

func (h *history) config(img *Image) record.Record {
	r := &record.Config{
		ResourceType: []int8{ConfigTopic, ConfigBroker, ConfigClientMetrics, ConfigGroup}[h.IntN(4)],
		ResourceName: h.name("topic"), Name: h.name("key"),
	}
	if r.ResourceType == ConfigBroker && h.maybe() {
		r.ResourceName = ""
	}
	if h.IntN(3) > 0 {
		value := h.name("value")
		r.Value = &value
	}
	return r
}

func (h *history) quota(*Image) record.Record {
	user, client := h.name("user"), "client"
	entities := [][]record.QuotaEntity{
		{{Type: "user", Name: &user}}, {{Type: "user"}}, {{Type: "ip", Name: &user}},
		{
			{Type: "user", Name: &user}, {Type: "client-id", Name: &client},
		}, {{Type: "client-id", Name: &client}, {Type: "user", Name: &user}},
	}
	return &record.ClientQuota{
		Entity: entities[h.IntN(len(entities))], Key: h.name("rate"), Value: 1 - h.Float64(),
		Remove: h.IntN(3) == 0,
	}
}

func (h *history) acl(img *Image) record.Record {
	if e, ok := pick(h, keys(img.ACLs())); ok && h.IntN(3) == 0 {
		return &record.RemoveAccessControlEntry{ID: protocol.UUID([]byte(e))}
	}
	return &record.AccessControlEntry{
		ID: h.uuid(), ResourceType: 2, ResourceName: h.name("topic"),
		PatternType: 3, Principal: h.name("User:u"), Host: "*", Operation: 3,
		PermissionType: 3,
	}
}

func (h *history) scram(*Image) record.Record {
	if !h.version.HasScram() {
		return nil
	}
	name, mechanism := h.name("user"), int8(1+h.IntN(2))
	if h.IntN(3) == 0 {
		return &record.RemoveUserScramCredential{Name: name, Mechanism: mechanism}
	}
	return &record.UserScramCredential{
		Name: name, Mechanism: mechanism, Salt: []byte{1},
		StoredKey: []byte{byte(h.IntN(9))}, ServerKey: []byte{3}, Iterations: 4096,
	}
}

func (h *history) token(*Image) record.Record {
	if !h.version.HasDelegationTokens() {
		return nil
	}
	id := h.name("token")
	if h.IntN(3) == 0 {
		return &record.RemoveDelegationToken{TokenID: id}
	}
	return &record.DelegationToken{
		Owner: "User:a", Requester: "User:b", Renewers: []string{"User:c"},
		MaxTimestamp: h.Int64(), TokenID: id,
	}
}

func (h *history) feature(*Image) record.Record {
	return &record.FeatureLevel{
		Name: []string{
			FeatureGroup, FeatureTransaction, FeatureElr, FeatureKRaft, "some.feature",
		}[h.IntN(5)],
		Level: int16(h.IntN(3)),
	}
}

func (h *history) producerIDs(img *Image) record.Record {
	return &record.ProducerIDs{BrokerID: 1, NextProducerID: img.NextProducerID() + 1000}
}

func (h *history) nothing(*Image) record.Record {
	if h.maybe() {
		return &record.ZkMigrationState{State: 1}
	}
	return new(record.NoOp)
}

func (h *history) transaction(img *Image) record.Record {
	switch {
	case !img.InTransaction():
		return new(record.BeginTransaction)
	case h.maybe():
		return new(record.EndTransaction)
	}
	return new(record.AbortTransaction)
}

// batch makes a batch of up to n records that follows img.
func (h *history) batch(t testing.TB, img *Image, n int) batch.Batch {
	t.Helper()
	var records []record.Record
	e := img.Edit()
	if img.Version() == 0 {
		records = append(
			records, &record.FeatureLevel{Name: FeatureMetadata, Level: int16(h.version)},
		)
	}
	for range 1 + h.IntN(n) {
		records = append(records, h.record(e.Image()))
		if err := e.Replay(h.offset+int64(len(records)), records[len(records)-1]); err != nil {
			t.Fatal(err)
		}
	}
	h.timestamp += int64(h.IntN(5))
	b, err := EncodeData(records, h.version, h.timestamp)
	if err != nil {
		t.Fatal(err)
	}
	b.SetPosition(h.offset, 1+int32(h.offset/500))
	h.offset = b.EndOffset()
	return b
}

// log makes a log of batches, and the image after each.
func (h *history) log(t testing.TB, batches, perBatch int) (log []batch.Batch, images []*Image) {
	t.Helper()
	img := Empty()
	for range batches {
		b := h.batch(t, img, perBatch)
		next, err := img.ReplayBatch(b)
		if err != nil {
			t.Fatal(err)
		}
		img = next
		log, images = append(log, b), append(images, img)
	}
	return log, images
}

func snapshotOf(t testing.TB, img *Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteSnapshot(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// everyHistory runs a test with histories of several metadata.versions and seeds.
func everyHistory(t *testing.T, f func(t *testing.T, h *history)) {
	for _, version := range []Version{
		V3_3_IV3, V3_5_IV2, V3_6_IV2, V3_7_IV0, V3_7_IV2, V4_0_IV1, V4_3_IV0,
		V4_4_IV2,
	} {
		for seed := range uint64(3) {
			t.Run(fmt.Sprintf("%v seed %d", version, seed), func(t *testing.T) {
				h := newHistory(seed, version)
				h.tx = version.HasTransactions() && seed != 0
				f(t, h)
			})
		}
	}
}
