package configs

import (
	"iter"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/yakt/yakt/metadata"
)

// Where a config value comes from, as on the wire (DescribeConfigsResponse.ConfigSource).
const (
	sourceTopic         int8 = 1
	sourceBroker        int8 = 2
	sourceBrokerDefault int8 = 3
	sourceStatic        int8 = 4
	sourceDefault       int8 = 5
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
	MinISR          int32             // min.insync.replicas
	UncleanElection bool              // unclean.leader.election.enable
}

// topicKey is a config that a topic may have (LogConfig).
type topicKey struct {
	name     string
	value    string // default
	check    configCheck
	synonyms []synonym // broker configs that give its value where the topic does not; first ones go first
	// internal keys are listed only where a topic sets them, and have no default.
	internal bool
	list     bool
}

// synonym is a broker config that stands for a topic config. unit converts its number into milliseconds; 0 leaves it as it is.
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

// shownTopicKeys are the keys that are told of a topic: an internal one only if it is set.
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

// topicKeys is every topic config of Kafka 4.3, by name.
var topicKeys = []topicKey{
	{name: "cleanup.policy", value: "delete", list: true, check: listOf("compact", "delete"), synonyms: same("log.cleanup.policy")},
	{name: "compression.gzip.level", value: "-1", check: gzipLevel, synonyms: same("compression.gzip.level")},
	{name: "compression.lz4.level", value: "9", check: int32From(1, 17), synonyms: same("compression.lz4.level")},
	{name: "compression.type", value: "producer", check: oneOf("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"), synonyms: same("compression.type")},
	{name: "compression.zstd.level", value: "3", check: int32From(-131072, 22), synonyms: same("compression.zstd.level")},
	{name: "delete.retention.ms", value: "86400000", check: int64From(0), synonyms: same("log.cleaner.delete.retention.ms")},
	{name: "file.delete.delay.ms", value: "60000", check: int64From(0), synonyms: same("log.segment.delete.delay.ms")},
	{name: "flush.messages", value: maxInt64, check: int64From(1), synonyms: same("log.flush.interval.messages")},
	{name: "flush.ms", value: maxInt64, check: int64From(0), synonyms: same("log.flush.interval.ms", "log.flush.scheduler.interval.ms")},
	{name: "follower.replication.throttled.replicas", list: true, check: throttledReplicas},
	{name: "index.interval.bytes", value: "4096", check: int32From(0, math.MaxInt32), synonyms: same("log.index.interval.bytes")},
	{name: "internal.segment.bytes", internal: true, check: int32From(math.MinInt32, math.MaxInt32)},
	{name: "leader.replication.throttled.replicas", list: true, check: throttledReplicas},
	{name: "local.retention.bytes", value: "-2", check: int64From(-2), synonyms: same("log.local.retention.bytes")},
	{name: "local.retention.ms", value: "-2", check: int64From(-2), synonyms: same("log.local.retention.ms")},
	{name: "max.compaction.lag.ms", value: maxInt64, check: int64From(1), synonyms: same("log.cleaner.max.compaction.lag.ms")},
	{name: "max.message.bytes", value: "1048588", check: int32From(0, math.MaxInt32), synonyms: same("message.max.bytes")},
	{name: "message.timestamp.after.max.ms", value: "3600000", check: int64From(0), synonyms: same("log.message.timestamp.after.max.ms")},
	{name: "message.timestamp.before.max.ms", value: maxInt64, check: int64From(0), synonyms: same("log.message.timestamp.before.max.ms")},
	{name: "message.timestamp.type", value: "CreateTime", check: oneOf("CreateTime", "LogAppendTime"), synonyms: same("log.message.timestamp.type")},
	{name: "min.cleanable.dirty.ratio", value: "0.5", check: ratio, synonyms: same("log.cleaner.min.cleanable.ratio")},
	{name: "min.compaction.lag.ms", value: "0", check: int64From(0), synonyms: same("log.cleaner.min.compaction.lag.ms")},
	{name: minISRConfig, value: "1", check: int32From(1, math.MaxInt32), synonyms: same(minISRConfig)},
	{name: "preallocate", value: "false", check: boolean, synonyms: same("log.preallocate")},
	{name: "remote.log.copy.disable", value: "false", check: boolean},
	{name: "remote.log.delete.on.disable", value: "false", check: boolean},
	{name: "remote.storage.enable", value: "false", check: boolean},
	{name: "retention.bytes", value: "-1", check: int64From(math.MinInt64), synonyms: same("log.retention.bytes")},
	{name: "retention.ms", value: "604800000", check: int64From(-1), synonyms: []synonym{{name: "log.retention.ms"}, {"log.retention.minutes", time.Minute}, {"log.retention.hours", time.Hour}}},
	{name: "segment.bytes", value: "1073741824", check: int32From(1<<20, math.MaxInt32), synonyms: same("log.segment.bytes")},
	{name: "segment.index.bytes", value: "10485760", check: int32From(4, math.MaxInt32), synonyms: same("log.index.size.max.bytes")},
	{name: "segment.jitter.ms", value: "0", check: int64From(0), synonyms: []synonym{{name: "log.roll.jitter.ms"}, {"log.roll.jitter.hours", time.Hour}}},
	{name: "segment.ms", value: "604800000", check: int64From(1), synonyms: []synonym{{name: "log.roll.ms"}, {"log.roll.hours", time.Hour}}},
	{name: uncleanElectionConfig, value: "false", check: boolean, synonyms: same(uncleanElectionConfig)},
}

var topicKeyByName = func() map[string]*topicKey {
	m := make(map[string]*topicKey, len(topicKeys))
	for i := range topicKeys {
		m[topicKeys[i].name] = &topicKeys[i]
	}
	return m
}()

// TopicDefaults is what a topic's configuration is where the topic does not say: the dynamic configs of this node, those of the
// cluster, this node's file, Kafka's defaults, in this order (KafkaConfigSchema.resolveEffectiveTopicConfig). A value that does not
// parse is passed over where it decides something here: brokers' configs are not validated by controllers.
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

// minISR and uncleanElection are a topic's effective values, given its overrides.
func (d *TopicDefaults) MinISR(overrides map[string]string) int {
	return intOr(overrides[minISRConfig], d.minISRBase)
}

func (d *TopicDefaults) UncleanElection(overrides map[string]string) bool {
	return boolOr(overrides[uncleanElectionConfig], d.uncleanBase)
}

// effective is the value of a key and where it comes from, given a topic's overrides.
func (d *TopicDefaults) effective(k *topicKey, overrides map[string]string) (value string, source int8) {
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

// builtIn is the default, which for the two keys that decide elections is a setting of this node.
func (d *TopicDefaults) builtIn(k *topicKey) string {
	switch k.name {
	case minISRConfig:
		return strconv.Itoa(d.minISRBase)
	case uncleanElectionConfig:
		return strconv.FormatBool(d.uncleanBase)
	}
	return k.value
}

// convert turns the synonym's value into the topic config's. What is no number counts as 0, as in Kafka.
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
	if value == "" { // nearly always: an error would have to be made
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

// trimJava cuts what Java's String.trim does, so that what is accepted here is accepted by brokers.
func trimJava(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
}
