package node

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

const kafkaNode = "node.id=3000\n"

// kafkaConfig is the configuration of a directory in testdata, formatted by kafka-storage of 4.4.0
// for node 3000; the directory is a copy.
func kafkaConfig(t *testing.T, name, quorum string) *config.Config {
	t.Helper()
	return configFor(t, 3000, copyTree(t, filepath.Join("testdata", name)), quorum)
}

func levelsOf(records []record.Record) map[string]int16 {
	levels := map[string]int16{}
	for _, r := range records {
		if f, ok := r.(*record.FeatureLevel); ok {
			levels[f.Name] = f.Level
		}
	}
	return levels
}

// A directory that Kafka 4.4's tool has formatted starts at the level that it says, with its
// features and users.
func TestKafka44Directories(t *testing.T) {
	t.Parallel()
	cfg := kafkaConfig(t, "kafka-4.4.0-standalone", dynamic)
	f, err := inspect(t, cfg.Storage.MetadataLogDir).Fit(cfg)
	if err != nil {
		t.Fatal(err)
	}
	levels := levelsOf(f.records)
	if levels[metadata.FeatureMetadata] != int16(metadata.V4_1_IV1) ||
		levels[metadata.FeatureElr] != 1 || levels[metadata.FeatureTransaction] != 2 {
		t.Error(levels)
	}
	scram, ok := f.records[len(f.records)-1].(*record.UserScramCredential)
	if !ok || scram.Name != "alice" || len(voterIDs(*f.voters)) != 1 {
		t.Errorf("%+v, %+v", f.records, f.voters)
	}
	cfg = kafkaConfig(t, "kafka-4.4.0-static", "controller.quorum.voters=3000@127.0.0.1:19091")
	f, err = inspect(t, cfg.Storage.MetadataLogDir).Fit(cfg)
	if levels := levelsOf(f.records); err != nil || levels[metadata.FeatureMetadata] != int16(
		metadata.V4_0_IV3,
	) || levels[metadata.FeatureGroup] != 0 ||
		levels[metadata.FeatureTransaction] != 2 || f.voters != nil {
		t.Error(err, levels)
	}
	cfg = kafkaConfig(t, "kafka-4.4.0-default", dynamic)
	f, err = inspect(t, cfg.Storage.MetadataLogDir).Fit(cfg)
	if levels := levelsOf(f.records); err != nil ||
		levels[metadata.FeatureMetadata] != int16(metadata.V4_4_IV2) ||
		levels[metadata.FeatureShare] != 2 {
		t.Error(err, levels)
	}
	cfg = kafkaConfig(t, "kafka-4.4.0-joining", dynamic)
	_, err = inspect(t, cfg.Storage.MetadataLogDir).Fit(cfg)
	if err == nil || !strings.Contains(err.Error(), "was formatted with "+
		"--no-initial-controllers, for a node that joins a quorum; this release cannot") {
		t.Error(err)
	}
}

// A later release's level is refused by name before a log is made for it.
func TestDirectoryOfALaterRelease(t *testing.T) {
	t.Parallel()
	cfg := kafkaConfig(t, "kafka-4.4.0-default", dynamic)
	later := []record.Record{&record.FeatureLevel{
		Name: metadata.FeatureMetadata, Level: int16(metadata.UnstableVersion) + 1,
	}}
	path := filepath.Join(cfg.Storage.MetadataLogDir, partitionDir, foundingFile)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := writeCheckpoint(path, 0, nil, later); err != nil {
		t.Fatal(err)
	}
	_, err := inspect(t, cfg.Storage.MetadataLogDir).Fit(cfg)
	if err == nil || !strings.Contains(err.Error(), "was formatted at a level that this release "+
		"cannot use: feature metadata.version cannot be 35") ||
		!strings.Contains(err.Error(), "It knows metadata.version up to 4.4-IV2") {
		t.Error(err)
	}
}

