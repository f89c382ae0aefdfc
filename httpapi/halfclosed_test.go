package httpapi_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// halfClosed sends a request and closes the client's side of the connection at once, as "nc -N"
// does. It returns the whole answer; the status is 0 if the connection breaks.
func (s *server) halfClosed(method, path string, body any) (status int, answer []byte) {
	s.t.Helper()
	c := s.connect()
	defer c.Close()
	text := ""
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		text = string(data)
	}
	fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", method, path,
		len(text), text)
	if err := c.CloseWrite(); err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		return 0, []byte(err.Error())
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		s.t.Errorf("%s %s: the answer breaks off: %v", method, path, err)
	}
	return resp.StatusCode, answer
}

// walk is the state of a walk over all routes.
type walk struct {
	n     int // distinguishes walks over the same cluster
	epoch int64
	end   int64
}

func (w walk) broker() int   { return 100*w.n + 1 }
func (w walk) topic() string { return fmt.Sprintf("walk-%d", w.n) }

// route is the request for one operation in a walk.
type route struct {
	method, path, query string
	body                any
	writes              string // name of the record that the log must contain after it
}

// routes are all operations of the API, in an order in which each of them succeeds.
func (w walk) routes() []route {
	b, t := w.broker(), w.topic()
	spare := b + 1
	first := object{"name": t, "partitionId": 0, "brokerId": spare}
	registration := object{
		"brokerId": spare, "brokerHost": "h", "brokerPort": 1, "securityProtocol": "SSL",
		"rackId": "",
	}
	heartbeat := fmt.Sprintf("wait=20s&brokerId=%d&epoch=%d&offset=%d", b, w.epoch, w.end)
	const confirmed = "consistency=linearizable"
	return []route{
		{"POST", "/v1/register", "", registration, "RegisterBrokerRecord"},
		{"POST", "/v1/broker_mgmt", "", object{"brokerId": b, "epoch": w.epoch}, ""},
		{"GET", "/v1/broker_mgmt", heartbeat, nil, ""},
		{"POST", "/v1/create_topic", "", object{"name": t, "assignments": [][]int{{b}}},
			"TopicRecord"},
		{"POST", "/v1/create_partition", "", object{"name": t, "replicas": []int{b}},
			"PartitionRecord"},
		{"POST", "/v1/add_replica", "", first, "PartitionChangeRecord"},
		{"POST", "/v1/remove_replica", "", first, "PartitionChangeRecord"},
		{"POST", "/v1/register_producer", "", object{"brokerId": b, "brokerEpoch": w.epoch},
			"ProducerIdsRecord"},
		{"POST", "/v1/register_broker_change", "", object{"brokerId": b, "epoch": w.epoch,
			"rackId": "r"}, "RegisterBrokerRecord"},
		{"POST", "/v1/alter_quota", "", object{"entity": object{"user": t},
			"set": object{"producer_byte_rate": 1}}, ""},
		{"GET", "/v1/list_quotas", confirmed, nil, ""},
		{"POST", "/v1/set_user_credential", "", object{"user": t, "mechanism": "SCRAM-SHA-256",
			"iterations": 4096, "password": "p"}, ""},
		{"GET", "/v1/list_users", confirmed, nil, ""},
		{"POST", "/v1/delete_user_credential", "", object{"user": t,
			"mechanism": "SCRAM-SHA-256"}, ""},
		{"POST", "/v1/create_token", "", object{"owner": "User:" + t}, ""},
		{"GET", "/v1/list_tokens", confirmed, nil, ""},
		{"GET", "/v1/get_all_active_brokers", confirmed, nil, ""},
		{"POST", "/v1/get_all_active_brokers", confirmed, nil, ""},
		{"GET", "/v1/get_broker_by_id", fmt.Sprintf(confirmed+"&brokerId=%d", b), nil, ""},
		{"POST", "/v1/get_broker_by_id", confirmed, object{"brokerId": b}, ""},
		{"GET", "/v1/get_topic_by_name", confirmed + "&name=" + t, nil, ""},
		{"POST", "/v1/get_topic_by_name", confirmed, object{"name": t}, ""},
		{"GET", "/v1/client_mgmt", fmt.Sprintf("wait=20s&offset=%d", w.end), nil, ""},
		{"POST", "/v1/client_mgmt", confirmed + "&wait=20s", object{"offset": w.end}, ""},
		{"GET", "/v1/records", confirmed + "&wait=20s&from=9000000", nil, ""},
		{"GET", "/v1/snapshot", "", nil, ""},
		{"GET", "/v1/describe_configs", confirmed + "&type=topic&name=" + t, nil, ""},
		{"POST", "/v1/alter_configs", "", object{"type": "topic", "name": t,
			"set": object{"retention.ms": "77"}}, ""},
		{"GET", "/v1/loggers", "", nil, ""},
		{"POST", "/v1/set_log_level", "", object{"logger": "raft"}, ""},
		{"POST", "/v1/heal", "", object{}, ""},
		{"GET", "/v1/features", confirmed, nil, ""},
		{"POST", "/v1/update_features", "", object{"features": object{"group.version": 1}}, ""},
		{"GET", "/v1/status", "", nil, ""},
		{"GET", "/v1/quorum", "", nil, ""},
		{"GET", "/livez", "", nil, ""},
		{"GET", "/readyz", "", nil, ""},
		{"GET", "/openapi.json", "", nil, ""},
		{"GET", "/openapi.yaml", "", nil, ""},
		{"GET", "/docs", "", nil, ""},
		{"GET", "/docs/docs.js", "", nil, ""},
		{"GET", "/docs/docs.css", "", nil, ""},
		{"DELETE", "/v1/unregister_broker", fmt.Sprintf("brokerId=%d", spare), nil,
			"UnregisterBrokerRecord"},
		{"POST", "/v1/unregister_broker", "", object{"brokerId": b}, "UnregisterBrokerRecord"},
	}
}

