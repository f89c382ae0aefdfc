package node

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/protocol"
)

const (
	inPartition = partitionDir + "/"
	metaFile    = config.MetaPropertiesName
)

// apacheNames are the files of an Apache controller's log: any one of them gives it away.
var apacheNames = []string{
	"00000000000000000000.log", "00000000000000004711.log", "00000000000000004711.index",
	"00000000000000004711.timeindex",
	"00000000000000004711.txnindex", "00000000000000004711.snapshot", "leader-epoch-checkpoint",
	"quorum-state",
	"partition.metadata", "00000000000000000000.log.deleted",
	"00000000000000000017-0000000001.checkpoint.deleted",
}

func TestKindsOfDirectories(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files []string
		meta  bool
		want  Kind
		says  string // part of the refusal to format
	}{
		"empty":         {want: Empty},
		"a mount point": {files: []string{"lost+found/x", ".lock"}, want: Empty},
		"interrupted format": {
			files: []string{bootstrapFile, inPartition + foundingFile, ".meta.properties123"}, want: Empty,
		},
		"formatted": {meta: true, want: Formatted, says: "already formatted"},
		"formatted, other files": {
			meta: true, files: []string{"notes.txt"}, want: Formatted, says: "already formatted",
		},
		"log, no meta": {
			files: []string{inPartition + "wal/durable.mark"}, want: InUse,
			says: "is in use: it holds __cluster_metadata-0/wal",
		},
		"mark, no meta": {files: []string{startedFile}, want: InUse, says: "is in use: " +
			"it holds yakt.started"},
		"snapshots, no meta": {
			files: []string{inPartition + "00000000000000000017-0000000001.checkpoint"}, want: InUse,
			says: "is in use: it holds 1 snapshots (00000000000000000017-0000000001.checkpoint)",
		},
		"foreign": {files: []string{"notes.txt", "photo-2024/a.jpg"}, want: Foreign,
			says: "it holds files that are neither YAKt's nor Apache Kafka's (notes.txt, " +
				"photo-2024)"},
		"broker": {
			files: []string{"orders-0/partition.metadata", inPartition + "quorum-state"}, meta: true,
			want: ApacheBroker, says: "it holds the files of an Apache Kafka broker (orders-0)",
		},
		"stopped broker": {files: []string{"recovery-point-offset-checkpoint"}, want: ApacheBroker,
			says: "it holds the files of an Apache Kafka broker " +
				"(recovery-point-offset-checkpoint)"},
		"ours and Apache's": {
			files: []string{startedFile, inPartition + "wal/durable.mark", inPartition + "quorum-state"},
			meta:  true, want: Mixed,
			says: "it holds files of YAKt (yakt.started, __cluster_metadata-0/wal, " +
				"meta.properties) and of Apache Kafka (__cluster_metadata-0/quorum-state)",
		},
	} {
		dir := t.TempDir()
		touch(t, dir, c.files...)
		if c.meta {
			putMeta(t, dir)
		}
		d := inspect(t, dir)
		if d.Kind != c.want {
			t.Errorf("%s: %s, want %s", name, d.Kind, c.want)
		}
		if err := d.Formattable(); (err == nil) != (c.says == "") ||
			err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func putMeta(t *testing.T, dir string) {
	t.Helper()
	if err := (config.MetaProperties{
		ClusterID: testCluster, NodeID: 1, DirectoryID: protocol.NewUUID(),
	}).Write(dir); err != nil {
		t.Fatal(err)
	}
}

func TestMissingDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "none")
	if d := inspect(t, dir); d.Kind != Missing || d.Formattable() != nil {
		t.Error(d)
	}
	file := filepath.Join(t.TempDir(), "file")
	touch(t, filepath.Dir(file), "file")
	if _, err := Inspect(file); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Error(err)
	}
}

// An Apache controller's directory is refused by any of its files, by format and by start, and
// no message advises removing anything in it.
func TestApacheControllersAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range apacheNames {
		for _, formatted := range []bool{true, false} {
			dir := t.TempDir()
			touch(t, dir, inPartition+name, inPartition+"00000000000000000400-0000000002.checkpoint")
			if formatted {
				putMeta(t, dir)
			}
			cfg := configFor(t, 1, dir, staticOne)
			_, errFormat := FormatStorage(cfg, Format{Out: os.Stderr})
			_, errStart := openStorage(cfg, discard)
			for _, err := range []error{errFormat, errStart} {
				if err == nil || !strings.Contains(err.Error(), "the log of an Apache Kafka "+
					"controller ("+partitionDir+"/"+name+")") ||
					!strings.Contains(err.Error(), "Nothing was changed") ||
					strings.Contains(err.Error(), "remove") {
					t.Errorf("%s: %v", name, err)
				}
			}
			if _, err := os.Stat(filepath.Join(dir, lockFile)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: a lock was left in a directory that is not ours", name)
			}
		}
	}
}

