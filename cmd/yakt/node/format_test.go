package node

import (
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

const (
	firstDirectory  = "3Db5QLSqSZieL3rJBUUegA"
	secondDirectory = "4Db5QLSqSZieL3rJBUUegA"
)

// TestInitialControllers reads lists of first voters as kafka-storage takes them.
func TestInitialControllers(t *testing.T) {
	t.Parallel()
	cfg := configFor(t, 1, t.TempDir(), dynamic)
	for text, want := range map[string]string{
		"": "does not begin with a node id",
		"1@a:9093:" + firstDirectory + ",1@b:9093:" + secondDirectory: "names controller 1 twice",
		"2@a:9093:" +
			firstDirectory: "does not name this node (node.id=1)",
		"x@a:9093:" + firstDirectory:  `"x@a:9093:` + firstDirectory + `" does not begin`,
		"-1@a:9093:" + firstDirectory: "does not begin with a node id",
		"1@a":                         "has no directory id; write id@host:port:directory-id",
		"1@a:9093:short":              "has a bad directory id",
		"1@:9093:" + firstDirectory:   "has no host and port",
		"1@a:x:" + firstDirectory:     "has no host and port",
		"1@9093:" + firstDirectory:    "has no host and port",
		"1@a:65536:" + firstDirectory: "has no host and port",
	} {
		_, _, err := parseInitialControllers(text, cfg)
		says(t, err, want)
	}
	set, own, err := parseInitialControllers(
		"2@b:19092:"+secondDirectory+", 1@[::1]:19091:"+firstDirectory+",", cfg,
	)
	if err != nil || own.String() != firstDirectory || !slices.Equal(voterIDs(*set), []int32{2, 1}) {
		t.Fatalf("%v, own directory %v, %v", set, own, err)
	}
	want := record.VoterEndpoint{Name: "CONTROLLER", Host: "::1", Port: 19091}
	if got := set.Voters[1].Endpoints; len(got) != 1 || got[0] != want {
		t.Errorf("%+v", got)
	}
}

// TestFormatsTakeEffect formats nodes in each of the ways and looks what they would start with.
func TestFormatsTakeEffect(t *testing.T) {
	t.Parallel()
	list := "1@a:19091:" + firstDirectory + ",2@b:19092:" + secondDirectory
	for name, c := range map[string]struct {
		quorum string
		format Format
		voters []int32
		levels map[string]int16 // 0: no record
	}{
		"static": {
			staticThree, Format{}, nil, map[string]int16{"metadata.version": 33, "group.version": 1},
		},
		"standalone": {
			dynamic, Format{Standalone: true}, []int32{1}, map[string]int16{"metadata.version": 33},
		},
		"first voters of an older release": {
			dynamic, Format{InitialControllers: list, ReleaseVersion: "4.0"}, []int32{1, 2},
			map[string]int16{"metadata.version": 25},
		},
		"levels": {
			staticThree, Format{Features: map[string]int16{
				"metadata.version": 26, "group.version": 0, "transaction.version": 1,
			}},
			nil, map[string]int16{"metadata.version": 26, "group.version": 0, "transaction.version": 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := configFor(t, 1, filepath.Join(t.TempDir(), "d"), c.quorum)
			format(t, cfg, c.format)
			f, err := inspect(t, cfg.Storage.MetadataLogDir).Fit(cfg)
			if err != nil {
				t.Fatal(err)
			}
			var voters []int32
			if f.voters != nil {
				voters = voterIDs(*f.voters)
			}
			levels := levelsOf(f.records)
			for feature, level := range c.levels {
				if levels[feature] != level {
					t.Errorf("%s is at %d, want %d", feature, levels[feature], level)
				}
			}
			if !slices.Equal(voters, c.voters) {
				t.Errorf("voters %v, want %v", voters, c.voters)
			}
		})
	}
}

// TestLevelsThatAreNotKnown: a format refuses what a start would, before anything is written.
func TestLevelsThatAreNotKnown(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]Format{
		`unknown feature "no.such"`:         {Features: map[string]int16{"no.such": 1}},
		"feature group.version cannot be 9": {Features: map[string]int16{"group.version": 9}},
		"9.9":                               {ReleaseVersion: "9.9"},
		"eligible.leader.replicas.version could not be set to 1 because it depends on " +
			"metadata.version level 23": {ReleaseVersion: "3.9", Features: map[string]int16{
			metadata.FeatureElr: 1,
		}},
	} {
		cfg := configFor(t, 1, filepath.Join(t.TempDir(), "d"), staticOne)
		f.Out = io.Discard
		_, err := FormatStorage(cfg, f)
		says(t, err, want)
		if kind := inspect(t, cfg.Storage.MetadataLogDir).Kind; kind != Missing {
			t.Errorf("%s: the directory is %s", want, kind)
		}
	}
}

