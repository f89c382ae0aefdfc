package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Files of the log, and the whole of it, that are removed, emptied, cut or copied from another node
// or another cluster: the node does not open, or with the very same log.
func TestSpoiledLogs(t *testing.T) {
	t.Parallel()
	counts := map[string]int{}
	own, neighbour, stranger := t.TempDir(), t.TempDir(), t.TempDir()
	cfg := configFor(t, 1, own, staticThree)
	used(t, cfg, Format{})
	used(t, configFor(t, 2, neighbour, staticThree), Format{})
	used(t, configFor(t, 1, stranger, staticThree), Format{ClusterID: otherCluster})
	before := inspect(t, own).Log
	if !before.Known || before.ClusterID != testCluster || before.NodeID != 1 {
		t.Fatalf("%+v", before)
	}
	for _, segment := range inspect(t, own).Segments {
		name := filepath.Join(partitionDir, walDir, segment)
		for how, spoil := range spoilers(neighbour, stranger) {
			dir := copyTree(t, own)
			spoil(t, filepath.Join(dir, name), name)
			moved := *cfg
			moved.MetadataLogDir, moved.LogDirs = dir, []string{dir}
			outcome := "refused"
			if err := openOnce(&moved, discard); err == nil {
				outcome = "the same log"
				if after := inspect(t, dir).Log; after != before {
					t.Errorf("%s %s: opened as %+v", segment, how, after)
				}
			}
			counts[how+": "+outcome]++
		}
	}
	t.Log(counts)
}

// A log of another node, or one that was made a second time, is named beside what it contradicts.
func TestReplacedLogs(t *testing.T) {
	t.Parallel()
	own, neighbour := t.TempDir(), t.TempDir()
	cfg := configFor(t, 1, own, staticThree)
	used(t, cfg, Format{})
	used(t, configFor(t, 2, neighbour, staticThree), Format{})
	wal, mark := filepath.Join(own, partitionDir, walDir), filepath.Join(own, startedFile)
	away := func(path string) {
		t.Helper()
		if err := os.Rename(path, path+".away"); err != nil {
			t.Fatal(err)
		}
	}
	away(wal)
	if err := os.CopyFS(wal, os.DirFS(filepath.Join(neighbour, partitionDir, walDir))); err != nil {
		t.Fatal(err)
	}
	says(t, openOnce(cfg, discard), wal+" has node.id=2, but "+own+"/meta.properties has "+
		"node.id=1: they do not belong together")
	if err := os.RemoveAll(wal); err != nil {
		t.Fatal(err)
	}
	away(mark)
	if err := openOnce(cfg, discard); err != nil {
		t.Fatal(err) // nothing here shows that there was a log: its peers know
	}
	if err := os.Rename(mark+".away", mark); err != nil {
		t.Fatal(err)
	}
	says(t, openOnce(cfg, discard), mark+" names the log of incarnation ",
		"it was made a second time")
}

func says(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("got %v\nwant %s", err, part)
		}
	}
}
