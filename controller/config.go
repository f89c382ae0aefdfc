package controller

import (
	"log/slog"
	"time"

	"github.com/yakt/yakt/controller/configs"
	"github.com/yakt/yakt/controller/partition"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// Config is what a controller is told once, at its making. Fields without a comment are Kafka's settings of that name.
type Config struct {
	NodeID    int32
	ClusterID string
	// DirectoryID of this node's metadata log directory.
	DirectoryID record.UUID
	// Registration is what this node registers itself with: endpoints, features, incarnation.
	Registration record.RegisterController
	// InitialVoters is the voter set that the first batch of an empty log names. It is asked when that batch is made.
	InitialVoters func() record.Voters
	// Bootstrap are the records that an empty cluster starts with, metadata.version first.
	Bootstrap []record.Record
	// Unstable is unstable.feature.versions.enable.
	Unstable bool

	DefaultPartitions        int32 // num.partitions
	DefaultReplicationFactor int16
	MinISR                   int32 // min.insync.replicas
	UncleanElection          bool  // unclean.leader.election.enable
	DeleteTopics             bool  // delete.topic.enable
	SessionTimeout           time.Duration
	HeartbeatInterval        time.Duration // broker.heartbeat.interval.ms; twice the time that a heartbeat may wait in the queue
	MaxIdle                  time.Duration // metadata.max.idle.interval.ms; 0 writes no NoOps
	PreferredInterval        time.Duration // leader.imbalance.check.interval.seconds; 0 when auto.leader.rebalance.enable is off
	UncleanInterval          time.Duration // unclean.leader.election.interval.ms
	// QuotaWindow is the time over which the quota on partitions created and deleted is evened out: a client that was quiet for as long may have
	// all of it at once (controller.quota.window.num times controller.quota.window.size.seconds). Zero: 11 s.
	QuotaWindow time.Duration
	// Static are the configuration file's own keys and values: the last level of a topic's effective configuration.
	Static map[string]string

	// Limits bound single requests.
	Limits Limits
	// QueueMax is how many requests may wait for the core; more are answered REQUEST_TIMED_OUT at once.
	QueueMax int
	// SlowEvent is how long one turn of the core may take before it is logged (controller.performance.always.log.threshold.ms).
	SlowEvent time.Duration

	Log    Log
	Clock  Clock
	Random Random
	Logger *slog.Logger
	// Codec reads and writes the request inside an ENVELOPE.
	Codec Codec
	// CutLog is told when the log must not be served from before an offset any more, nor an older snapshot, since brokers do
	// not accept what is there. The state at the offset is then what Snapshot names, or older. It must not wait. nil: nobody is told.
	CutLog func(offset int64)
	// Stop is told when this node must stop being a replica: what it would do next could lose or invent metadata.
	Stop func(error)
}

// Limits that Kafka has as constants.
const (
	// recordsPerUserOp caps what one user request may write (QuorumController.MAX_RECORDS_PER_USER_OP).
	recordsPerUserOp = 10_000
	// ProposalMaxBytes caps what the batches of one operation take together: they travel and are synced in one piece, and heartbeats
	// between controllers wait behind them.
	ProposalMaxBytes = 4 * metadata.BatchMaxBytes
	// recordsPerBatch cuts results that need not be atomic.
	recordsPerBatch = 1_000
	// queueMaxDefault is Config.QueueMax when that is zero.
	queueMaxDefault = 10_000
	// slowEventDefault is Config.SlowEvent when that is zero.
	slowEventDefault = 2 * time.Second
)

// Clock is time as the driver sees it; the core gets it as an argument. A simulation has a second implementation.
type Clock interface {
	Now() time.Time
	// AfterFunc calls f once, on a goroutine of its own, when d has passed. stop prevents that.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

// Random is the source of topic ids and of placement. It need not be safe for several goroutines.
type Random = partition.Random

func newUUID(r Random) record.UUID {
	for {
		var u record.UUID
		hi, lo := r.Uint64(), r.Uint64()
		for i := range 8 {
			u[i], u[8+i] = byte(hi>>(8*i)), byte(lo>>(8*i))
		}
		u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80 // a version 4 UUID, as Kafka's Uuid.randomUuid
		if u.String()[0] != '-' {                   // which also avoids a leading dash: tools would take it for an option
			return u
		}
	}
}

func (cfg *Config) supportedFeatures() []record.FeatureRange {
	return metadata.SupportedFeatures(cfg.Unstable)
}

// configSettings is the part of the configuration that the configs of resources depend on.
func (cfg *Config) configSettings() configs.Settings {
	return configs.Settings{
		NodeID: cfg.NodeID, Static: cfg.Static,
		MinISR: cfg.MinISR, UncleanElection: cfg.UncleanElection,
	}
}

func (c *core) topicDefaults(img *metadata.Image) configs.TopicDefaults {
	return configs.NewTopicDefaults(img, c.cfg.configSettings())
}