// The cluster itself comes up with what the tool of Kafka 4.4 wrote.
func TestNodeOnKafka44Directory(t *testing.T) {
	t.Parallel()
	n, err := Open(kafkaConfig(t, "kafka-4.4.0-standalone", dynamic), discard, "test")
	if err != nil {
		t.Fatal(err)
	}
	n.Start()
	defer n.Stop(context.Background())
	img := n.Controller().Image()
	for img.Version() == 0 {
		<-n.Controller().Ping()
		img = n.Controller().Image()
	}
	if img.Version() != metadata.V4_1_IV1 {
		t.Errorf("level %v", img.Version())
	}
	var file bytes.Buffer
	if err := metadata.WriteSnapshot(&file, img); err != nil {
		t.Fatal(err)
	}
	c, err := metadata.ReadCheckpoint(&file)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range c.Records {
		if s, ok := r.(*record.UserScramCredential); ok && s.Name == "alice" {
			return
		}
	}
	t.Error("the user of --add-scram is gone")
}

// By weight: the data records of the 0-0 checkpoint, those of bootstrap.checkpoint, the defaults.
func TestWeightOfBootstrapRecords(t *testing.T) {
	t.Parallel()
	at := func(v metadata.Version) []record.Record { return metadata.BootstrapFeatures(v) }
	for _, c := range []struct {
		first, boot []record.Record
		want        metadata.Version
	}{
		{at(metadata.V3_7_IV2), at(metadata.V4_0_IV0), metadata.V3_7_IV2},
		{nil, at(metadata.V4_0_IV0), metadata.V4_0_IV0},
		{nil, nil, metadata.LatestVersion},
	} {
		dir := t.TempDir()
		putMeta(t, dir)
		touch(t, dir, inPartition+"x")
		for path, records := range map[string][]record.Record{
			filepath.Join(dir, bootstrapFile):              c.boot,
			filepath.Join(dir, partitionDir, foundingFile): c.first,
		} {
			if _, err := writeCheckpoint(path, 0, nil, records); err != nil {
				t.Fatal(err)
			}
		}
		f, err := inspect(t, dir).readFounding(false)
		if got := levelsOf(f.records)[metadata.FeatureMetadata]; err != nil || got != int16(c.want) {
			t.Errorf("%v: level %d, %v", c, got, err)
		}
	}
}

// A bootstrap record that brokers would not accept is refused by name, before anything is written.
func TestInvalidBootstrapRecord(t *testing.T) {
	t.Parallel()
	dir, value := t.TempDir(), "v"
	putMeta(t, dir)
	records := append(metadata.BootstrapFeatures(metadata.V4_0_IV0),
		&record.Config{ResourceType: metadata.ConfigBroker, ResourceName: "", Name: "k", Value: &value})
	path := filepath.Join(dir, bootstrapFile)
	if _, err := writeCheckpoint(path, 0, nil, records); err != nil {
		t.Fatal(err)
	}
	edit(t, path, func(b []byte) []byte {
		const config = "\x01\x04\x00" // frame, type and version of the record; its resource type follows
		at := bytes.LastIndex(b, []byte(config)) + len(config)
		b[at] = 8
		return resealed(b)
	})
	_, err := inspect(t, dir).readFounding(false)
	if err == nil || !strings.Contains(err.Error(), "ConfigRecord is invalid: ResourceType is 8") {
		t.Error(err)
	}
}

// resealed sets the CRCs of a file of batches right.
func resealed(file []byte) []byte {
	for b := file; len(b) > 0; {
		end := 12 + binary.BigEndian.Uint32(b[8:])
		binary.BigEndian.PutUint32(b[17:], protocol.Checksum(b[21:end]))
		b = b[end:]
	}
	return file
}

