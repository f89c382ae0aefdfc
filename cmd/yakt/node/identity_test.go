package node

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/protocol"
)

var discard = slog.New(slog.DiscardHandler)

// A flipped bit of meta.properties or yakt.started on a directory that was in use is refused, or
// the identity is the same; by whichever tool it was formatted.
func TestIdentityBitFlips(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"yakt", "kafka"} {
		dir := t.TempDir()
		cfg := configFor(t, 1, dir, staticOne)
		format(t, cfg, Format{})
		if tool == "kafka" { // its files have no checksum, and other comments
			meta := inspect(t, dir).Meta
			text := "#\n#Sun Nov 22 03:58:39 UTC 2026\nnode.id=1\ndirectory.id=" +
				meta.DirectoryID.String() +
				"\nversion=1\ncluster.id=" + meta.ClusterID + "\n"
			edit(t, filepath.Join(dir, metaFile), func([]byte) []byte { return []byte(text) })
		}
		if err := openOnce(cfg, discard); err != nil {
			t.Fatal(err)
		}
		want := *inspect(t, dir).Meta
		flipEach(t, cfg, filepath.Join(dir, metaFile), want)
		if tool == "yakt" {
			flipEach(t, cfg, filepath.Join(dir, startedFile), want)
		}
	}
}

func flipEach(t *testing.T, cfg *config.Config, path string, want config.MetaProperties) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for bit := range 8 * len(data) {
		data[bit/8] ^= 1 << (bit % 8)
		edit(t, path, func([]byte) []byte { return data })
		data[bit/8] ^= 1 << (bit % 8)
		d := inspect(t, filepath.Dir(path))
		_, err := d.Fit(cfg)
		got := config.MetaProperties{}
		if d.Meta != nil {
			got = *d.Meta
		}
		got.Checkpoints = want.Checkpoints // not of the identity
		switch {
		case err != nil:
			refused++
			if strings.Contains(err.Error(), "yakt format") {
				t.Errorf("%s, bit %d: a directory in use would be formatted: %v", path, bit, err)
			}
		case got != want:
			t.Errorf("%s, bit %d: accepted as %+v", path, bit, got)
		}
	}
	edit(t, path, func([]byte) []byte { return data })
	t.Logf("%s: %d bits, %d refused, the others the same identity",
		filepath.Base(path), 8*len(data), refused)
}

// A directory in use never gets a new directory id.
func TestMissingDirectoryID(t *testing.T) {
	t.Parallel()
	fresh, old := t.TempDir(), t.TempDir()
	for _, dir := range []string{fresh, old} {
		cfg := configFor(t, 1, dir, staticOne)
		format(t, cfg, Format{})
		if dir == old {
			if err := openOnce(cfg, discard); err != nil {
				t.Fatal(err)
			}
		}
		edit(t, filepath.Join(dir, metaFile), func([]byte) []byte {
			return []byte("version=1\nnode.id=1\ncluster.id=" + testCluster + "\n")
		})
		err := openOnce(cfg, discard)
		meta := inspect(t, dir).Meta
		switch {
		case dir == fresh && (err != nil || meta.DirectoryID.IsZero()):
			t.Errorf("formatted before Kafka 3.7 and never started: %v, %+v", err, meta)
		case dir == old && (err == nil || !meta.DirectoryID.IsZero() ||
			!strings.Contains(err.Error(), "has no directory.id, but a node has run")):
			t.Errorf("in use: %v, %+v", err, meta)
		}
	}
}

func TestStartedFiles(t *testing.T) {
	t.Parallel()
	good := startedInfo{
		version: 2, clusterID: "a b=c", nodeID: 7, directoryID: protocol.NewUUID(),
		incarnation: [16]byte{1, 2},
	}
	for text, want := range map[string]string{
		string(good.encode()): "",
		"some cluster\n":      "",
		"":                    "its checksum does not match",
		"some cluster":        "its checksum does not match",
		"\n":                  "its only line is not a cluster id",
		"version=3\nx\n": "it is of a later release: it has version 3, and this one knows " +
			"up to 2; start this node with the release that wrote it",
		strings.Replace(string(good.encode()), "node.id=7", "node.id=8",
			1): "its checksum does not match",
	} {
		m, err := parseStarted(text)
		if (want == "") != (m != nil && err == nil) ||
			err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %+v, %v", text, m, err)
		}
	}
	if m, _ := parseStarted(string(good.encode())); m == nil || *m != good {
		t.Errorf("%+v", m)
	}
	if m, _ := parseStarted("some cluster\n"); m == nil || m.version != 1 ||
		m.clusterID != "some cluster" {
		t.Errorf("%+v", m)
	}
}

