package config

import (
	"slices"
	"strconv"
	"time"
)

const second = time.Second

// kafkaSections lists the keys of Kafka that a controller acts on, in the order of the reference.
// The keys without a binding are read by the checks of listeners, voters and directories.
func kafkaSections() []section {
	return []section{
		{"Node and storage", nodeKeys()},
		{"Quorum", quorumKeys()},
		{"Listeners and connections", listenerKeys()},
		{"Brokers and partitions", slices.Concat(brokerKeys(), partitionKeys())},
		{"Authorization", slices.Concat(authorizationKeys(), tokenKeys())},
		{"TLS", tlsKeys()},
		{"SASL", saslKeys()},
	}
}

func nodeKeys() []use {
	return []use{
		{
			name: "process.roles", def: "controller",
			doc:  "Must contain only `controller`: brokers run in processes of their own.",
			bind: toList(func(c *Config) *[]string { return &c.Roles }),
		},
		{
			name: "node.id",
			doc: "This node's id, unique among controllers and brokers. The directory was formatted with " +
				"the same id.",
			bind: toInt32(func(c *Config) *int32 { return &c.NodeID }),
		},
		{name: "broker.id", doc: "Old name of node.id; if both are set they must agree."},
		{
			name: "log.dirs",
			doc: "Directories; a controller keeps its state in the first unless " +
				"metadata.log.dir says otherwise.",
			bind: toList(func(c *Config) *[]string { return &c.Storage.LogDirs }),
		},
		{name: "log.dir", doc: "Used when log.dirs is not set."},
		{
			name: "metadata.log.dir",
			doc: "Directory of the metadata log, the snapshots and meta.properties; default: the first " +
				"of log.dirs.",
			bind: toString(func(c *Config) *string { return &c.Storage.MetadataLogDir }),
		},
		{
			name: "metadata.log.max.record.bytes.between.snapshots", unit: "bytes",
			doc: "A snapshot is written after this much log. Each of several voters uses a different " +
				"fraction of it, two thirds or more, so that they do not all write at once.",
			bind: toInt64(func(c *Config) *int64 { return &c.Storage.SnapshotBytes }),
		},
		{
			name: "metadata.log.max.snapshot.interval.ms", unit: "ms",
			doc: "A snapshot is written when the last one is this old and something has changed. Each of " +
				"several voters uses a different fraction of it. 0: age does not count.",
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Storage.SnapshotInterval }),
		},
		{
			name: "config.providers",
			doc: "Names of providers for `${name:path:key}` references; Kafka's file, directory and " +
				"environment providers are built in.",
		},
	}
}

func quorumKeys() []use {
	return []use{
		{
			name: "controller.quorum.voters",
			doc:  "The voters as `id@host:port`, this node among them; a static quorum.",
		},
		{
			name: "controller.quorum.bootstrap.servers",
			doc: "Controllers to contact first, as `host:port`; a dynamic quorum, whose voters are in " +
				"the log.",
		},
		{
			name: "controller.quorum.auto.join.enable",
			doc:  "An observing controller adds itself to the voters once it has caught up.",
			void: "the voters are those that the directories were formatted with",
			bind: toBool(func(c *Config) *bool { return &c.Quorum.AutoJoin }),
		},
		{
			name: "controller.quorum.election.timeout.ms", unit: "ms", valid: "10..600000",
			doc: "A voter that hears nothing from a leader for this long, lengthened at random to at " +
				"most twice, starts an election.",
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Quorum.ElectionTimeout }),
		},
		{
			name: "controller.quorum.fetch.timeout.ms", unit: "ms", def: null, valid: "10..600000",
			doc: "If set, the longest time without a leader before an election is at least this: a " +
				"shorter controller.quorum.election.timeout.ms counts as half of it.",
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Quorum.FetchTimeout }),
		},
		{
			name: "controller.quorum.request.timeout.ms", unit: "ms", valid: "10..600000",
			doc: "Longest time for dialling another controller, handshake included.",
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Quorum.RequestTimeout }),
		},
		{
			name: "controller.quorum.retry.backoff.ms", unit: "ms",
			doc: "Pause before another controller is dialled again. It doubles up to a second; 0 counts " +
				"as 20.",
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Quorum.RetryBackoff }),
		},
		{
			name: "controller.quorum.fetch.max.bytes", unit: "bytes",
			doc: "Most bytes of log in one message to another controller, but at least one operation; " +
				"more than 1048576 counts as that.",
			bind: toInt32(func(c *Config) *int32 { return &c.Quorum.FetchMaxBytes }),
		},
		{
			name: "controller.quorum.fetch.snapshot.max.bytes", unit: "bytes",
			doc: "Most bytes of a snapshot requested from another controller at once; more than 1048576 " +
				"counts as that.",
			bind: toInt32(func(c *Config) *int32 { return &c.Quorum.FetchSnapshotMaxBytes }),
		},
	}
}

