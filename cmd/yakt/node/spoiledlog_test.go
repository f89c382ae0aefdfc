package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/raftlog"
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
			moved.Storage.MetadataLogDir, moved.Storage.LogDirs = dir, []string{dir}
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

// A log folder without any file of a log is a lost log, even if other files are in it.
func TestFolderWithoutALog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := configFor(t, 1, dir, staticOne)
	used(t, cfg, Format{})
	wal := filepath.Join(dir, partitionDir, walDir)
	for range 2 {
		if err := os.RemoveAll(wal); err != nil {
			t.Fatal(err)
		}
		touch(t, wal, "durable.mark.tmp")
		says(t, openOnce(cfg, discard),
			wal+" is gone or empty, but "+dir+"/yakt.started says that this node has had a log")
	}
}

// A log that was made a second time under yakt.started is refused once it is open.
func TestLogMadeUnderAMark(t *testing.T) {
	t.Parallel()
	n := &Node{cfg: configFor(t, 1, t.TempDir(), staticOne), storage: &storage{dir: "d"}}
	n.storage.started = &startedInfo{version: startedVersion, incarnation: [16]byte{1}}
	says(t, n.checkIncarnation([16]byte{2}), "d/yakt.started names the log of incarnation 01",
		"made a second time")
	for _, same := range [][16]byte{{1}, {}} {
		n.storage.started.incarnation = same
		if err := n.checkIncarnation([16]byte{1}); err != nil {
			t.Error(err)
		}
	}
}

// Voters that differ from the log's are named by where they come from.
func TestOtherVotersBySource(t *testing.T) {
	t.Parallel()
	differ := &raftlog.VotersError{Configured: []int32{1}, Log: []int32{1, 2}}
	n := &Node{cfg: configFor(t, 1, t.TempDir(), staticOne), storage: &storage{dir: "d"}}
	says(t, n.otherVoters(differ),
		"controller.quorum.voters names the voters [1], but those of this quorum are [1 2] (its log")
	n.cfg.Embedded = true
	says(t, n.otherVoters(differ),
		"is of a quorum with the voters [1 2], and the built-in configuration is of one node")
	n.storage.voters = &record.Voters{}
	says(t, n.otherVoters(differ),
		"was formatted with the voters [1], but the log in it has [1 2]: they do not belong together")
}
