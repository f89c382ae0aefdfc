package configs

import (
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/protocol/kafkakeys"
)

// listConfig is the default of a list config; ok is false when the key is no list. Only topics and
// brokers have a schema for lists: groups and client metrics allow no APPEND, as in Kafka.
func listConfig(kind int8, key string) (initial string, ok bool) {
	switch kind {
	case metadata.ConfigTopic:
		if k := topicKeyByName[key]; k != nil {
			return k.value, k.list
		}
	case metadata.ConfigBroker:
		// A list of words, as a file would have it: APPEND and SUBTRACT work on it.
		if k := kafkakeys.Find(key); k != nil {
			return k.Default, k.Type == "list"
		}
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
