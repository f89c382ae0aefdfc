package metadata

import (
	"fmt"
	"strings"
	"testing"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

func TestParseVersion(t *testing.T) {
	for text, want := range map[string]Version{
		"3.3": V3_3_IV3, "3.3-IV3": 7, "7": 7, "3.9": 21, "3.9.1": 21, "4.0": 25, "4.0.0": 25,
		"4.0-IV1": 23, "4.1": 27, "4.2.1": 29, "4.3": 30, "4.3.0": 30, "4.3-IV0": 30,
		"4.4-IV0": 31, "31": 31, "4.4-IV1": 32, "4.4-IV2": 33, "4.4": 33, "4.4.1": 33, "4.5-IV0": 34,
		"4.5": 0, "3.2": 0, "3.3-IV2": 0, "6": 0, "35": 0, "": 0, "4": 0, "4.3.": 0, "4.30": 0,
		"x": 0,
	} {
		if got, err := ParseVersion(text); got != want || (err == nil) != (want != 0) {
			t.Errorf("%q is %d, %v, want %d", text, got, err, want)
		}
	}
	if V4_3_IV0.String() != "4.3-IV0" || V3_3_IV3.String() != "3.3-IV3" ||
		V4_5_IV0.String() != "4.5-IV0" ||
		Version(3).String() != "metadata.version 3" {
		t.Error(V4_3_IV0, V3_3_IV3, V4_5_IV0, Version(3))
	}
}

// The features that kafka-storage format writes for a release.
func TestBootstrapFeatures(t *testing.T) {
	for version, want := range map[Version]string{
		V3_3_IV3: "metadata.version=7",
		V3_9_IV0: "metadata.version=21",
		V4_0_IV3: "metadata.version=25 group.version=1 transaction.version=2",
		V4_1_IV1: "metadata.version=27 eligible.leader.replicas.version=1 group.version=1 " +
			"transaction.version=2",
		V4_2_IV0: "metadata.version=28 eligible.leader.replicas.version=1 group.version=1 " +
			"share.version=1 transaction.version=2",
		V4_3_IV0: "metadata.version=30 eligible.leader.replicas.version=1 group.version=1 " +
			"share.version=1 streams.version=1 transaction.version=2",
		V4_4_IV0: "metadata.version=31 eligible.leader.replicas.version=1 group.version=1 " +
			"share.version=2 streams.version=1 transaction.version=2",
		V4_4_IV2: "metadata.version=33 eligible.leader.replicas.version=1 group.version=1 " +
			"share.version=2 streams.version=1 transaction.version=2",
	} {
		var got []string
		for _, r := range BootstrapFeatures(version) {
			f := r.(*record.FeatureLevel)
			got = append(got, fmt.Sprintf("%s=%d", f.Name, f.Level))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%v: %v", version, got)
		}
	}
}

func TestRecordVersions(t *testing.T) {
	for _, test := range []struct {
		version                   Version
		registerBroker, partition int16
	}{
		{V3_3_IV3, 1, 0}, {V3_4_IV0, 2, 0}, {V3_7_IV0, 2, 0}, {V3_7_IV2, 3, 1}, {V4_0_IV0, 3, 1},
		{V4_0_IV1, 3, 2}, {V4_2_IV1, 3, 2}, {V4_3_IV0, 4, 2},
		{V4_4_IV2, 4, 2}, {V4_5_IV0, 4, 2},
	} {
		if got := test.version.RecordVersion(new(record.RegisterBroker)); got != test.registerBroker {
			t.Errorf("%v: RegisterBroker v%d", test.version, got)
		}
		for _, r := range []record.Record{new(record.Partition), new(record.PartitionChange)} {
			if got := test.version.RecordVersion(r); got != test.partition {
				t.Errorf("%v: %v v%d", test.version, r.Type(), got)
			}
		}
		// This one follows its content, whatever the level.
		for _, c := range []struct {
			r    record.BrokerRegistrationChange
			want int16
		}{
			{record.BrokerRegistrationChange{Fenced: 1}, 0},
			{record.BrokerRegistrationChange{InControlledShutdown: 1, Fenced: 1}, 1},
			{record.BrokerRegistrationChange{LogDirs: []protocol.UUID{{1}}, InControlledShutdown: 1}, 2},
			{record.BrokerRegistrationChange{CordonedLogDirs: []protocol.UUID{}}, 3},
		} {
			if got := test.version.RecordVersion(&c.r); got != c.want {
				t.Errorf("%v: %+v v%d", test.version, c.r, got)
			}
		}
		for _, kind := range record.Types() {
			if v := test.version.RecordVersion(kind.New()); v < 0 || v > kind.MaxVersion() {
				t.Errorf("%v: %v v%d", test.version, kind, v)
			}
		}
	}
}

func TestSupportedFeatures(t *testing.T) {
	for unstable, top := range map[bool]int16{false: 33, true: 34} {
		f := SupportedFeatures(unstable)
		if len(f) != 7 || f[0] != (record.FeatureRange{Name: FeatureMetadata, Min: 7, Max: top}) {
			t.Errorf("%v: %+v", unstable, f)
		}
	}
}

func TestBrokerDirectories(t *testing.T) {
	a, b := protocol.UUID{1}, protocol.UUID{2}
	for _, test := range []struct {
		name      string
		broker    *Broker
		dir       protocol.UUID
		placeable bool
		online    bool // whether directory a is online
	}{
		{"none known", &Broker{}, protocol.DirMigrating, true, true},
		{"one", &Broker{LogDirs: []protocol.UUID{a}}, a, true, true},
		{"two", &Broker{LogDirs: []protocol.UUID{a, b}}, protocol.DirUnassigned, true, true},
		{"another", &Broker{LogDirs: []protocol.UUID{b}}, b, true, false},
		{
			"some cordoned", &Broker{LogDirs: []protocol.UUID{a, b}, CordonedLogDirs: []protocol.UUID{a}},
			protocol.DirUnassigned, true, true,
		},
		{
			"all cordoned", &Broker{LogDirs: []protocol.UUID{a, b}, CordonedLogDirs: []protocol.UUID{b, a}},
			protocol.DirUnassigned, false, true,
		},
	} {
		if test.broker.DefaultDirectory() != test.dir ||
			test.broker.Placeable() != test.placeable ||
			test.broker.DirectoryOnline(a) != test.online {
			t.Errorf(
				"%s: %v %v %v", test.name, test.broker.DefaultDirectory(), test.broker.Placeable(),
				test.broker.DirectoryOnline(a),
			)
		}
		if !test.broker.DirectoryOnline(protocol.DirUnassigned) ||
			!test.broker.DirectoryOnline(protocol.DirMigrating) ||
			test.broker.DirectoryOnline(protocol.DirLost) {
			t.Errorf("%s: reserved directories", test.name)
		}
	}
	if (*Broker)(nil).DefaultDirectory() != protocol.DirUnassigned || (*Broker)(nil).Active() {
		t.Error("no broker")
	}
}
