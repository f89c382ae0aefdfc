package config

import (
	"strconv"
	"time"
)

const second = time.Second

// kafkaSections lists Kafka's names that a controller acts on, in the order the reference shows
// them. A key without a binding is read by the function that its neighbours in Config belong to
// (listeners, voters, directories).
func kafkaSections() []section {
	return []section{
		{"Node and storage", nodeKeys()},
		{"Quorum", quorumKeys()},
		{"Listeners and connections", listenerKeys()},
		{"Brokers and partitions", controllerKeys()},
		{"Security", securityKeys()},
	}
}

func nodeKeys() []use {
	return []use{
		{
			name: "process.roles", def: "controller",
			doc:  "Must contain only `controller`: brokers run in processes of their own.",
			bind: toList(func(c *Config) *[]string { return &c.Roles }),
		},
		{name: "node.id", doc: "This node's id, unique among controllers and brokers, and the one the " +
			"directory was formatted with.",
			bind: toInt32(func(c *Config) *int32 { return &c.NodeID })},
		{name: "broker.id", doc: "Old name of node.id; if both are set they must agree."},
		{name: "log.dirs", doc: "Directories; a controller keeps its state in the first unless " +
			"metadata.log.dir says otherwise.",
			bind: toList(func(c *Config) *[]string { return &c.Storage.LogDirs })},
		{name: "log.dir", doc: "Used when log.dirs is not set."},
		{name: "metadata.log.dir", doc: "Directory of the metadata log, the snapshots and " +
			"meta.properties; default: the first of log.dirs.",
			bind: toString(func(c *Config) *string { return &c.Storage.MetadataLogDir })},
		{
			name: "metadata.log.max.record.bytes.between.snapshots", unit: "bytes",
			doc: "A snapshot is written after this much log since the last one; each of several voters " +
				"has its own part of it, two thirds or more, so that they do not all write at once.",
			bind: toInt64(func(c *Config) *int64 { return &c.Storage.SnapshotBytes }),
		},
		{name: "metadata.log.max.snapshot.interval.ms", unit: "ms", doc: "A snapshot is written when " +
			"the last one is this old (of several voters, each at its own part of it) and something " +
			"changed since; 0 turns the clock off.",
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Storage.SnapshotInterval })},
		{name: "config.providers", doc: "Names of providers for `${name:path:key}` references; Kafka's " +
			"file, directory and environment providers are built in."},
	}
}

func quorumKeys() []use {
	return []use{
		{
			name: "controller.quorum.voters",
			doc:  "The voters as `id@host:port`, this node among them; a static quorum.",
		},
		{name: "controller.quorum.bootstrap.servers", doc: "Controllers to contact first, as " +
			"`host:port`; a dynamic quorum, whose voters are in the log."},
		{
			name: "controller.quorum.auto.join.enable",
			doc:  "An observing controller adds itself to the voters once it has caught up.",
			void: "the voters are those that the directories were formatted with",
			bind: toBool(func(c *Config) *bool { return &c.Quorum.AutoJoin }),
		},
		{
			name: "controller.quorum.election.timeout.ms", unit: "ms", valid: "10..600000",
			doc: "A voter that hears nothing of a leader for this long, lengthened at random to at most " +
				"twice, asks for an election.",
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Quorum.ElectionTimeout }),
		},
		{
			name: "controller.quorum.fetch.timeout.ms", unit: "ms", def: null, valid: "10..600000",
			doc: "If set, the longest time without a leader before an election is asked for is no less " +
				"than this: controller.quorum.election.timeout.ms counts as half of it when it is shorter.",
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Quorum.FetchTimeout }),
		},
		{
			name: "controller.quorum.request.timeout.ms", unit: "ms", valid: "10..600000",
			doc: "How long dialling another controller may take, handshake included.",
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Quorum.RequestTimeout }),
		},
		{name: "controller.quorum.retry.backoff.ms", unit: "ms", doc: "Pause before another controller " +
			"is dialled again; it doubles up to a second, and 0 is 20.",
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Quorum.RetryBackoff })},
		{name: "controller.quorum.fetch.max.bytes", unit: "bytes", doc: "Most log sent to another " +
			"controller in one message, but at least one operation's; more than 1048576 counts as that.",
			bind: toInt32(func(c *Config) *int32 { return &c.Quorum.FetchMaxBytes })},
		{name: "controller.quorum.fetch.snapshot.max.bytes", unit: "bytes", doc: "Most of a snapshot " +
			"asked of another controller at once; more than 1048576 counts as that.",
			bind: toInt32(func(c *Config) *int32 { return &c.Quorum.FetchSnapshotMaxBytes })},
	}
}