// A directory that lost its meta.properties is neither formatted nor started.
func TestNoFormatOverALog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := configFor(t, 1, dir, staticOne)
	used(t, cfg, Format{})
	if err := os.Remove(filepath.Join(dir, metaFile)); err != nil {
		t.Fatal(err)
	}
	for _, ignore := range []bool{false, true} {
		if _, err := FormatStorage(cfg, Format{Out: os.Stderr, IgnoreFormatted: ignore}); err == nil ||
			!strings.Contains(err.Error(),
				"is in use: it holds yakt.started, __cluster_metadata-0/wal, and formatting it would "+
					"found another log") {
			t.Error(err)
		}
	}
	_, err := openStorage(cfg, discard)
	if err == nil || !errors.Is(err, config.ErrNotFormatted) ||
		!strings.Contains(err.Error(), "Do not format it") {
		t.Error(err)
	}
}

// Files that are removed, emptied, or copied from another node or another cluster: a start refuses
// the directory, or it is the same node with the same log.
func TestSpoiledDirectories(t *testing.T) {
	t.Parallel()
	counts := map[string]int{}
	for _, quorum := range []string{staticThree, dynamic} {
		format := Format{Standalone: quorum == dynamic}
		own, neighbour, stranger := t.TempDir(), t.TempDir(), t.TempDir()
		cfg := configFor(t, 1, own, quorum)
		used(t, cfg, format)
		used(t, configFor(t, 2, neighbour, quorum), format)
		format.ClusterID = otherCluster
		used(t, configFor(t, 1, stranger, quorum), format)
		for _, name := range filesIn(t, own) {
			for how, spoil := range spoilers(neighbour, stranger) {
				dir := copyTree(t, own)
				spoil(t, filepath.Join(dir, name), name)
				outcome := outcomeOf(t, cfg, own, dir)
				counts[how+": "+outcome]++
				if outcome == "another node" {
					t.Errorf("%s %s: started as %+v", name, how, inspect(t, dir).Meta)
				}
			}
		}
	}
	t.Log(counts)
}

type spoiler = func(t *testing.T, path, name string)

func spoilers(neighbour, stranger string) map[string]spoiler {
	from := func(dir string) spoiler {
		return func(t *testing.T, path, name string) {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			edit(t, path, func([]byte) []byte { return data })
		}
	}
	return map[string]spoiler{
		"removed": func(t *testing.T, path, _ string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
		"emptied": func(t *testing.T, path, _ string) {
			edit(t, path, func([]byte) []byte { return nil })
		},
		"halved": func(t *testing.T, path, _ string) {
			edit(t, path, func(b []byte) []byte { return b[:len(b)/2] })
		},
		"copied from another node": from(neighbour), "copied from another cluster": from(stranger),
	}
}

// outcomeOf says whether a directory is refused, or is the same node as the original.
func outcomeOf(t *testing.T, cfg *config.Config, original, dir string) string {
	t.Helper()
	moved := *cfg
	moved.Storage.MetadataLogDir, moved.Storage.LogDirs = dir, []string{dir}
	before := inspect(t, original)
	s, err := openStorage(&moved, discard)
	if err != nil {
		return "refused"
	}
	defer s.close()
	if s.clusterID != before.Meta.ClusterID ||
		s.directoryID != before.Meta.DirectoryID ||
		!s.hasLog {
		return "another node"
	}
	return "the same node"
}

// Without its log, a node that has had one is not started.
func TestLostLog(t *testing.T) {
	t.Parallel()
	own := t.TempDir()
	cfg := configFor(t, 1, own, staticOne)
	used(t, cfg, Format{})
	for _, lost := range []string{"removed", "emptied"} {
		dir := copyTree(t, own)
		if err := os.RemoveAll(filepath.Join(dir, partitionDir, walDir)); err != nil {
			t.Fatal(err)
		}
		if lost == "emptied" {
			if err := os.Mkdir(filepath.Join(dir, partitionDir, walDir), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		_, err := inspect(t, dir).Fit(cfg)
		if err == nil || !strings.Contains(err.Error(),
			"is gone or empty, but "+dir+"/yakt.started says that this node has had a log") ||
			!strings.Contains(err.Error(), "keep "+dir+" for inspection") {
			t.Errorf("%s: %v", lost, err)
		}
		touch(t, dir, inPartition+"00000000000000000017-0000000001.checkpoint")
		if err := os.Remove(filepath.Join(dir, startedFile)); err != nil {
			t.Fatal(err)
		}
		if _, err := inspect(t, dir).Fit(cfg); err == nil ||
			!strings.Contains(err.Error(), "holds snapshots of one") {
			t.Errorf("%s: %v", lost, err)
		}
	}
}
