package httpapi

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/loglevel"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// Examples that are composed from those of the fields would be refused where fields exclude each
// other, and would name every record TopicRecord. So each operation has its own: bodies that a node
// accepts, and the answer to the first of them.

// example is the examples of one operation.
type example struct {
	bodies []exampleBody // shown as "1", "2", ...
	answer any
}

// exampleBody is one body of a request, with its purpose.
type exampleBody struct {
	summary string
	value   fieldValues
}

// one is the list of a single body.
func one(value fieldValues) []exampleBody { return []exampleBody{{"An example.", value}} }

// fieldValues is a JSON object.
type fieldValues = map[string]any

const (
	exampleTopic  = "Jb1aPjOFQJ2pUL4xzHq1Lg"
	exampleBroker = "Xl7fYz0kQJyf3J0Wm3W1Xg"
)

var examplePosition = position{offset: 42, epoch: 3, timestampMs: 1795341600000}

// exampleRecord is a record at the examples' position.
func exampleRecord[F any](t record.Type, fields F) Record[F] {
	return newRecord(t.String(), fields, examplePosition)
}

func exampleBrokerFields(status string) BrokerFields {
	return BrokerFields{
		exampleBroker, 1, "broker-1.example.com", 9092, "PLAINTEXT", status, "eu-1a", 7,
	}
}

func examplePartition(adding, removing []int32, replicas ...int32) Record[PartitionFields] {
	return exampleRecord(record.TypePartition, PartitionFields{
		TopicUUID: exampleTopic, Replicas: replicas, ISR: []int32{1, 2}, RemovingReplicas: ids(removing),
		AddingReplicas: ids(adding), Leader: 1, PartitionEpoch: 1,
	})
}

func exampleTopicAnswer() topicAnswer {
	return topicAnswer{
		Record:    exampleRecord(record.TypeTopic, TopicFields{exampleTopic, "orders"}),
		TopicUUID: exampleTopic,
		Partitions: []TopicPartition{{
			Record: examplePartition(nil, nil, 1, 2), ELR: []int32{}, LastKnownELR: []int32{},
		}},
		Configs: map[string]string{"retention.ms": "3600000"},
	}
}

func exampleNews() fieldValues {
	topic := exampleRecord(record.TypeTopic, TopicFields{exampleTopic, "orders"})
	return fieldValues{
		"kind": "delta", "fromOffset": 41, "endOffset": 42, "epoch": 3, "timestamp": topic.Timestamp,
		"records": []any{topic},
	}
}

// examplesOf returns the examples by operation id. An operation is not there if its schemas
// suffice.
func examplesOf() map[string]example {
	all := map[string]example{}
	brokerExamples(all)
	brokerReadExamples(all)
	topicExamples(all)
	partitionExamples(all)
	changeExamples(all)
	identityExamples(all)
	feedExamples(all)
	configExamples(all)
	all["heal"] = example{[]exampleBody{
		{"List what would be healed, and change nothing.", fieldValues{"dryRun": true}},
		{"Heal.", fieldValues{}},
	}, Healing{Total: 1, CutBefore: 57, Poison: []Poisoned{{
		41, "ConfigRecord", `the configuration "k" of group "g"`,
		"Value has 40000 bytes, of which Kafka reads at most 32767", "remove",
	}}}}
	featureExamples(all)
	return all
}

func featureExamples(all map[string]example) {
	old := []string{"Broker 2 only supports versions 7-30"}
	all["features"] = example{nil, []Feature{
		{metadata.FeatureMetadata, 30, "4.3-IV0", 7, 33, 30, old},
		{metadata.FeatureShare, 1, "", 0, 2, 2, []string{}},
	}}
	all["update_features"] = example{[]exampleBody{
		{"The levels of a release.", fieldValues{"releaseVersion": "4.4"}},
		{"The levels of single features.", fieldValues{
			"features": fieldValues{"share.version": 1}, "upgradeType": "SAFE_DOWNGRADE",
		}},
	}, FeatureUpdates{
		Changes:  []FeatureChange{{metadata.FeatureMetadata, 30, 33}, {metadata.FeatureShare, 1, 2}},
		Problems: []string{},
	}}
}

