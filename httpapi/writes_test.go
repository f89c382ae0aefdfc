package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// Names of what every write of an administrator has.
var ofWrites = []string{"dryRun", "If-Match", "Idempotency-Key"}

// excused are the operations that change something and lack some of ofWrites.
var excused = map[string][]string{
	"broker_mgmt":   ofWrites,
	"set_log_level": {"If-Match", "Idempotency-Key"},
}

// write is an operation that changes something, as the OpenAPI document describes it.
type write struct {
	name, text string
	params     []string
}

// writes are all operations that change something by POST: in the cluster, or in the node itself.
func (s *server) writes() (all []write) {
	s.t.Helper()
	for path, item := range s.get("/openapi.json")["paths"].(object) {
		op, ok := item.(object)["post"].(object)
		if !ok || op["x-yakt-kind"] != "write" && op["x-yakt-kind"] != "local" {
			continue
		}
		w := write{name: strings.TrimPrefix(path, "/v1/"), text: op["description"].(string)}
		params, _ := op["parameters"].([]any)
		for _, p := range params {
			w.params = append(w.params, p.(object)["name"].(string))
		}
		all = append(all, w)
	}
	return all
}

// TestWritesCanBeTriedAndRepeated: every operation that changes something has a dry run, If-Match
// and Idempotency-Key, or its description says which of them it lacks.
func TestWritesCanBeTriedAndRepeated(t *testing.T) {
	t.Parallel()
	for _, w := range startOne(t).writes() {
		for _, p := range ofWrites {
			switch has, lacks := slices.Contains(w.params, p),
				slices.Contains(excused[w.name], p); {
			case has == lacks:
				t.Errorf("%s has %s: %t, and is excused: %t", w.name, p, has, lacks)
			case lacks && !strings.Contains(w.text, p):
				t.Errorf("the description of %s does not say why it has no %s: %s", w.name, p, w.text)
			}
		}
	}
}

// TestEveryWrite sends each operation that changes something as a dry run, which must change
// nothing; under the condition that the state is an old one, which must fail; and repeated with a
// key, which must give the first answer. A new operation has to be added to the bodies.
func TestEveryWrite(t *testing.T) {
	t.Parallel()
	s, bodies := startForWrites(t)
	end := s.node.Controller().Image().EndOffset()
	levels := fmt.Sprint(s.get("/v1/loggers"))
	for _, w := range s.writes() {
		body, ok := bodies[w.name]
		if !ok && w.name != "broker_mgmt" {
			t.Errorf("there is no body for %s", w.name)
		}
		s.tryWrite(w, body)
	}
	if now := s.node.Controller().Image().EndOffset(); now != end {
		t.Errorf("%d records were written", now-end)
	}
	if now := fmt.Sprint(s.get("/v1/loggers")); now != levels {
		t.Errorf("levels of loggers were changed: %s", now)
	}
}

// refusedWrites are the statuses of dry runs that fail: there is no reassignment and no authorizer.
var refusedWrites = map[string]int{
	"cancel_reassignments": http.StatusConflict, "add_acl": http.StatusConflict,
	"remove_acl": http.StatusConflict,
}

func (s *server) tryWrite(w write, body object) {
	s.t.Helper()
	dry := "/v1/" + w.name + "?dryRun=true"
	send := func(headers ...string) (int, http.Header, string) {
		resp := s.send(http.MethodPost, dry, body, headers...)
		return resp.StatusCode, resp.Header, string(bodyOf(s.t, resp))
	}
	if slices.Contains(w.params, "dryRun") {
		status, _, text := send()
		if want := max(refusedWrites[w.name], http.StatusOK); status != want {
			s.t.Errorf("%s: %d %s", dry, status, text)
		}
	}
	if slices.Contains(w.params, "If-Match") {
		status, _, text := send("If-Match", `"1-1"`)
		if status != http.StatusPreconditionFailed {
			s.t.Errorf("%s of an old state: %d %s", dry, status, text)
		}
	}
	if slices.Contains(w.params, "Idempotency-Key") {
		_, _, first := send("Idempotency-Key", w.name)
		_, header, again := send("Idempotency-Key", w.name)
		if header.Get("Idempotency-Replayed") != "true" || first != again {
			s.t.Errorf("%s is not repeated: %s, then %s", dry, first, again)
		}
	}
}

// startForWrites starts a node with two topics, a user and a token, and returns bodies for the
// operations that change something.
func startForWrites(t *testing.T) (*server, map[string]object) {
	t.Helper()
	s, epoch := startWithTopics(t, 2, "delegation.token.secret.key=key")
	credential := object{"user": "alice", "mechanism": "SCRAM-SHA-256", "iterations": 4096,
		"password": "p"}
	s.post("/v1/set_user_credential", credential)
	token := s.post("/v1/create_token", object{"owner": "User:alice"})
	partition := object{"topic": "t000", "partitionId": 0}
	moved := object{"topic": "t000", "partitionId": 0, "replicas": []int{2, 3}}
	id := object{"tokenId": token["tokenId"]}
	acl := object{"resourceType": "TOPIC", "resourceName": "t", "patternType": "LITERAL",
		"principal": "User:alice", "host": "*", "operation": "READ", "permission": "ALLOW"}
	return s, map[string]object{
		"register": {"brokerId": 7, "brokerHost": "b", "brokerPort": 1, "securityProtocol": "SSL",
			"rackId": ""},
		"register_broker_change": {"brokerId": 1, "epoch": epoch[1], "brokerStatus": "FENCED"},
		"unregister_broker":      {"brokerId": 1},
		"create_topic":           {"name": "new", "numPartitions": 2},
		"delete_topic":           {"name": "t000"},
		"create_partition":       {"name": "t000"},
		"add_replica":            {"name": "t000", "partitionId": 0, "brokerId": 3},
		"remove_replica":         {"name": "t000", "partitionId": 0, "brokerId": 2},
		"register_producer":      {"brokerId": 1, "brokerEpoch": epoch[1]},
		"reassign_partitions":    {"partitions": []object{moved}},
		"cancel_reassignments":   {"partitions": []object{partition}},
		"elect_leaders":          {"election": "preferred", "partitions": []object{partition}},
		"heal":                   {},
		"update_features": {"features": object{"share.version": 1},
			"upgradeType": "SAFE_DOWNGRADE"},
		"alter_configs": {"type": "topic", "name": "t000", "set": object{"retention.ms": "1"}},
		"alter_quota": {"entity": object{"user": "alice"},
			"set": object{"producer_byte_rate": 7}},
		"set_user_credential":    credential,
		"delete_user_credential": {"user": "alice", "mechanism": "SCRAM-SHA-256"},
		"create_token":           {"owner": "User:bob"},
		"renew_token":            id,
		"expire_token":           id,
		"add_acl":                acl,
		"remove_acl":             acl,
		"set_log_level":          {"logger": "raft", "level": "DEBUG"},
	}
}
