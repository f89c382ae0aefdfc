package configs

import (
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// validateTopic checks a topic's overrides after the changes (LogConfig.validate): known names,
// values in range, and rules between several keys. These rules also see this node's file, but not
// the dynamic configs of brokers, as on a controller of Kafka's that is no broker. Unknown keys
// that an older release left in the log are ignored.
func (cc *Changes) validateTopic(
	changes []*record.Config, all, current map[string]string,
) *protocol.Error {
	for _, r := range changes {
		if r.Value != nil && topicKeyByName[r.Name] == nil {
			return protocol.Errorf(kerr.InvalidConfig, "Unknown topic config name: %s", r.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if k := topicKeyByName[name]; k != nil {
			if wrong := k.check(name, all[name]); wrong != "" {
				return protocol.Errorf(kerr.InvalidConfig, "%s", wrong)
			}
		}
	}
	defaults := TopicDefaults{static: cc.defaults.static}
	values := topicValues{&defaults, all}
	for _, rule := range [...]string{values.compaction(), values.remoteStorage(current),
		values.remoteRetention(), values.copyLag(), values.remoteCopy()} {
		if rule != "" {
			return protocol.Errorf(kerr.InvalidConfig, "%s", rule)
		}
	}
	return nil
}

// topicValues are the effective values of a topic.
type topicValues struct {
	defaults  *TopicDefaults
	overrides map[string]string
}

func (v topicValues) get(name string) string {
	value, _ := v.defaults.effective(topicKeyByName[name], v.overrides)
	return value
}

func (v topicValues) long(name string) int64 {
	n, err := parseInt(v.get(name), 64)
	if err != nil {
		n, _ = parseInt(topicKeyByName[name].value, 64)
	}
	return n
}

func (v topicValues) bool(name string) bool { return boolOr(v.get(name), false) }

func (v topicValues) compaction() string {
	if low, high := v.long("min.compaction.lag.ms"), v.long("max.compaction.lag.ms"); low > high {
		return fmt.Sprintf("conflict topic config setting min.compaction.lag.ms (%d) > "+
			"max.compaction.lag.ms (%d)", low, high)
	}
	return ""
}

// remoteStorage checks the switches of tiered storage (KIP-405, KIP-950).
func (v topicValues) remoteStorage(current map[string]string) string {
	if !v.bool("remote.storage.enable") {
		if boolOr(current["remote.storage.enable"], false) &&
			!v.bool("remote.log.delete.on.disable") {
			return "It is invalid to disable remote storage without deleting remote data. " +
				"If you want to keep the remote data and turn to read only, please set " +
				"`remote.storage.enable=true,remote.log.copy.disable=true`. " +
				"If you want to disable remote storage and delete all remote data, please set " +
				"`remote.storage.enable=false,remote.log.delete.on.disable=true`."
		}
		return ""
	}
	if !boolOr(v.defaults.static["remote.log.storage.system.enable"], false) {
		return "Tiered Storage functionality is disabled in the broker. Topic cannot be " +
			"configured with remote log storage."
	}
	for _, policy := range splitList(v.get("cleanup.policy")) {
		if policy != "delete" {
			return "Remote log storage only supports topics with cleanup.policy=delete or " +
				"cleanup.policy being an empty list."
		}
	}
	return ""
}

// localUnset is the value of local.retention.* that stands for retention.*.
const localUnset = -2

// remoteCopy checks that the local retention is the whole retention when nothing is copied to
// remote storage any more.
func (v topicValues) remoteCopy() string {
	if !v.bool("remote.storage.enable") || !v.bool("remote.log.copy.disable") {
		return ""
	}
	for _, unit := range [...]string{"ms", "bytes"} {
		if local := v.long("local.retention." + unit); local != localUnset &&
			local != v.long("retention."+unit) {
			return fmt.Sprintf("When `remote.log.copy.disable` is set to true, the "+
				"`local.retention.%s` and `retention.%s` must be set to the identical value "+
				"because there will be no more logs copied to the remote storage.", unit, unit)
		}
	}
	return ""
}

// remoteRetention checks that the local retention does not exceed the whole one.
func (v topicValues) remoteRetention() string {
	if !v.bool("remote.storage.enable") {
		return ""
	}
	for _, unit := range [...]string{"bytes", "ms"} {
		name, of := "local.retention."+unit, "retention."+unit
		local, total := v.long(name), v.long(of)
		switch {
		case total == -1 || local == localUnset:
		case local == -1:
			return invalidValue(name, "-1",
				fmt.Sprintf("Value must not be -1 as %s value is set as %d.", of, total))
		case local > total:
			return invalidValue(name, fmt.Sprint(local),
				fmt.Sprintf("Value must not be more than %s property value: %d", of, total))
		}
	}
	return ""
}

// copyLag checks that segments are copied to remote storage before the local retention deletes them
// (KIP-1241).
func (v topicValues) copyLag() string {
	if !v.bool("remote.storage.enable") {
		return ""
	}
	for _, unit := range [...]string{"bytes", "ms"} {
		name, of := "remote.copy.lag."+unit, "local.retention."+unit
		lag, local := v.long(name), v.long(of)
		if local == localUnset {
			local = v.long("retention." + unit)
		}
		if lag > 0 && local >= 0 && lag > local {
			return invalidValue(name, fmt.Sprint(lag),
				fmt.Sprintf("Value must not exceed %s (effective value: %d)", of, local))
		}
	}
	return ""
}
