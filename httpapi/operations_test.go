package httpapi_test

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// contractFields are the field names that the contract fixes, by record.
var contractFields = map[string]string{
	"RegisterBrokerRecord": "brokerHost brokerId brokerPort brokerStatus epoch internalUUID rackId " +
		"securityProtocol",
	"TopicRecord": "name topicUUID",
	"PartitionRecord": "ISR addingReplicas leader partitionEpoch partitionId removingReplicas " +
		"replicas topicUUID",
	"ProducerIdsRecord": "brokerEpoch brokerId producerId",
	"BrokerRegistrationChangeRecord": "brokerHost brokerId brokerPort brokerStatus epoch " +
		"securityProtocol",
}

// checkRecord checks that a record has the form and the fields of the contract.
func checkRecord(t *testing.T, r object, name string) {
	t.Helper()
	if r["type"] != "metadata" || r["name"] != name || r["timestamp"] == "" ||
		r["offset"] == nil || r["epoch"] == nil {
		t.Errorf("not a %s: %v", name, r)
	}
	got := strings.Join(slices.Sorted(maps.Keys(fields(r))), " ")
	if want := contractFields[name]; want != "" && got != want {
		t.Errorf("%s has the fields %s, want %s", name, got, want)
	}
}

func TestEveryOperation(t *testing.T) {
	s := startOne(t)
	epoch := map[int]int64{}
	for id := 1; id <= 3; id++ {
		r := s.post("/register", object{"brokerId": id, "brokerHost": fmt.Sprintf("b%d", id),
			"brokerPort": 9090 + id, "securityProtocol": "SSL", "rackId": "r1"})
		checkRecord(t, r, "RegisterBrokerRecord")
		if f := fields(r); f["brokerStatus"] != "INIT" || f["brokerPort"] != float64(9090+id) ||
			f["securityProtocol"] != "SSL" || f["rackId"] != "r1" {
			t.Errorf("registered: %v", f)
		}
		epoch[id] = int64(fields(r)["epoch"].(float64))
		news := s.post("/broker_mgmt", object{"brokerId": id, "epoch": epoch[id]})
		if news["kind"] != "snapshot" || news["fromOffset"] != -1.0 {
			t.Errorf("a broker that holds nothing got %v from %v", news["kind"], news["fromOffset"])
		}
		news = s.post("/broker_mgmt", object{"brokerId": id, "epoch": epoch[id],
			"offset": news["endOffset"]})
		if last := lastOf(news, "BrokerRegistrationChangeRecord"); news["kind"] != "delta" ||
			fields(last)["brokerStatus"] != "UNFENCED" {
			t.Errorf("a heartbeat that has caught up got %v", news)
		}
	}
	status, list := s.request(http.MethodGet, "/get_all_active_brokers", nil)
	if brokers := decode[[]object](t, list); status != http.StatusOK || len(brokers) != 3 {
		t.Errorf("active brokers: %s", list)
	}
	one := s.post("/v1/get_broker_by_id", object{"brokerId": 2})
	checkRecord(t, one, "RegisterBrokerRecord")

	topic := s.post("/create_topic", object{"name": "orders",
		"assignments": [][]int{{1, 2}, {2, 1}}, "configs": object{"retention.ms": "3600000"}})
	checkRecord(t, topic, "TopicRecord")
	if len(topic["partitions"].([]any)) != 2 || topic["topicUUID"] != fields(topic)["topicUUID"] ||
		topic["configs"].(object)["retention.ms"] != "3600000" {
		t.Errorf("created topic: %v", topic)
	}
	checkRecord(t, topic["partitions"].([]any)[1].(object), "PartitionRecord")
	partition := s.post("/create_partition", object{"topicUUID": topic["topicUUID"],
		"partitionId": 2, "replicas": []int{1, 3}})
	checkRecord(t, partition, "PartitionRecord")
	s.replicas(t, epoch)

	producer := s.post("/register_producer", object{"brokerId": 1, "brokerEpoch": epoch[1]})
	checkRecord(t, producer, "ProducerIdsRecord")
	if producer["producerId"] != 0.0 || producer["length"] != 1000.0 ||
		fields(producer)["producerId"] != 0.0 {
		t.Errorf("producer ids: %v", producer)
	}
	producer = s.post("/register_producer", object{"brokerId": 1, "brokerEpoch": epoch[1]})
	if producer["producerId"] != 1000.0 {
		t.Errorf("the second block begins at %v", producer["producerId"])
	}
	s.brokerChanges(t, epoch)
}

