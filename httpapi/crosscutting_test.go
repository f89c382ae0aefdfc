package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
)

// send makes a request with headers, given as name, value, name, value...
func (s *server) send(method, path string, body any, headers ...string) *http.Response {
	s.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	if body == nil {
		data = nil
	}
	req, err := http.NewRequest(method, s.url+path, bytes.NewReader(data))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	s.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func bodyOf(t testing.TB, resp *http.Response) []byte {
	t.Helper()
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// startWithTopics starts a node with three live brokers and some topics of one partition each.
func startWithTopics(
	t *testing.T, topics int, settings ...string,
) (s *server, epoch map[int]int64) {
	t.Helper()
	s, epoch = startOne(t, settings...), map[int]int64{}
	for id := 1; id <= 3; id++ {
		epoch[id] = s.alive(id)
	}
	for i := range topics {
		s.post("/v1/create_topic", object{
			"name": fmt.Sprintf("t%03d", i), "assignments": [][]int{{1 + i%3, 1 + (i+1)%3}},
		})
	}
	return s, epoch
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	s := startOne(t)
	for id, kept := range map[string]bool{
		"abc-1": true, "": false, "two words": false, strings.Repeat("x", 129): false,
	} {
		resp := s.send(http.MethodGet, "/v1/get_broker_by_id?brokerId=9", nil, "X-Request-Id", id)
		got := resp.Header.Get("X-Request-Id")
		p := decode[object](t, bodyOf(t, resp))
		if got == "" || (got == id) != kept || p["requestId"] != got {
			t.Errorf("%q: the answer has %q, the problem %v", id, got, p["requestId"])
		}
	}
	resp := s.send(http.MethodGet, "/nowhere", nil, "X-Request-Id", "abc")
	if p := decode[object](t, bodyOf(t, resp)); p["requestId"] != "abc" {
		t.Errorf("a problem of the guard: %v", p)
	}
}

func TestGzip(t *testing.T) {
	t.Parallel()
	s, _ := startWithTopics(t, 20)
	for accept, want := range map[string]string{
		"gzip": "gzip", "br, gzip;q=0.5": "gzip", "*": "gzip", "gzip;q=0": "", "identity": "",
		"*, gzip;q=0": "", "gzip;q=x": "",
	} {
		resp := s.send(http.MethodGet, "/v1/topics", nil, "Accept-Encoding", accept)
		if got := resp.Header.Get("Content-Encoding"); got != want ||
			resp.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: encoding %q, Vary %q", accept, got, resp.Header.Get("Vary"))
		}
		data := bodyOf(t, resp)
		if want != "" {
			r, err := gzip.NewReader(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if data, err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(decode[object](t, data)["topics"].([]any)); n != 20 {
			t.Errorf("%q: %d topics", accept, n)
		}
	}
	small := s.send(http.MethodGet, "/livez", nil, "Accept-Encoding", "gzip")
	if small.Header.Get("Content-Encoding") != "" {
		t.Error("a small answer is compressed")
	}
	stream := s.send(http.MethodGet, "/v1/client_mgmt", nil, "Accept-Encoding", "gzip",
		"Accept", "text/event-stream")
	first := make([]byte, 3)
	if _, err := io.ReadFull(stream.Body, first); err != nil || string(first) != "id:" ||
		stream.Header.Get("Content-Encoding") != "" {
		t.Errorf("a stream begins with %q, %v, in %q", first, err,
			stream.Header.Get("Content-Encoding"))
	}
}

func TestConditionalReads(t *testing.T) {
	t.Parallel()
	s, epoch := startWithTopics(t, 1)
	const path = "/v1/get_topic_by_name?name=t000"
	tag := s.send(http.MethodGet, path, nil).Header.Get("ETag")
	if tag == "" {
		t.Fatal("no ETag")
	}
	same := func(header string) int {
		resp := s.send(http.MethodGet, path, nil, "If-None-Match", header)
		if data := bodyOf(t, resp); resp.StatusCode == http.StatusNotModified &&
			(len(data) > 0 || resp.Header.Get("ETag") != tag) {
			t.Errorf("304 with %q and the ETag %q", data, resp.Header.Get("ETag"))
		}
		return resp.StatusCode
	}
	for header, want := range map[string]int{
		tag: 304, "W/" + tag: 304, `"1-1", ` + tag: 304, strings.TrimSuffix(tag, `"`) + `-gzip"`: 304,
		`"1-1"`: 200, `"999999-1"`: 200, "x": 200, `"-1-1"`: 200,
	} {
		if got := same(header); got != want {
			t.Errorf("If-None-Match: %s: %d, want %d", header, got, want)
		}
	}
	s.post("/v1/register_broker_change", object{
		"brokerId": 3, "epoch": epoch[3], "brokerStatus": "FENCED",
	})
	if got := same(tag); got != 200 {
		t.Errorf("after a change: %d", got)
	}
}

func TestConditionalWrites(t *testing.T) {
	t.Parallel()
	s, epoch := startWithTopics(t, 2)
	tag := s.send(http.MethodGet, "/v1/topics", nil).Header.Get("ETag")
	remove := func(name, tag string) int {
		resp := s.send(http.MethodPost, "/v1/delete_topic", object{"name": name}, "If-Match", tag)
		return resp.StatusCode
	}
	if got := remove("t000", "W/"+tag); got != http.StatusPreconditionFailed {
		t.Errorf("a weak tag: %d", got)
	}
	if got := remove("t000", tag); got != http.StatusOK {
		t.Errorf("the state is the same: %d", got)
	}
	if got := remove("t001", tag); got != http.StatusPreconditionFailed {
		t.Errorf("the state has changed: %d", got)
	}
	change := object{"brokerId": 3, "epoch": epoch[3], "brokerStatus": "FENCED"}
	resp := s.send(http.MethodPost, "/v1/register_broker_change", change, "If-Match", tag)
	if resp.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("a change of a broker: %d", resp.StatusCode)
	}
	for path, body := range map[string]object{
		"/v1/broker_mgmt":   {"brokerId": 3, "epoch": epoch[3]},
		"/v1/set_log_level": {"logger": "raft", "level": "DEBUG"},
	} {
		for _, header := range []string{"If-Match", "Idempotency-Key"} {
			resp := s.send(http.MethodPost, path, body, header, tag)
			if resp.StatusCode != http.StatusBadRequest {
				t.Errorf("%s does not have %s: %d", path, header, resp.StatusCode)
			}
		}
	}
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	s, epoch := startWithTopics(t, 0)
	body := object{"brokerId": 1, "brokerEpoch": epoch[1]}
	allocate := func(key string, body object) (*http.Response, object) {
		resp := s.send(http.MethodPost, "/v1/register_producer", body, "Idempotency-Key", key)
		return resp, decode[object](t, bodyOf(t, resp))
	}
	_, first := allocate("k1", body)
	resp, again := allocate("k1", body)
	if !reflect.DeepEqual(first, again) || resp.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("first %v, then %v", first, again)
	}
	if resp, _ := allocate("k1", object{"brokerId": 2, "brokerEpoch": epoch[2]}); resp.StatusCode !=
		http.StatusUnprocessableEntity {
		t.Errorf("another body: %d", resp.StatusCode)
	}
	if _, other := allocate("k2", body); other["producerId"] != 1000.0 {
		t.Errorf("another key: %v", other)
	}
	if resp, _ := allocate("a b", body); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a malformed key: %d", resp.StatusCode)
	}
	resp, refused := allocate("k3", object{"brokerId": 9, "brokerEpoch": 1})
	if _, again := allocate("k3", object{"brokerId": 9, "brokerEpoch": 1}); resp.StatusCode !=
		http.StatusNotFound || again["code"] != refused["code"] {
		t.Errorf("a refusal: %v, then %v", refused, again)
	}
	var wg sync.WaitGroup
	blocks := make([]any, 8)
	for i := range blocks {
		wg.Go(func() {
			_, got := allocate("k4", body)
			blocks[i] = got["producerId"]
		})
	}
	wg.Wait()
	for _, b := range blocks {
		if b != 2000.0 {
			t.Errorf("requests at a time with one key got the blocks %v", blocks)
			break
		}
	}
}

