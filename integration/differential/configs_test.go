package differential

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Requests of clients about configs.

// configPool has keys of configs with values, some of them invalid.
type configPool struct {
	weight       int
	keys, values []string
}

var numbers = []string{
	"-3", "-2", "-1", "0", "1", "2", "5", "18", "100", "1000", "5000", "45000", "60001", "1048575",
	"1048576", "2147483647", "2147483648",
	"9223372036854775807", "9223372036854775808", " 7 ", "+5", "1e3", "0x10", "1_0", "", "x",
}

var booleans = []string{"true", "false", "TRUE", " false ", "yes", ""}

// topicConfigs contain no min.insync.replicas with blanks around it: Kafka accepts that, and then
// fails in every operation on the topic.
var topicConfigs = []configPool{
	{30, []string{"min.insync.replicas"},
		[]string{"1", "2", "3", "2", "3", "2", "3", "+2", "0", "2147483647", "2147483648", "x"}},
	{30, []string{"unclean.leader.election.enable"},
		[]string{"true", "false", "true", "false", "maybe"}},
	{6, []string{"retention.ms", "retention.bytes", "local.retention.ms", "local.retention.bytes"},
		[]string{"1000", "-1", "-2", "-3", "1e3", "2000"}},
	{6, []string{"cleanup.policy"},
		[]string{"compact", "delete", "compact,delete", "", "delete, compact", "delete,delete",
			"zstd", ","}},
	{4, []string{"remote.storage.enable", "remote.log.copy.disable",
		"remote.log.delete.on.disable"}, []string{"true", "false", "true"}},
	{2, []string{"preallocate", "remote.storage.enable", "errors.deadletterqueue.group.enable"},
		booleans},
	{2, []string{"compression.type", "message.timestamp.type"},
		[]string{"zstd", "lz4", " gzip", "CreateTime", "LogAppendTime", "none", "producer"}},
	{2, []string{"compression.gzip.level", "compression.lz4.level", "compression.zstd.level"},
		[]string{"-131073", "-131072", "-1", "0", "1", "9", "10", "17", "18", "22", "23", "x"}},
	{2, []string{"min.cleanable.dirty.ratio"},
		[]string{"0", "0.5", "1", "1.1", "-0.1", "1e-1", ".5", "5.", " 1 ", "-0", "x", "", "0,5",
			"Infinity", "0.5_0", "nan"}},
	{2, []string{"follower.replication.throttled.replicas",
		"leader.replication.throttled.replicas"}, []string{
		"*", "", "0:1,1:2", "0:1 , 1:2", "0:1,*", "0", "a:b", ":", "0:1,", "*,*",
	}},
	{3, []string{"min.compaction.lag.ms", "max.compaction.lag.ms"},
		[]string{"0", "1", "100", "1000", "5000"}},
	{3, []string{
		"delete.retention.ms", "file.delete.delay.ms", "flush.messages", "flush.ms",
		"index.interval.bytes", "internal.segment.bytes", "local.retention.bytes",
		"local.retention.ms", "max.compaction.lag.ms", "max.decompressed.message.bytes",
		"max.message.bytes", "remote.copy.lag.bytes", "remote.copy.lag.ms",
		"message.timestamp.after.max.ms", "message.timestamp.before.max.ms",
		"min.compaction.lag.ms", "retention.bytes", "retention.ms", "segment.bytes",
		"segment.index.bytes", "segment.jitter.ms", "segment.ms",
	}, numbers},
	{1, []string{"no.such.config", "message.format.version", "", "Retention.ms"}, []string{"1"}},
}

// tieredConfigs are topicConfigs for clusters that allow tiered storage.
var tieredConfigs = append([]configPool{
	{40, []string{"remote.storage.enable", "remote.log.copy.disable",
		"remote.log.delete.on.disable"}, []string{"true", "true", "false"}},
	{20, []string{"retention.ms", "retention.bytes", "local.retention.ms", "local.retention.bytes"},
		[]string{"1000", "-1", "-2", "2000"}},
	{10, []string{"remote.copy.lag.ms", "remote.copy.lag.bytes"},
		[]string{"1000", "-1", "0", "2000", "500"}},
	{10, []string{"cleanup.policy"}, []string{"compact", "delete", ""}},
}, topicConfigs...)

