package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/cmd/yakt/node"
	"github.com/yakt/yakt/config"
)

// startNode runs a quorum of one and returns where its HTTP API is.
func startNode(t *testing.T) string {
	t.Helper()
	cfg, _, err := config.Load("", map[string]string{
		"node.id": "1", "controller.quorum.bootstrap.servers": "127.0.0.1:1", "controller.listener.names": "CONTROLLER",
		"listeners": "CONTROLLER://127.0.0.1:0", "log.dirs": t.TempDir(), "yakt.http.listeners": "127.0.0.1:0", "metadata.max.idle.interval.ms": "0",
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := node.FormatStorage(cfg, node.Format{Standalone: true, Out: io.Discard}); err != nil {
		t.Fatal(err)
	}
	n, err := node.Open(cfg, slog.New(slog.DiscardHandler))
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

func TestCommandsDriveACluster(t *testing.T) {
	t.Setenv("YAKT_SERVER", startNode(t))
	for id := 1; id <= 3; id++ {
		out, _ := yakt(t, exitOK, "broker register %d --host b%d --port 909%d --rack r%d", id, id, id, id)
		contains(t, out, "INIT", fmt.Sprintf("b%d", id))
		out, _ = yakt(t, exitOK, "feed --broker %d -o json", id)
		var n news
		if err := json.Unmarshal([]byte(out), &n); err != nil {
			t.Fatal(err)
		}
		yakt(t, exitOK, "feed --broker %d --offset %d", id, n.EndOffset)
	}
	out, _ := yakt(t, exitOK, "broker list")
	contains(t, out, "UNFENCED", "b1", "b2", "b3")
	out, _ = yakt(t, exitOK, "topic create orders --assignment 1,2:2,1 --config retention.ms=1000")
	contains(t, out, "orders", "retention.ms=1000", "1,2")
	yakt(t, exitOK, "topic create dry -p 2 -r 2 --validate-only")
	yakt(t, exitOK, "partition create orders --id 2 --replicas 3,1")
	out, _ = yakt(t, exitOK, "partition add-replica orders 0 3")
	contains(t, out, "1,2,3")
	yakt(t, exitOK, "partition remove-replica orders 0 3")
	out, _ = yakt(t, exitOK, "topic list -o yaml")
	contains(t, out, "- name: orders\n", "  partitions: 3\n")
	out, _ = yakt(t, exitOK, "producer register 1")
	contains(t, out, "1000")
	out, _ = yakt(t, exitOK, "broker change 3 --status FENCED --port 9999")
	contains(t, out, "FENCED", "9999")
	out, _ = yakt(t, exitOK, "broker list --all -o json")
	contains(t, out, `"brokerStatus": "FENCED"`)
	yakt(t, exitOK, "broker unregister 3")
	out, _ = yakt(t, exitOK, "feed --client")
	contains(t, out, "TopicRecord", "name=orders")
	out, _ = yakt(t, exitOK, "log dump --from 0 --to 20")
	contains(t, out, "LeaderChangeMessage", "FeatureLevelRecord", "RegisterBrokerRecord")
	out, _ = yakt(t, exitOK, "quorum status")
	contains(t, out, "LEADER", "HIGH WATERMARK")
}

func TestSnapshotCommands(t *testing.T) {
	server := startNode(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "00000000000000000017-0000000001.checkpoint")
	yakt(t, exitOK, "snapshot save %s --server %s", file, server)
	out, _ := yakt(t, exitOK, "snapshot list --dir %s", dir)
	contains(t, out, "17", file)
	out, _ = yakt(t, exitOK, "snapshot inspect %s", file)
	contains(t, out, "FeatureLevelRecord", "VotersRecord", "4.3-IV0")
	yakt(t, exitFailed, "snapshot inspect %s", filepath.Join(dir, "nothing"))
}

func TestExitCodes(t *testing.T) {
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
		{exitUsage, "broker get --server " + server, "1 are wanted"},
		{exitUsage, "broker list -o xml --server " + server, "none of table, json and yaml"},
		{exitUsage, "broker frobnicate", "unknown command"},
		{exitUsage, "frobnicate", "unknown command"},
		{exitUsage, "broker register 1 --server " + server, "required flag"},
		{exitUsage, "feed --server " + server, "--client or --broker"},
		{exitUnavailable, "broker list --server " + dead, "Name another one by --server"},
		{exitOK, "broker list --server " + dead + "," + server, ""},
	} {
		_, errOut := yakt(t, c.code, "%s", c.line)
		contains(t, errOut, c.says)
	}
}

func TestCompletionAndVersion(t *testing.T) {
	out, _ := yakt(t, exitOK, "completion bash")
	contains(t, out, "yakt")
	out, _ = yakt(t, exitOK, "version")
	contains(t, out, "metadata.version")
	out, _ = yakt(t, exitOK, "config print -o yaml")
	contains(t, out, "node.id")
}
