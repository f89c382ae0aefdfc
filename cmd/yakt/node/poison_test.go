package node

import (
	"context"
	"crypto/sha256"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/metadata/record/recordtest"
	"github.com/yakt/yakt/raftlog/wal"
	"github.com/yakt/yakt/raftlog/wal/waltest"
)

// poisoned is a directory of a quorum of one whose log holds records that brokers do not accept.
func poisoned(t *testing.T, records ...record.Record) *config.Config {
	t.Helper()
	n := startLone(t, slog.New(slog.DiscardHandler))
	cfg := n.cfg
	stop(t, n)
	batch, err := recordtest.Batch(records...)
	if err != nil {
		t.Fatal(err)
	}
	owner := wal.Identity{
		ClusterID: n.storage.clusterID, NodeID: cfg.NodeID, DirectoryID: n.storage.directoryID,
	}
	if err := waltest.Append(filepath.Join(cfg.Storage.MetadataLogDir, partitionDir, "wal"), owner,
		batch); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func stop(t *testing.T, n *Node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := n.Stop(ctx); err != nil {
		t.Fatal(err)
	}
}

// digests are those of all files below a directory.
func digests(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	all := map[string][32]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = sha256.Sum256(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestPoisonAtRest is found by a check that changes nothing; healed, and cut when the node starts
// again if it stopped before that, it is gone.
func TestPoisonAtRest(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 40_000)
	group := &record.Config{
		ResourceType: metadata.ConfigGroup, ResourceName: long, Name: "k", Value: &long,
	}
	cfg := poisoned(t, group)
	requirePoison(t, cfg, 1, "group \"xxx")
	n := reopen(t, cfg)
	if status, answer, err := ask(n, http.MethodGet, "/readyz",
		""); err != nil || status != http.StatusOK || !strings.Contains(answer, `yakt heal`) {
		t.Errorf("/readyz: %d %s, %v", status, answer, err)
	}
	status, answer, err := ask(n, http.MethodPost, "/v1/heal", `{}`)
	if err != nil || status != http.StatusOK || !strings.Contains(answer, `"action":"drop"`) {
		t.Fatalf("heal: %d %s, %v", status, answer, err)
	}
	stop(t, n) // perhaps before it has cut its log
	n = reopen(t, cfg)
	from, _ := n.controller.Image().CleanFrom()
	for deadline := time.Now().Add(20 * time.Second); n.log.Status().LogStart < from; {
		if time.Now().After(deadline) {
			t.Fatalf("the log starts at %d, not at %d", n.log.Status().LogStart, from)
		}
	}
	stop(t, n)
	requirePoison(t, cfg, 0)
}

// reopen starts a node on a directory that was in use.
func reopen(t *testing.T, cfg *config.Config) *Node {
	t.Helper()
	n, err := Open(cfg, slog.New(slog.DiscardHandler), "test")
	if err != nil {
		t.Fatal(err)
	}
	n.Start()
	t.Cleanup(func() { _ = n.Stop(context.Background()) })
	awaitActive(t, n)
	return n
}

func awaitActive(t *testing.T, n *Node) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		if _, ok := n.controller.Active(); ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the node does not lead itself")
		}
	}
}

func requirePoison(t *testing.T, cfg *config.Config, count int, says ...string) {
	t.Helper()
	before := digests(t, cfg.Storage.MetadataLogDir)
	r, err := CheckStorage(cfg)
	if err != nil || !r.Fit || r.Poisoned != count || len(r.Poison) != count {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, part := range says {
		if !strings.Contains(strings.Join(r.Poison, "\n"), part) {
			t.Errorf("%q is not in %q", part, r.Poison)
		}
	}
	after := digests(t, cfg.Storage.MetadataLogDir)
	if len(after) != len(before) {
		t.Errorf("a check leaves %d files of %d", len(after), len(before))
	}
	for path, d := range before {
		if after[path] != d {
			t.Errorf("a check has changed %s", path)
		}
	}
}
