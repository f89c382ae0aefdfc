package configs

import (
	"iter"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/yakt/yakt/loglevel"
	"github.com/yakt/yakt/metadata"
)

// The source of a config value, as on the wire (DescribeConfigsResponse.ConfigSource).
const (
	sourceTopic         int8 = 1
	sourceBroker        int8 = 2
	sourceBrokerDefault int8 = 3
	sourceStatic        int8 = 4
	sourceDefault       int8 = 5
	sourceLogger        int8 = 6
	sourceClientMetrics int8 = 7
	sourceGroup         int8 = 8
)

const (
	minISRConfig          = "min.insync.replicas"
	uncleanElectionConfig = "unclean.leader.election.enable"
)

// Settings is the configuration of the controller that the configs of resources depend on.
type Settings struct {
	NodeID          int32
	Static          map[string]string // keys and values of the configuration file
	Defaults        map[string]string // defaults that differ from those of Kafka's servers
	MinISR          int32             // min.insync.replicas
	UncleanElection bool              // unclean.leader.election.enable
	Loggers         *loglevel.Loggers // of this process; nil: none
}

// topicKey is a config that a topic may have (LogConfig).
type topicKey struct {
	name  string
	value string // default
	check configCheck
	// the broker configs from which it gets its value where the topic sets none; earlier ones win
	synonyms []synonym
	// internal keys are listed only where a topic sets them, and have no default.
	internal bool
	list     bool
	// distinct lists name each word once: Kafka drops repeated ones when it reads the value.
	distinct bool
}

// synonym is a broker config from which a topic config gets its value. unit converts its number
// into milliseconds; 0 leaves the value as it is.
type synonym struct {
	name string
	unit time.Duration
}

func same(names ...string) []synonym {
	var s []synonym
	for _, name := range names {
		s = append(s, synonym{name: name})
	}
	return s
}

const maxInt64 = "9223372036854775807"

// shownTopicKeys are the keys in the description of a topic: an internal one only if the topic sets
// it.
func shownTopicKeys(overrides map[string]string) iter.Seq[*topicKey] {
	return func(yield func(*topicKey) bool) {
		for i := range topicKeys {
			k := &topicKeys[i]
			if _, set := overrides[k.name]; (set || !k.internal) && !yield(k) {
				return
			}
		}
	}
}

// TopicKeyCount is how many configs a topic may have.
func TopicKeyCount() int { return len(topicKeys) }

