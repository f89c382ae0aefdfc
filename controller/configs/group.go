package configs

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/protocol"
)

// groupKey is a config that a group may have (GroupConfig). low and high are the settings of the
// controller that bound it: consumer.session.timeout.ms, for example, lies between
// group.consumer.min.session.timeout.ms and group.consumer.max.session.timeout.ms.
type groupKey struct {
	name      string
	value     string // default
	check     configCheck
	low, high groupBound
}

// groupBound is a setting of the controller that bounds a group config, with its default.
type groupBound struct {
	name  string
	value int64
}

// groupKeys is every group config of Kafka 4.3.
var groupKeys = slices.Concat(
	groupTimes("consumer"), groupTimes("share"), groupTimes("streams"),
	[]groupKey{
		{name: "share.auto.offset.reset", value: "latest", check: offsetReset},
		{
			name: "share.delivery.count.limit", value: "5", check: int32From(2, math.MaxInt32),
			low:  groupBound{"group.share.min.delivery.count.limit", 2},
			high: groupBound{"group.share.max.delivery.count.limit", 10},
		},
		{name: "share.isolation.level", value: "read_uncommitted",
			check: oneOf("read_committed", "read_uncommitted")},
		{
			name: "share.partition.max.record.locks", value: "2000",
			check: int32From(100, math.MaxInt32),
			low:   groupBound{"group.share.min.partition.max.record.locks", 100},
			high:  groupBound{"group.share.max.partition.max.record.locks", 4000},
		},
		{
			name: "share.record.lock.duration.ms", value: "30000",
			check: int32From(1000, math.MaxInt32),
			low:   groupBound{"group.share.min.record.lock.duration.ms", 15000},
			high:  groupBound{"group.share.max.record.lock.duration.ms", 60000},
		},
		{name: "share.renew.acknowledge.enable", value: "true", check: boolean},
		{name: "streams.initial.rebalance.delay.ms", value: "3000",
			check: int32From(0, math.MaxInt32)},
		{name: "streams.num.standby.replicas", value: "0", check: int32From(0, math.MaxInt32),
			high: groupBound{"group.streams.max.standby.replicas", 2}},
	},
)

// groupTimes are the configs that every kind of group has.
func groupTimes(kind string) []groupKey {
	bounds := func(rest string, low, high int64) (groupBound, groupBound) {
		prefix := "group." + kind
		return groupBound{prefix + ".min." + rest, low}, groupBound{prefix + ".max." + rest, high}
	}
	session := groupKey{name: kind + sessionTimeout, value: "45000",
		check: int32From(1, math.MaxInt32)}
	session.low, session.high = bounds("session.timeout.ms", 45000, 60000)
	heartbeat := groupKey{name: kind + heartbeatInterval, value: "5000",
		check: int32From(1, math.MaxInt32)}
	heartbeat.low, heartbeat.high = bounds("heartbeat.interval.ms", 5000, 15000)
	assignment := groupKey{name: kind + ".assignment.interval.ms", value: "1000",
		check: int32From(0, math.MaxInt32)}
	assignment.low, assignment.high = bounds("assignment.interval.ms", 0, 15000)
	return []groupKey{session, heartbeat, assignment}
}

const (
	sessionTimeout    = ".session.timeout.ms"
	heartbeatInterval = ".heartbeat.interval.ms"
)

// validateGroup checks the configs of a group after the changes, for every kind of group: the name
// does not show the kind.
func (cc *Changes) validateGroup(all map[string]string) *protocol.Error {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !slices.ContainsFunc(groupKeys, func(k groupKey) bool { return k.name == name }) {
			return protocol.Errorf(kerr.InvalidConfig, "Unknown group config name: %s", name)
		}
	}
	values := make(map[string]int64, len(groupKeys))
	for i := range groupKeys {
		k := &groupKeys[i]
		value, set := all[k.name]
		if !set {
			value = valueOr(cc.defaults.static, "group."+k.name, k.value)
		}
		if wrong := k.check(k.name, value); wrong != "" {
			return protocol.Errorf(kerr.InvalidConfig, "%s", wrong)
		}
		values[k.name], _ = parseInt(value, 32)
		if wrong := k.outOfBounds(values[k.name], cc.defaults.static); wrong != "" {
			return protocol.Errorf(kerr.InvalidConfig, "%s", wrong)
		}
	}
	for _, kind := range [...]string{"consumer", "share", "streams"} {
		if values[kind+sessionTimeout] <= values[kind+heartbeatInterval] {
			return protocol.Errorf(kerr.InvalidConfig, "%s must be greater than %s",
				kind+sessionTimeout, kind+heartbeatInterval)
		}
	}
	return nil
}

func (k *groupKey) outOfBounds(value int64, static map[string]string) string {
	switch {
	case k.low.name != "" && value < k.low.limit(static):
		return fmt.Sprintf("%s must be greater than or equal to %s", k.name, k.low.name)
	case k.high.name != "" && value > k.high.limit(static):
		return fmt.Sprintf("%s must be less than or equal to %s", k.name, k.high.name)
	}
	return ""
}

func (b groupBound) limit(static map[string]string) int64 {
	return int64(intOr(static[b.name], int(b.value)))
}

func valueOr(values map[string]string, name, otherwise string) string {
	if v, ok := values[name]; ok {
		return v
	}
	return otherwise
}

// isoDuration is the syntax of java.time.Duration without negative durations.
var isoDuration = regexp.MustCompile(
	`^(?i)\+?P(?:\+?\d+D)?(?:T(?:\+?\d+H)?(?:\+?\d+M)?(?:\+?\d+(?:[.,]\d{0,9})?S)?)?$`,
)

func offsetReset(name, value string) string {
	v := trimJava(value)
	if v == "latest" || v == "earliest" {
		return ""
	}
	if d, ok := strings.CutPrefix(v, "by_duration:"); ok && isoDuration.MatchString(d) &&
		strings.ContainsAny(d, "0123456789") && !strings.HasSuffix(strings.ToUpper(d), "T") {
		return ""
	}
	return invalidValue(name, v, fmt.Sprintf("Invalid value `%s` for configuration %s. "+
		"The value must be either 'earliest', 'latest' or of the format "+
		"'by_duration:<PnDTnHnMn.nS>'.", v, name))
}