// TestStartedFileOfTheLastRelease: a yakt.started of version 1 is compared with the configuration
// and rewritten as version 2.
func TestStartedFileOfTheLastRelease(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := configFor(t, 1, dir, staticOne)
	used(t, cfg, Format{})
	put := func(text string) {
		edit(t, filepath.Join(dir, startedFile), func([]byte) []byte { return []byte(text) })
	}
	put(otherCluster + "\n")
	err := openOnce(cfg, discard)
	if err == nil ||
		!strings.Contains(err.Error(), "yakt.started has cluster.id="+otherCluster+", but "+dir+
			"/meta.properties has cluster.id="+testCluster+": they do not belong together") {
		t.Error(err)
	}
	put(testCluster + "\n")
	if err := openOnce(cfg, discard); err != nil {
		t.Fatal(err)
	}
	if m := inspect(t, dir).StartedInfo; m == nil || m.version != startedVersion || m.nodeID != 1 ||
		m.directoryID.IsZero() {
		t.Errorf("%+v", m)
	}
}

// A yakt.started that is damaged is written again where the log says the same, and one of a later
// release is left alone.
func TestDamagedStartedFile(t *testing.T) {
	t.Parallel()
	id := protocol.NewUUID()
	d := &Directory{
		Kind: InUse, WAL: true, Segments: []string{"x"},
		Meta: &config.MetaProperties{ClusterID: testCluster, NodeID: 1, DirectoryID: id},
	}
	d.Log = logIdentity{Exists: true, Known: true, ClusterID: testCluster, NodeID: 1, DirectoryID: id}
	for text, want := range map[string]string{"": "", "version=3\nx\n": "it is of a later release"} {
		dir := t.TempDir()
		touch(t, dir, startedFile)
		edit(t, filepath.Join(dir, startedFile), func([]byte) []byte { return []byte(text) })
		_, d.StartedErr = readStarted(dir)
		if err := d.consistent(); (err == nil) != (want == "") ||
			err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	d.Log, d.StartedErr = logIdentity{Exists: true}, errStartedDamaged
	if err := d.consistent(); err == nil || !strings.Contains(err.Error(), "leave this node stopped") {
		t.Errorf("a log that does not say whose it is: %v", err)
	}
}

// The log's own identity counts as soon as it is known.
func TestLogOfAnotherNode(t *testing.T) {
	t.Parallel()
	id := protocol.NewUUID()
	own := logIdentity{
		Exists: true, Known: true, ClusterID: testCluster, NodeID: 1, DirectoryID: id,
		Incarnation: [16]byte{1},
	}
	for want, change := range map[string]func(*Directory){
		"":                          func(*Directory) {},
		"wal has cluster.id=x, but": func(d *Directory) { d.Log.ClusterID = "x" },
		"wal has node.id=2, but":    func(d *Directory) { d.Log.NodeID = 2 },
		"wal has directory.id=AAAAAAAAAA": func(d *Directory) {
			d.Log.DirectoryID = protocol.UUID{15: 1}
		},
		"yakt.started has node.id=2, but": func(d *Directory) { d.StartedInfo.nodeID = 2 },
		"yakt.started names the log of incarnation 01000000000000000000000000000000, but": func(
			d *Directory,
		) {
			d.Log.Incarnation[0] = 2
		},
	} {
		d := &Directory{Kind: InUse, WAL: true, Segments: []string{"x"}, Log: own,
			Meta: &config.MetaProperties{ClusterID: testCluster, NodeID: 1, DirectoryID: id},
			StartedInfo: &startedInfo{
				version: 2, clusterID: testCluster, nodeID: 1, directoryID: id, incarnation: [16]byte{1},
			}}
		change(d)
		if err := d.consistent(); (err == nil) != (want == "") ||
			err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}