// topicKeys is every topic config of Kafka 4.4, by name.
var topicKeys = []topicKey{
	{name: "cleanup.policy", value: "delete", list: true, distinct: true,
		check: listOf("compact", "delete"), synonyms: same("log.cleanup.policy")},
	{name: "compression.gzip.level", value: "-1", check: gzipLevel,
		synonyms: same("compression.gzip.level")},
	{name: "compression.lz4.level", value: "9", check: int32From(1, 17),
		synonyms: same("compression.lz4.level")},
	{name: "compression.type", value: "producer",
		check: oneOf("uncompressed", "zstd", "lz4", "snappy", "gzip",
			"producer"), synonyms: same("compression.type")},
	{name: "compression.zstd.level", value: "3", check: int32From(-131072, 22),
		synonyms: same("compression.zstd.level")},
	{name: "delete.retention.ms", value: "86400000", check: int64From(0),
		synonyms: same("log.cleaner.delete.retention.ms")},
	{name: "errors.deadletterqueue.group.enable", value: "false", check: boolean},
	{name: "file.delete.delay.ms", value: "60000", check: int64From(0),
		synonyms: same("log.segment.delete.delay.ms")},
	{name: "flush.messages", value: maxInt64, check: int64From(1),
		synonyms: same("log.flush.interval.messages")},
	{name: "flush.ms", value: maxInt64, check: int64From(0),
		synonyms: same("log.flush.interval.ms", "log.flush.scheduler.interval.ms")},
	{name: "follower.replication.throttled.replicas", list: true, check: throttledReplicas},
	{name: "index.interval.bytes", value: "4096", check: int32From(0, math.MaxInt32),
		synonyms: same("log.index.interval.bytes")},
	{name: "internal.segment.bytes", internal: true,
		check: int32From(math.MinInt32, math.MaxInt32)},
	{name: "leader.replication.throttled.replicas", list: true, check: throttledReplicas},
	{name: "local.retention.bytes", value: "-2", check: int64From(-2),
		synonyms: same("log.local.retention.bytes")},
	{name: "local.retention.ms", value: "-2", check: int64From(-2),
		synonyms: same("log.local.retention.ms")},
	{name: "max.compaction.lag.ms", value: maxInt64, check: int64From(1),
		synonyms: same("log.cleaner.max.compaction.lag.ms")},
	{name: "max.decompressed.message.bytes", value: "2147483639",
		check: int32From(1, 2147483639), synonyms: same("max.decompressed.message.bytes")},
	{name: "max.message.bytes", value: "1048588", check: int32From(0, math.MaxInt32),
		synonyms: same("message.max.bytes")},
	{name: "message.timestamp.after.max.ms", value: "3600000", check: int64From(0),
		synonyms: same("log.message.timestamp.after.max.ms")},
	{name: "message.timestamp.before.max.ms", value: maxInt64, check: int64From(0),
		synonyms: same("log.message.timestamp.before.max.ms")},
	{name: "message.timestamp.type", value: "CreateTime",
		check: oneOf("CreateTime", "LogAppendTime"), synonyms: same("log.message.timestamp.type")},
	{name: "min.cleanable.dirty.ratio", value: "0.5", check: ratio,
		synonyms: same("log.cleaner.min.cleanable.ratio")},
	{name: "min.compaction.lag.ms", value: "0", check: int64From(0),
		synonyms: same("log.cleaner.min.compaction.lag.ms")},
	{name: minISRConfig, value: "1", check: int32From(1, math.MaxInt32),
		synonyms: same(minISRConfig)},
	{name: "preallocate", value: "false", check: boolean, synonyms: same("log.preallocate")},
	{name: "remote.copy.lag.bytes", value: "-1", check: int64From(-1),
		synonyms: same("log.remote.copy.lag.bytes")},
	{name: "remote.copy.lag.ms", value: "0", check: int64From(-1),
		synonyms: same("log.remote.copy.lag.ms")},
	{name: "remote.log.copy.disable", value: "false", check: boolean},
	{name: "remote.log.delete.on.disable", value: "false", check: boolean},
	{name: "remote.storage.enable", value: "false", check: boolean},
	{name: "retention.bytes", value: "-1", check: int64From(math.MinInt64),
		synonyms: same("log.retention.bytes")},
	{name: "retention.ms", value: "604800000", check: int64From(-1),
		synonyms: []synonym{{name: "log.retention.ms"}, {"log.retention.minutes", time.Minute},
			{"log.retention.hours", time.Hour}}},
	{name: "segment.bytes", value: "1073741824", check: int32From(1<<20, math.MaxInt32),
		synonyms: same("log.segment.bytes")},
	{name: "segment.index.bytes", value: "10485760", check: int32From(4, math.MaxInt32),
		synonyms: same("log.index.size.max.bytes")},
	{name: "segment.jitter.ms", value: "0", check: int64From(0),
		synonyms: []synonym{{name: "log.roll.jitter.ms"}, {"log.roll.jitter.hours", time.Hour}}},
	{name: "segment.ms", value: "604800000", check: int64From(1),
		synonyms: []synonym{{name: "log.roll.ms"}, {"log.roll.hours", time.Hour}}},
	{name: uncleanElectionConfig, value: "false", check: boolean,
		synonyms: same(uncleanElectionConfig)},
}

