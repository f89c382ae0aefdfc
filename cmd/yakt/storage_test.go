package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/yakt/yakt/cmd/yakt/node"
)

// nodeFile writes the configuration of a node that is the only voter, on a directory of its own.
func nodeFile(t *testing.T) (file, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	file = filepath.Join(t.TempDir(), "c.properties")
	text := fmt.Sprintf(
		"node.id=1\ncontroller.quorum.voters=1@127.0.0.1:19091\nlisteners=CONTROLLER://127.0.0.1:0\ncontroller.listener.names=CONTROLLER\nlog.dirs=%s\n",
		dir,
	)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, dir
}

func TestStorageCheck(t *testing.T) {
	file, dir := nodeFile(t)
	out, errOut := yakt(t, exitFailed, "storage check --config %s", file)
	contains(t, out, "KIND", "missing", "false")
	contains(t, errOut, dir+" is not formatted: there is no such directory",
		"run `yakt format --config "+file+"`")
	yakt(t, exitOK, "format --config %s", file)
	out, _ = yakt(t, exitOK, "storage check --config %s -o json", file)
	var r node.StorageReport
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.Kind != node.Formatted || !r.Fit ||
		*r.NodeID != 1 || r.ClusterID == "" || r.Started {
		t.Errorf("%+v, %v", r, err)
	}
	other := t.TempDir()
	if err := os.MkdirAll(filepath.Join(other, "__cluster_metadata-0", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, "__cluster_metadata-0", "quorum-state"), nil,
		0o600); err != nil {
		t.Fatal(err)
	}
	out, errOut = yakt(t, exitFailed, "storage check --config %s --dir %s", file, other)
	contains(t, out, "Apache controller", "__cluster_metadata-0/quorum-state")
	contains(t, errOut, "the log of an Apache Kafka controller")
	yakt(t, exitUsage, "storage check -o xml")
	yakt(t, exitUsage, "storage frobnicate")
}

// A directory is formatted once, and never while anything is in it.
func TestFormatCommand(t *testing.T) {
	file, dir := nodeFile(t)
	out, _ := yakt(t, exitOK, "format --config %s --cluster-id any-text", file)
	contains(t, out, "Formatted "+dir, "any-text")
	_, errOut := yakt(t, exitFailed, "format --config %s", file)
	contains(t, errOut, "already formatted", "--ignore-formatted")
	out, _ = yakt(t, exitOK, "format --config %s --ignore-formatted", file)
	contains(t, out, "left as it is")
	_, errOut = yakt(t, exitFailed, "format --config %s --no-initial-controllers", file)
	contains(t, errOut, "this release cannot add a node to a quorum")
}

// Nodes that are configured by environment alone are formatted by command, and are what they are
// configured to be.
func TestNodeByEnvironment(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	t.Setenv("YAKT_NODE_ID", "4")
	t.Setenv("YAKT_CONTROLLER_QUORUM_VOTERS", "3@127.0.0.1:19093,4@127.0.0.1:19094,5@127.0.0.1:19095")
	t.Setenv("YAKT_LISTENERS", "CONTROLLER://127.0.0.1:0")
	t.Setenv("YAKT_LOG_DIRS", dir)
	_, errOut := yakt(t, exitFailed, "start")
	contains(t, errOut, "environment YAKT_NODE_ID sets node.id", "YAKT_CONTROLLER_LISTENER_NAMES")
	t.Setenv("YAKT_CONTROLLER_LISTENER_NAMES", "CONTROLLER")
	_, errOut = yakt(t, exitFailed, "start")
	contains(t, errOut, dir+" is not formatted", "run `yakt format`")
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Error("the node formatted its directory by itself")
	}
	out, _ := yakt(t, exitOK, "format")
	contains(t, out, "Formatted "+dir)
	yakt(t, exitOK, "storage check")
}
