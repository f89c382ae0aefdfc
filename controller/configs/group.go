package configs

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

// groupKey is a config that a group may have (GroupConfig).
type groupKey struct {
	name     string
	kind     kmsg.ConfigType
	value    string // default
	check    configCheck
	internal bool   // listed only where a group sets it
	synonym  string // the broker config from which it gets its value where the group sets none
}

const (
	sessionTimeout    = ".session.timeout.ms"
	heartbeatInterval = ".heartbeat.interval.ms"

	rackTagsConfig        = "streams.rack.aware.assignment.tags"
	streamsAssignorConfig = "streams.assignor.name"
	streamsAssignors      = "group.streams.assignors"
	deadLetterTopicConfig = "errors.deadletterqueue.topic.name"
)

// groupKeys is every group config of Kafka 4.4, in the order in which their values are checked.
var groupKeys = []groupKey{
	groupInt("consumer.session.timeout.ms", 45000, 1),
	groupInt("consumer.heartbeat.interval.ms", 5000, 1),
	groupInt("consumer.assignment.interval.ms", 1000, 0),
	internalKey(groupBool("consumer.assignor.offload.enable", "true", true)),
	groupInt("share.session.timeout.ms", 45000, 1),
	groupInt("share.heartbeat.interval.ms", 5000, 1),
	groupInt("share.record.lock.duration.ms", 30000, 1000),
	groupInt("share.delivery.count.limit", 5, 2),
	groupInt("share.partition.max.record.locks", 2000, 100),
	{name: "share.auto.offset.reset", kind: kmsg.ConfigTypeString, value: "latest",
		check: offsetReset},
	{name: "share.isolation.level", kind: kmsg.ConfigTypeString, value: "read_uncommitted",
		check: oneOf("read_committed", "read_uncommitted")},
	groupBool("share.renew.acknowledge.enable", "true", false),
	groupInt("share.assignment.interval.ms", 1000, 0),
	internalKey(groupBool("share.assignor.offload.enable", "true", true)),
	groupInt("streams.session.timeout.ms", 45000, 1),
	groupInt("streams.heartbeat.interval.ms", 5000, 1),
	groupInt("streams.num.standby.replicas", 0, 0),
	groupInt("streams.initial.rebalance.delay.ms", 3000, 0),
	groupInt("streams.assignment.interval.ms", 1000, 0),
	internalKey(groupBool("streams.assignor.offload.enable", "true", true)),
	internalKey(groupInt("streams.task.offset.interval.ms", 60000, 1)),
	internalKey(groupInt("streams.num.warmup.replicas", 2, 0)),
	{name: rackTagsConfig, kind: kmsg.ConfigTypeList, check: noEmptyWords,
		synonym: "group." + rackTagsConfig},
	{name: "streams.acceptable.recovery.lag", kind: kmsg.ConfigTypeLong, value: "10000",
		check: int64From(0), internal: true, synonym: "group.streams.acceptable.recovery.lag"},
	{name: streamsAssignorConfig, kind: kmsg.ConfigTypeString, check: anyText,
		synonym: streamsAssignors},
	{name: deadLetterTopicConfig, kind: kmsg.ConfigTypeString, check: anyText},
	groupBool("errors.deadletterqueue.copy.record.enable", "false", false),
}

var groupKeyByName = func() map[string]*groupKey {
	m := make(map[string]*groupKey, len(groupKeys))
	for i := range groupKeys {
		m[groupKeys[i].name] = &groupKeys[i]
	}
	return m
}()

func groupInt(name string, value, low int64) groupKey {
	return groupKey{name: name, kind: kmsg.ConfigTypeInt, value: strconv.FormatInt(value, 10),
		check: int32From(low, math.MaxInt32), synonym: "group." + name}
}

func groupBool(name, value string, inherited bool) groupKey {
	k := groupKey{name: name, kind: kmsg.ConfigTypeBoolean, value: value, check: boolean}
	if inherited {
		k.synonym = "group." + name
	}
	return k
}

func internalKey(k groupKey) groupKey {
	k.internal = true
	return k
}

func anyText(_, _ string) string { return "" }

func noEmptyWords(name, value string) string {
	if slices.Contains(splitList(value), "") {
		return fmt.Sprintf("Configuration '%s' values must not be empty.", name)
	}
	return ""
}

// inherited is the value of a group that sets none: that of this node, or the default.
func (k *groupKey) inherited(n *nodeConfig) string {
	if k.synonym == "" {
		return k.value
	}
	value := n.value(k.synonym)
	switch {
	case value == nil:
		return k.value
	case k.name == streamsAssignorConfig:
		first, _, _ := strings.Cut(*value, ",")
		return first
	}
	return *value
}

// groupBound bounds a group config by settings of the controller, group.<kind>.min.<rest> and
// group.<kind>.max.<rest>, which have the defaults low and high; -1 is no bound.
type groupBound struct {
	kind, rest string
	key        string // the group config is <kind>.<key>; rest if empty
	low, high  int64
}

