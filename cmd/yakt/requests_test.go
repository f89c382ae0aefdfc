package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yakt/yakt/httpapi"
)

// fakeNode answers requests with fixed texts by path and keeps what it was asked.
type fakeNode struct {
	*httptest.Server
	answers map[string]string

	mu    sync.Mutex
	asked []string
}

func newFakeNode(t *testing.T, answers map[string]string) *fakeNode {
	t.Helper()
	f := &fakeNode{answers: answers}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fakeNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	line := r.Method + " " + r.URL.RequestURI()
	if len(body) > 0 {
		line += " " + r.Header.Get("Content-Type") + " " + string(body)
	}
	f.mu.Lock()
	f.asked = append(f.asked, line)
	f.mu.Unlock()
	answer, ok := f.answers[r.URL.Path]
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		answer = `{"code":"NOT_FOUND","detail":"There is no such path."}`
	}
	fmt.Fprint(w, answer)
}

// requests returns what was asked since the last call.
func (f *fakeNode) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := f.asked
	f.asked = nil
	return asked
}

// text is an answer as a node encodes it.
func text(t *testing.T, answer any) string {
	t.Helper()
	data, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// recordOf is a record as it stands at offset 42 of epoch 3.
func recordOf[F any](name string, fields F) httpapi.Record[F] {
	return httpapi.Record[F]{
		Type: "metadata", Name: name, Fields: fields, Timestamp: "2026-11-22T10:00:00.000Z",
		Offset: 42, Epoch: 3,
	}
}

var brokerOne = httpapi.BrokerFields{
	InternalUUID: "Xl7fYz0kQJyf3J0Wm3W1Xg", BrokerID: 1, BrokerHost: "b1", BrokerPort: 9092,
	SecurityProtocol: "PLAINTEXT", BrokerStatus: "UNFENCED", Epoch: 7,
}

// TestCommandsSendRequests: each command asks for what its line says, no more.
func TestCommandsSendRequests(t *testing.T) {
	t.Parallel()
	f := newFakeNode(t, map[string]string{
		"/v1/get_broker_by_id": text(t, recordOf("RegisterBrokerRecord", brokerOne)),
	})
	const (
		post = "POST /v1/"
		body = " application/json "
		one  = "GET /v1/get_broker_by_id?brokerId=1"
	)
	for line, want := range map[string][]string{
		"broker list":   {"GET /v1/get_all_active_brokers"},
		"broker get 1":  {one},
		"topic get t.1": {"GET /v1/get_topic_by_name?name=t.1"},
		"topic list":    {"GET /v1/topics?limit=1000"},
		"topic list --prefix a --with offline --internal false": {
			"GET /v1/topics?internal=false&limit=1000&prefix=a&with=offline",
		},
		"topic get --id Jb1aPjOFQJ2pUL4xzHq1Lg": {
			"GET /v1/get_topic_by_id?topicUUID=Jb1aPjOFQJ2pUL4xzHq1Lg",
		},
		"topic delete t":           {post + "delete_topic" + body + `{"name":"t"}`},
		"topic delete t --dry-run": {post + "delete_topic?dryRun=true" + body + `{"name":"t"}`},
		"partition list --broker 0 --with reassigning": {
			"GET /v1/partitions?broker=0&limit=1000&with=reassigning",
		},
		"partition reassign a-b-0=2,3 t-1=4 --throttle 5 --dry-run": {
			post + "reassign_partitions?dryRun=true" + body + `{"partitions":[{"partitionId":0,` +
				`"replicas":[2,3],"topic":"a-b"},{"partitionId":1,"replicas":[4],"topic":"t"}],` +
				`"throttleBytesPerSec":5}`,
		},
		"partition cancel t-1": {
			post + "cancel_reassignments" + body + `{"partitions":[{"partitionId":1,"topic":"t"}]}`,
		},
		"partition elect --all": {
			post + "elect_leaders" + body + `{"all":true,"election":"preferred"}`,
		},
		"partition elect t-1 --unclean --yes": {
			post + "elect_leaders" + body + `{"election":"unclean",` +
				`"partitions":[{"partitionId":1,"topic":"t"}]}`,
		},
		"partition elect t": nil,
		"broker status --status fenced": {
			"GET /v1/brokers?consistency=linearizable&limit=1000&status=FENCED",
		},
		"broker unregister 2 --dry-run": {
			post + "unregister_broker?dryRun=true" + body + `{"brokerId":2}`,
		},
		"what-if --kill 1001,1002": {
			"GET /v1/what_if?kill=1001%2C1002&limit=1000&show=affected",
		},
		"what-if --kill x": nil,
		"quorum status":    {"GET /v1/quorum?consistency=linearizable", "GET /v1/quorum"},
		"broker register 2 --host b2 --rack r --security-protocol ssl --log-dir x,y": {
			post + "register" + body + `{"brokerHost":"b2","brokerId":2,"brokerPort":9092,` +
				`"logDirs":["x","y"],"rackId":"r","securityProtocol":"SSL"}`,
		},
		"broker register 2 --host b2 --port 1 --incarnation i": {
			post + "register" + body + `{"brokerHost":"b2","brokerId":2,"brokerPort":1,` +
				`"internalUUID":"i","rackId":"","securityProtocol":"PLAINTEXT"}`,
		},
		"quota list": {"GET /v1/list_quotas"},
		"quota set --user a --client-id-default producer_byte_rate=1e6 request_percentage=0.5": {
			post + "alter_quota" + body + `{"entity":{"clientId":"","user":"a"},` +
				`"set":{"producer_byte_rate":1000000,"request_percentage":0.5}}`,
		},
		"quota set --ip ::1 connection_creation_rate=5 --dry-run": {
			post + "alter_quota?dryRun=true" + body +
				`{"entity":{"ip":"::1"},"set":{"connection_creation_rate":5}}`,
		},
		"quota set --user a producer_byte_rate":                  nil,
		"quota set --user a --user-default producer_byte_rate=1": nil,
		"quota set producer_byte_rate=1":                         nil,
		"quota remove --user-default request_percentage other": {
			post + "alter_quota" + body +
				`{"entity":{"user":""},"remove":["request_percentage","other"]}`,
		},
		"quota remove --user a": nil,
		"user list":             {"GET /v1/list_users"},
		"user delete-scram a --mechanism SCRAM-SHA-256 --dry-run": {
			post + "delete_user_credential?dryRun=true" + body +
				`{"mechanism":"SCRAM-SHA-256","user":"a"}`,
		},
		"user delete-scram a": {
			post + "delete_user_credential" + body + `{"mechanism":"SCRAM-SHA-512","user":"a"}`,
		},
		"token list": {"GET /v1/list_tokens"},
		"token create User:a --renewer b,c --renewer d --max-lifetime 2h": {
			post + "create_token" + body +
				`{"maxLifetimeMs":7200000,"owner":"User:a","renewers":["b","c","d"]}`,
		},
		"token create User:a --dry-run": {
			post + "create_token?dryRun=true" + body + `{"maxLifetimeMs":0,"owner":"User:a"}`,
		},
		"token renew id": {post + "renew_token" + body + `{"tokenId":"id"}`},
		"token renew id --period 1m": {
			post + "renew_token" + body + `{"periodMs":60000,"tokenId":"id"}`,
		},
		"token expire id": {post + "expire_token" + body + `{"tokenId":"id"}`},
		"token expire id --period 0s --dry-run": {
			post + "expire_token?dryRun=true" + body + `{"periodMs":0,"tokenId":"id"}`,
		},
		"acl list": {"GET /v1/list_acls"},
		"acl add User:a read topic orders": {
			post + "add_acl" + body + `{"resourceType":"TOPIC","resourceName":"orders",` +
				`"patternType":"LITERAL","principal":"User:a","host":"*","operation":"READ",` +
				`"permission":"ALLOW"}`,
		},
		"acl remove User:a ALTER group g --prefixed --deny --host 10.0.0.0/8 --dry-run": {
			post + "remove_acl?dryRun=true" + body + `{"resourceType":"GROUP","resourceName":"g",` +
				`"patternType":"PREFIXED","principal":"User:a","host":"10.0.0.0/8",` +
				`"operation":"ALTER","permission":"DENY"}`,
		},
		"acl add User:a read topic": nil,
		"feature list":              {"GET /v1/features?consistency=linearizable"},
		"feature upgrade -r 4.4": {
			post + "update_features" + body + `{"releaseVersion":"4.4","upgradeType":"UPGRADE"}`,
		},
		"feature upgrade -f metadata.version=4.3 -f share.version=1 --dry-run": {
			post + "update_features?dryRun=true" + body +
				`{"features":{"metadata.version":30,"share.version":1},"upgradeType":"UPGRADE"}`,
		},
		"feature downgrade -f share.version=0": {
			post + "update_features" + body +
				`{"features":{"share.version":0},"upgradeType":"SAFE_DOWNGRADE"}`,
		},
		"feature downgrade --unsafe -r 4.3": {
			post + "update_features" + body +
				`{"releaseVersion":"4.3","upgradeType":"UNSAFE_DOWNGRADE"}`,
		},
		"broker unregister 2": {post + "unregister_broker" + body + `{"brokerId":2}`},
		"broker change 1 --status FENCED": {
			one,
			post + "register_broker_change" + body + `{"brokerId":1,"brokerStatus":"FENCED","epoch":7}`,
		},
		"broker change 1 --port 5 --rack= --epoch 6": {
			one,
			post + "register_broker_change" + body + `{"brokerId":1,"brokerPort":5,"epoch":6,"rackId":""}`,
		},
		"configs describe topic t": {"GET /v1/describe_configs?name=t&type=topic"},
		`configs alter topic t --set a=b=c --set d= --delete e --append f=g,h --subtract i=j --dry-run`: {
			post + "alter_configs?dryRun=true" + body + `{"append":{"f":"g,h"},"delete":["e"],` +
				`"name":"t","set":{"a":"b=c","d":""},"subtract":{"i":"j"},"type":"topic"}`,
		},
		"loggers list":           {"GET /v1/loggers"},
		"loggers set raft debug": {post + "set_log_level" + body + `{"level":"DEBUG","logger":"raft"}`},
		"loggers set raft trace --dry-run": {
			post + "set_log_level?dryRun=true" + body + `{"level":"TRACE","logger":"raft"}`,
		},
		"loggers reset raft": {post + "set_log_level" + body + `{"logger":"raft"}`},
		"topic create t":     {post + "create_topic" + body + `{"name":"t"}`},
		"topic create t -p 0 -r 2 --config a=b --validate-only": {
			post + "create_topic" + body + `{"configs":{"a":"b"},"name":"t","numPartitions":0,` +
				`"replicationFactor":2,"validateOnly":true}`,
		},
		"topic create t --assignment 1,2:2,3": {
			post + "create_topic" + body + `{"assignments":[[1,2],[2,3]],"name":"t"}`,
		},
		"partition create t": {post + "create_partition" + body + `{"name":"t"}`},
		"partition create t --id 3 --replicas 2,1": {
			post + "create_partition" + body + `{"name":"t","partitionId":3,"replicas":[2,1]}`,
		},
		"partition add-replica t 0 3": {
			post + "add_replica" + body + `{"brokerId":3,"name":"t","partitionId":0}`,
		},
		"partition remove-replica t 0 3": {
			post + "remove_replica" + body + `{"brokerId":3,"name":"t","partitionId":0}`,
		},
		"producer register 1": {
			one, post + "register_producer" + body + `{"brokerEpoch":7,"brokerId":1}`,
		},
		"producer register 1 --epoch 5": {
			one, post + "register_producer" + body + `{"brokerEpoch":5,"brokerId":1}`,
		},
		"heal":                        {post + "heal" + body + `{"dryRun":false}`},
		"heal --dry-run":              {post + "heal" + body + `{"dryRun":true}`},
		"feed --client":               {"GET /v1/client_mgmt"},
		"feed --client --offset 5":    {"GET /v1/client_mgmt?offset=5"},
		"feed --broker 1":             {one, "GET /v1/broker_mgmt?brokerId=1&epoch=7"},
		"log dump --from 3":           {"GET /v1/records?from=3"},
		"snapshot save " + "- ":       {"GET /v1/snapshot"},
		"broker get -1":               nil,
		"topic create t --assignment": nil,
	} {
		args := append(strings.Fields(line), "--server", f.URL)
		run(args, io.Discard, io.Discard)
		if diff := cmp.Diff(want, f.requests()); diff != "" {
			t.Errorf("yakt %s: %s", line, diff)
		}
	}
}

// TestTables: what people see of each answer.
func TestTables(t *testing.T) {
	t.Parallel()
	partition := recordOf("PartitionRecord", httpapi.PartitionFields{
		PartitionID: 1, TopicUUID: "u", Replicas: []int32{1, 2}, ISR: []int32{1}, Leader: 1,
		AddingReplicas: []int32{2}, PartitionEpoch: 4,
	})
	state := map[string]any{"records": []any{recordOf("RegisterBrokerRecord", brokerOne)}}
	topics := httpapi.TopicPage{Topics: []httpapi.TopicSummary{
		{Name: "orders", TopicUUID: "u", Partitions: 2, ReplicationFactor: 3, Leaderless: 1},
	}}
	moved := httpapi.PartitionOutcomes{
		Partitions: []httpapi.PartitionOutcome{{Topic: "orders", PartitionID: 1,
			State: &partition.Fields}},
		Impact: &httpapi.Impact{Changed: 1},
		Throttle: &httpapi.Throttle{Set: []httpapi.ThrottleConfig{
			{Resource: "topic", Name: "orders", Key: "k", Value: "1:1"},
		}},
	}
	effects := httpapi.WhatIf{
		Kill: []int32{1}, Impact: httpapi.Impact{Changed: 1, Offline: 1, UnderMinISR: 1},
		Partitions: []httpapi.PartitionEffect{{Topic: "orders", Leader: 1, NewLeader: -1,
			ISR: []int32{1}, MinISR: 1, Offline: true, UnderMinISR: true}},
	}
	page := httpapi.BrokerPage{Brokers: []httpapi.BrokerState{{
		BrokerID: 1, Status: "FENCED", Why: "It sleeps.", Epoch: 7,
		Listeners: []httpapi.BrokerListener{{Name: "A", Host: "b1", Port: 9}},
	}}}
	changed := httpapi.BrokerChangeFields{
		BrokerID: 1, BrokerHost: "b1", BrokerPort: 9, SecurityProtocol: "SSL", BrokerStatus: "FENCED",
		Epoch: 7,
	}
	f := newFakeNode(t, map[string]string{
		"/v1/client_mgmt":            text(t, state),
		"/v1/get_all_active_brokers": text(t, []any{recordOf("RegisterBrokerRecord", brokerOne)}),
		"/v1/get_broker_by_id":       text(t, recordOf("RegisterBrokerRecord", brokerOne)),
		"/v1/register_broker_change": text(t, recordOf("BrokerRegistrationChangeRecord", changed)),
		"/v1/create_partition":       text(t, partition),
		"/v1/topics":                 text(t, topics),
		"/v1/reassign_partitions":    text(t, moved),
		"/v1/what_if":                text(t, effects),
		"/v1/brokers":                text(t, page),
		"/v1/unregister_broker": `{"fields":{"brokerId":1,"epoch":7},` +
			`"internalUUID":"Xl7fYz0kQJyf3J0Wm3W1Xg"}`,
		"/v1/register_producer": `{"fields":{"brokerId":1},"producerId":2000,"length":1000}`,
		"/v1/heal":              `{"dryRun":true,"total":0,"poison":[]}`,
	})
	const brokers = "ID  STATUS    HOST  PORT  PROTOCOL   RACK  EPOCH  INCARNATION\n" +
		"1   UNFENCED  b1    9092  PLAINTEXT  -     7      Xl7fYz0kQJyf3J0Wm3W1Xg\n"
	for line, want := range map[string]string{
		"broker list":       brokers,
		"broker list --all": brokers,
		"broker get 1":      brokers,
		"broker unregister 1": "ID  EPOCH  INCARNATION\n" +
			"1   7      Xl7fYz0kQJyf3J0Wm3W1Xg\n",
		"broker change 1 --status FENCED": "ID  STATUS  HOST  PORT  PROTOCOL  EPOCH\n" +
			"1   FENCED  b1    9     SSL       7\n",
		"topic list": "TOPIC   PARTITIONS  REPLICAS  UNDER REPLICATED  UNDER MIN ISR  LEADERLESS" +
			"  ID\norders  2           3         0                 0              1           u\n",
		"broker status": "ID  STATUS  LISTENERS  RACK  EPOCH  LEADS  LAST HEARTBEAT  WHY\n" +
			"1   FENCED  A://b1:9   -     7      0      -               It sleeps.\n",
		"what-if --kill 1": "PARTITIONS  NEW LEADER  OFFLINE  UNDER MIN ISR  UNCLEAN\n" +
			"1           0           1        1              0\n\n" +
			"TOPIC   PARTITION  LEADER  NEW LEADER  ISR  NEW ISR  MIN ISR  EFFECT\n" +
			"orders  0          1       -1          1    -        1        offline, under min ISR\n",
		"partition reassign orders-1=2": "TOPIC   PARTITION  LEADER  REPLICAS  ISR  ADDING  " +
			"REMOVING  EPOCH  ERROR\n" +
			"orders  1          1       1,2       1    2       -         4      -\n\n" +
			"PARTITIONS  NEW LEADER  OFFLINE  UNDER MIN ISR  UNCLEAN\n" +
			"1           0           0        0              0\n\n" +
			"SET NOW, AND DELETE AT THE END  NAME    KEY  VALUE\n" +
			"topic                           orders  k    1:1\n",
		"partition create orders": "PARTITION  LEADER  REPLICAS  ISR  ADDING  REMOVING  EPOCH\n" +
			"1          1       1,2       1    2       -         4\n",
		"producer register 1": "BROKER  FIRST  LENGTH\n1       2000   1000\n",
		"heal":                "There is nothing to heal.\n",
		"broker get 1 -o yaml": "type: metadata\nname: RegisterBrokerRecord\nfields:\n" +
			"  internalUUID: Xl7fYz0kQJyf3J0Wm3W1Xg\n  brokerId: 1\n  brokerHost: b1\n" +
			"  brokerPort: 9092\n  securityProtocol: PLAINTEXT\n  brokerStatus: UNFENCED\n" +
			"  rackId: \"\"\n  epoch: 7\ntimestamp: \"2026-11-22T10:00:00.000Z\"\noffset: 42\nepoch: 3\n",
	} {
		out, _ := yakt(t, exitOK, "%s --server %s", line, f.URL)
		if diff := cmp.Diff(want, out); diff != "" {
			t.Errorf("yakt %s: %s", line, diff)
		}
	}
}

// TestFeedLines: a feed is a line for each record, or a document for each answer.
func TestFeedLines(t *testing.T) {
	t.Parallel()
	answer := map[string]any{"kind": "snapshot", "endOffset": 42, "records": []any{
		recordOf("TopicRecord", httpapi.TopicFields{TopicUUID: "u", Name: "orders"}),
	}}
	f := newFakeNode(t, map[string]string{"/v1/client_mgmt": text(t, answer)})
	out, errOut := yakt(t, exitOK, "feed --client --server %s", f.URL)
	want := fmt.Sprintf("%10d  %3d  %s  %-30s  name=orders topicUUID=u\n",
		42, 3, "2026-11-22T10:00:00.000Z", "TopicRecord")
	if out != want || errOut != "" {
		t.Errorf("%q and %q, want %q", out, errOut, want)
	}
	_, errOut = yakt(t, exitOK, "feed --client --offset 5 --server %s", f.URL)
	contains(t, errOut, "does not have the changes since offset 5", "is the whole state")
	out, _ = yakt(t, exitOK, "feed --client -o json --server %s", f.URL)
	if strings.Count(out, "\n") != 1 || !json.Valid([]byte(out)) {
		t.Errorf("one line of JSON was expected: %s", out)
	}
	out, _ = yakt(t, exitOK, "feed --client -o yaml --server %s", f.URL)
	contains(t, out, "---\n", "    name: TopicRecord\n")
}

// TestLogPages: a dump asks page by page, and prints nothing beyond the last offset.
func TestLogPages(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		var from int64
		_, _ = fmt.Sscan(r.URL.Query().Get("from"), &from)
		records := []any{}
		for offset := from; offset < min(from+2, 7); offset++ {
			rec := recordOf("NoOpRecord", struct{}{})
			rec.Offset = offset
			records = append(records, rec)
		}
		page := map[string]any{
			"fromOffset": from, "endOffset": from + int64(len(records)), "records": records,
		}
		data, _ := json.Marshal(page)
		_, _ = w.Write(data)
	}))
	t.Cleanup(server.Close)
	for line, want := range map[string]struct {
		lines int
		asked int64
	}{
		"--from 1 --to 4": {4, 2},
		"--from 1 --to 3": {3, 2},
		"--from 1":        {6, 4}, // the last page is empty
		"--from 9":        {0, 1},
		"--from 4 --to 3": {0, 0},
	} {
		asked.Store(0)
		out, _ := yakt(t, exitOK, "log dump %s --server %s", line, server.URL)
		if n := strings.Count(out, "\n"); n != want.lines || asked.Load() != want.asked {
			t.Errorf("%s: %d lines in %d pages:\n%s", line, n, asked.Load(), out)
		}
	}
}

