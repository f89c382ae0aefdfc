package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/yakt/yakt/cmd/yakt/node"
	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/metadata"
)

// startNode runs a quorum of one and returns where its HTTP API is.
func startNode(t *testing.T) string {
	t.Helper()
	cfg, _, err := config.Load("", map[string]string{
		"node.id": "1", "controller.quorum.bootstrap.servers": "127.0.0.1:1",
		"controller.listener.names": "CONTROLLER",
		"listeners":                 "CONTROLLER://127.0.0.1:0", "log.dirs": t.TempDir(),
		"yakt.http.listeners": "127.0.0.1:0", "metadata.max.idle.interval.ms": "0",
		"broker.session.timeout.ms": "600000",
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := node.FormatStorage(cfg, node.Format{Standalone: true, Out: io.Discard}); err != nil {
		t.Fatal(err)
	}
	n, err := node.Open(cfg, slog.New(slog.DiscardHandler), "test")
	if err != nil {
		t.Fatal(err)
	}
	n.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = n.Stop(ctx)
	})
	deadline := time.Now().Add(20 * time.Second)
	for {
		if _, ok := n.Controller().Active(); ok && n.Controller().Image().Version() != 0 {
			return n.HTTPAddr()
		}
		if time.Now().After(deadline) {
			t.Fatal("the node does not lead itself")
		}
	}
}

// yakt runs a command line and returns what it printed.
func yakt(t *testing.T, code int, line string, args ...any) (out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	line = fmt.Sprintf(line, args...)
	if got := run(strings.Fields(line), &o, &e); got != code {
		t.Fatalf("yakt %s: exit code %d, want %d\n%s%s", line, got, code, &o, &e)
	}
	return o.String(), e.String()
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is not in:\n%s", p, text)
		}
	}
}

// alive registers a broker and sends heartbeats for it until it is unfenced.
func alive(t *testing.T, server string, id int) {
	t.Helper()
	out, _ := yakt(t, exitOK, "broker register %d --host b%d --port 909%d --rack r%d --server %s", id,
		id, id, id, server)
	contains(t, out, "INIT", fmt.Sprintf("b%d", id))
	out, _ = yakt(t, exitOK, "feed --broker %d -o json --server %s", id, server)
	var n news
	if err := json.Unmarshal([]byte(out), &n); err != nil {
		t.Fatal(err)
	}
	yakt(t, exitOK, "feed --broker %d --offset %d --server %s", id, n.EndOffset, server)
}

func TestCommandsDriveACluster(t *testing.T) {
	server := startNode(t)
	t.Setenv("YAKT_SERVER", server)
	for id := 1; id <= 3; id++ {
		alive(t, server, id)
	}
	out, _ := yakt(t, exitOK, "broker list")
	contains(t, out, "UNFENCED", "b1", "b2", "b3")
	out, _ = yakt(t, exitOK, "topic create orders --assignment 1,2:2,1 --config retention.ms=1000")
	contains(t, out, "orders", "retention.ms=1000", "1,2")
	out, _ = yakt(t, exitOK, "topic create dry -p 2 -r 2 --validate-only")
	contains(t, out, "NOT CREATED", "only checked")
	out, _ = yakt(t, exitOK, "topic create dry -p 2 -r 2 --validate-only -o json")
	contains(t, out, `"validateOnly": true`, `"topicUUID": ""`)
	yakt(t, exitOK, "partition create orders --id 2 --replicas 3,1")
	out, _ = yakt(t, exitOK, "partition add-replica orders 0 3")
	contains(t, out, "1,2,3")
	yakt(t, exitOK, "partition remove-replica orders 0 3")
	out, _ = yakt(t, exitOK, "topic list -o yaml")
	contains(t, out, "- name: orders\n", "  partitions: 3\n")
	out, _ = yakt(t, exitOK, "producer register 1")
	contains(t, out, "1000")
	yakt(t, exitOK, "topic create eligible --assignment 1,3 --config min.insync.replicas=2")
	out, _ = yakt(t, exitOK, "broker change 3 --status FENCED --port 9999")
	contains(t, out, "FENCED", "9999")
	out, _ = yakt(t, exitOK, "topic get eligible")
	if row := lineWith(out,
		"1,3"); !slices.Equal(row, []string{"0", "1", "0", "1,3", "1", "3", "-", "-", "-", "1"}) {
		t.Errorf("leader epoch, ISR and ELR: %q in\n%s", row, out)
	}
	out, _ = yakt(t, exitOK, "broker list --all -o json")
	contains(t, out, `"brokerStatus": "FENCED"`)
	yakt(t, exitOK, "broker unregister 3")
	out, _ = yakt(t, exitOK, "feed --client")
	contains(t, out, "TopicRecord", "name=orders")
	out, _ = yakt(t, exitOK, "log dump --from 0 --to 20")
	contains(t, out, "LeaderChangeMessage", "FeatureLevelRecord", "RegisterBrokerRecord")
	out, _ = yakt(t, exitOK, "log dump --to 6 -o json")
	var part logPart
	if err := json.Unmarshal([]byte(out), &part); err != nil || part.EndOffset != 7 ||
		len(part.Records) != 7 {
		t.Errorf("%v, offsets %d to %d, %d records", err, part.FromOffset, part.EndOffset,
			len(part.Records))
	}
	out, _ = yakt(t, exitOK, "quorum status")
	contains(t, out, "LEADER", "HIGH WATERMARK")
}