// lastOf is the last record with a name in a feed's answer; nil if there is none.
func lastOf(news object, name string) object {
	var last object
	for _, r := range news["records"].([]any) {
		if r := r.(object); r["name"] == name {
			last = r
		}
	}
	return last
}

// replicas adds broker 3 to orders-0, reports it in sync by broker_mgmt, and removes broker 2.
func (s *server) replicas(t *testing.T, epoch map[int]int64) {
	t.Helper()
	added := s.post("/add_replica", object{"name": "orders", "partitionId": 0, "brokerId": 3})
	checkRecord(t, added, "PartitionRecord")
	if f := fields(added); !reflect.DeepEqual(f["addingReplicas"], []any{3.0}) ||
		!reflect.DeepEqual(f["replicas"], []any{1.0, 2.0, 3.0}) {
		t.Errorf("after add_replica: %v", f)
	}
	s.refused(http.StatusConflict, "REASSIGNMENT_IN_PROGRESS", http.MethodPost, "/add_replica",
		object{"name": "orders", "partitionId": 0, "brokerId": 3})
	s.post("/broker_mgmt", object{"brokerId": 3, "epoch": epoch[3], "offset": added["offset"],
		"inSync": []object{{"topicUUID": fields(added)["topicUUID"], "partitionId": 0}}})
	p := s.partition("orders", 0)
	if !reflect.DeepEqual(p["ISR"], []any{1.0, 2.0, 3.0}) || len(p["addingReplicas"].([]any)) != 0 {
		t.Errorf("in sync: %v", p)
	}
	removed := s.post("/remove_replica", object{"topicUUID": p["topicUUID"], "partitionId": 0,
		"brokerId": 2})
	checkRecord(t, removed, "PartitionRecord")
	if f := fields(removed); !reflect.DeepEqual(f["replicas"], []any{1.0, 3.0}) ||
		len(f["removingReplicas"].([]any)) != 0 {
		t.Errorf("after remove_replica: %v", f)
	}
}

func (s *server) partition(topic string, id int) object {
	s.t.Helper()
	return fields(s.get("/v1/get_topic_by_name?name=" + topic)["partitions"].([]any)[id].(object))
}

// brokerChanges changes, shuts down and unregisters brokers.
func (s *server) brokerChanges(t *testing.T, epoch map[int]int64) {
	t.Helper()
	change := s.post("/register_broker_change", object{"brokerId": 2, "epoch": epoch[2],
		"brokerHost": "b2.new", "brokerPort": 9999, "rackId": "r2"})
	checkRecord(t, change, "BrokerRegistrationChangeRecord")
	if f := fields(change); f["brokerHost"] != "b2.new" || f["brokerPort"] != 9999.0 ||
		f["brokerStatus"] != "UNFENCED" || f["epoch"] != float64(epoch[2]) {
		t.Errorf("changed broker: %v", f)
	}
	for _, step := range []struct{ to, is string }{
		{"FENCED", "FENCED"}, {"ALIVE", "UNFENCED"}, {"UNFENCED", "UNFENCED"}, {"CLOSED", "CLOSED"},
	} {
		change := object{"brokerId": 2, "epoch": epoch[2], "brokerStatus": step.to}
		if f := fields(s.post("/register_broker_change", change)); f["brokerStatus"] != step.is {
			t.Errorf("brought to %s: %v", step.to, f)
		}
	}
	if p := s.partition("orders", 1); p["leader"] != 1.0 {
		t.Errorf("a broker in controlled shutdown leads: %v", p)
	}
	gone := s.ok(http.MethodDelete, "/unregister_broker?brokerId=2", nil)
	checkRecord(t, gone, "UnregisterBrokerRecord")
	if len(gone["internalUUID"].(string)) != 22 {
		t.Errorf("unregistered: %v", gone)
	}
	s.refused(http.StatusNotFound, "BROKER_ID_NOT_REGISTERED", http.MethodGet,
		"/get_broker_by_id?brokerId=2", nil)
	s.refused(http.StatusNotFound, "BROKER_ID_NOT_REGISTERED", http.MethodPost,
		"/unregister_broker", object{"brokerId": 2})
}