func brokerExamples(all map[string]example) {
	all["register"] = example{[]exampleBody{
		{"A broker with one listener.", fieldValues{
			"brokerId": 1, "brokerHost": "broker-1.example.com", "brokerPort": 9092,
			"securityProtocol": "PLAINTEXT", "rackId": "eu-1a",
		}},
		{"A broker with a second listener and its log directories.", fieldValues{
			"brokerId": 2, "brokerHost": "broker-2.example.com", "brokerPort": 9092,
			"securityProtocol": "PLAINTEXT", "rackId": "",
			"logDirs": []string{"rTudty6ITOCcO_ldVyzZYg"},
			"listeners": []any{fieldValues{
				"name": "INTERNAL", "host": "10.0.0.7", "port": 9093, "securityProtocol": "SSL",
			}},
		}},
	}, exampleRecord(record.TypeRegisterBroker, exampleBrokerFields(statusInit))}
	all["register_broker_change"] = example{[]exampleBody{
		{"Fence a broker.", fieldValues{"brokerId": 1, "epoch": 7, "brokerStatus": "FENCED"}},
		{"Unfence it.", fieldValues{"brokerId": 1, "epoch": 7, "brokerStatus": "UNFENCED"}},
		{"Change where it listens.", fieldValues{
			"brokerId": 1, "epoch": 7, "brokerHost": "broker-1b.example.com", "brokerPort": 9094,
		}},
	}, exampleRecord(record.TypeBrokerRegistrationChange, BrokerChangeFields{
		1, "broker-1.example.com", 9092, "PLAINTEXT", statusFenced, 7,
	})}
	removed := unregisterAnswer{
		exampleRecord(record.TypeUnregisterBroker, UnregisterFields{1, 7}), exampleBroker, nil,
	}
	all["unregister_broker"] = example{one(fieldValues{"brokerId": 1}), removed}
	all["unregister_broker_delete"] = example{nil, removed}
	all["register_producer"] = example{
		one(fieldValues{"brokerId": 1, "brokerEpoch": 7}), producerAnswer{
			exampleRecord(record.TypeProducerIDs, ProducerIDsFields{1, 7, 0}), 0, producerIDBlock,
		},
	}
}

func brokerReadExamples(all map[string]example) {
	shown := exampleRecord(record.TypeRegisterBroker, exampleBrokerFields(statusUnfenced))
	all["get_broker_by_id"] = example{nil, shown}
	all["get_broker_by_id_post"] = example{one(fieldValues{"brokerId": 1}), shown}
	list := []any{shown}
	all["get_all_active_brokers"] = example{nil, list}
	all["get_all_active_brokers_post"] = example{one(fieldValues{}), list}
}

func topicExamples(all map[string]example) {
	name := fieldValues{"name": "orders"}
	all["create_topic"] = example{[]exampleBody{
		{"The controller places the replicas.", fieldValues{
			"name": "orders", "numPartitions": 1, "replicationFactor": 2,
			"configs": fieldValues{"retention.ms": "3600000"},
		}},
		{"Partitions and replicas by the controllers' defaults.", name},
		{"Explicit brokers for each partition.", fieldValues{
			"name": "orders", "assignments": [][]int32{{1, 2}, {2, 3}},
		}},
		{"The answer without the creation.", fieldValues{"name": "orders", "validateOnly": true}},
	}, exampleTopicAnswer()}
	all["get_topic_by_name"] = example{nil, exampleTopicAnswer()}
	all["get_topic_by_name_post"] = example{one(name), exampleTopicAnswer()}
}