// TestDryRuns: a dry run has the errors of the operation, and changes nothing.
func TestDryRuns(t *testing.T) {
	t.Parallel()
	s, _ := startWithTopics(t, 2)
	partition := object{"topic": "t000", "partitionId": 0}
	s.refused(404, "UNKNOWN_TOPIC_OR_PARTITION", http.MethodPost, "/v1/delete_topic?dryRun=true",
		object{"name": "none"})
	s.refused(422, "INVALID_REPLICA_ASSIGNMENT", http.MethodPost,
		"/v1/reassign_partitions?dryRun=true", object{"partitions": []object{
			{"topic": "t000", "partitionId": 0, "replicas": []int{99}},
		}})
	s.refused(409, "NO_REASSIGNMENT_IN_PROGRESS", http.MethodPost,
		"/v1/cancel_reassignments?dryRun=true", object{"partitions": []object{partition}})
}

// TestKeysAreOfOperations: a method that a path does not have is refused as such, with a key of
// another request too, and its key is not remembered.
func TestKeysAreOfOperations(t *testing.T) {
	t.Parallel()
	s, _ := startWithTopics(t, 0)
	for _, body := range []object{{}, {"brokerId": 1}} {
		resp := s.send(http.MethodTrace, "/v1/register_producer", body, "Idempotency-Key", "k")
		if resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%v: %d", body, resp.StatusCode)
		}
	}
}
