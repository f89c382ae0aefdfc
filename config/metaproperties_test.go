package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yakt/yakt/protocol"
)

func TestMetaPropertiesOfKafka(t *testing.T) {
	t.Parallel()
	m, err := ReadMetaProperties("testdata") // written by Kafka 4.3.0's kafka-storage format
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "cluster", m.ClusterID, "MkU3OEVBNTcwNTJENDM2Qk")
	equal(t, "node", m.NodeID, 3000)
	equal(t, "directory", m.DirectoryID.String(), "YZY2Zho7ggGzXYksQ5j9jg")
}

func TestMetaPropertiesRoundTrip(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, m := range []MetaProperties{
		{ClusterID: "a=b:c#d é", NodeID: 7, DirectoryID: protocol.NewUUID(), Checkpoints: 0x1234},
		{ClusterID: protocol.NewUUID().String()},
	} {
		if err := m.Write(dir); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadMetaProperties(dir); err != nil || got != m {
			t.Errorf("got %v %v, want %v", got, err, m)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v %v", entries, err)
	}
	if err := (MetaProperties{}).Write(filepath.Join(dir, "none")); err == nil {
		t.Error("wrote into a directory that does not exist")
	}
}

func TestMetaPropertiesErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, MetaPropertiesName)
	for text, want := range map[string]string{
		"cluster.id=a\nbroker.id=1\n": "has version 0, as Kafka with ZooKeeper wrote it, and " +
			"only version 1 is known",
		"version=0\nbroker.id=1\n":      "has version 0, as Kafka with ZooKeeper wrote it",
		"":                              "is damaged: it is empty",
		"# a comment\n\n":               "is damaged: it is empty",
		strings.Repeat("\x00", 120):     "is damaged: it holds zero bytes, as a power cut leaves",
		"version=1\ncluster.id=a\x00\n": "is damaged: it holds zero bytes",
		"cluster.id=a\nnode.id=1\n":     "is damaged: it names no version",
		"version=2\n":                   `has version "2", and only version 1 is known`,
		"version=1\n":                   "has no usable cluster.id: the cluster id is empty",
		`version=1` + "\n" + `cluster.id=a\u0007` +
			"\n": "has no usable cluster.id: the cluster id \"a\\a\" holds control characters",
		"version=1\ncluster.id=a\n":             `has node.id="", which is not an id`,
		"version=1\ncluster.id=a\nnode.id=-1\n": `has node.id="-1", which is not an id`,
		"version=1\ncluster.id=a\nnode.id=1\ndirectory.id=x": `has a directory.id that cannot be read: ` +
			`"x" is not a Kafka UUID: want 22 characters of URL-safe base64`,
		"version=1\ncluster.id=a\nnode.id=1\ndirectory.id=AAAAAAAAAAAAAAAAAAAAAQ": "has the reserved " +
			"directory.id AAAAAAAAAAAAAAAAAAAAAQ",
		`a=\u1`:                            `is damaged: line 1: \u must be followed by four hexa`,
		"a=b\nyakt.crc32c=00000000\n":      `is damaged: its content has the checksum`,
		strings.Repeat("#", 20<<10) + "\n": `is damaged: it is larger than 16384 bytes`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ReadMetaProperties(dir)
		var unusable *MetaPropertiesError
		if !errors.As(err, &unusable) || !strings.HasPrefix(err.Error(), path+" "+want) ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%.80q:\n got %v\nwant %s", text, err, want)
		}
	}
	_, err := ReadMetaProperties(filepath.Join(dir, "none"))
	if !errors.Is(err, ErrNotFormatted) {
		t.Error(err)
	}
	if _, err = ReadMetaProperties(path); err == nil ||
		!strings.Contains(err.Error(), "give this user access to") {
		t.Error(err)
	}
}

