package config

import "strings"

const gone = "no longer a key of Kafka"

// ignoredBecause adds a reason to names that are accepted without effect: Kafka's that an operator
// may expect to matter here, and those that Kafka itself has dropped, which old files still carry.
var ignoredBecause = map[string]string{
	"controller.performance.sample.period.ms": "events are logged when they are slow, and not " +
		"summed up from time to time",
	"controller.quorum.append.linger.ms": "writes are grouped by themselves, without waiting",
	"controller.quorum.election.backoff.max.ms": "elections are spread by the random part of the " +
		"election timeout",
	"metadata.log.segment.bytes":   "see yakt.wal.segment.bytes",
	"metadata.log.segment.ms":      "segments are removed with snapshots",
	"metadata.max.retention.bytes": "see yakt.snapshots.kept",
	"metadata.max.retention.ms":    "see yakt.snapshots.kept",
	"num.network.threads":          "connections need no threads",
	"num.io.threads":               "requests need no threads",

	"zookeeper.connect":                   gone,
	"zookeeper.connection.timeout.ms":     gone,
	"zookeeper.session.timeout.ms":        gone,
	"zookeeper.set.acl":                   gone,
	"zookeeper.metadata.migration.enable": gone,
	"inter.broker.protocol.version":       gone + "; metadata.version takes its place",
	"log.message.format.version":          gone,
	"log.message.downconversion.enable":   gone,
	"log.message.timestamp.difference.max.ms": gone +
		"; see log.message.timestamp.before.max.ms and after.max.ms",
	"control.plane.listener.name":            gone,
	"broker.id.generation.enable":            gone,
	"reserved.broker.max.id":                 gone,
	"delegation.token.master.key":            gone + "; use delegation.token.secret.key",
	"auto.include.jmx.reporter":              gone,
	"leader.imbalance.per.broker.percentage": gone,
	"offsets.commit.required.acks":           gone,
}

// ignoredPrefixes lead families of names that plug-ins of brokers, the JVM's metrics or a vendor's
// tooling read.
var ignoredPrefixes = []string{
	"listener.name.", "config.providers.", "kafka.metrics.", "metrics.jmx.", "rlmm.config.",
	"rsm.config.", "remote.log.metadata.",
	"client.quota.callback.", "broker.quota.", "principal.builder.", "security.providers.",
	"cruise.control.", "strimzi.", "confluent.",
	"password.encoder.", "zookeeper.ssl.", "zookeeper.clientCnxnSocket",
}

// prefixFamily says whether the name belongs to one of those.
func prefixFamily(name string) bool {
	for _, prefix := range ignoredPrefixes {
		if strings.HasPrefix(name, prefix) && len(name) > len(prefix) {
			return true
		}
	}
	return false
}