func partitionExamples(all map[string]example) {
	all["create_partition"] = example{[]exampleBody{
		{"The controller places the replicas.", fieldValues{"name": "orders"}},
		{"Explicit brokers, for a topic named by its id.", fieldValues{
			"topicUUID": exampleTopic, "replicas": []int32{1, 2},
		}},
	}, examplePartition(nil, nil, 1, 2)}
	replica := fieldValues{"name": "orders", "partitionId": 0, "brokerId": 3}
	all["add_replica"] = example{one(replica), examplePartition([]int32{3}, nil, 1, 2, 3)}
	all["remove_replica"] = example{one(replica), examplePartition(nil, []int32{3}, 1, 2, 3)}
}

func configExamples(all map[string]example) {
	hour := "3600000"
	all["describe_configs"] = example{nil, ResourceConfigs{"broker", "", []ConfigEntry{{
		"log.retention.ms", &hour, "DYNAMIC_DEFAULT_BROKER_CONFIG", "LONG", false, false,
		[]ConfigSynonym{{"log.retention.ms", &hour, "DYNAMIC_DEFAULT_BROKER_CONFIG"}},
		"Time for which a log is kept; -1 is for ever.",
	}}}}
	all["alter_configs"] = example{[]exampleBody{
		{"Keep the records of a topic for an hour.", fieldValues{
			"type": "topic", "name": "orders", "set": fieldValues{"retention.ms": hour},
		}},
		{"Change a list, and remove a key.", fieldValues{
			"type": "topic", "name": "orders", "delete": []string{"segment.ms"},
			"append": fieldValues{"cleanup.policy": "compact"},
		}},
		{"The default of all brokers.", fieldValues{
			"type": "broker", "set": fieldValues{"log.retention.ms": hour},
		}},
	}, ChangedConfigs{"topic", "orders", false, []ConfigChange{{"retention.ms", &hour}}}}
	loggers := LoggerList{1, []LoggerLevel{{"raft", "DEBUG", true, loglevel.About("raft")}}}
	all["loggers"] = example{nil, loggers}
	all["set_log_level_post"] = example{[]exampleBody{
		{"Log more of elections and replication.", fieldValues{"logger": "raft", "level": "DEBUG"}},
		{"As before.", fieldValues{"logger": "raft"}},
	}, loggers}
}

// changeExamples are those of operations that change or list several topics and partitions.
func changeExamples(all map[string]example) {
	name := fieldValues{"name": "orders"}
	deleted := deletedTopic{
		exampleRecord(record.TypeRemoveTopic, TopicFields{exampleTopic, "orders"}), 3,
	}
	all["delete_topic"] = example{[]exampleBody{
		{"By name.", name}, {"By id.", fieldValues{"topicUUID": exampleTopic}},
	}, deleted}
	all["delete_topic_delete"] = example{nil, deleted}
	all["get_topic_by_id"] = example{nil, exampleTopicAnswer()}
	state := examplePartition(nil, nil, 1, 2).Fields
	outcomes := PartitionOutcomes{Partitions: []PartitionOutcome{{Topic: "orders", State: &state}}}
	partition := fieldValues{"topic": "orders", "partitionId": 0}
	all["reassign_partitions"] = example{[]exampleBody{
		{"Move a partition, and ask how to limit the bandwidth.", fieldValues{
			"partitions": []any{fieldValues{
				"topic": "orders", "partitionId": 0, "replicas": []int32{2, 3},
			}},
			"throttleBytesPerSec": 50000000,
		}},
	}, PartitionOutcomes{Partitions: outcomes.Partitions, Throttle: exampleThrottle()}}
	all["cancel_reassignments"] = example{
		one(fieldValues{"partitions": []any{partition}}), outcomes,
	}
	all["elect_leaders"] = example{[]exampleBody{
		{"Return leadership to the first replicas, wherever that is possible.", fieldValues{
			"election": "preferred", "all": true,
		}},
		{"Give a partition a leader that may lack records.", fieldValues{
			"election": "unclean", "partitions": []any{partition},
		}},
	}, outcomes}
}