// A damaged checkpoint of the format is an error only as long as there is no log.
func TestDamagedBootstrap(t *testing.T) {
	t.Parallel()
	for _, name := range []string{bootstrapFile, inPartition + foundingFile} {
		dir := t.TempDir()
		cfg := configFor(t, 1, dir, dynamic)
		format(t, cfg, Format{Standalone: true})
		path := filepath.Join(dir, name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		damage := func() { edit(t, path, func(b []byte) []byte { b[len(b)/2] ^= 4; return b }) }
		damage()
		advice := "if no node has run on this directory yet, " +
			"move " + dir + " away and run `yakt format`"
		if err := openOnce(cfg, discard); err == nil ||
			!strings.Contains(err.Error(), path+" is damaged") || !strings.Contains(err.Error(), advice) {
			t.Errorf("never started: %v", err)
		}
		edit(t, path, func([]byte) []byte { return whole })
		runUntilFounded(t, cfg)
		damage()
		var log bytes.Buffer
		if err := openOnce(cfg, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
			t.Errorf("beside a log: %v", err)
		}
		if !strings.Contains(log.String(), "the log does not need them") {
			t.Errorf("no warning in:\n%s", &log)
		}
	}
}

// runUntilFounded runs a quorum of one until its bootstrap records are committed.
func runUntilFounded(t *testing.T, cfg *config.Config) {
	t.Helper()
	n, err := Open(cfg, discard, "test")
	if err != nil {
		t.Fatal(err)
	}
	n.Start()
	for n.Controller().Image().Version() == 0 {
		<-n.Controller().Ping()
	}
	if err := n.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// A log in which nothing was founded yet still needs the files of the format.
func TestDamagedBootstrapOfAnEmptyLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := configFor(t, 1, dir, dynamic)
	used(t, cfg, Format{Standalone: true})
	edit(t, filepath.Join(dir, bootstrapFile), func(b []byte) []byte { return b[:len(b)/2] })
	if err := openOnce(cfg, discard); err == nil ||
		!strings.Contains(err.Error(), "bootstrap.checkpoint is damaged") {
		t.Error(err)
	}
}

// Files that a format wrote are noticed when they are gone or replaced before the first start.
func TestCheckpointsOfTheFormat(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	cfg := configFor(t, 1, dir, staticOne)
	format(t, cfg, Format{ReleaseVersion: "4.0"})
	format(t, configFor(t, 1, other, staticOne), Format{ReleaseVersion: "4.1"})
	copied, err := os.ReadFile(filepath.Join(other, bootstrapFile))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, bootstrapFile)
	edit(t, path, func([]byte) []byte { return copied })
	for range 2 {
		if err := openOnce(cfg, discard); err == nil ||
			!strings.Contains(err.Error(), "are not both as this directory was formatted") {
			t.Error(err)
		}
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
}

// Configured voters that are not those of the quorum are refused, with both sets.
func TestOtherVoters(t *testing.T) {
	t.Parallel()
	says := func(err error, where string) {
		t.Helper()
		want := "controller.quorum.voters names the voters [1 2 3], but those of this quorum are " +
			"[1] (" + where
		if err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "Set controller.quorum.voters to these, on every node") {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
	dir := t.TempDir()
	used(t, configFor(t, 1, dir, staticOne), Format{})
	says(openOnce(configFor(t, 1, dir, staticThree), discard), "its log in "+dir)

	dir = t.TempDir()
	format(t, configFor(t, 1, dir, dynamic), Format{Standalone: true})
	says(openOnce(configFor(t, 1, dir, staticThree), discard), dir+"/"+partitionDir+"/"+foundingFile)
	if err := openOnce(configFor(t, 1, dir, staticOne), discard); err != nil {
		t.Errorf("the same voters twice: %v", err)
	}
	if err := openOnce(configFor(t, 1, dir, dynamic), discard); err != nil {
		t.Errorf("the log's voters alone: %v", err)
	}
}

// Voters of a 0-0 checkpoint that do not know this directory were copied here.
func TestFoundingVotersOfAnotherDirectory(t *testing.T) {
	t.Parallel()
	cfg := kafkaConfig(t, "kafka-4.4.0-standalone", dynamic)
	edit(t, filepath.Join(cfg.Storage.MetadataLogDir, metaFile), func([]byte) []byte {
		return []byte(
			"version=1\n" + kafkaNode + "cluster.id=x\ndirectory.id=" + protocol.NewUUID().String() + "\n",
		)
	})
	if _, err := openStorage(cfg, discard); err == nil ||
		!strings.Contains(err.Error(), "for node 3000, but") {
		t.Error(err)
	}
	edit(t, filepath.Join(cfg.Storage.MetadataLogDir, metaFile),
		func(b []byte) []byte { return bytes.Replace(b, []byte("3000"), []byte("7"), 1) })
	if _, err := openStorage(configFor(t, 7, cfg.Storage.MetadataLogDir, dynamic),
		discard); err == nil ||
		!strings.Contains(err.Error(), "names the voters [3000], but") {
		t.Error(err)
	}
}

func TestFormatRefuses(t *testing.T) {
	t.Parallel()
	empty := func() string { return filepath.Join(t.TempDir(), "d") }
	for want, c := range map[string]struct {
		quorum string
		format Format
	}{
		"this release cannot add a node to a quorum": {dynamic, Format{NoInitial: true}},
		"this release cannot add a node":             {staticOne, Format{NoInitial: true}},
		"give only one of": {
			dynamic, Format{Standalone: true, InitialControllers: "1@a:1:x"},
		},
		"controller.quorum.voters is set":                      {staticOne, Format{Standalone: true}},
		"the voters of this quorum are not known":              {dynamic, Format{}},
		"--cluster-id: the cluster id \"a\\nb\" holds control": {staticOne, Format{ClusterID: "a\nb"}},
	} {
		c.format.Out = io.Discard
		cfg := configFor(t, 1, empty(), c.quorum)
		if _, err := FormatStorage(cfg, c.format); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", c, err)
		}
		if _, err := os.Stat(cfg.Storage.MetadataLogDir); !os.IsNotExist(err) {
			t.Errorf("%+v: something was written", c)
		}
	}
}

// Any text that brokers accept is a cluster id.
func TestAnyClusterID(t *testing.T) {
	t.Parallel()
	cfg := configFor(t, 1, t.TempDir(), staticOne)
	used(t, cfg, Format{ClusterID: "my cluster=#é"})
	if got := inspect(t, cfg.Storage.MetadataLogDir); got.Meta.ClusterID != "my cluster=#é" ||
		got.StartedInfo.clusterID != got.Meta.ClusterID {
		t.Errorf("%+v, %+v", got.Meta, got.StartedInfo)
	}
}

// All directories are looked at before the first is written to, and what is formatted already says
// the cluster.
func TestFormatSeveralDirectories(t *testing.T) {
	t.Parallel()
	first, second := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	cfg := configFor(t, 1, first, staticOne, "metadata.log.dir="+second)
	touch(t, second, "notes.txt")
	if _, err := FormatStorage(cfg, Format{Out: io.Discard}); err == nil ||
		!strings.Contains(err.Error(), "notes.txt") {
		t.Error(err)
	}
	if inspect(t, first).Kind != Missing {
		t.Error("one directory was formatted although the other cannot be")
	}
	if err := os.RemoveAll(second); err != nil {
		t.Fatal(err)
	}
	format(t, configFor(t, 1, first, staticOne), Format{})
	if _, err := FormatStorage(cfg,
		Format{Out: io.Discard, IgnoreFormatted: true, ClusterID: otherCluster}); err == nil ||
		!strings.Contains(err.Error(), "give --cluster-id "+testCluster) {
		t.Error(err)
	}
	if id, err := FormatStorage(cfg, Format{Out: io.Discard, IgnoreFormatted: true}); err != nil ||
		id != testCluster {
		t.Error(id, err)
	}
	if err := openOnce(cfg, discard); err != nil {
		t.Error(err)
	}
}

// TestFormatPrintsWhatItWrote: format prints the ids and levels that it wrote, and nothing about a
// directory that it left unchanged.
func TestFormatPrintsWhatItWrote(t *testing.T) {
	t.Parallel()
	first, second := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	cfg := configFor(t, 1, first, staticOne)
	format(t, cfg, Format{})
	again := Format{IgnoreFormatted: true, ReleaseVersion: "4.0"}
	printed := func(cfg *config.Config) string {
		var out strings.Builder
		f := again
		f.Out = &out
		if _, err := FormatStorage(cfg, f); err != nil {
			t.Error(err)
		}
		return out.String()
	}
	if got := printed(cfg); got != first+" is formatted already; left as it is.\n" {
		t.Error(got)
	}
	got := printed(configFor(t, 1, first+","+second, staticOne))
	want := fmt.Sprintf(
		"%s is formatted already; left as it is.\nFormatted %s: cluster id %s, node id 1.\n", first,
		second, testCluster,
	)
	if got != want {
		t.Error(got)
	}
	other := configFor(t, 2, first, staticThree)
	if _, err := FormatStorage(other, again); err == nil ||
		!strings.Contains(err.Error(), "has node.id=1, but") {
		t.Errorf("the directory of another node: %v", err)
	}
}