var topicKeyByName = func() map[string]*topicKey {
	m := make(map[string]*topicKey, len(topicKeys))
	for i := range topicKeys {
		m[topicKeys[i].name] = &topicKeys[i]
	}
	return m
}()

// TopicDefaults are the values of topic configs where a topic sets none. They come from the dynamic
// configs of this node, those of the cluster, this node's file and Kafka's defaults, in this order
// (KafkaConfigSchema.resolveEffectiveTopicConfig). Where a value decides something here and does
// not parse, the next level counts: controllers do not validate the configs of brokers.
type TopicDefaults struct {
	node, cluster, static map[string]string
	minISRBase            int
	uncleanBase           bool
}

// NewTopicDefaults returns the defaults that hold in an image on a node with these settings.
func NewTopicDefaults(img *metadata.Image, settings Settings) TopicDefaults {
	d := TopicDefaults{
		node:    img.Config(metadata.ConfigBroker, strconv.Itoa(int(settings.NodeID))),
		cluster: img.Config(metadata.ConfigBroker, ""),
		static:  settings.Static,
	}
	d.minISRBase, d.uncleanBase = max(1, int(settings.MinISR)), settings.UncleanElection
	for _, level := range [...]map[string]string{d.static, d.cluster, d.node} {
		d.minISRBase = intOr(level[minISRConfig], d.minISRBase)
		d.uncleanBase = boolOr(level[uncleanElectionConfig], d.uncleanBase)
	}
	return d
}

// MinISR is a topic's effective min.insync.replicas, given its overrides.
func (d *TopicDefaults) MinISR(overrides map[string]string) int {
	return intOr(overrides[minISRConfig], d.minISRBase)
}

// UncleanElection is a topic's effective unclean.leader.election.enable, given its overrides.
func (d *TopicDefaults) UncleanElection(overrides map[string]string) bool {
	return boolOr(overrides[uncleanElectionConfig], d.uncleanBase)
}

// effective returns the value of a key and its source, given a topic's overrides.
func (d *TopicDefaults) effective(
	k *topicKey, overrides map[string]string,
) (value string, source int8) {
	if v, ok := overrides[k.name]; ok {
		return v, sourceTopic
	}
	for _, level := range [...]struct {
		values map[string]string
		source int8
	}{{d.node, sourceBroker}, {d.cluster, sourceBrokerDefault}, {d.static, sourceStatic}} {
		for _, s := range k.synonyms {
			if v, ok := level.values[s.name]; ok {
				return s.convert(v), level.source
			}
		}
	}
	return d.builtIn(k), sourceDefault
}

// builtIn is the default. For the two keys that decide elections it is a setting of this node.
func (d *TopicDefaults) builtIn(k *topicKey) string {
	switch k.name {
	case minISRConfig:
		return strconv.Itoa(d.minISRBase)
	case uncleanElectionConfig:
		return strconv.FormatBool(d.uncleanBase)
	}
	return k.value
}

// convert returns the synonym's value as that of the topic config. As in Kafka, text that is no
// number counts as 0.
func (s synonym) convert(value string) string {
	if s.unit == 0 {
		return value
	}
	n, _ := parseInt(value, 32)
	return strconv.FormatInt(n*s.unit.Milliseconds(), 10)
}

func parseInt(value string, bits int) (int64, error) {
	return strconv.ParseInt(trimJava(value), 10, bits)
}

func intOr(value string, otherwise int) int {
	if value == "" { // nearly always; an error would cost an allocation
		return otherwise
	}
	if n, err := parseInt(value, 32); err == nil {
		return int(n)
	}
	return otherwise
}

func boolOr(value string, otherwise bool) bool {
	if b, ok := parseBool(value); ok {
		return b
	}
	return otherwise
}

func parseBool(value string) (b, ok bool) {
	value = trimJava(value)
	t, f := strings.EqualFold(value, "true"), strings.EqualFold(value, "false")
	return t, t || f
}

// trimJava trims as Java's String.trim does, so that brokers accept what is accepted here.
func trimJava(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
}
