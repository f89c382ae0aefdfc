package controller

import (
	"context"
	"log/slog"
	"time"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/controller/configs"
	"github.com/yakt/yakt/controller/partition"
	"github.com/yakt/yakt/loglevel"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/protocol/batch"
)

// Config is the settings passed to New; they do not change afterwards. Fields without a comment are
// Kafka's settings of that name.
type Config struct {
	NodeID    int32
	ClusterID string
	// DirectoryID is that of this node's metadata log directory.
	DirectoryID protocol.UUID
	// Registration is this node's own registration: endpoints, features, incarnation.
	Registration record.RegisterController
	// InitialVoters returns the voter set for the first batch of an empty log, when that batch is
	// made.
	InitialVoters func() record.Voters
	// Bootstrap are the first records of an empty cluster, metadata.version first.
	Bootstrap []record.Record
	// Unstable is unstable.feature.versions.enable.
	Unstable bool

	DefaultPartitions        int32 // num.partitions
	DefaultReplicationFactor int16
	MinISR                   int32 // min.insync.replicas
	UncleanElection          bool  // unclean.leader.election.enable
	DeleteTopics             bool  // delete.topic.enable
	SessionTimeout           time.Duration
	// broker.heartbeat.interval.ms; twice the time that a heartbeat may wait in the queue
	HeartbeatInterval time.Duration
	MaxIdle           time.Duration // metadata.max.idle.interval.ms; 0 writes no NoOps
	// leader.imbalance.check.interval.seconds; 0 when auto.leader.rebalance.enable is off
	PreferredInterval time.Duration
	UncleanInterval   time.Duration // unclean.leader.election.interval.ms
	// QuotaWindow is the time over which the quota on partitions created and deleted is averaged: a
	// client that was quiet for as long may use all of it at once (controller.quota.window.num
	// times controller.quota.window.size.seconds). Zero: 11 s.
	QuotaWindow time.Duration
	// Static are the configuration file's own keys and values: the last level of a topic's
	// effective configuration.
	Static map[string]string
	// Defaults are the defaults, by key, that differ from those of Kafka's servers.
	Defaults map[string]string

	// Tokens are the settings of delegation tokens.
	Tokens TokenSettings
	// Authorizer decides who may do what by the entries in the log; nil without an authorizer, which
	// allows everything, and refuses requests about ACLs.
	Authorizer *acls.Authorizer
	// Resolve looks a host name up, until the context ends; nil if it has an address. It is called
	// on the goroutines of callers. A nil Resolve finds no host.
	Resolve func(ctx context.Context, host string) error

	// Limits bound single requests.
	Limits Limits
	// QueueMax is how many requests may wait for the core; more get REQUEST_TIMED_OUT at once.
	QueueMax int
	// SlowEvent is the duration from which a turn of the core is logged
	// (controller.performance.always.log.threshold.ms).
	SlowEvent time.Duration

	Log    Log
	Clock  Clock
	Random Random
	Logger *slog.Logger
	// Loggers are the loggers of the process, whose levels clients may change; nil if none.
	Loggers *loglevel.Loggers
	// Codec decodes and encodes the request inside an ENVELOPE.
	Codec Codec
	// AskBroker sends a client's request on to a broker. May be nil, if no broker can be asked.
	AskBroker AskBroker
	// CutLog is called when the log before an offset, and older snapshots, must not be served any
	// more, because brokers do not accept their records. Snapshot then returns the state at that
	// offset or a later one. It must not block. May be nil.
	CutLog func(offset int64)
	// Stop is called when this node must stop being a replica: its next change could lose or invent
	// metadata.
	Stop func(error)
}

// Limits that Kafka has as constants.
const (
	// recordsPerUserOp caps the records of one user request
	// (QuorumController.MAX_RECORDS_PER_USER_OP).
	recordsPerUserOp = 10_000
	// ProposalMaxBytes caps the batches of one operation together: they are sent and synced in one
	// piece, and heartbeats between controllers wait for them.
	ProposalMaxBytes = 4 * batch.MaxBytes
	// recordsPerBatch caps the batches of results that need not be atomic.
	recordsPerBatch = 1_000
	// queueMaxDefault is Config.QueueMax when that is zero.
	queueMaxDefault = 10_000
	// slowEventDefault is Config.SlowEvent when that is zero.
	slowEventDefault = 2 * time.Second
)

// Clock is the driver's time; the core gets the time as an argument. Tests have a clock of their
// own.
type Clock interface {
	Now() time.Time
	// AfterFunc calls f once, on its own goroutine, after d. stop prevents that.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

// Random is the source of topic ids and of placement. It need not be safe for several goroutines.
type Random = partition.Random

func (cfg *Config) supportedFeatures() []record.FeatureRange {
	return metadata.SupportedFeatures(cfg.Unstable)
}

// configSettings is the part of the configuration that the configs of resources depend on.
func (cfg *Config) configSettings() configs.Settings {
	return configs.Settings{
		NodeID: cfg.NodeID, Static: cfg.Static, Defaults: cfg.Defaults, Loggers: cfg.Loggers,
		MinISR: cfg.MinISR, UncleanElection: cfg.UncleanElection,
	}
}

func (c *core) topicDefaults(img *metadata.Image) configs.TopicDefaults {
	return configs.NewTopicDefaults(img, c.cfg.configSettings())
}