// groupBounds is every bound, in the order in which they are checked.
var groupBounds = []groupBound{
	{kind: "consumer", rest: "heartbeat.interval.ms", low: 5000, high: 15000},
	{kind: "consumer", rest: "session.timeout.ms", low: 45000, high: 60000},
	{kind: "consumer", rest: "assignment.interval.ms", low: 0, high: 15000},
	{kind: "share", rest: "heartbeat.interval.ms", low: 5000, high: 15000},
	{kind: "share", rest: "session.timeout.ms", low: 45000, high: 60000},
	{kind: "share", rest: "record.lock.duration.ms", low: 15000, high: 60000},
	{kind: "share", rest: "delivery.count.limit", low: 2, high: 10},
	{kind: "share", rest: "partition.max.record.locks", low: 100, high: 4000},
	{kind: "share", rest: "assignment.interval.ms", low: 0, high: 15000},
	{kind: "streams", rest: "heartbeat.interval.ms", low: 5000, high: 15000},
	{kind: "streams", rest: "session.timeout.ms", low: 45000, high: 60000},
	{kind: "streams", rest: "standby.replicas", key: "num.standby.replicas", low: -1, high: 2},
	{kind: "streams", rest: "assignment.interval.ms", low: 0, high: 15000},
	{kind: "streams", rest: "task.offset.interval.ms", low: 15000, high: -1},
	{kind: "streams", rest: "warmup.replicas", key: "num.warmup.replicas", low: -1, high: 20},
}

// outside returns the reason why the value that a group sets is out of its bounds.
func (b groupBound) outside(all, static map[string]string) string {
	name := b.kind + "." + b.rest
	if b.key != "" {
		name = b.kind + "." + b.key
	}
	text, set := all[name]
	if !set {
		return ""
	}
	value, _ := parseInt(text, 32)
	limit := func(side string, otherwise int64) int64 {
		return int64(intOr(static["group."+b.kind+"."+side+"."+b.rest], int(otherwise)))
	}
	low, high := limit("min", b.low), limit("max", b.high)
	switch {
	case b.low < 0 && value > high:
		return fmt.Sprintf("%s must be less than or equal to %d", name, high)
	case b.high < 0 && value < low:
		return fmt.Sprintf("%s must be greater than or equal to %d", name, low)
	case b.low >= 0 && b.high >= 0 && (value < low || value > high):
		return fmt.Sprintf("%s must be in the range %d to %d inclusive.", name, low, high)
	}
	return ""
}

// validateGroup checks the configs that a group sets after the changes, for every kind of group:
// the name does not show the kind. The order of the checks is Kafka's.
func (cc *Changes) validateGroup(all map[string]string) *protocol.Error {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if groupKeyByName[name] == nil {
			return protocol.Errorf(kerr.InvalidConfig, "Unknown group config name: %s", name)
		}
	}
	for _, check := range [...]func(map[string]string) string{
		repeatedTags, unreadableGroup, cc.outOfBounds, cc.unknownAssignor, cc.shortSession,
		reservedTopic,
	} {
		if wrong := check(all); wrong != "" {
			return protocol.Errorf(kerr.InvalidConfig, "%s", wrong)
		}
	}
	return nil
}

func repeatedTags(all map[string]string) string {
	tags := splitList(all[rackTagsConfig])
	if len(appended(nil, tags)) < len(tags) {
		return rackTagsConfig + " must not contain duplicate tag keys."
	}
	return ""
}

func unreadableGroup(all map[string]string) string {
	for i := range groupKeys {
		k := &groupKeys[i]
		if value, set := all[k.name]; set {
			if wrong := k.check(k.name, value); wrong != "" {
				return wrong
			}
		}
	}
	return ""
}

func (cc *Changes) outOfBounds(all map[string]string) string {
	for _, b := range groupBounds {
		if wrong := b.outside(all, cc.defaults.static); wrong != "" {
			return wrong
		}
	}
	return ""
}

func (cc *Changes) unknownAssignor(all map[string]string) string {
	name, set := all[streamsAssignorConfig]
	known := splitList(valueOr(cc.defaults.static, streamsAssignors, "sticky"))
	if name = trimJava(name); set && !slices.Contains(known, name) {
		return fmt.Sprintf("%s '%s' is not a registered task assignor. Registered assignors are: "+
			"[%s].", streamsAssignorConfig, name, strings.Join(known, ", "))
	}
	return ""
}

// shortSession finds a session that ends with the first heartbeat that is missed, among the kinds
// of groups of which one of the two is set.
func (cc *Changes) shortSession(all map[string]string) string {
	for _, kind := range [...]string{"consumer", "share", "streams"} {
		session, sets := cc.groupTime(all, kind+sessionTimeout)
		heartbeat, alsoSets := cc.groupTime(all, kind+heartbeatInterval)
		if (sets || alsoSets) && session <= heartbeat {
			return kind + sessionTimeout + " must be greater than " + kind + heartbeatInterval
		}
	}
	return ""
}

// groupTime is the effective value of a time, and whether the group sets it.
func (cc *Changes) groupTime(all map[string]string, name string) (ms int64, set bool) {
	k := groupKeyByName[name]
	value, set := all[name]
	if !set {
		value = valueOr(cc.defaults.static, k.synonym, k.value)
	}
	ms, err := parseInt(value, 32)
	if err != nil {
		ms, _ = parseInt(k.value, 32)
	}
	return ms, set
}

func reservedTopic(all map[string]string) string {
	if strings.HasPrefix(trimJava(all[deadLetterTopicConfig]), "__") {
		return deadLetterTopicConfig + ": DLQ topic name must not start with '__'"
	}
	return ""
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
