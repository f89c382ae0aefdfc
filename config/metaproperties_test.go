package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMetaPropertiesOfKafka(t *testing.T) {
	m, err := ReadMetaProperties("testdata") // written by Kafka 4.3.0's kafka-storage format
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "cluster", m.ClusterID, "MkU3OEVBNTcwNTJENDM2Qk")
	equal(t, "node", m.NodeID, 3000)
	equal(t, "directory", m.DirectoryID.String(), "YZY2Zho7ggGzXYksQ5j9jg")
}

func TestMetaPropertiesRoundTrip(t *testing.T) {
	dir := t.TempDir()
	for _, m := range []MetaProperties{{"a=b:c#d é", 7, NewUUID()}, {NewUUID().String(), 0, UUID{}}} {
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
	dir := t.TempDir()
	path := filepath.Join(dir, metaPropertiesName)
	for text, want := range map[string]string{
		"cluster.id=a\nbroker.id=1\n":                        "has version 0, written by Kafka with ZooKeeper; format an empty directory with",
		"version=2\n":                                        `has version "2", and only version 1 is known; use the software that wrote it, or format an empty directory`,
		"version=1\n":                                        "has no cluster.id; restore the file, or format an empty directory",
		"version=1\ncluster.id=a\n":                          `has node.id="", which is not an id; restore`,
		"version=1\ncluster.id=a\nnode.id=-1\n":              `has node.id="-1", which is not an id; restore`,
		"version=1\ncluster.id=a\nnode.id=1\ndirectory.id=x": `has a directory.id that cannot be read: "x" is not an id of Kafka's form: 22 letters of URL-safe base64; restore`,
		"version=1\ncluster.id=a\nnode.id=1\ndirectory.id=AAAAAAAAAAAAAAAAAAAAAQ": "has the reserved directory.id AAAAAAAAAAAAAAAAAAAAAQ; restore",
		`a=\u1`: `is damaged: line 1: \u must be followed by four hexadecimal digits; restore it from a backup`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ReadMetaProperties(dir)
		if err == nil || !strings.HasPrefix(err.Error(), path+" "+want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
	_, err := ReadMetaProperties(filepath.Join(dir, "none"))
	if !errors.Is(err, ErrNotFormatted) || !strings.Contains(err.Error(), "run `yakt format` or `kafka-storage format` on it") {
		t.Error(err)
	}
	if _, err = ReadMetaProperties(path); err == nil || !strings.Contains(err.Error(), "give this user access to") {
		t.Error(err)
	}
}

// node loads the minimal configuration on two fresh directories.
func node(t *testing.T) (c *Config, metadata, other string) {
	t.Helper()
	metadata, other = t.TempDir(), t.TempDir()
	path := write(t, "c.properties", withoutKeys(minimal, "log.dirs")+"log.dirs="+other+"\nmetadata.log.dir="+metadata+"\n")
	c, _ = mustLoad(t, path, nil)
	return c, metadata, other
}

func put(t *testing.T, dir string, m MetaProperties) {
	t.Helper()
	if err := m.Write(dir); err != nil {
		t.Fatal(err)
	}
}

func TestConfigMetaProperties(t *testing.T) {
	c, metadata, other := node(t)
	_, err := c.MetaProperties()
	want := metadata + " is not formatted: it has no meta.properties; run `yakt format --config " + c.Path + " --cluster-id <id>`, or `kafka-storage.sh format --config " +
		c.Path + " --cluster-id <id>`, with the cluster.id of this cluster's other nodes"
	if !errors.Is(err, ErrNotFormatted) || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}

	put(t, metadata, MetaProperties{ClusterID: "here", NodeID: 2})
	_, err = c.MetaProperties()
	want = metadata + "/meta.properties has node.id=2, but " + c.Path + " has node.id=1; correct node.id, or use this node's own directory"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}

	put(t, metadata, MetaProperties{ClusterID: "here", NodeID: 1})
	put(t, other, MetaProperties{ClusterID: "there", NodeID: 1})
	_, err = c.MetaProperties()
	want = other + "/meta.properties has cluster.id=there, but " + metadata + "/meta.properties has cluster.id=here; use the directory that belongs to this cluster, " +
		"or format an empty one with `yakt format --cluster-id here`"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	put(t, other, MetaProperties{ClusterID: "here", NodeID: 1})
	m, err := c.MetaProperties()
	if err != nil || m.DirectoryID.IsZero() {
		t.Fatal(m, err)
	}
	if again, err := c.MetaProperties(); err != nil || again != m {
		t.Errorf("the directory id changed: %v, then %v %v", m, again, err)
	}
}

func TestFormatCommandOfDynamicQuorum(t *testing.T) {
	c, _ := mustLoad(t, "testdata/dynamic.properties", nil)
	equal(t, "command", c.formatCommand("yakt format"), "yakt format --config testdata/dynamic.properties --cluster-id <id> --initial-controllers <list>")
}

func TestUUID(t *testing.T) {
	for range 200 {
		id := NewUUID()
		again, err := ParseUUID(id.String())
		if err != nil || again != id || len(id.String()) != 22 || id.String()[0] == '-' || id[6]>>4 != 4 || id.Reserved() {
			t.Fatalf("%s %v %v", id, again, err)
		}
	}
	for _, text := range []string{"", "x", "AAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAA+A", "YZY2Zho7ggGzXYksQ5j9jgYZY2Zho7ggGzXYksQ5j9jg"} {
		if id, err := ParseUUID(text); err == nil {
			t.Errorf("%q: got %v", text, id)
		}
	}
	equal(t, "99", UUID{15: 99}.Reserved(), true)
	equal(t, "100", UUID{15: 100}.Reserved(), false)
}
