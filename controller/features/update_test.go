package features

import (
	"slices"
	"strings"
	"testing"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// clusterAt is a cluster of one controller at the levels of a new one, changed by records.
func clusterAt(t *testing.T, v metadata.Version, records ...record.Record) *Cluster {
	t.Helper()
	e := metadata.Empty().Edit()
	e.Control(&record.KRaftVersion{Version: 1})
	for i, r := range append(metadata.BootstrapFeatures(v), records...) {
		if err := e.Replay(int64(i), r); err != nil {
			t.Fatal(err)
		}
	}
	return &Cluster{
		NodeID: 3000, Local: metadata.SupportedFeatures(false), Image: e.Done(100, 1, 1000), MinISR: 1,
	}
}

func broker(id int32, top metadata.Version) record.Record {
	return &record.RegisterBroker{BrokerID: id, Features: []record.FeatureRange{
		{Name: metadata.FeatureMetadata, Min: 7, Max: int16(top)},
		{Name: metadata.FeatureShare, Min: 0, Max: 1},
	}}
}

// TestPlanGoesOneWay: a release's levels are reached in the direction that is asked for, and
// features that would change in the other stay.
func TestPlanGoesOneWay(t *testing.T) {
	t.Parallel()
	// Streams groups were turned off, and share groups are at a later level than the release's.
	c := clusterAt(t, metadata.V4_2_IV1,
		&record.FeatureLevel{Name: metadata.FeatureStreams, Level: 0},
		&record.FeatureLevel{Name: metadata.FeatureShare, Level: 2})
	up := c.Plan(metadata.V4_3_IV0, map[string]int16{metadata.FeatureGroup: 1}, Upgrade)
	if want := []Update{
		{metadata.FeatureMetadata, 30, Upgrade}, {metadata.FeatureGroup, 1, Upgrade},
		{metadata.FeatureStreams, 1, Upgrade},
	}; !slices.Equal(up, want) {
		t.Errorf("%v", up)
	}
	down := c.Plan(metadata.V3_9_IV0, nil, SafeDowngrade)
	names := []string{
		metadata.FeatureMetadata, metadata.FeatureElr, metadata.FeatureGroup, metadata.FeatureShare,
		metadata.FeatureTransaction,
	}
	if !slices.EqualFunc(down, names, func(u Update, name string) bool { return u.Name == name }) {
		t.Errorf("%v", down)
	}
}

// TestProblemsAreAll: a plan's problems are those of all features and of all nodes, and there are
// none exactly if it may be carried out.
func TestProblemsAreAll(t *testing.T) {
	t.Parallel()
	c := clusterAt(t, metadata.V4_2_IV1, broker(2, metadata.V4_2_IV1), broker(1, metadata.V4_3_IV0))
	problems := func(updates []Update) []string {
		got := c.Problems(updates)
		if err := c.Check(updates); (err == nil) != (len(got) == 0) ||
			err != nil && err.Message != got[0] {
			t.Errorf("%v, and the problems are %q", err, got)
		}
		return got
	}
	got := problems(c.Plan(metadata.V4_4_IV2, nil, Upgrade))
	want := []string{
		"metadata.version. Broker 1 only supports versions 7-30",
		"metadata.version. Broker 2 only supports versions 7-29",
		"share.version. Broker 1 only supports versions 0-1",
		"share.version. Broker 2 only supports versions 0-1",
	}
	if !slices.EqualFunc(got, want, strings.HasSuffix) {
		t.Errorf("%q", got)
	}
	if got := problems(c.Plan(metadata.V4_2_IV1, nil, Upgrade)); len(got) != 0 {
		t.Errorf("%q", got)
	}
	got = problems([]Update{{metadata.FeatureMetadata, 22, SafeDowngrade},
		{metadata.FeatureShare, 2, SafeDowngrade}})
	if len(got) != 3 || !strings.HasPrefix(got[0], "Unsupported metadata.version downgrade") {
		t.Errorf("%q", got)
	}
}

// TestAnOldLogHasNoEligibleLeaders: earlier releases could be formatted so that the log could not
// hold the records of the feature.
func TestAnOldLogHasNoEligibleLeaders(t *testing.T) {
	t.Parallel()
	elr := &record.FeatureLevel{Name: metadata.FeatureElr, Level: 1}
	for v, want := range map[metadata.Version]bool{
		metadata.V3_9_IV0: false, metadata.V4_0_IV0: false, metadata.V4_0_IV1: true,
	} {
		if c := clusterAt(t, v, elr); c.Image.ElrEnabled() != want {
			t.Errorf("%v: %v", v, !want)
		}
	}
}
