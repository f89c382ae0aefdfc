package controller

import "github.com/yakt/yakt/metadata"

// brokerLists are the broker configs that are lists, with their defaults: those which APPEND and SUBTRACT work on (KafkaConfig).
var brokerLists = map[string]string{
	"advertised.listeners":                   "",
	"config.providers":                       "",
	"controller.listener.names":              "",
	"controller.quorum.bootstrap.servers":    "",
	"controller.quorum.voters":               "",
	cordonedDirsConfig:                       "",
	"early.start.listeners":                  "",
	"group.consumer.assignors":               "uniform,range",
	"group.coordinator.rebalance.protocols":  "classic,consumer,streams",
	"group.share.assignors":                  "simple",
	"kafka.metrics.reporters":                "",
	"listeners":                              "PLAINTEXT://:9092",
	"log.cleanup.policy":                     "delete",
	"log.dir":                                "/tmp/kafka-logs",
	"log.dirs":                               "",
	"metric.reporters":                       "org.apache.Kafka.common.metrics.JmxReporter",
	"process.roles":                          "",
	"sasl.enabled.mechanisms":                "GSSAPI",
	"sasl.kerberos.principal.to.local.rules": "DEFAULT",
	"sasl.oauthbearer.expected.audience":     "",
	"ssl.cipher.suites":                      "",
	"ssl.enabled.protocols":                  "TLSv1.2,TLSv1.3",
}

// listConfig is the default of a list config; ok is false when the key is no list. Only topics and brokers have a schema for this:
// groups and client metrics take no APPEND, as in Kafka.
func listConfig(kind int8, key string) (initial string, ok bool) {
	switch kind {
	case metadata.ConfigTopic:
		if k := topicKeyByName[key]; k != nil {
			return k.value, k.list
		}
	case metadata.ConfigBroker:
		initial, ok = brokerLists[key]
	}
	return initial, ok
}
