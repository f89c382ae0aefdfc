package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/cmd/yakt/node"
	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/controller/feed"
)

// waitMax bounds every wait of these tests.
const waitMax = 30 * time.Second

// server is a node of a test, with a client for its HTTP API.
type server struct {
	t    testing.TB
	node *node.Node
	id   int
	url  string
}

// startOne starts a quorum of one node. No NoOps are written, so offsets depend on the test alone.
func startOne(t testing.TB, settings ...string) *server {
	t.Helper()
	return startNodes(t, 1, settings...)[0]
}

const releaseSetting = "release-version"

// startNodes starts a quorum. settings are key=value, or id/key=value for one node, and take
// precedence over those of the test; releaseSetting is the release to format for.
func startNodes(t testing.TB, n int, settings ...string) []*server {
	t.Helper()
	ports := freePorts(t, n)
	var voters []string
	for i, port := range ports {
		voters = append(voters, fmt.Sprintf("%d@127.0.0.1:%d", i+1, port))
	}
	dir := t.TempDir()
	clusterID := ""
	var all []*server
	for i, port := range ports {
		overrides := map[string]string{
			"node.id":                       fmt.Sprint(i + 1),
			"listeners":                     fmt.Sprintf("CONTROLLER://127.0.0.1:%d", port),
			"controller.quorum.voters":      strings.Join(voters, ","),
			"log.dirs":                      filepath.Join(dir, fmt.Sprint(i+1)),
			"yakt.http.listeners":           "127.0.0.1:0",
			"metadata.max.idle.interval.ms": "0",
			"broker.session.timeout.ms":     "600000",
			"yakt.wal.segment.bytes":        "1048576",
			// long enough that the leader of a busy machine is not replaced
			"controller.quorum.election.timeout.ms": "2000",
		}
		for _, s := range settings {
			key, value, _ := strings.Cut(s, "=")
			if id, own, ok := strings.Cut(key, "/"); ok && id != fmt.Sprint(i+1) {
				continue
			} else if ok {
				key = own
			}
			overrides[key] = value
		}
		release := overrides[releaseSetting]
		delete(overrides, releaseSetting)
		cfg := load(t, filepath.Join(dir, fmt.Sprintf("%d.properties", i+1)), overrides)
		var err error
		format := node.Format{ClusterID: clusterID, ReleaseVersion: release, Out: io.Discard}
		if clusterID, err = node.FormatStorage(cfg, format); err != nil {
			t.Fatal(err)
		}
		all = append(all, startNode(t, cfg, i+1))
	}
	for _, s := range all {
		if s.node.HTTPAddr() == "" {
			continue
		}
		s.await("/readyz", func(status int, _ []byte) bool { return status == http.StatusOK })
	}
	return all
}

// load writes a configuration file and reads it as a node does.
func load(t testing.TB, path string, settings map[string]string) *config.Config {
	t.Helper()
	var b strings.Builder
	b.WriteString("process.roles=controller\ncontroller.listener.names=CONTROLLER\n")
	for key, value := range settings {
		fmt.Fprintf(&b, "%s=%s\n", key, value)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := config.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func startNode(t testing.TB, cfg *config.Config, id int) *server {
	t.Helper()
	options := &slog.HandlerOptions{Level: slog.LevelError}
	n, err := node.Open(cfg, slog.New(slog.NewTextHandler(testWriter{t}, options)), "test")
	if err != nil {
		t.Fatal(err)
	}
	n.Start()
	s := &server{t: t, node: n, id: id, url: "http://" + n.HTTPAddr()}
	t.Cleanup(s.stop)
	return s
}

func (s *server) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.node.Stop(ctx); err != nil && ctx.Err() == nil {
		s.t.Errorf("node %d: stop: %v", s.id, err)
	}
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

func freePorts(t testing.TB, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// await repeats a request until ok accepts the answer. Between two requests it waits for a record
// in the node's log, for 20 ms at most.
func (s *server) await(path string, ok func(status int, body []byte) bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitMax)
	defer cancel()
	for {
		status, body := s.request(http.MethodGet, path, nil)
		if ok(status, body) {
			return
		}
		turn, end := context.WithTimeout(ctx, 20*time.Millisecond)
		c := s.node.Controller()
		_ = c.Await(turn, feed.AudienceAll, c.Image().EndOffset()-1)
		end()
		if ctx.Err() != nil {
			s.t.Fatalf("node %d: %s: still %d %s", s.id, path, status, body)
		}
	}
}

// client does not follow redirects, and has a time limit.
var client = &http.Client{
	Timeout: waitMax,
	CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	},
}

func (s *server) do(method, path string, body any) *http.Response {
	s.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		data, err := json.Marshal(b)
		if err != nil {
			s.t.Fatal(err)
		}
		reader = bytes.NewReader(data)
	}
	req, err := http.NewRequest(method, s.url+path, reader)
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp
}

