package differential

import (
	"bytes"
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
)

// Requests of administrators about features, controllers, quotas and users. Delegation tokens are
// not among them: their ids and secrets are random on each side.

// updateFeatures changes one feature, since with several Kafka's order is that of a hash table.
// kraft.version is a matter of the log, which here is none.
func (w *world) updateFeatures() {
	req := kmsg.NewPtrUpdateFeaturesRequest()
	version(w.rng, req)
	req.TimeoutMillis = 10_000
	u := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
	u.Feature = pick(w.rng, []string{metadata.FeatureMetadata, metadata.FeatureMetadata,
		metadata.FeatureElr, metadata.FeatureShare, metadata.FeatureGroup, metadata.FeatureStreams,
		metadata.FeatureTransaction, "no.such.version", ""})
	u.MaxVersionLevel = int16(w.rng.IntN(4) - 1)
	if u.Feature == metadata.FeatureMetadata {
		u.MaxVersionLevel = int16(w.img().Version()) + int16(w.rng.IntN(5)-2)
		if w.chance(10) {
			u.MaxVersionLevel = pick(w.rng, []int16{-1, 0, 6, 7, 33, 34, 35, math.MaxInt16})
		}
	}
	if req.Version == 0 {
		u.AllowDowngrade = w.chance(50)
	} else {
		u.UpgradeType = pick(w.rng, []int8{1, 1, 1, 2, 2, 3, 3})
		req.ValidateOnly = w.chance(30)
	}
	req.FeatureUpdates = append(req.FeatureUpdates, u)
	w.request(req)
}

// unregisterController names controllers that registerController registers, this one, and others.
func (w *world) unregisterController() {
	req := kmsg.NewPtrUnregisterControllerRequest()
	req.ControllerID = pick(w.rng, []int32{3001, 3002, 3003, 3001, 3002, 3003, nodeID, 77, -1})
	w.request(req)
}

var quotaKeys = map[string][]string{
	"user":      {"producer_byte_rate", "consumer_byte_rate", "request_percentage"},
	"client-id": {"producer_byte_rate", "consumer_byte_rate", "request_percentage"},
	"ip":        {"connection_creation_rate"},
}

var quotaValues = []float64{1, 1024, 0.5, 1e300, 0, -1, math.NaN(), math.Inf(1), math.Inf(-1),
	math.MaxInt64, 1 << 32}

// alterClientQuotas never limits the requests themselves (controller_mutation_rate): Kafka's side
// does not publish quotas to the part that enforces them.
func (w *world) alterClientQuotas() {
	req := kmsg.NewPtrAlterClientQuotasRequest()
	version(w.rng, req)
	req.ValidateOnly = w.chance(10)
	for range 1 + w.rng.IntN(2) {
		req.Entries = append(req.Entries, w.quotaEntry())
	}
	if w.chance(5) {
		req.Entries = append(req.Entries, req.Entries[0])
	}
	w.request(req)
}

func (w *world) quotaEntry() kmsg.AlterClientQuotasRequestEntry {
	entry := kmsg.NewAlterClientQuotasRequestEntry()
	kinds := pick(w.rng, [][]string{{"user"}, {"client-id"}, {"user", "client-id"}, {"ip"},
		{"user"}, {"client-id"}, {"ip", "user"}, {"user", "user"}, {"no-such-type"}, {}})
	for _, kind := range kinds {
		e := kmsg.NewAlterClientQuotasRequestEntryEntity()
		e.Type = kind
		names := []string{"a", "b", "A", "ä", ""}
		if kind == "ip" {
			names = []string{"127.0.0.1", "127.0.0.2", "::1"}
		}
		if name := pick(w.rng, names); w.chance(85) {
			e.Name = &name
		}
		entry.Entity = append(entry.Entity, e)
	}
	keys := []string{"producer_byte_rate", "connection_creation_rate"}
	if len(kinds) > 0 && quotaKeys[kinds[0]] != nil && w.chance(90) {
		keys = quotaKeys[kinds[0]]
	}
	for range 1 + w.rng.IntN(2) {
		op := kmsg.NewAlterClientQuotasRequestEntryOp()
		op.Key, op.Value, op.Remove = pick(w.rng, keys), pick(w.rng, quotaValues[:4]), w.chance(30)
		if w.chance(15) {
			op.Value = pick(w.rng, quotaValues)
		}
		if w.chance(3) {
			op.Key = "no_such_quota"
		}
		if len(entry.Ops) == 0 || entry.Ops[0].Key != op.Key {
			entry.Ops = append(entry.Ops, op)
		}
	}
	return entry
}

func (w *world) alterUsers() {
	req := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	name := func() string { return pick(w.rng, []string{"alice", "bob", "carol", "ä,b", ""}) }
	mechanism := func() int8 { return pick(w.rng, []int8{1, 2, 1, 2, 1, 2, 0, 3}) }
	for range w.rng.IntN(3) {
		d := kmsg.NewAlterUserSCRAMCredentialsRequestDeletion()
		d.Name, d.Mechanism = name(), mechanism()
		req.Deletions = append(req.Deletions, d)
	}
	for range w.rng.IntN(3) {
		u := kmsg.NewAlterUserSCRAMCredentialsRequestUpsertion()
		u.Name, u.Mechanism = name(), mechanism()
		u.Iterations = pick(w.rng, []int32{4096, 8192, 16384, 4095, 16385, 0, -1})
		u.Salt = bytes.Repeat([]byte{byte(w.rng.Uint32())}, w.rng.IntN(20))
		u.SaltedPassword = bytes.Repeat([]byte{byte(w.rng.Uint32())}, 1+w.rng.IntN(64))
		req.Upsertions = append(req.Upsertions, u)
	}
	w.request(req)
}