func TestRefusals(t *testing.T) {
	s := startOne(t)
	e1, _ := s.alive(1), s.alive(2)
	s.post("/v1/create_topic", object{"name": "a", "assignments": [][]int{{1}}})
	for _, c := range []struct {
		status int
		code   string
		path   string
		body   any
	}{
		{409, "TOPIC_ALREADY_EXISTS", "create_topic", object{"name": "a"}},
		{400, "INVALID_TOPIC_EXCEPTION", "create_topic", object{"name": "a b"}},
		{400, "INVALID_CONFIG", "create_topic", object{"name": "b",
			"configs": object{"no.such": "1"}}},
		{422, "INVALID_REPLICATION_FACTOR", "create_topic",
			object{"name": "b", "replicationFactor": 3}},
		{422, "INVALID_REPLICA_ASSIGNMENT", "create_topic",
			object{"name": "b", "assignments": [][]int{{9}}}},
		{422, "POLICY_VIOLATION", "create_topic", object{"name": "b", "numPartitions": 10000}},
		{400, "INVALID_REQUEST", "create_topic", object{"name": "b", "numPartitions": 1,
			"assignments": [][]int{{1}}}},
		{409, "INVALID_PARTITIONS", "create_partition", object{"name": "a", "partitionId": 0}},
		{400, "INVALID_PARTITIONS", "create_partition", object{"name": "a", "partitionId": 2}},
		{404, "UNKNOWN_TOPIC_OR_PARTITION", "create_partition", object{"name": "x"}},
		{404, "UNKNOWN_TOPIC_ID", "create_partition",
			object{"topicUUID": "AAAAAAAAAAAAAAAAAAAAAA"}},
		{400, "INVALID_REQUEST", "create_partition", object{}},
		{400, "INVALID_REQUEST", "create_partition",
			object{"name": "a", "topicUUID": "AAAAAAAAAAAAAAAAAAAAAA"}},
		{404, "BROKER_ID_NOT_REGISTERED", "add_replica",
			object{"name": "a", "partitionId": 0, "brokerId": 7}},
		{409, "INVALID_REPLICA_ASSIGNMENT", "add_replica",
			object{"name": "a", "partitionId": 0, "brokerId": 1}},
		{404, "UNKNOWN_TOPIC_OR_PARTITION", "add_replica",
			object{"name": "a", "partitionId": 1, "brokerId": 2}},
		{422, "INVALID_REPLICA_ASSIGNMENT", "remove_replica",
			object{"name": "a", "partitionId": 0, "brokerId": 1}},
		{404, "REPLICA_NOT_AVAILABLE", "remove_replica",
			object{"name": "a", "partitionId": 0, "brokerId": 2}},
		{409, "STALE_BROKER_EPOCH", "register_producer",
			object{"brokerId": 1, "brokerEpoch": e1 + 1000}},
		{404, "BROKER_ID_NOT_REGISTERED", "register_producer",
			object{"brokerId": 5, "brokerEpoch": 1}},
		{409, "DUPLICATE_BROKER_REGISTRATION", "register",
			object{"brokerId": 1, "brokerHost": "h", "brokerPort": 1, "securityProtocol": "SSL",
				"rackId": ""}},
		{409, "STALE_BROKER_EPOCH", "register_broker_change",
			object{"brokerId": 1, "epoch": e1 + 1, "brokerStatus": "FENCED"}},
		{400, "INVALID_REQUEST", "register_broker_change", object{"brokerId": 1, "epoch": e1}},
		{409, "STALE_BROKER_EPOCH", "broker_mgmt", object{"brokerId": 1, "epoch": e1 + 1}},
		{404, "BROKER_ID_NOT_REGISTERED", "broker_mgmt", object{"brokerId": 5, "epoch": 1}},
		{400, "INVALID_REQUEST", "client_mgmt", object{"offset": 1,
			"timestamp": "2026-01-01T00:00:00Z"}},
	} {
		s.refused(c.status, c.code, http.MethodPost, "/v1/"+c.path, c.body)
	}
	p := s.badRequest("/v1/register", object{"brokerId": -1, "brokerPort": 70000,
		"securityProtocol": "TLS", "color": "red"})
	var bad []string
	for _, e := range p["errors"].([]any) {
		bad = append(bad, e.(object)["location"].(string))
	}
	slices.Sort(bad)
	if want := []string{"body.brokerHost", "body.brokerId", "body.brokerPort", "body.color",
		"body.rackId", "body.securityProtocol"}; !slices.Equal(bad, want) {
		t.Errorf("bad fields: got %v, want %v", bad, want)
	}
}

