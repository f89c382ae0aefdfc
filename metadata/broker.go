package metadata

import (
	"slices"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Broker is the durable registration of a broker; its session is soft state of the controller. It
// is immutable.
type Broker struct {
	ID                   int32
	Epoch                int64
	IncarnationID        protocol.UUID
	Endpoints            []record.Endpoint
	Features             []record.FeatureRange
	Rack                 *string
	Fenced               bool
	InControlledShutdown bool
	LogDirs              []protocol.UUID // sorted; empty: none known
	CordonedLogDirs      []protocol.UUID // nil: unknown
	// RegisteredAt is the offset of the RegisterBrokerRecord, or of the last record in the snapshot
	// that it came from. A broker that has read up to this offset has seen its own registration. It
	// is not part of the durable state.
	RegisteredAt int64
}

// Active reports whether the broker may lead, join an ISR and be placed on.
func (b *Broker) Active() bool { return b != nil && !b.Fenced && !b.InControlledShutdown }

// DirectoryOnline reports whether a replica in that directory of this broker can serve
// (DirectoryId.isOnline).
func (b *Broker) DirectoryOnline(dir protocol.UUID) bool {
	switch dir {
	case protocol.DirUnassigned, protocol.DirMigrating:
		return true
	case protocol.DirLost:
		return false
	}
	return len(b.LogDirs) == 0 || slices.Contains(b.LogDirs, dir)
}

// DefaultDirectory is the directory assumed for a new replica on this broker
// (ClusterControlManager.defaultDir). b may be nil.
func (b *Broker) DefaultDirectory() protocol.UUID {
	switch {
	case b == nil || len(b.LogDirs) > 1:
		return protocol.DirUnassigned
	case len(b.LogDirs) == 0:
		return protocol.DirMigrating
	}
	return b.LogDirs[0]
}

// Placeable reports whether any directory of the broker is not cordoned; an unknown one counts as
// not cordoned (KIP-1066).
func (b *Broker) Placeable() bool {
	if len(b.LogDirs) == 0 || b.CordonedLogDirs == nil {
		return true
	}
	return slices.ContainsFunc(
		b.LogDirs, func(dir protocol.UUID) bool { return !slices.Contains(b.CordonedLogDirs, dir) },
	)
}

func newBroker(r *record.RegisterBroker, offset int64) *Broker {
	dirs := slices.Clone(r.LogDirs)
	slices.SortFunc(dirs, protocol.UUID.Compare)
	return &Broker{
		ID: r.BrokerID, Epoch: r.BrokerEpoch, IncarnationID: r.IncarnationID,
		Endpoints: r.Endpoints, Features: r.Features,
		Rack: r.Rack, Fenced: r.Fenced, InControlledShutdown: r.InControlledShutdown, LogDirs: dirs,
		CordonedLogDirs: r.CordonedLogDirs, RegisteredAt: offset,
	}
}

// record is the registration as a snapshot holds it.
func (b *Broker) record() *record.RegisterBroker {
	return &record.RegisterBroker{
		BrokerID: b.ID, BrokerEpoch: b.Epoch, IncarnationID: b.IncarnationID,
		Endpoints: b.Endpoints, Features: b.Features,
		Rack: b.Rack, Fenced: b.Fenced, InControlledShutdown: b.InControlledShutdown,
		LogDirs:         b.LogDirs,
		CordonedLogDirs: b.CordonedLogDirs,
	}
}

// Quota is the set of quota keys of one entity. Immutable.
type Quota struct {
	Entity []record.QuotaEntity
	Values map[string]float64
}

// ConfigResourceType as in Kafka's config APIs.
const (
	ConfigTopic         = record.ConfigTopic
	ConfigBroker        = record.ConfigBroker
	ConfigBrokerLogger  = record.ConfigBrokerLogger
	ConfigClientMetrics = record.ConfigClientMetrics
	ConfigGroup         = record.ConfigGroup
)

// configKey orders resources by type, then name.
type configKey string

func newConfigKey(resourceType int8, name string) configKey {
	return configKey([]byte{byte(resourceType)}) + configKey(name)
}

func (k configKey) split() (resourceType int8, name string) { return int8(k[0]), string(k[1:]) }

// Config returns the overrides of a resource, nil when there are none. The map must not be changed.
// The cluster-wide broker defaults are ConfigBroker with the empty name.
func (img *Image) Config(resourceType int8, name string) map[string]string {
	m, _ := img.configs.get(newConfigKey(resourceType, name))
	return m
}

// ConfigResource is a resource with its overrides, which must not be changed.
type ConfigResource struct {
	Type   int8
	Name   string
	Values map[string]string
}

// Configs iterates over all resources that have overrides, by type and name.
func (img *Image) Configs(yield func(ConfigResource) bool) {
	for k, m := range img.configs.all() {
		resourceType, name := k.split()
		if !yield(ConfigResource{resourceType, name, m}) {
			return
		}
	}
}

// ConfigResourceCount is the number of resources that have overrides.
func (img *Image) ConfigResourceCount() int { return img.configs.len() }

// HasQuotas reports whether any entity has a quota.
func (img *Image) HasQuotas() bool { return img.quotas.len() > 0 }

// QuotaEntityCount is the number of entities that have quotas.
func (img *Image) QuotaEntityCount() int { return img.quotas.len() }

// Quota returns the quotas of an entity, whose parts may come in any order, or nil.
func (img *Image) Quota(entity ...record.QuotaEntity) *Quota {
	q, _ := img.quotas.get(quotaKey(entity))
	return q
}

// Quotas iterates over all entities that have quotas, in a fixed order.
func (img *Image) Quotas(yield func(*Quota) bool) {
	for _, q := range img.quotas.all() {
		if !yield(q) {
			return
		}
	}
}