var groupConfigs = []configPool{
	{3, []string{
		"consumer.session.timeout.ms", "consumer.heartbeat.interval.ms", "share.session.timeout.ms",
		"share.heartbeat.interval.ms", "streams.session.timeout.ms",
		"streams.heartbeat.interval.ms",
	}, []string{"45000", "44999", "60000", "60001", "5000", "4999", "15000", "15001", "0", "x"}},
	{1, []string{"consumer.assignment.interval.ms", "share.assignment.interval.ms",
		"streams.assignment.interval.ms"}, []string{"-1", "0", "15000", "15001"}},
	{1, []string{"share.auto.offset.reset"}, []string{
		"latest", "earliest", "none", " latest", "by_duration:PT1H", "by_duration:P1DT2.5S",
		"by_duration:-PT1H", "by_duration:", "by_duration:P", "by_duration:PT", "by_duration:x",
	}},
	{1, []string{"share.delivery.count.limit"}, []string{"1", "2", "10", "11"}},
	{1, []string{"share.isolation.level"},
		[]string{"read_committed", "read_uncommitted", "READ_COMMITTED"}},
	{1, []string{"share.partition.max.record.locks", "share.record.lock.duration.ms"},
		[]string{"99", "100", "4000", "4001", "999", "1000", "14999", "15000", "60000", "60001"}},
	{1, []string{"share.renew.acknowledge.enable"}, booleans},
	{1, []string{"streams.initial.rebalance.delay.ms", "streams.num.standby.replicas"},
		[]string{"-1", "0", "2", "3"}},
	{1, []string{"errors.deadletterqueue.topic.name"}, []string{"d", "__d", "bad topic!", ""}},
	{1, []string{"errors.deadletterqueue.copy.record.enable", "share.assignor.offload.enable"},
		booleans},
	{1, []string{"streams.assignor.name"}, []string{"sticky", "x", ""}},
	{1, []string{"streams.rack.aware.assignment.tags"}, []string{"a", "a,b", "a,a", ",", ""}},
	{1, []string{"streams.task.offset.interval.ms", "streams.num.warmup.replicas",
		"streams.acceptable.recovery.lag"},
		[]string{"-1", "0", "2", "20", "21", "14999", "15000", "x"}},
	{1, []string{"no.such.config"}, []string{"1"}},
}

var clientMetricsConfigs = []configPool{
	{2, []string{"interval.ms"}, []string{"100", "99", "3600000", "3600001", "60000", "x", ""}},
	{2, []string{"metrics"},
		[]string{"org.apache.kafka.producer.", "*", "", "a.b,c.d", "a,,b", "a,"}},
	{2, []string{"match"}, []string{
		"client_id=a", "client_id=a.*,client_software_name=java", "client_id=[", "client_id=(",
		"client_id", "client_id=", "no_such=a", "client_id=a=b", "", " client_id = b ",
		"client_source_port=1",
	}},
	{1, []string{"no.such.config"}, []string{"1"}},
}

// brokerConfigs have valid values only: neither controller validates the configs of brokers, but
// after a min.insync.replicas that is no number Kafka's fails in every operation. Defaults for
// topic configs appear in the answers to CREATE_TOPICS.
var brokerConfigs = []configPool{
	{10, []string{"unclean.leader.election.enable"}, []string{"true", "false"}},
	{10, []string{"min.insync.replicas"}, []string{"1", "2", "3"}},
	{2, []string{"log.roll.hours", "log.roll.ms", "log.roll.jitter.hours", "log.flush.interval.ms",
		"log.flush.scheduler.interval.ms", "log.segment.bytes", "log.index.size.max.bytes"},
		[]string{"1", "7", "1048576", " 3 ", "x"}},
	{1, []string{"cordoned.log.dirs"}, []string{"", "/a", "/a,/b", "/b", " /b , /a ", "/c"}},
	{1, []string{"no.such.config", ""}, []string{"", "x"}},
}

var listConfigs = []configPool{
	{4, []string{"cleanup.policy", "log.cleanup.policy"},
		[]string{"compact", "delete", "compact,delete", "", ",", "zstd", "compact,"}},
	{2, []string{"follower.replication.throttled.replicas",
		"leader.replication.throttled.replicas"}, []string{"*", "0:1", "0:1,1:2", "1:2", "x"}},
	{2, []string{"cordoned.log.dirs", "listeners", "ssl.enabled.protocols", "metric.reporters",
		"log.dir", "log.dirs", "sasl.enabled.mechanisms", "group.consumer.assignors"},
		[]string{"/a", "/b", "/a,/b", "TLSv1.2", "GSSAPI", "range", "/tmp/kafka-logs"}},
	{1, []string{"retention.ms", "metrics", "log.retention.ms", "x"}, []string{"1"}},
	// both are too long
	{1, []string{"log.dirs"}, []string{strings.Repeat("d", 20_000), strings.Repeat("e", 20_000)}},
}

// config draws a key and a value.
func (w *world) config(pools []configPool) (string, *string) {
	total := 0
	for _, p := range pools {
		total += p.weight
	}
	n := w.rng.IntN(total)
	for _, p := range pools {
		if n -= p.weight; n < 0 {
			value := pick(w.rng, p.values)
			return pick(w.rng, p.keys), &value
		}
	}
	panic("not reached")
}

