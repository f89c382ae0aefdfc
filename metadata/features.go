package metadata

import (
	"fmt"

	"github.com/yakt/yakt/metadata/record"
)

// Names of features.
const (
	FeatureMetadata    = "metadata.version"
	FeatureKRaft       = "kraft.version"
	FeatureTransaction = "transaction.version"
	FeatureGroup       = "group.version"
	FeatureElr         = "eligible.leader.replicas.version"
	FeatureShare       = "share.version"
	FeatureStreams     = "streams.version"
)

// feature describes a feature: the levels that Kafka 4.4 knows, and the metadata.version from which
// on a new cluster starts with each.
type feature struct {
	name         string
	min, max     int16
	defaultSince []Version // defaultSince[i] starts level i+1; 0 means that no level is a default
	needs        Version   // the metadata.version that the levels above 0 depend on; 0: any
}

var features = []feature{
	{FeatureElr, 0, 1, []Version{V4_1_IV0}, V4_0_IV1},
	{FeatureGroup, 0, 1, []Version{V4_0_IV0}, 0},
	{FeatureKRaft, 0, 1, []Version{V3_9_IV0}, 0},
	{FeatureShare, 0, 2, []Version{V4_2_IV0, V4_4_IV0}, 0},
	{FeatureStreams, 0, 1, []Version{V4_2_IV1}, 0},
	{FeatureTransaction, 0, 2, []Version{V4_0_IV2, V4_0_IV2}, 0},
}

func featureNamed(name string) (feature, bool) {
	for _, f := range features {
		if f.name == name {
			return f, true
		}
	}
	return feature{}, false
}

// KnownFeature reports whether this release knows a feature besides metadata.version.
func KnownFeature(name string) bool {
	_, ok := featureNamed(name)
	return ok
}

// UnmetDependency says, in Kafka's words (Feature.validateVersion), which other feature a level
// depends on that a set of levels does not contain; "" if there is none. The levels include
// metadata.version.
func UnmetDependency(name string, level int16, levels map[string]int16) string {
	f, ok := featureNamed(name)
	if !ok || level < 1 {
		return ""
	}
	if levels[FeatureMetadata] < int16(MinVersion) {
		return fmt.Sprintf("%s could not be set to %d because it depends on %s=%d (%v)",
			name, level, FeatureMetadata, MinVersion, MinVersion)
	}
	if levels[FeatureMetadata] < int16(f.needs) {
		return fmt.Sprintf("%s could not be set to %d because it depends on %s level %d",
			name, level, FeatureMetadata, f.needs)
	}
	return ""
}

// DefaultLevels are the levels with which a new cluster starts at v: every feature, also those at
// level 0, and kraft.version.
func DefaultLevels(v Version) map[string]int16 {
	levels := map[string]int16{FeatureMetadata: int16(v)}
	for _, f := range features {
		levels[f.name] = f.defaultLevel(v)
	}
	return levels
}

// SupportedFeatures are the ranges that a controller of this release registers and returns in
// ApiVersions.
func SupportedFeatures(unstable bool) []record.FeatureRange {
	top := LatestVersion
	if unstable {
		top = UnstableVersion
	}
	all := []record.FeatureRange{{Name: FeatureMetadata, Min: int16(MinVersion), Max: int16(top)}}
	for _, f := range features {
		all = append(all, record.FeatureRange{Name: f.name, Min: f.min, Max: f.max})
	}
	return all
}

// BootstrapFeatures are the feature records a new cluster at level v starts with: metadata.version
// first, the others by name. kraft.version is never among them: it is a control record.
func BootstrapFeatures(v Version) []record.Record {
	all := []record.Record{&record.FeatureLevel{Name: FeatureMetadata, Level: int16(v)}}
	for _, f := range features {
		if f.name == FeatureKRaft {
			continue
		}
		if level := f.defaultLevel(v); level > 0 {
			all = append(all, &record.FeatureLevel{Name: f.name, Level: level})
		}
	}
	return all
}

func (f feature) defaultLevel(v Version) int16 {
	var level int16
	for i, since := range f.defaultSince {
		if v >= since {
			level = int16(i + 1)
		}
	}
	return level
}