func (s *server) request(method, path string, body any) (status int, answer []byte) {
	s.t.Helper()
	resp := s.do(method, path, body)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, answer
}

// object is a JSON object.
type object = map[string]any

// ok makes a request that must succeed, and returns its answer.
func (s *server) ok(method, path string, body any) object {
	s.t.Helper()
	status, answer := s.request(method, path, body)
	if status != http.StatusOK {
		s.t.Fatalf("%s %s %v: %d %s", method, path, body, status, answer)
	}
	return decode[object](s.t, answer)
}

// get reads a path, which must succeed.
func (s *server) get(path string) object {
	s.t.Helper()
	return s.ok(http.MethodGet, path, nil)
}

// post sends a body, which must succeed.
func (s *server) post(path string, body any) object {
	s.t.Helper()
	return s.ok(http.MethodPost, path, body)
}

// badRequest sends a body that must be refused as malformed, and returns the problem document.
func (s *server) badRequest(path string, body any) object {
	s.t.Helper()
	return s.refused(http.StatusBadRequest, "INVALID_REQUEST", http.MethodPost, path, body)
}

// refused makes a request that must fail, and checks the problem document it gets.
func (s *server) refused(status int, code, method, path string, body any) object {
	s.t.Helper()
	resp := s.do(method, path, body)
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != status || resp.Header.Get("Content-Type") != "application/problem+json" {
		s.t.Fatalf("%s %s %v: got %d %s %s, want %d", method, path, body, resp.StatusCode,
			resp.Header.Get("Content-Type"), answer, status)
	}
	p := decode[object](s.t, answer)
	if p["code"] != code || p["status"] != float64(status) || p["detail"] == "" {
		s.t.Fatalf("%s %s %v: got %s, want code %s", method, path, body, answer, code)
	}
	return p
}

func decode[T any](t testing.TB, data []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return v
}

func fields(answer object) object { return answer["fields"].(object) }

// register registers a broker and returns its epoch.
func (s *server) register(id int) int64 {
	s.t.Helper()
	answer := s.post("/v1/register", object{"brokerId": id, "brokerHost": fmt.Sprintf("b%d", id),
		"brokerPort": 9092, "securityProtocol": "PLAINTEXT", "rackId": ""})
	return int64(fields(answer)["epoch"].(float64))
}

// alive registers a broker and sends heartbeats until it is unfenced.
func (s *server) alive(id int) (epoch int64) {
	s.t.Helper()
	epoch = s.register(id)
	news := s.post("/v1/broker_mgmt", object{"brokerId": id, "epoch": epoch})
	s.post("/v1/broker_mgmt", object{"brokerId": id, "epoch": epoch, "offset": news["endOffset"]})
	path := fmt.Sprintf("/v1/get_broker_by_id?consistency=linearizable&brokerId=%d", id)
	if status := fields(s.get(path))["brokerStatus"]; status != "UNFENCED" {
		s.t.Fatalf("broker %d is %v after its heartbeats", id, status)
	}
	return epoch
}