// lineWith is the first line of a table that has a cell, cut into its cells.
func lineWith(table, cell string) []string {
	for line := range strings.Lines(table) {
		if row := strings.Fields(line); slices.Contains(row, cell) {
			return row
		}
	}
	return nil
}

func TestSnapshotCommands(t *testing.T) {
	t.Parallel()
	server := startNode(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "00000000000000000017-0000000001.checkpoint")
	yakt(t, exitOK, "snapshot save %s --server %s", file, server)
	out, _ := yakt(t, exitOK, "snapshot list --dir %s", dir)
	contains(t, out, "17", file)
	out, _ = yakt(t, exitOK, "snapshot inspect %s", file)
	contains(t, out, "FeatureLevelRecord", "VotersRecord", "SnapshotFooterRecord", "4.4-IV2")
	if strings.Contains(out, "record.") {
		t.Errorf("names of Go types:\n%s", out)
	}
	_, errOut := yakt(t, exitFailed, "snapshot save %s --server %s", file, server)
	contains(t, errOut, file+" exists", "--replace")
	yakt(t, exitOK, "snapshot save %s --server %s --replace", file, server)
	binary, _ := yakt(t, exitOK, "snapshot save - --server %s", server)
	if _, err := metadata.ReadCheckpoint(strings.NewReader(binary)); err != nil {
		t.Errorf("standard output: %v", err)
	}
	yakt(t, exitFailed, "snapshot inspect %s", filepath.Join(dir, "nothing"))
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	server := startNode(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := l.Addr().String()
	l.Close()
	for _, c := range []struct {
		code int
		line string
		says string
	}{
		{exitFailed, "topic get nothing --server " + server, "UNKNOWN_TOPIC_OR_PARTITION"},
		{exitFailed, "broker get 7 --server " + server, "Register the broker first"},
		{exitUsage, "broker get seven --server " + server, "give a number"},
		{exitUsage, "broker get --server " + server, "got 0 arguments, want 1: yakt broker get ID"},
		{exitUsage, "broker list -o xml --server " + server, "none of table, json and yaml"},
		{exitUsage, "broker frobnicate", "unknown command"},
		{exitUsage, "frobnicate", "unknown command"},
		{exitUsage, "broker register 1 --server " + server, "required flag"},
		{exitUsage, "feed --server " + server, "--client or --broker"},
		{exitUsage, "feed --broker -1 --server " + server, "--broker -1 is less than 0"},
		{exitUsage, "log tail -n -3 --server " + server, "-n -3"},
		{exitUsage, "broker list --server http://", "not an address such as 127.0.0.1:8093"},
		{exitUsage, "topic create none --assignment x --server " + server, "list of broker ids"},
		{exitFailed, "topic create none -p 0 --server " + server, "--partitions: expected number >= 1"},
		{exitFailed, "topic create none -r 0 --server " + server, "--replication-factor: "},
		{exitUnavailable, "broker list --server " + dead, "Name another one by --server"},
		{exitOK, "broker list --server " + dead + "," + server, ""},
	} {
		_, errOut := yakt(t, c.code, "%s", c.line)
		contains(t, errOut, c.says)
	}
}

// TestServers: a host without a port is asked at the port of the default, which is the node's.
func TestServers(t *testing.T) {
	t.Parallel()
	if at := config.Default().HTTP.Listeners[0].String(); at != serverDefault {
		t.Errorf("the default of --server is %s, and a node serves at %s", serverDefault, at)
	}
	for server, want := range map[string]string{
		"127.0.0.1":               "http://127.0.0.1:8093",
		" node-1/ ":               "http://node-1:8093",
		"node-1:":                 "http://node-1:8093",
		"node-1:80":               "http://node-1:80",
		"::1":                     "http://[::1]:8093",
		"[::1]":                   "http://[::1]:8093",
		"[::1]:80":                "http://[::1]:80",
		"http://node-1:80/":       "http://node-1:80",
		"https://proxy/yakt/n-1/": "https://proxy/yakt/n-1",
		"":                        "",
		"http://":                 "",
		":8093":                   "",
	} {
		at, err := new(access).serverURL(server)
		if err != nil && want != "" || err == nil && at.String() != want {
			t.Errorf("%q: %v, %v", server, at, err)
		}
	}
}

// TestNoAnswer: a read that failed may be repeated; what became of a change is not known unless it
// cannot have arrived.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	of := func(err error) error { return &url.Error{Op: "Get", URL: "http://n/v1/topics", Err: err} }
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	for _, c := range []struct {
		method string
		err    error
		code   int
		says   string
	}{
		{http.MethodGet, of(refused), exitUnavailable, "cannot reach n:1: connection refused; is"},
		{http.MethodPost, of(refused), exitUnavailable, "cannot reach n:1: connection refused; is"},
		{http.MethodGet, of(context.DeadlineExceeded), exitUnavailable, "it took more than 1s; allow"},
		{
			http.MethodPost, of(context.DeadlineExceeded), exitUnknown,
			"it took more than 1s; it is not known",
		},
		{http.MethodGet, io.ErrUnexpectedEOF, exitUnavailable, "unexpected EOF; try again"},
		{http.MethodPost, of(io.EOF), exitUnknown, "did not answer in full: EOF; it is not known"},
	} {
		err := (&client{timeout: time.Second}).noAnswer("n:1", c.method, c.err)
		if exitCode(err) != c.code || strings.Contains(err.Error(), "/v1/") {
			t.Errorf("%s %v: exit code %d: %v", c.method, c.err, exitCode(err), err)
		}
		contains(t, err.Error(), c.says)
	}
}

// TestQuorumOfStandbys: a standby is asked for what the leader knows, and without a leader for what
// it knows itself.
func TestQuorumOfStandbys(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `{"code":"NOT_CONTROLLER","detail":"The quorum has no leader now."}`)
			return
		}
		fmt.Fprint(w, `{"leaderId":-1,"voters":[{"id":7,"logEndOffset":-1,"lag":-1}]}`)
	}))
	t.Cleanup(server.Close)
	out, errOut := yakt(t, exitOK, "quorum status --server %s", server.URL)
	contains(t, out, "nobody", "?")
	contains(t, errOut, "The quorum has no leader now.", "only what the node that was asked knows")
}

func TestCompletionAndVersion(t *testing.T) {
	out, _ := yakt(t, exitOK, "completion bash")
	contains(t, out, "yakt")
	out, _ = yakt(t, exitOK, "version")
	contains(t, out, "metadata.version")
	out, _ = yakt(t, exitOK, "config print -o yaml")
	contains(t, out, "node.id")
}
