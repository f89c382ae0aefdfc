package features

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

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

// Update is a change of one feature.
type Update struct {
	Level int16 // 0 turns the feature off
	Type  UpgradeType
}

// Plan returns the updates that bring the cluster to the levels of a release's new clusters, in the
// direction of t, and those that are named. release may be 0, for none. Levels that stay, or would
// change in the other direction, are left out, and so is kraft.version, which does not depend on
// the release.
func (c *Cluster) Plan(
	release metadata.Version, named map[string]int16, t UpgradeType,
) map[string]Update {
	updates := make(map[string]Update, len(named))
	if release != 0 {
		for name, level := range metadata.DefaultLevels(release) {
			now := c.Image.Feature(name)
			if name != metadata.FeatureKRaft && level != now && (level > now) == (t == Upgrade) {
				updates[name] = Update{level, t}
			}
		}
	}
	for name, level := range named {
		updates[name] = Update{level, t}
	}
	return updates
}

// Names are the names of updates in the order of Check.
func Names(updates map[string]Update) []string { return ordered(updates) }

// Check decides about updates by name, which are made together or not at all. The error is that of
// the first feature that may not be updated; metadata.version comes first, the others by name.
func (c *Cluster) Check(updates map[string]Update) *protocol.Error {
	after := c.after(updates)
	for _, name := range ordered(updates) {
		if err := c.check(name, updates[name], after); err != nil {
			return err
		}
	}
	return nil
}

// Problems are the reasons of all features and of all nodes that stand against updates, by feature,
// in the order of Check. It is empty exactly if Check has no error.
func (c *Cluster) Problems(updates map[string]Update) (problems []string) {
	after := c.after(updates)
	for _, name := range ordered(updates) {
		err := c.check(name, updates[name], after)
		if err == nil {
			continue
		}
		problems = append(problems, err.Message)
		if blockers := c.Blockers(name, updates[name].Level); len(blockers) > 1 {
			for _, reason := range blockers[1:] {
				problems = append(problems, invalid(name, updates[name].Level, reason).Message)
			}
		}
	}
	return problems
}

// after are the levels of the log with the updates.
func (c *Cluster) after(updates map[string]Update) map[string]int16 {
	levels := maps.Collect(c.Image.Features())
	for name, u := range updates {
		levels[name] = u.Level
	}
	return levels
}

func ordered[V any](updates map[string]V) []string {
	return slices.SortedFunc(maps.Keys(updates), func(a, b string) int {
		switch {
		case a == b:
			return 0
		case a == metadata.FeatureMetadata, b != metadata.FeatureMetadata && a < b:
			return -1
		}
		return 1
	})
}

func invalid(name string, level int16, reason string) *protocol.Error {
	return protocol.Errorf(kerr.InvalidUpdateVersion,
		"Invalid update version %d for feature %s. %s", level, name, reason)
}

// check decides about one feature. Its order is Kafka's (FeatureControlManager.updateFeature).
func (c *Cluster) check(name string, u Update, after map[string]int16) *protocol.Error {
	level := c.Image.Feature(name)
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
	return invalid(name, u.Level, reason)
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
		return invalid(metadata.FeatureKRaft, u.Level, "Can't downgrade the version of this feature.")
	}
	return protocol.Errorf(kerr.InvalidUpdateVersion,
		"Invalid upgrade of %s from version KRAFT_VERSION_%d to KRAFT_VERSION_%d",
		metadata.FeatureKRaft, level, u.Level)
}

// Records are the records of updates that Check allows. A level that stays is written again, as by
// Kafka.
func (c *Cluster) Records(updates map[string]Update) (records []record.Record) {
	if updates[metadata.FeatureElr].Level > 0 {
		records = c.elrRecords()
	}
	for _, name := range ordered(updates) {
		switch u := updates[name]; {
		case name != metadata.FeatureKRaft:
			records = append(records, &record.FeatureLevel{Name: name, Level: u.Level})
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