// TestExitCodesOfAnswers: what a status means for a read and for a change, and whether the next
// server is asked.
func TestExitCodesOfAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status       int
		body         string
		read, change int
		next         bool // whether the next server is tried
		says         string
	}{
		{http.StatusConflict, `{"code":"C","detail":"No."}`, exitFailed, exitFailed, false, "C: No."},
		{http.StatusServiceUnavailable, `{"code":"S","detail":"Later."}`,
			exitUnavailable, exitUnavailable, true, "S: Later."},
		{http.StatusGatewayTimeout, `{"code":"T","detail":"Late."}`,
			exitUnavailable, exitUnknown, true, "T: Late."},
		{http.StatusInternalServerError, "oops", exitFailed, exitFailed, false, "is it a YAKt node?"},
		{http.StatusOK, "oops", exitFailed, exitFailed, false, "is it a YAKt node of this release?"},
	} {
		bad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		}))
		t.Cleanup(bad.Close)
		good := newFakeNode(t, map[string]string{"/v1/get_all_active_brokers": "[]"})
		_, errOut := yakt(t, c.read, "broker list --server %s", bad.URL)
		contains(t, errOut, c.says)
		_, errOut = yakt(t, c.change, "topic create t --server %s", bad.URL)
		contains(t, errOut, c.says)
		run([]string{"broker", "list", "--server", bad.URL + "," + good.URL}, io.Discard, io.Discard)
		if got := len(good.requests()) == 1; got != c.next {
			t.Errorf("status %d: the next server was asked: %t", c.status, got)
		}
	}
}