func (w *world) topicPools() []configPool {
	if w.tiered {
		return tieredConfigs
	}
	return topicConfigs
}

func (w *world) topicConfig() (string, *string) {
	name, value := w.config(w.topicPools())
	if w.chance(1) {
		return name, nil
	}
	return name, value
}

// configResource draws a resource and the configs that it may have.
func (w *world) configResource() (kmsg.ConfigResourceType, string, []configPool) {
	switch n := w.rng.IntN(100); {
	case n < 65:
		name := w.topicName()
		if t := w.anyTopic(); t != nil && w.chance(70) {
			name = t.Name
		}
		if w.chance(2) {
			name = pick(w.rng, []string{"", ".", "a/b"})
		}
		return kmsg.ConfigResourceTypeTopic, name, w.topicPools()
	case n < 85:
		return kmsg.ConfigResourceTypeBroker,
			pick(w.rng, []string{"", "", "", "1", "2", "3", fmt.Sprint(nodeID), "77", "-1", "x",
				"01"}), brokerConfigs
	case n < 91:
		return kmsg.ConfigResourceTypeGroupConfig, pick(w.rng, []string{"g", "h", ""}), groupConfigs
	case n < 97:
		return kmsg.ConfigResourceTypeClientMetrics, pick(w.rng, []string{"m", "n", ""}),
			clientMetricsConfigs
	case n < 98:
		return kmsg.ConfigResourceTypeBrokerLogger, pick(w.rng, []string{"1", fmt.Sprint(nodeID)}),
			[]configPool{{1, []string{"no.such.logger"}, []string{"INFO"}}}
	}
	return pick(w.rng, []kmsg.ConfigResourceType{0, 1, 64}), "x", topicConfigs
}

func (w *world) alterConfigs() {
	if w.chance(30) {
		w.replaceConfigs()
		return
	}
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	version(w.rng, req)
	req.ValidateOnly = w.chance(5)
	for range 1 + w.rng.IntN(2) {
		r := kmsg.NewIncrementalAlterConfigsRequestResource()
		var pools []configPool
		r.ResourceType, r.ResourceName, pools = w.configResource()
		for range 1 + w.rng.IntN(2) {
			r.Configs = append(r.Configs, w.configOp(pools))
		}
		req.Resources = append(req.Resources, r)
	}
	if w.chance(3) {
		req.Resources = append(req.Resources, req.Resources[0])
	}
	if w.chance(3) { // one resource, since Kafka may fail the whole request
		req.Resources = req.Resources[:1]
		c := &req.Resources[0].Configs[0]
		if req.Resources[0].Configs = req.Resources[0].Configs[:1]; w.chance(70) {
			c.Op, c.Value = pick(w.rng, []kmsg.IncrementalAlterConfigOp{0, 2, 3}), nil
		} else {
			c.Op = pick(w.rng, []kmsg.IncrementalAlterConfigOp{-1, 4})
		}
	}
	w.request(req)
}

func (w *world) configOp(pools []configPool) kmsg.IncrementalAlterConfigsRequestResourceConfig {
	c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	c.Name, c.Value = w.config(pools)
	c.Op = pick(w.rng, []kmsg.IncrementalAlterConfigOp{0, 0, 0, 0, 0, 0, 1, 1, 2, 3})
	switch {
	case c.Op >= kmsg.IncrementalAlterConfigOpAppend && w.chance(80):
		c.Name, c.Value = w.config(listConfigs)
	case c.Op == kmsg.IncrementalAlterConfigOpDelete && w.chance(70):
		c.Value = nil
	}
	return c
}

// replaceConfigs draws an ALTER_CONFIGS, which deletes the configs that it does not name.
func (w *world) replaceConfigs() {
	req := kmsg.NewPtrAlterConfigsRequest()
	version(w.rng, req)
	req.ValidateOnly = w.chance(5)
	for range 1 + w.rng.IntN(2) {
		r := kmsg.NewAlterConfigsRequestResource()
		var pools []configPool
		r.ResourceType, r.ResourceName, pools = w.configResource()
		for range w.rng.IntN(3) {
			c := kmsg.NewAlterConfigsRequestResourceConfig()
			c.Name, c.Value = w.config(pools)
			r.Configs = append(r.Configs, c)
		}
		req.Resources = append(req.Resources, r)
	}
	if w.chance(3) {
		req.Resources = append(req.Resources, req.Resources[0])
	}
	if w.chance(3) && len(req.Resources[0].Configs) > 0 {
		req.Resources = req.Resources[:1]
		req.Resources[0].Configs[0].Value = nil
	}
	w.request(req)
}
