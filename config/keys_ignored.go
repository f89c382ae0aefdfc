package config

import "strings"

// gone is the reason for names that releases before 4.0 had.
const gone = "no longer a key of Kafka"

// ignoredBecause gives the reason why a name is accepted without effect: names of Kafka that an
// operator may expect to matter here, and names that Kafka has dropped but old files still have.
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

// ignoredPrefixes begin the names that plug-ins of brokers, the JVM's metrics or a vendor's tools
// read.
var ignoredPrefixes = []string{
	"listener.name.", "config.providers.", "kafka.metrics.", "metrics.jmx.", "rlmm.config.",
	"rsm.config.", "remote.log.metadata.",
	"client.quota.callback.", "broker.quota.", "principal.builder.", "security.providers.",
	"cruise.control.", "strimzi.", "confluent.",
	"password.encoder.", "zookeeper.ssl.", "zookeeper.clientCnxnSocket",
}

// prefixFamily reports whether a name begins with one of them.
func prefixFamily(name string) bool {
	for _, prefix := range ignoredPrefixes {
		if strings.HasPrefix(name, prefix) && len(name) > len(prefix) {
			return true
		}
	}
	return false
}
