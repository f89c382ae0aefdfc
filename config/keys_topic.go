package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/yakt/yakt/protocol/kafkakeys"
)

// topicSections lists the keys in a controller's file that give topics and groups their values:
// DescribeConfigs and CreateTopics return them, and they bound AlterConfigs. They are read from
// Config.Static and Keys.
func topicSections(table map[string]*Key) []section {
	return []section{
		{"Defaults of topics", topicKeys()},
		{"Defaults and bounds of groups", groupKeys(table)},
	}
}

func topicKeys() []use {
	return []use{
		{
			name: "min.insync.replicas",
			doc:  "Default of min.insync.replicas: in-sync replicas that a write with acks=all needs.",
		},
		{
			name: "unclean.leader.election.enable",
			doc: "Default of unclean.leader.election.enable: whether a replica out of sync may lead when " +
				"no other is left.",
		},
		{name: "log.cleanup.policy", doc: "Default of cleanup.policy."},
		{name: "compression.type", doc: "Default of compression.type."},
		{name: "compression.gzip.level", doc: "Default of compression.gzip.level."},
		{name: "compression.lz4.level", doc: "Default of compression.lz4.level."},
		{name: "compression.zstd.level", doc: "Default of compression.zstd.level."},
		{name: "log.cleaner.delete.retention.ms", unit: "ms", doc: "Default of delete.retention.ms."},
		{name: "log.cleaner.max.compaction.lag.ms", unit: "ms", doc: "Default of max.compaction.lag.ms."},
		{name: "log.cleaner.min.compaction.lag.ms", unit: "ms", doc: "Default of min.compaction.lag.ms."},
		{name: "log.cleaner.min.cleanable.ratio", doc: "Default of min.cleanable.dirty.ratio."},
		{name: "log.flush.interval.messages", doc: "Default of flush.messages."},
		{name: "log.flush.interval.ms", unit: "ms", doc: "Default of flush.ms."},
		{
			name: "log.flush.scheduler.interval.ms", unit: "ms",
			doc: "Default of flush.ms when log.flush.interval.ms is not set.",
		},
		{name: "log.index.interval.bytes", unit: "bytes", doc: "Default of index.interval.bytes."},
		{name: "log.index.size.max.bytes", unit: "bytes", doc: "Default of segment.index.bytes."},
		{name: "log.local.retention.bytes", unit: "bytes", doc: "Default of local.retention.bytes."},
		{name: "log.local.retention.ms", unit: "ms", doc: "Default of local.retention.ms."},
		{name: "log.remote.copy.lag.bytes", unit: "bytes", doc: "Default of remote.copy.lag.bytes."},
		{name: "log.remote.copy.lag.ms", unit: "ms", doc: "Default of remote.copy.lag.ms."},
		{
			name: "max.decompressed.message.bytes", unit: "bytes",
			doc: "Default of max.decompressed.message.bytes.",
		},
		{name: "message.max.bytes", unit: "bytes", doc: "Default of max.message.bytes."},
		{
			name: "log.message.timestamp.after.max.ms", unit: "ms",
			doc: "Default of message.timestamp.after.max.ms.",
		},
		{
			name: "log.message.timestamp.before.max.ms", unit: "ms",
			doc: "Default of message.timestamp.before.max.ms.",
		},
		{name: "log.message.timestamp.type", doc: "Default of message.timestamp.type."},
		{name: "log.preallocate", doc: "Default of preallocate."},
		{name: "log.retention.bytes", unit: "bytes", doc: "Default of retention.bytes."},
		{
			name: "log.retention.ms", unit: "ms",
			doc: "Default of retention.ms; goes before minutes and hours.",
		},
		{name: "log.retention.minutes", unit: "min", doc: "The same in minutes; goes before hours."},
		{name: "log.retention.hours", unit: "h", doc: "The same in hours."},
		{name: "log.roll.ms", unit: "ms", doc: "Default of segment.ms; goes before hours."},
		{name: "log.roll.hours", unit: "h", doc: "The same in hours."},
		{name: "log.roll.jitter.ms", unit: "ms", doc: "Default of segment.jitter.ms; goes before hours."},
		{name: "log.roll.jitter.hours", unit: "h", doc: "The same in hours."},
		{name: "log.segment.bytes", unit: "bytes", doc: "Default of segment.bytes."},
		{name: "log.segment.delete.delay.ms", unit: "ms", doc: "Default of file.delete.delay.ms."},
		{name: "remote.log.storage.system.enable", doc: "Whether topics may set remote.storage.enable."},
	}
}

// groupLimits are the middle parts of the group.{consumer,share,streams}.… keys that GroupConfig
// reads.
var groupLimits = []string{
	"session.timeout.ms", "heartbeat.interval.ms", "assignment.interval.ms", "record.lock.duration.ms",
	"delivery.count.limit", "partition.max.record.locks", "standby.replicas",
	"initial.rebalance.delay.ms", "assignor.offload.enable", "task.offset.interval.ms",
	"warmup.replicas", "acceptable.recovery.lag", "rack.aware.assignment.tags",
}

func groupKeys(table map[string]*Key) []use {
	var uses []use
	for _, name := range slices.Sorted(maps.Keys(table)) {
		kind, rest, _ := strings.Cut(strings.TrimPrefix(name, "group."), ".")
		limit := slices.ContainsFunc(groupLimits,
			func(s string) bool { return strings.HasSuffix(rest, s) })
		if !strings.HasPrefix(name, "group.") ||
			!slices.Contains([]string{"consumer", "share", "streams"}, kind) || !limit {
			continue
		}
		u := use{name: name, doc: "Default of the group config " + kind + "." + rest + "."}
		if strings.HasSuffix(name, ".ms") {
			u.unit = "ms"
		}
		if k := kafkakeys.Find(name); k.Internal && !strings.Contains(rest, "min.") &&
			!strings.Contains(rest, "max.") {
			u.void = "only brokers use it"
		}
		if bound, of, _ := strings.Cut(rest, "."); (bound == "min" || bound == "max") &&
			rest != "max.size" {
			side := map[string]string{"min": "Smallest", "max": "Largest"}[bound]
			if of == "standby.replicas" || of == "warmup.replicas" {
				of = "num." + of
			}
			u.doc = side + " value the group config " + kind + "." + of + " may take."
		}
		uses = append(uses, u)
	}
	return append(uses, use{
		name: "group.streams.assignors",
		doc:  "Values the group config streams.assignor.name may take; the first is its default.",
	})
}
