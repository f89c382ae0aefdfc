package features

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// UpgradeType says in which direction a level may change (FeatureUpdate.UpgradeType).
type UpgradeType int8

// The types of Kafka. An unsafe downgrade, which may lose metadata, is not implemented there.
const (
	Upgrade         UpgradeType = 1
	SafeDowngrade   UpgradeType = 2
	UnsafeDowngrade UpgradeType = 3
)

// Update is a change of one feature. A list of updates names each feature once.
type Update struct {
	Name  string
	Level int16 // 0 turns the feature off
	Type  UpgradeType
}

// Plan returns the updates that bring the cluster to the levels of a release's new clusters, in the
// direction of t, and those that are named: metadata.version first, the others by name. release may
// be 0, for none. Levels that stay, or would change in the other direction, are left out, and so is
// kraft.version, which does not depend on the release.
func (c *Cluster) Plan(
	release metadata.Version, named map[string]int16, t UpgradeType,
) []Update {
	levels := make(map[string]int16, len(named))
	if release != 0 {
		for name, level := range metadata.DefaultLevels(release) {
			now := c.Image.Feature(name)
			if name != metadata.FeatureKRaft && level != now && (level > now) == (t == Upgrade) {
				levels[name] = level
			}
		}
	}
	maps.Copy(levels, named)
	updates := make([]Update, 0, len(levels))
	for _, name := range slices.SortedFunc(maps.Keys(levels), metadataFirst) {
		updates = append(updates, Update{name, levels[name], t})
	}
	return updates
}

func metadataFirst(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == metadata.FeatureMetadata:
		return -1
	case b == metadata.FeatureMetadata:
		return 1
	}
	return strings.Compare(a, b)
}

// Check decides about updates, which are made together or not at all. The error is that of the
// first that is not allowed.
func (c *Cluster) Check(updates []Update) *protocol.Error {
	after := c.after(updates)
	for _, u := range updates {
		if err := c.check(u, after); err != nil {
			return err
		}
	}
	return nil
}

// Problems are the reasons of all features and of all nodes that stand against updates, by feature,
// in the order of Check. It is empty exactly if Check has no error.
func (c *Cluster) Problems(updates []Update) (problems []string) {
	after := c.after(updates)
	for _, u := range updates {
		err := c.check(u, after)
		if err == nil {
			continue
		}
		problems = append(problems, err.Message)
		if blockers := c.Blockers(u.Name, u.Level); len(blockers) > 1 {
			for _, reason := range blockers[1:] {
				problems = append(problems, invalid(u, reason).Message)
			}
		}
	}
	return problems
}

// after are the levels of the log with the updates.
func (c *Cluster) after(updates []Update) map[string]int16 {
	levels := maps.Collect(c.Image.Features())
	for _, u := range updates {
		levels[u.Name] = u.Level
	}
	return levels
}

func invalid(u Update, reason string) *protocol.Error {
	return protocol.Errorf(kerr.InvalidUpdateVersion,
		"Invalid update version %d for feature %s. %s", u.Level, u.Name, reason)
}

// check decides about one feature. Its order is Kafka's (FeatureControlManager.updateFeature).
func (c *Cluster) check(u Update, after map[string]int16) *protocol.Error {
	name, level := u.Name, c.Image.Feature(u.Name)
	reason := ""
	switch {
	case u.Type < Upgrade || u.Type > UnsafeDowngrade:
		reason = "The controller does not support the given upgrade type."
	case u.Level < 0:
		reason = "A feature version cannot be less than 0."
	default:
		reason = c.blocker(name, u.Level)
	}
	switch {
	case reason != "":
	case u.Level < level && u.Type == Upgrade:
		reason = "Can't downgrade the version of this feature without setting the upgrade type to " +
			"either safe or unsafe downgrade."
	case u.Level > level && u.Type != Upgrade:
		reason = "Can't downgrade to a newer version."
	case name == metadata.FeatureMetadata:
		return checkMetadata(metadata.Version(level), metadata.Version(u.Level), u.Type)
	case name == metadata.FeatureKRaft:
		return checkKRaft(level, u)
	case !metadata.KnownFeature(name):
		reason = fmt.Sprintf("Feature %s not found.", name)
	default:
		reason = metadata.UnmetDependency(name, u.Level, after)
	}
	if reason == "" {
		return nil
	}
	return invalid(u, reason)
}

// checkMetadata refuses a downgrade that would lose metadata.
func checkMetadata(from, to metadata.Version, t UpgradeType) *protocol.Error {
	reason := "Refusing to perform the requested downgrade because it might delete metadata " +
		"information."
	switch {
	case !from.LosesMetadata(to):
		return nil
	case t == UnsafeDowngrade:
		reason = "Unsafe metadata downgrade is not supported in this version."
	}
	return protocol.Errorf(kerr.InvalidUpdateVersion,
		"Unsupported metadata.version downgrade from %d to %d. %s", from, to, reason)
}

// checkKRaft allows no change: our quorums have kraft.version 1 from their first batch on, and
// those that other controllers founded at 0 do not get the voters into their log afterwards.
func checkKRaft(level int16, u Update) *protocol.Error {
	switch {
	case u.Level == level:
		return nil
	case u.Type != Upgrade:
		return invalid(u, "Can't downgrade the version of this feature.")
	}
	return protocol.Errorf(kerr.InvalidUpdateVersion,
		"Invalid upgrade of %s from version KRAFT_VERSION_%d to KRAFT_VERSION_%d",
		metadata.FeatureKRaft, level, u.Level)
}

// Records are the records of updates that Check allows. A level that stays is written again, as by
// Kafka.
func (c *Cluster) Records(updates []Update) (records []record.Record) {
	if slices.ContainsFunc(updates, func(u Update) bool {
		return u.Name == metadata.FeatureElr && u.Level > 0
	}) {
		records = c.elrRecords()
	}
	for _, u := range updates {
		switch {
		case u.Name != metadata.FeatureKRaft:
			records = append(records, &record.FeatureLevel{Name: u.Name, Level: u.Level})
		case u.Type == Upgrade: // the level is in the log's control records
			records = append(records, &record.NoOp{})
		}
	}
	return records
}

// elrRecords give the whole cluster one min.insync.replicas, on which eligible leader replicas
// depend (ConfigurationControlManager.maybeGenerateElrSafetyRecords).
func (c *Cluster) elrRecords() (records []record.Record) {
	const minISR = "min.insync.replicas"
	if _, ok := c.Image.Config(metadata.ConfigBroker, "")[minISR]; !ok {
		value := strconv.Itoa(int(c.MinISR))
		records = append(records, &record.Config{
			ResourceType: metadata.ConfigBroker, Name: minISR, Value: &value,
		})
	}
	for r := range c.Image.Configs {
		if _, ok := r.Values[minISR]; ok && r.Type == metadata.ConfigBroker && r.Name != "" {
			records = append(records, &record.Config{
				ResourceType: r.Type, ResourceName: r.Name, Name: minISR,
			})
		}
	}
	return records
}