func listenerKeys() []use {
	return []use{
		{name: "listeners", doc: "What to listen on, as `NAME://host:port`; an empty host is every " +
			"address, IPv6 stands in brackets, port 0 is any free one."},
		{name: "advertised.listeners", doc: "What brokers and controllers are told to connect to, as " +
			"`NAME://host:port`; default: derived from listeners, the voters or the full host name."},
		{
			name: "controller.listener.names",
			doc:  "Names of the controller listeners; every listener must be one of them.",
		},
		{
			name: "listener.security.protocol.map",
			doc:  "Security protocol of each listener name, as `NAME:PROTOCOL`.",
		},
		{name: "socket.request.max.bytes", unit: "bytes", def: strconv.Itoa(
			defaultRequestBytes,
		), doc: "Longest request of a client. " +
			"More than half of queued.max.request.bytes counts as that half where queued.max.request.bytes " +
			"is not set. What controllers send each other has a limit and memory of its own.",
			bind: toInt32(func(c *Config) *int32 { return &c.Clients.MaxRequestBytes })},
		{name: "queued.max.request.bytes", unit: "bytes", doc: "Memory for the requests of all clients " +
			"and their answers at once; -1: 67108864. One connection may hold half of it, or the longest " +
			"request if that is more, and one address three quarters. " +
			"Requests of a few KiB are not counted. Where somebody waits for memory, the connections lose " +
			"theirs, and are closed, that send or read slowest.",
			bind: toInt64(func(c *Config) *int64 { return &c.Clients.MaxQueuedBytes })},
		{
			name: "max.connections", valid: ">=1", def: strconv.Itoa(DefaultMaxConnections),
			doc: "Most connections of clients at once; fewer where the limit of open files, less the 128 " +
				"that a node keeps for its log and its peers, allows no more.",
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

func controllerKeys() []use {
	return []use{
		{name: "broker.session.timeout.ms", unit: "ms", valid: "1..2147483647", doc: "A broker that " +
			"sends no heartbeat for this long is fenced.",
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Controller.BrokerSessionTimeout })},
		{name: "broker.heartbeat.interval.ms", unit: "ms", valid: "1..2147483647", doc: "How often " +
			"brokers send heartbeats; they have it in their own files, here it is only compared with the " +
			"session timeout.",
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Controller.BrokerHeartbeatInterval })},
		{name: "metadata.max.idle.interval.ms", unit: "ms", doc: "With nothing to write for this long " +
			"the active controller writes a NoOpRecord, so that lag can be seen; 0: never.",
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Controller.MaxIdleInterval })},
		{
			name: "auto.leader.rebalance.enable",
			doc:  "Give leadership back to preferred replicas from time to time.",
			bind: toBool(func(c *Config) *bool { return &c.Controller.AutoLeaderRebalance }),
		},
		{name: "leader.imbalance.check.interval.seconds", unit: "s", doc: "How often that is done.",
			bind: toDuration(second,
				func(c *Config) *time.Duration { return &c.Controller.LeaderImbalanceCheckInterval })},
		{name: "unclean.leader.election.interval.ms", unit: "ms", doc: "How often partitions without a " +
			"leader are looked at for an unclean election, where that is allowed.",
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Controller.UncleanElectionInterval })},
		{name: "num.partitions", doc: "Partitions of a new topic that names no number.",
			bind: toInt32(func(c *Config) *int32 { return &c.Controller.NumPartitions })},
		{
			name: "default.replication.factor", valid: "1..32767",
			doc:  "Replicas of a new topic that names no number.",
			bind: toInt16(func(c *Config) *int16 { return &c.Controller.DefaultReplicationFactor }),
		},
		{name: "delete.topic.enable", doc: "Whether topics may be deleted.",
			bind: toBool(func(c *Config) *bool { return &c.Controller.DeleteTopicEnable })},
		{name: "create.topic.policy.class.name", doc: "Must not be set: a Java class cannot run here."},
		{name: "alter.config.policy.class.name", doc: "Must not be set: a Java class cannot run here."},
		{name: "controller.quota.window.num", doc: "The quota on partitions created and deleted is " +
			"evened out over this many times controller.quota.window.size.seconds.",
			bind: toInt32(func(c *Config) *int32 { return &c.Controller.QuotaWindows })},
		{name: "controller.quota.window.size.seconds", unit: "s", doc: "Length of one of these times.",
			bind: toDuration(second, func(c *Config) *time.Duration { return &c.Controller.QuotaWindow })},
		{name: "controller.performance.always.log.threshold.ms", unit: "ms", doc: "An event of the " +
			"controller that takes longer than this is logged.",
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Controller.SlowEvent })},
		{name: "unstable.feature.versions.enable", doc: "Admit feature levels that are not yet stable: " +
			"metadata.version 31 (4.4-IV0). For tests only.",
			bind: toBool(func(c *Config) *bool { return &c.Controller.UnstableFeatureVersions })},
	}
}

// Why keys have no effect.
const (
	noAuthorizer = "requests are not authorized: whoever reaches a listener may do everything"
	noTokens     = "there are no delegation tokens"
)

func securityKeys() []use {
	return []use{
		{
			name: "authorizer.class.name",
			doc: "Empty, or `org.apache.kafka.metadata.authorizer.StandardAuthorizer`; no other class can " +
				"run here.",
			void: noAuthorizer,
		},
		{
			name: "super.users", typ: "string", def: null,
			doc:  "Principals that may do everything, as `User:name`, separated by semicolons.",
			void: noAuthorizer,
		},
		{
			name: "allow.everyone.if.no.acl.found", typ: "boolean", def: "false",
			doc: "Whether a resource without any ACL is open to everyone.", void: noAuthorizer,
			bind: toBool(func(c *Config) *bool { return &c.Security.AllowEveryoneIfNoACL }),
		},
		{name: "delegation.token.secret.key", doc: "Key that delegation tokens are signed with, the " +
			"same on all controllers and brokers; tokens are off without it.", void: noTokens,
			bind: toString(func(c *Config) *string { return &c.Security.DelegationToken.SecretKey })},
		{name: "delegation.token.max.lifetime.ms", unit: "ms", doc: "Longest life of a delegation " +
			"token.", void: noTokens,
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Security.DelegationToken.MaxLifetime })},
		{name: "delegation.token.expiry.time.ms", unit: "ms", doc: "A delegation token must be renewed " +
			"within this time.", void: noTokens,
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Security.DelegationToken.ExpiryTime })},
		{name: "delegation.token.expiry.check.interval.ms", unit: "ms", doc: "How often expired " +
			"delegation tokens are removed.", void: noTokens,
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Security.DelegationToken.ExpiryCheckInterval })},
	}
}