// A flipped bit of a meta.properties with a checksum is found, or changes nothing that is read.
func TestMetaPropertiesBitFlips(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := MetaProperties{
		ClusterID: "MkU3OEVBNTcwNTJENDM2Qk", NodeID: 3, DirectoryID: protocol.NewUUID(), Checkpoints: 7,
	}
	put(t, dir, m)
	data, err := os.ReadFile(filepath.Join(dir, MetaPropertiesName))
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for bit := range 8 * len(data) {
		data[bit/8] ^= 1 << (bit % 8)
		switch got, err := parseMetaProperties(data); {
		case err != nil:
			refused++
		case got != m:
			t.Errorf("bit %d: read %+v out of %q", bit, got, data)
		}
		data[bit/8] ^= 1 << (bit % 8)
	}
	t.Logf("%d bits: %d refused, the others the same identity", 8*len(data), refused)
}

func TestClusterIDs(t *testing.T) {
	t.Parallel()
	for id, good := range map[string]bool{
		"MkU3OEVBNTcwNTJENDM2Qk": true, "my cluster": true, "ünïcödé=#!": true, strings.Repeat("x",
			255): true,
		"": false, strings.Repeat("x", 256): false, "a\nb": false, "a\x00": false, "\xff": false,
		"a\u0085": false,
	} {
		if err := CheckClusterID(id); (err == nil) != good {
			t.Errorf("%.30q: %v", id, err)
		}
	}
}

// node loads the minimal configuration on two fresh directories.
func node(t *testing.T) (c *Config, metadata, other string) {
	t.Helper()
	metadata, other = t.TempDir(), t.TempDir()
	path := write(t, "c.properties",
		withoutKeys(minimal, "log.dirs")+"log.dirs="+other+"\nmetadata.log.dir="+metadata+"\n")
	c, _ = mustLoad(t, path, nil)
	return c, metadata, other
}

func put(t *testing.T, dir string, m MetaProperties) {
	t.Helper()
	if err := m.Write(dir); err != nil {
		t.Fatal(err)
	}
}

func TestCheckMetaProperties(t *testing.T) {
	t.Parallel()
	c, metadata, other := node(t)
	err := c.CheckMetaProperties(MetaProperties{ClusterID: "here", NodeID: 2})
	want := metadata + "/meta.properties has node.id=2, but " + c.Path + " has node.id=1; " +
		"correct node.id, or name this node's own directory in log.dirs"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	here := MetaProperties{ClusterID: "here", NodeID: 1}
	if err := c.CheckMetaProperties(here); err != nil {
		t.Errorf("with another directory that is not formatted: %v", err)
	}
	put(t, other, MetaProperties{ClusterID: "there", NodeID: 1})
	want = other + "/meta.properties has cluster.id=there, but " + metadata + "/meta.properties " +
		"has cluster.id=here; name directories of one cluster in log.dirs"
	if err = c.CheckMetaProperties(here); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	put(t, other, here)
	if err := c.CheckMetaProperties(here); err != nil {
		t.Error(err)
	}
}

func TestCommandsCanBePasted(t *testing.T) {
	t.Parallel()
	c, _ := mustLoad(t, "testdata/dynamic.properties", nil)
	equal(t, "command", c.Command("yakt format"), "yakt format --config "+
		"testdata/dynamic.properties")
	c, _ = mustLoad(t, "testdata/static.properties", map[string]string{
		"log.dirs": "/it's here", "node.id": "3001", "ssl.key.password": "canary",
	})
	equal(t, "command", c.Command("yakt format"),
		`yakt format --config testdata/static.properties --override 'log.dirs=/it'\''s here' `+
			`--override node.id=3001`)
}

func TestUUID(t *testing.T) {
	t.Parallel()
	for range 200 {
		id := protocol.NewUUID()
		again, err := protocol.ParseUUID(id.String())
		if err != nil || again != id || len(id.String()) != 22 || id.String()[0] == '-' ||
			id[6]>>4 != 4 || id.Reserved() {
			t.Fatalf("%s %v %v", id, again, err)
		}
	}
	for _, text := range []string{
		"", "x", "AAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAA+A",
		"YZY2Zho7ggGzXYksQ5j9jgYZY2Zho7ggGzXYksQ5j9jg",
	} {
		if id, err := protocol.ParseUUID(text); err == nil {
			t.Errorf("%q: got %v", text, id)
		}
	}
	equal(t, "99", protocol.UUID{15: 99}.Reserved(), true)
	equal(t, "100", protocol.UUID{15: 100}.Reserved(), false)
}