// refusedRoutes are operations that cannot succeed here: there is no such token, and no authorizer.
var refusedRoutes = []struct {
	method, path string
	body         any
	status       int
}{
	{"POST", "/v1/renew_token", object{"tokenId": "x"}, http.StatusNotFound},
	{"POST", "/v1/expire_token", object{"tokenId": "x"}, http.StatusNotFound},
	{"GET", "/v1/list_acls", nil, http.StatusConflict},
	{"POST", "/v1/add_acl", anACL, http.StatusConflict},
	{"POST", "/v1/remove_acl", anACL, http.StatusConflict},
}

var anACL = object{
	"resourceType": "TOPIC", "resourceName": "t", "patternType": "LITERAL", "principal": "User:a",
	"host": "*", "operation": "READ", "permission": "ALLOW",
}

// TestNoHalfClosedConnectionGetsAnEmptyAnswer walks every route on the leader and on a standby,
// with connections whose client's side is closed after the request. Each must get the whole true
// answer soon, and each write that is answered as carried out must be in the log.
func TestNoHalfClosedConnectionGetsAnEmptyAnswer(t *testing.T) {
	t.Parallel()
	active, standbys := leader(t, startNodes(t, 3, "delegation.token.secret.key=k"))
	for n, s := range []*server{active, standbys[0]} {
		w := walk{n: n + 1}
		w.epoch = active.alive(w.broker())
		w.end = active.node.Controller().Image().EndOffset() - 1
		walked := map[string]bool{}
		for _, r := range w.routes() {
			walked[strings.ToLower(r.method)+" "+r.path] = true
			s.walk(active, r)
		}
		for _, r := range refusedRoutes {
			walked[strings.ToLower(r.method)+" "+r.path] = true
			if status, answer := s.halfClosed(r.method, r.path, r.body); status != r.status ||
				!json.Valid(answer) {
				t.Errorf("node %d: %s %s: %d %.300q", s.id, r.method, r.path, status, answer)
			}
		}
		for path, item := range s.get("/openapi.json")["paths"].(object) {
			for method := range item.(object) {
				if !walked[method+" "+path] {
					t.Errorf("%s %s is not walked", method, path)
				}
			}
		}
	}
}

// walk sends the request of one route with a half-closed connection, and checks the answer.
func (s *server) walk(active *server, r route) {
	t := s.t
	t.Helper()
	began := time.Now()
	path := r.path + "?" + r.query
	status, answer := s.halfClosed(r.method, strings.TrimSuffix(path, "?"), r.body)
	if status != http.StatusOK || len(answer) == 0 {
		t.Errorf("node %d: %s %s: %d %.300q", s.id, r.method, path, status, answer)
		return
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("node %d: %s %s took %v, although its client had gone", s.id, r.method, path, took)
	}
	if strings.HasPrefix(r.path, "/v1/") && r.path != "/v1/snapshot" && !json.Valid(answer) {
		t.Errorf("node %d: %s %s: half an answer: %.300q", s.id, r.method, path, answer)
	}
	if r.writes == "" {
		return
	}
	offset, _ := decode[object](t, answer)["offset"].(float64)
	log := active.get(fmt.Sprintf("/v1/records?limit=1&from=%.0f", offset))
	if names := namesOf(log); names != r.writes {
		t.Errorf("node %d: %s %s says that it wrote a %s at offset %.0f; there is %q: %s",
			s.id, r.method, path, r.writes, offset, names, answer)
	}
}

// TestHalfClosedWritesAreAnsweredTruly sends writes with half-closed connections to standbys,
// repeatedly: a topic must exist if and only if the answer says so.
func TestHalfClosedWritesAreAnsweredTruly(t *testing.T) {
	t.Parallel()
	active, standbys := leader(t, startNodes(t, 3))
	active.alive(1)
	for i := range 60 {
		name := fmt.Sprintf("half-closed-%d", i)
		status, answer := standbys[i%2].halfClosed(http.MethodPost, "/create_topic",
			object{"name": name})
		read := "/v1/get_topic_by_name?consistency=linearizable&name=" + name
		exists, _ := active.request(http.MethodGet, read, nil)
		if status != http.StatusOK || exists != http.StatusOK ||
			!strings.Contains(string(answer), name) {
			t.Fatalf("%s: answered %d %q; the leader, asked for it, says %d", name, status, answer,
				exists)
		}
	}
}

// TestHalfClosedStreamContinues follows a feed of server-sent events with a connection whose
// client's side is closed.
func TestHalfClosedStreamContinues(t *testing.T) {
	t.Parallel()
	active, standbys := leader(t, startNodes(t, 3))
	epoch := active.alive(1)
	for _, s := range []*server{active, standbys[0]} {
		c := s.connect()
		fmt.Fprintf(c, "GET /v1/broker_mgmt?brokerId=1&epoch=%d HTTP/1.1\r\nHost: x\r\n", epoch)
		fmt.Fprint(c, "Accept: text/event-stream\r\n\r\n")
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("node %d: %v, %v", s.id, resp, err)
		}
		events := bufio.NewScanner(resp.Body)
		events.Buffer(nil, 1<<20)
		topic := fmt.Sprintf("streamed-past-%d", s.id)
		for seen := 0; seen < 2 && events.Scan(); {
			switch data, ok := strings.CutPrefix(events.Text(), "data: "); {
			case ok && seen == 0:
				seen = 1
				active.post("/v1/create_topic", object{"name": topic})
			case ok && strings.Contains(data, topic):
				seen = 2
			}
		}
		if err := events.Err(); err != nil {
			t.Fatalf("node %d: %v", s.id, err)
		}
	}
}