func TestQuorumTable(t *testing.T) {
	t.Parallel()
	q := httpapi.Quorum{
		LeaderID: 1, LeaderEpoch: 3, LeaderReason: "elected", HighWatermark: 43, LogEnd: 44,
		Voters: []httpapi.VoterState{
			{ID: 1, DirectoryID: "d", LogEnd: 44, Lag: 0, Connected: true, RTTMs: 0.25},
			{ID: 2, LogEnd: -1, Lag: -1, LastError: "refused"},
		},
		Observers: []httpapi.ObserverState{{ID: 1001, LogEnd: 40, Lag: 3}},
	}
	got := quorumTable(&q)
	want := [][]string{
		{"LEADER", "1"}, {"EPOCH", "3"}, {"WHY", "elected"}, {"HIGH WATERMARK", "43"},
		{"LOG", "0 to 44"}, {},
		{"VOTER", "DIRECTORY", "LOG END", "LAG", "LAST CAUGHT UP", "CONNECTED", "RTT", "ERROR"},
		{"1", "d", "44", "0", "-", "true", "0.2 ms", "-"},
		{"2", "-", "?", "?", "-", "false", "0.0 ms", "refused"},
		{}, {"OBSERVER", "", "LOG END", "LAG", "LAST CAUGHT UP"},
		{"1001", "-", "40", "3", "-"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	q.LeaderID, q.Observers = -1, nil
	if got := quorumTable(&q); len(got) != 9 || got[0][1] != "nobody" {
		t.Errorf("without a leader: %v", got)
	}
}

func TestHealRows(t *testing.T) {
	t.Parallel()
	h := httpapi.Healing{Total: 3, CutBefore: 57, Poison: []httpapi.Poisoned{
		{Offset: 41, Type: "ConfigRecord", Action: "remove", Entity: "e", Problem: "p"},
	}}
	for dryRun, says := range map[bool]string{
		true:  "Nothing was done: run yakt heal without --dry-run.",
		false: "Healed. Every node's log will start at offset 57 or later",
	} {
		h.DryRun = dryRun
		var all strings.Builder
		for _, row := range healRows(&h) {
			all.WriteString(strings.Join(row, "|") + "\n")
		}
		contains(t, all.String(), "OFFSET|RECORD|ACTION|WHAT|PROBLEM\n41|ConfigRecord|remove|e|p\n",
			"and 2 more\n", says)
	}
}

func TestCells(t *testing.T) {
	t.Parallel()
	got := row("", "x", []int32{}, []int32{3, 1, 2}, 7, true, int64(-1))
	if diff := cmp.Diff([]string{"-", "x", "-", "3,1,2", "7", "true", "-1"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseAssignment(t *testing.T) {
	t.Parallel()
	got, err := parseAssignment("1, 2:2,3:4")
	if err != nil || fmt.Sprint(got) != "[[1 2] [2 3] [4]]" {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "1,", ":1", "1;2", "-1", "1,x", "4294967296"} {
		if got, err := parseAssignment(bad); err == nil || exitCode(err) != exitUsage {
			t.Errorf("%q: %v, %v", bad, got, err)
		}
	}
}

// TestHelpFitsATerminal: every command has a heading, and no line that was wrapped by hand is wider
// than 100 columns.
func TestHelpFitsATerminal(t *testing.T) {
	t.Parallel()
	commands := newRoot().Commands()
	for i := 0; i < len(commands); i++ {
		cmd := commands[i]
		commands = append(commands, cmd.Commands()...)
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: %q is no heading", cmd.CommandPath(), cmd.Short)
		}
		for line := range strings.Lines(cmd.Long) {
			if len(line) > 101 {
				t.Errorf("%s: %q is too long", cmd.CommandPath(), line)
			}
		}
	}
}
