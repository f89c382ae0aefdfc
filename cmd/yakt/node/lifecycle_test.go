package node

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/config"
)

// leaderOf is the node that leads, once all of them agree.
func leaderOf(t *testing.T, all []*Node) *Node {
	t.Helper()
	for _, n := range all {
		awaitController(t, n)
	}
	id := all[0].log.Status().Leader
	for _, n := range all {
		if n.cfg.NodeID == id {
			return n
		}
	}
	t.Fatalf("none of the nodes is the leader, %d", id)
	return nil
}

// TestStopHandsOver: when a leader has stopped, another node leads already, and the quorum accepts
// changes.
func TestStopHandsOver(t *testing.T) {
	t.Parallel()
	all := startThree(t, "yakt.http.listeners=127.0.0.1:0")
	old := leaderOf(t, all)
	epoch := old.log.Status().Epoch
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	if err := old.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	status := old.log.Status()
	if status.Leader < 0 || status.Leader == old.cfg.NodeID || status.Epoch <= epoch {
		t.Fatalf("stopped as %s of %d, epoch %d", status.Role, status.Leader, status.Epoch)
	}
	successor := all[status.Leader-1]
	awaitActive(t, successor)
	code, body, err := ask(successor, http.MethodPost, "/v1/register",
		`{"brokerId":1001,"brokerHost":"b","brokerPort":9092,"securityProtocol":"PLAINTEXT","rackId":""}`)
	if err != nil || code != http.StatusOK {
		t.Errorf("the successor answers %d, %v: %s", code, err, body)
	}
}

// TestStop: a stopped node has freed its ports, and stopping it again changes nothing.
func TestStop(t *testing.T) {
	t.Parallel()
	n := startLone(t, discard)
	addresses := []string{n.Addr("CONTROLLER"), n.HTTPAddr()}
	for range 2 {
		if err := n.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for _, at := range addresses {
		l, err := net.Listen("tcp", at)
		if err != nil {
			t.Errorf("still bound: %v", err)
			continue
		}
		l.Close()
	}
	if err := openOnce(n.cfg, discard); err != nil {
		t.Errorf("the directory cannot be used again: %v", err)
	}
}

// TestOpenFreesWhatItOpened: after an error, the same node starts once the cause is gone.
func TestOpenFreesWhatItOpened(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := freePorts(t, 1)[0]
	cfg := configFor(t, 1, t.TempDir()+"/data", staticOne)
	cfg.Listeners[0].Port = port
	cfg.HTTP.Listeners = []config.HostPort{
		{Host: "127.0.0.1"}, {Host: "127.0.0.1", Port: taken.Addr().(*net.TCPAddr).Port},
	}
	format(t, cfg, Format{})
	says(t, openOnce(cfg, discard), "yakt.http.listeners: cannot listen on "+taken.Addr().String())
	taken.Close()
	if err := openOnce(cfg, discard); err != nil {
		t.Error(err)
	}
}

// TestFailedYieldsTheFirstReason, once, whatever fails afterwards.
func TestFailedYieldsTheFirstReason(t *testing.T) {
	t.Parallel()
	n := startLone(t, discard)
	first, second := errors.New("first"), errors.New("second")
	n.fail(first)
	n.fail(second)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case err := <-n.Failed():
		if !errors.Is(err, first) {
			t.Error(err)
		}
	case <-ctx.Done():
		t.Fatal("no reason")
	}
	select {
	case err := <-n.Failed():
		t.Errorf("a second reason: %v", err)
	default:
	}
	code, body, err := ask(n, http.MethodGet, "/livez", "")
	if err == nil && (code == http.StatusOK || !strings.Contains(body, "first")) {
		t.Errorf("%d: %s", code, body)
	}
}

// TestWhatANodeSaysOfItself: addresses that are bound, the cluster that it was formatted for, and
// the version that Open was given.
func TestWhatANodeSaysOfItself(t *testing.T) {
	t.Parallel()
	n := startLone(t, discard)
	at := n.Addr("CONTROLLER")
	if host, port, err := net.SplitHostPort(at); err != nil || host != "127.0.0.1" || port == "0" {
		t.Errorf("bound to %s", at)
	}
	if all := n.Endpoints(); len(all) != 1 || all[0] != at {
		t.Errorf("%v, bound to %s", all, at)
	}
	if at := n.Addr("OTHER"); at != "" {
		t.Errorf("an unknown listener is bound to %s", at)
	}
	if n.ClusterID() != n.storage.clusterID || n.ClusterID() == "" {
		t.Errorf("cluster id %q", n.ClusterID())
	}
	code, body, err := ask(n, http.MethodGet, "/openapi.json", "")
	if err != nil || code != http.StatusOK || !strings.Contains(body, `"version":"test"`) {
		t.Errorf("%d, %v: the version is not in %.200s", code, err, body)
	}
}

// TestAcceptPace: a burst is accepted at once, and then one connection in each interval.
func TestAcceptPace(t *testing.T) {
	t.Parallel()
	var p acceptPace
	now := time.Now()
	for i := range acceptBurst {
		if early := p.next(now); early > 0 {
			t.Fatalf("connection %d of a burst is %v early", i, early)
		}
	}
	for i := range 3 {
		if early := p.next(now); early != time.Duration(i+1)*acceptInterval {
			t.Errorf("connection %d after a burst is %v early", i, early)
		}
	}
	if early := p.next(now.Add(time.Hour)); early > 0 {
		t.Errorf("after a pause: %v early", early)
	}
}