func exampleThrottle() *Throttle {
	t := &Throttle{}
	t.add("broker", "2", leaderRate, "50000000")
	t.add("topic", "orders", followerReplicas, "0:3")
	return t
}

func feedExamples(all map[string]example) {
	all["broker_mgmt"] = example{[]exampleBody{
		{"With the offset of the newest update that the broker has.", fieldValues{
			"brokerId": 1, "epoch": 7, "offset": 41,
		}},
		{"The first heartbeat: the answer is a snapshot.", fieldValues{"brokerId": 1, "epoch": 7}},
		{"A replica has caught up.", fieldValues{
			"brokerId": 1, "epoch": 7, "offset": 41,
			"inSync": []any{fieldValues{"topicUUID": exampleTopic, "partitionId": 0}},
		}},
	}, exampleNews()}
	all["broker_mgmt_get"] = example{nil, exampleNews()}
	all["client_mgmt"] = example{nil, exampleNews()}
	all["client_mgmt_post"] = example{[]exampleBody{
		{"Since an offset.", fieldValues{"offset": 41}},
		{"Since a time.", fieldValues{"timestamp": "2026-11-22T10:00:00.000Z"}},
		{"The first time: the answer is a snapshot.", fieldValues{}},
	}, exampleNews()}
	fields := fieldValues{"name": "orders", "topicId": exampleTopic}
	all["records"] = example{nil, fieldValues{
		"fromOffset": 42, "endOffset": 43, "logStartOffset": 0, "highWatermark": 43,
		"records": []any{exampleRecord(record.TypeTopic, fields)},
	}}
}

// examples adds the examples to the OpenAPI document.
func (a *API) examples() {
	all := examplesOf()
	for _, item := range a.huma.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Delete} {
			if op != nil {
				all[op.OperationID].show(op)
			}
		}
	}
}

// show adds the examples to the description of their operation.
func (e example) show(op *huma.Operation) {
	const json = "application/json"
	if len(e.bodies) > 0 {
		shown := map[string]*huma.Example{}
		for i, b := range e.bodies {
			shown[itoa(i+1)] = &huma.Example{Summary: b.summary, Value: b.value}
		}
		op.RequestBody.Content[json].Examples = shown
	}
	if r := op.Responses["200"]; r != nil && e.answer != nil {
		r.Content[json].Example = e.answer
	}
}

// exampleProblem is a typical answer of a status.
func exampleProblem(status int) *Problem {
	switch status {
	case http.StatusBadRequest:
		return badField("body.brokerPort", "expected number <= 65535")
	case http.StatusForbidden:
		return newProblem(status, kerr.ClusterAuthorizationFailed, crossSite)
	case http.StatusNotFound:
		return kafkaProblem(kerr.UnknownTopicOrPartition, noTopic("orders"))
	case http.StatusRequestTimeout:
		return newProblem(status, kerr.RequestTimedOut, "The request's body did not arrive within 10s.")
	case http.StatusConflict:
		return kafkaProblem(kerr.StaleBrokerEpoch, "Broker 1 has epoch 9, not 7.")
	case http.StatusPreconditionFailed:
		return changedSince(`"42-3"`)
	case http.StatusRequestEntityTooLarge:
		return tooLarge()
	case http.StatusUnsupportedMediaType:
		return humaProblem(status, "unknown content type: text/xml", nil)
	case http.StatusUnprocessableEntity:
		return kafkaProblem(kerr.InvalidReplicationFactor,
			"Unable to replicate the partition 3 time(s): only 1 broker(s) are registered.")
	case http.StatusTooManyRequests:
		return kafkaProblem(kerr.ThrottlingQuotaExceeded, "")
	case http.StatusServiceUnavailable:
		return noLeader("The quorum has no leader now. Try again.")
	case http.StatusGatewayTimeout:
		return unknownOutcome()
	}
	return internalFault()
}