// TestStorageReports: a check changes nothing, says what a start would say, and sees a running
// node.
func TestStorageReports(t *testing.T) {
	t.Parallel()
	cfg := configFor(t, 1, filepath.Join(t.TempDir(), "d"), staticOne)
	report := func() *StorageReport {
		r, err := CheckStorage(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := report(); r.Fit || r.Kind != Missing || !strings.Contains(r.Problem, "is not formatted") {
		t.Errorf("%+v", r)
	}
	format(t, cfg, Format{})
	if r := report(); !r.Fit || r.Kind != Formatted || r.Started || *r.NodeID != 1 ||
		r.ClusterID != testCluster {
		t.Errorf("%+v", r)
	}
	n, err := Open(cfg, discard, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer n.release()
	r := report()
	if r.Kind != InUse || !r.Started || r.LogFiles == 0 || len(r.Incarnation) != 32 ||
		r.DirectoryID == "" {
		t.Errorf("%+v", r)
	}
}

// TestNotFormatted names the command with what it needs for each kind of quorum.
func TestNotFormatted(t *testing.T) {
	t.Parallel()
	for quorum, want := range map[string][]string{
		staticOne: {"run `yakt format --config ", "the first node's makes a cluster id"},
		dynamic:   {"run `yakt format --config ", "--initial-controllers", "--standalone"},
	} {
		cfg := configFor(t, 1, filepath.Join(t.TempDir(), "d"), quorum)
		says(t, openOnce(cfg, discard), append(want, "is not formatted: there is no such directory")...)
	}
	static := configFor(t, 1, filepath.Join(t.TempDir(), "d"), staticOne)
	format(t, static, Format{})
	moved := configFor(t, 1, static.Storage.MetadataLogDir, dynamic)
	says(t, openOnce(moved, discard), "names the voters of this quorum", "controller.quorum.voters",
		"cannot add a node to a quorum that exists")
}

// TestMetadataOfAnInterruptedFormat: a meta.properties that cannot be used says so wherever it is
// read.
func TestMetadataOfAnInterruptedFormat(t *testing.T) {
	t.Parallel()
	cfg := configFor(t, 1, filepath.Join(t.TempDir(), "d"), staticOne)
	format(t, cfg, Format{})
	edit(t, filepath.Join(cfg.Storage.MetadataLogDir, config.MetaPropertiesName),
		func([]byte) []byte { return nil })
	want := []string{"is damaged: it is empty", "if no node has run on this directory yet, move"}
	says(t, openOnce(cfg, discard), want...)
	_, err := FormatStorage(cfg, Format{Out: io.Discard})
	says(t, err, want...)
}

// TestOrderOfFeatures wants the order of kafka-storage: metadata.version, then the others by name.
func TestOrderOfFeatures(t *testing.T) {
	t.Parallel()
	for _, features := range []map[string]int16{
		nil,
		{"share.version": 1},
		{"transaction.version": 1, "eligible.leader.replicas.version": 1, "share.version": 0},
	} {
		_, records, err := Format{Features: features}.bootstrap(false)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, r := range records {
			names = append(names, r.(*record.FeatureLevel).Name)
		}
		if names[0] != metadata.FeatureMetadata || !slices.IsSorted(names[1:]) {
			t.Errorf("%v: %q", features, names)
		}
	}
}
