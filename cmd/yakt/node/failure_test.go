package node

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/controller/feed"
)

// outOfService is how soon a node that has failed must have stopped to lead and to answer.
const outOfService = 100 * time.Millisecond

// startLone runs a quorum of one that logs to logger.
func startLone(t *testing.T, logger *slog.Logger) *Node {
	t.Helper()
	cfg, _, err := config.Load("", map[string]string{
		"node.id": "1", "controller.quorum.bootstrap.servers": "127.0.0.1:1",
		"controller.listener.names": "CONTROLLER", "listeners": "CONTROLLER://127.0.0.1:0",
		"yakt.http.listeners": "127.0.0.1:0", "log.dirs": t.TempDir(),
		"yakt.wal.segment.bytes": "1048576",
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := FormatStorage(cfg, Format{Standalone: true, Out: io.Discard}); err != nil {
		t.Fatal(err)
	}
	n := startNode(t, cfg, logger)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for at := int64(0); n.controller.Image().Version() == 0; at++ {
		if err := n.controller.Await(ctx, feed.AudienceAll, at-1); err != nil {
			t.Fatal("the node does not lead itself")
		}
	}
	return n
}

// TestAFailedNodeIsOutOfServiceAtOnce fails the log, and the controller, of a leader under load.
func TestAFailedNodeIsOutOfServiceAtOnce(t *testing.T) {
	t.Parallel()
	broken := errors.New("input/output error of a test")
	for what, break_ := range map[string]func(n *Node){
		"the log":        func(n *Node) { n.log.Fail(broken) },
		"the controller": func(n *Node) { n.controllerConfig().Stop(broken) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			n := startLone(t, slog.New(slog.DiscardHandler))
			l := startLoad(t, n)
			l.running.Wait()
			break_(n)
			broke := time.Now()
			if err := <-n.Failed(); !errors.Is(err, broken) {
				t.Errorf("failed with %v", err)
			}
			requireClosed(t, l.idle)
			if took := time.Since(broke); took > 5*outOfService { // the machine may be busy
				t.Errorf("connections are open %v after the failure", took)
			}
			requireOutOfService(t, n)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := n.Stop(ctx); err != nil {
				t.Error(err)
			}
			l.wg.Wait()
			if at := l.acknowledged.Load(); at > broke.Add(outOfService).UnixNano() {
				began := time.Unix(0, at).Sub(broke)
				t.Errorf("a write that began %v after the failure was acknowledged", began)
			}
		})
	}
}

// requireOutOfService checks what a failed node still says.
func requireOutOfService(t *testing.T, n *Node) {
	t.Helper()
	if _, ok := n.controller.Active(); ok {
		t.Error("the controller is active")
	}
	if id, _ := n.log.Leader(); id >= 0 {
		t.Errorf("the log names %d as the leader", id)
	}
	for _, path := range []string{
		"/livez", "/readyz", "/v1/create_topic", "/v1/status", "/v1/get_topic_by_name?name=a",
	} {
		method, body := http.MethodGet, ""
		if path == "/v1/create_topic" {
			method, body = http.MethodPost, `{"name":"a"}`
		}
		status, answer, err := ask(n, method, path, body)
		named := strings.Contains(answer, "input/output error of a test")
		if err != nil || status != http.StatusServiceUnavailable || !named {
			t.Errorf("%s: %d %s %v", path, status, answer, err)
		}
	}
}

// load is what a node is busy with: writes and long polls over HTTP, and idle Kafka connections.
type load struct {
	idle         []net.Conn
	running, wg  sync.WaitGroup
	acknowledged atomic.Int64 // when the last write that was acknowledged began
}

const registration = `{"brokerId": 1, "brokerHost": "h", "brokerPort": 1, "rackId": "",
	"securityProtocol": "SSL", "internalUUID": "Xl7fYz0kQJyf3J0Wm3W1Xg"}`

func startLoad(t *testing.T, n *Node) *load {
	t.Helper()
	l := &load{}
	for range 3 {
		c, err := net.Dial("tcp", n.Addr("CONTROLLER"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		l.idle = append(l.idle, c)
	}
	for range 4 {
		l.running.Add(1)
		l.wg.Go(func() {
			once := sync.OnceFunc(l.running.Done)
			for failed := false; !failed; once() {
				began := time.Now()
				status, _, err := ask(n, http.MethodPost, "/v1/register", registration)
				if failed = err != nil || status != http.StatusOK; !failed {
					l.acknowledged.Store(max(l.acknowledged.Load(), began.UnixNano()))
				}
			}
		})
	}
	l.wg.Go(func() { _, _, _ = ask(n, http.MethodGet, "/v1/client_mgmt?wait=50s&offset=1", "") })
	return l
}

func ask(n *Node, method, path, body string) (status int, answer string, err error) {
	req, err := http.NewRequest(method, "http://"+n.HTTPAddr()+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	resp, err := (&http.Client{Timeout: 20 * time.Second}).Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(data), err
}

// requireClosed waits until the node has closed connections.
func requireClosed(t *testing.T, conns []net.Conn) {
	t.Helper()
	for _, c := range conns {
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil || isTimeout(err) {
			t.Errorf("a connection is not closed: %v", err)
		}
	}
}

func isTimeout(err error) bool {
	slow, ok := errors.AsType[net.Error](err)
	return ok && slow.Timeout()
}

// startNode runs a node until the test ends.
func startNode(t *testing.T, cfg *config.Config, logger *slog.Logger) *Node {
	t.Helper()
	n, err := Open(cfg, logger, "test")
	if err != nil {
		t.Fatal(err)
	}
	n.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = n.Stop(ctx)
	})
	return n
}
