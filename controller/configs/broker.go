package configs

import (
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// brokerLists are the broker configs that are lists, with their defaults: APPEND and SUBTRACT work
// on them (KafkaConfig).
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

// listConfig is the default of a list config; ok is false when the key is no list. Only topics and
// brokers have a schema for lists: groups and client metrics allow no APPEND, as in Kafka.
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

// checkBrokerName accepts a node id, or "" for the defaults of the cluster. The configs of brokers
// are not validated here: a broker validates its own before it forwards them.
func checkBrokerName(name string) *protocol.Error {
	if name == "" {
		return nil
	}
	id, err := strconv.ParseInt(name, 10, 32)
	switch {
	case err != nil:
		return protocol.Errorf(kerr.InvalidRequest,
			"Unable to parse broker name as a base 10 number.")
	case id < 0:
		return protocol.Errorf(kerr.InvalidRequest, "Invalid negative broker ID.")
	}
	return nil
}