// TestRefusedReportsOfSync reports replicas in sync that cannot be.
func TestRefusedReportsOfSync(t *testing.T) {
	t.Parallel()
	s := startOne(t)
	epoch := map[int]int64{1: s.alive(1), 2: s.alive(2)}
	topic := s.post("/v1/create_topic", object{"name": "a",
		"assignments": [][]int{{1}}})["topicUUID"]
	for name, c := range map[string]struct {
		broker    int
		topic     any
		partition int
		status    int
		code      string
	}{
		"no such topic":     {1, "Jb1aPjOFQJ2pUL4xzHq1Lg", 0, 404, "UNKNOWN_TOPIC_OR_PARTITION"},
		"no such partition": {1, topic, 1, 404, "UNKNOWN_TOPIC_OR_PARTITION"},
		"no replica":        {2, topic, 0, 404, "REPLICA_NOT_AVAILABLE"},
	} {
		p := s.refused(c.status, c.code, http.MethodPost, "/v1/broker_mgmt", object{
			"brokerId": c.broker, "epoch": epoch[c.broker],
			"inSync": []object{{"topicUUID": c.topic, "partitionId": c.partition}},
		})
		t.Logf("%s: %v", name, p["detail"])
	}
	s.post("/v1/register_broker_change", object{"brokerId": 1, "epoch": epoch[1],
		"brokerStatus": "FENCED"})
	s.refused(http.StatusConflict, "INELIGIBLE_REPLICA", http.MethodPost, "/v1/broker_mgmt", object{
		"brokerId": 1, "epoch": epoch[1], "inSync": []object{{"topicUUID": topic,
			"partitionId": 0}},
	})
}

// TestRegistrationsThatASchemaAccepts checks the rules of register that its schema cannot express.
func TestRegistrationsThatASchemaAccepts(t *testing.T) {
	t.Parallel()
	s := startOne(t)
	body := object{
		"brokerId": 1, "brokerHost": "h", "brokerPort": 1, "securityProtocol": "SSL", "rackId": "",
		"listeners": []object{
			{"name": "X", "host": "h", "port": 2, "securityProtocol": "SSL"},
			{"name": "X", "host": "h", "port": 3, "securityProtocol": "SSL"},
			{"name": "SSL", "host": "h", "port": 4, "securityProtocol": "SSL"},
		},
		"logDirs": []string{"Jb1aPjOFQJ2pUL4xzHq1Lg", "AAAAAAAAAAAAAAAAAAAAAA"},
	}
	var bad []string
	for _, e := range s.badRequest("/v1/register", body)["errors"].([]any) {
		bad = append(bad, e.(object)["location"].(string))
	}
	want := []string{"body.listeners[1].name", "body.listeners[2].name", "body.logDirs[1]"}
	if !slices.Equal(bad, want) {
		t.Errorf("bad fields: %v, want %v", bad, want)
	}
}

func TestRegistrationIsAmendedByItsOwnIncarnation(t *testing.T) {
	s := startOne(t)
	epoch := s.alive(1)
	uuid := fields(s.get("/v1/get_broker_by_id?brokerId=1"))["internalUUID"]
	f := fields(s.post("/v1/register", object{
		"brokerId": 1, "brokerHost": "other", "brokerPort": 1, "securityProtocol": "PLAINTEXT",
		"rackId": "z", "internalUUID": uuid,
		"listeners": []object{{"name": "INTERNAL", "host": "i", "port": 2,
			"securityProtocol": "SASL_SSL"}},
	}))
	if f["epoch"] != float64(epoch) || f["brokerHost"] != "other" ||
		f["brokerStatus"] != "UNFENCED" {
		t.Errorf("amended: %v", f)
	}
}

func TestValidateOnlyCreatesNothing(t *testing.T) {
	s := startOne(t)
	s.alive(1)
	r := s.post("/v1/create_topic", object{"name": "dry", "numPartitions": 3, "validateOnly": true})
	if r["offset"] != -1.0 || len(r["partitions"].([]any)) != 3 {
		t.Errorf("validated: %v", r)
	}
	s.refused(http.StatusNotFound, "UNKNOWN_TOPIC_OR_PARTITION", http.MethodGet,
		"/v1/get_topic_by_name?name=dry", nil)
}