func listenerKeys() []use {
	return []use{
		{
			name: "listeners",
			doc: "What to listen on, as `NAME://host:port`; an empty host is every address, IPv6 is in " +
				"brackets, port 0 is any free one.",
		},
		{
			name: "advertised.listeners",
			doc: "What brokers and controllers connect to, as `NAME://host:port`; default: derived from " +
				"listeners, the voters or the full host name.",
		},
		{
			name: "controller.listener.names",
			doc:  "Names of the controller listeners; every listener must be one of them.",
		},
		{
			name: "listener.security.protocol.map",
			doc:  "Security protocol of each listener name, as `NAME:PROTOCOL`.",
		},
		{
			name: "socket.request.max.bytes", unit: "bytes", def: strconv.Itoa(defaultRequestBytes),
			doc: "Longest request of a client. It is at most half of queued.max.request.bytes if that is " +
				"not set. Messages between controllers have a limit and memory of their own.",
			bind: toInt32(func(c *Config) *int32 { return &c.Clients.MaxRequestBytes }),
		},
		{
			name: "queued.max.request.bytes", unit: "bytes",
			doc: "Memory for the requests of all clients and their answers together; -1: 67108864. One " +
				"connection may hold half of it, or the longest request if that is more, and one address " +
				"three quarters. Requests of a few KiB do not count. When a request has to wait for memory, " +
				"the connections that send or read slowest are closed to free theirs.",
			bind: toInt64(func(c *Config) *int64 { return &c.Clients.MaxQueuedBytes }),
		},
		{
			name: "max.connections", valid: ">=1", def: strconv.Itoa(DefaultMaxConnections),
			doc: "Most connections of clients at once. The limit of open files, less the 128 that a node " +
				"keeps for its log and its peers, may allow fewer.",
			bind: toInt32(func(c *Config) *int32 { return &c.Clients.MaxConnections }),
		},
		{
			name: "max.connections.per.ip", def: strconv.Itoa(DefaultMaxConnections / 2),
			doc:  "Most connections at once from one address.",
			bind: toInt32(func(c *Config) *int32 { return &c.Clients.MaxConnectionsPerIP }),
		},
		{
			name: "max.connections.per.ip.overrides",
			doc:  "Other limits for some addresses, as `host:count`; names are looked up at the start.",
		},
		{
			name: "connections.max.idle.ms", unit: "ms",
			doc:  "A connection that has been silent for this long is closed; negative: never.",
			bind: toDuration(time.Millisecond, func(c *Config) *time.Duration { return &c.Clients.MaxIdle }),
		},
	}
}

func brokerKeys() []use {
	return []use{
		{
			name: "broker.session.timeout.ms", unit: "ms", valid: "1..2147483647",
			doc: "A broker that sends no heartbeat for this long is fenced.",
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Controller.BrokerSessionTimeout }),
		},
		{
			name: "broker.heartbeat.interval.ms", unit: "ms", valid: "1..2147483647",
			doc: "Interval of the brokers' heartbeats. Brokers have it in their own files; here it is " +
				"only compared with the session timeout.",
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Controller.BrokerHeartbeatInterval }),
		},
		{
			name: "metadata.max.idle.interval.ms", unit: "ms",
			doc: "If nothing is written for this long, the active controller writes a NoOpRecord, so " +
				"that lag can be seen; 0: never.",
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Controller.MaxIdleInterval }),
		},
	}
}

func partitionKeys() []use {
	return []use{
		{
			name: "auto.leader.rebalance.enable",
			doc:  "Elect preferred replicas as leaders at intervals.",
			bind: toBool(func(c *Config) *bool { return &c.Controller.AutoLeaderRebalance }),
		},
		{
			name: "leader.imbalance.check.interval.seconds", unit: "s",
			doc: "Interval of these elections.",
			bind: toDuration(second,
				func(c *Config) *time.Duration { return &c.Controller.LeaderImbalanceCheckInterval }),
		},
		{
			name: "unclean.leader.election.interval.ms", unit: "ms",
			doc: "Interval at which partitions without a leader are checked for an unclean election, " +
				"where that is allowed.",
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Controller.UncleanElectionInterval }),
		},
		{
			name: "num.partitions",
			doc:  "Number of partitions of a new topic that does not name one.",
			bind: toInt32(func(c *Config) *int32 { return &c.Controller.NumPartitions }),
		},
		{
			name: "default.replication.factor", valid: "1..32767",
			doc:  "Number of replicas of a new topic that does not name one.",
			bind: toInt16(func(c *Config) *int16 { return &c.Controller.DefaultReplicationFactor }),
		},
		{
			name: "delete.topic.enable",
			doc:  "Whether topics may be deleted.",
			bind: toBool(func(c *Config) *bool { return &c.Controller.DeleteTopicEnable }),
		},
		{name: "create.topic.policy.class.name", doc: "Must not be set: a Java class cannot run here."},
		{name: "alter.config.policy.class.name", doc: "Must not be set: a Java class cannot run here."},
		{
			name: "controller.quota.window.num",
			doc: "The quota on created and deleted partitions is averaged over this many windows of " +
				"controller.quota.window.size.seconds.",
			bind: toInt32(func(c *Config) *int32 { return &c.Controller.QuotaWindows }),
		},
		{
			name: "controller.quota.window.size.seconds", unit: "s",
			doc:  "Length of one window.",
			bind: toDuration(second, func(c *Config) *time.Duration { return &c.Controller.QuotaWindow }),
		},
		{
			name: "controller.performance.always.log.threshold.ms", unit: "ms",
			doc: "Events of the controller that take longer are logged.",
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Controller.SlowEvent }),
		},
		{
			name: "unstable.feature.versions.enable",
			doc: "Accept feature levels that are not yet stable: metadata.version 34 (4.5-IV0). For " +
				"tests only.",
			bind: toBool(func(c *Config) *bool { return &c.Controller.UnstableFeatureVersions }),
		},
	}
}
