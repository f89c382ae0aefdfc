package configs

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// ValueMaxBytes bounds a value: brokers read none that is longer.
const ValueMaxBytes = record.StringMax

const cordonedDirsConfig = "cordoned.log.dirs"

// Resource is an entity that has configs: its type (metadata.ConfigTopic and so on) and its name.
type Resource struct {
	Kind int8
	Name string
}

// Op is one change to one key. A nil Value is only valid for a deletion.
type Op struct {
	Key   string
	Op    kmsg.IncrementalAlterConfigOp
	Value *string
}

// Changes validates changes to configs against one image, and makes the records of the valid ones
// (ConfigurationControlManager).
type Changes struct {
	settings  Settings
	img       *metadata.Image
	defaults  TopicDefaults
	forwarded bool // by a broker, which has validated its own configs
}

// NewChanges validates changes against an image. forwarded says that a broker sent them on.
func NewChanges(img *metadata.Image, s Settings, forwarded bool) *Changes {
	return &Changes{s, img, NewTopicDefaults(img, s), forwarded}
}

// Defaults are the topic configs of the image where topics do not override them.
func (cc *Changes) Defaults() *TopicDefaults { return &cc.defaults }

// Incremental returns the records of all operations on one resource, or an error. created says that
// the same request creates the resource, so that it need not exist yet.
func (cc *Changes) Incremental(
	res Resource, ops []Op, created bool,
) ([]record.Record, *protocol.Error) {
	current := cc.img.Config(res.Kind, res.Name)
	var changes []*record.Config
	for _, o := range lastOfEachKey(ops) {
		value, err := apply(res.Kind, o, current)
		if err != nil {
			return nil, err
		}
		// A broker's config is written even without a change, because the broker then loads it
		// again (KAFKA-14136).
		if old, ok := current[o.Key]; res.Kind != metadata.ConfigBroker && ok == (value != nil) &&
			(value == nil || *value == old) {
			continue
		}
		changes = append(changes, &record.Config{ResourceType: res.Kind, ResourceName: res.Name,
			Name: o.Key, Value: value})
	}
	if err := cc.check(res, changes, current, created); err != nil {
		return nil, err
	}
	records := make([]record.Record, 0, len(changes))
	for _, r := range changes {
		records = append(records, r)
	}
	return records, nil
}

// lastOfEachKey keeps the last operation for each key.
func lastOfEachKey(ops []Op) []Op {
	kept := make([]Op, 0, len(ops))
	seen := make(map[string]bool, len(ops))
	for _, o := range slices.Backward(ops) {
		if !seen[o.Key] {
			seen[o.Key] = true
			kept = append(kept, o)
		}
	}
	slices.Reverse(kept)
	return kept
}

// apply is the value of a key after an operation, nil for none.
func apply(kind int8, o Op, current map[string]string) (*string, *protocol.Error) {
	switch {
	case o.Op == kmsg.IncrementalAlterConfigOpDelete:
		return nil, nil
	case o.Value == nil:
		return nil, protocol.Errorf(kerr.InvalidRequest, "Null value not supported for : %s", o.Key)
	case o.Op == kmsg.IncrementalAlterConfigOpSet:
		return o.Value, nil
	case o.Op != kmsg.IncrementalAlterConfigOpAppend &&
		o.Op != kmsg.IncrementalAlterConfigOpSubtract:
		return nil, protocol.Errorf(kerr.InvalidRequest, "Unknown config operation %d for key %s.",
			int8(o.Op), o.Key)
	}
	initial, ok := listConfig(kind, o.Key)
	if !ok {
		return nil, protocol.Errorf(kerr.InvalidConfig,
			"Can't %s to key %s "+
				"because its type is not LIST.", strings.ToUpper(o.Op.String()), o.Key)
	}
	if v, ok := current[o.Key]; ok {
		initial = v
	}
	list := slices.DeleteFunc(strings.Split(initial, ","), func(s string) bool { return s == "" })
	if o.Op == kmsg.IncrementalAlterConfigOpAppend {
		list = appended(list, splitJava(*o.Value))
	} else {
		list = subtracted(list, splitJava(*o.Value))
	}
	joined := strings.Join(list, ",")
	return &joined, nil
}

// appended adds the words that a list does not have.
func appended(list, words []string) []string {
	has := wordCounts(list)
	for _, w := range words {
		if has[w] == 0 {
			has[w]++
			list = append(list, w)
		}
	}
	return list
}

// subtracted removes words from a list, for each word its first occurrence.
func subtracted(list, words []string) []string {
	goes := wordCounts(words)
	return slices.DeleteFunc(list, func(w string) bool {
		goes[w]--
		return goes[w] >= 0
	})
}

func wordCounts(words []string) map[string]int {
	counts := make(map[string]int, len(words))
	for _, w := range words {
		counts[w]++
	}
	return counts
}

// splitJava splits a list as Java's String.split does, which drops empty words at the end: "," has
// no words, and "" has one empty word.
func splitJava(list string) []string {
	trimmed := strings.TrimRight(list, ",")
	if trimmed == "" && list != "" {
		return nil
	}
	return strings.Split(trimmed, ",")
}

// check returns the reason why the changes to a resource are invalid.
func (cc *Changes) check(
	res Resource, changes []*record.Config, current map[string]string, created bool,
) *protocol.Error {
	all := maps.Clone(current)
	if all == nil {
		all = make(map[string]string)
	}
	for _, r := range changes {
		switch err := cc.checkChange(r, current); {
		case err != nil:
			return err
		case r.Value == nil:
			delete(all, r.Name)
		case len(*r.Value) > ValueMaxBytes:
			return protocol.Errorf(kerr.InvalidConfig,
				"The configuration value cannot be added because it exceeds the maximum value "+
					"size of %d bytes.", ValueMaxBytes)
		default:
			all[r.Name] = *r.Value
		}
	}
	if err := cc.validate(res, changes, all, current); err != nil {
		return err
	}
	if !created {
		if err := cc.exists(res); err != nil {
			return err
		}
	}
	return writable(changes)
}

// writable refuses configs that brokers would not read: names that are too long, and text that is
// not UTF-8. One such resource costs no other.
func writable(changes []*record.Config) *protocol.Error {
	for _, r := range changes {
		var invalid *record.InvalidError
		if errors.As(record.Check(r), &invalid) {
			return protocol.Errorf(kerr.InvalidConfig,
				"Brokers would not accept this: %s %s.", invalid.Field, invalid.Problem)
		}
	}
	return nil
}

// checkChange holds the rules for single keys of brokers.
func (cc *Changes) checkChange(r *record.Config, current map[string]string) *protocol.Error {
	switch {
	case r.ResourceType != metadata.ConfigBroker:
	case r.Name == minISRConfig && cc.img.ElrEnabled() && r.ResourceName != "":
		return protocol.Errorf(kerr.InvalidConfig,
			"Broker-level %s cannot be altered while ELR is enabled.", minISRConfig)
	case r.Name == minISRConfig && cc.img.ElrEnabled() && r.Value == nil:
		return protocol.Errorf(kerr.InvalidConfig,
			"Cluster-level %s cannot be removed while ELR is enabled.", minISRConfig)
	case r.Name != cordonedDirsConfig:
	case !cc.img.Version().HasCordonedDirectories():
		return protocol.Errorf(kerr.InvalidConfig,
			"The %s configuration value cannot be set because it requires metadata.version "+
				">= %v", cordonedDirsConfig, metadata.V4_3_IV0)
	case !cc.forwarded && r.Value != nil && !subset(splitList(*r.Value),
		splitList(current[cordonedDirsConfig])):
		// Only the broker knows its directories: without it, the list may shrink but not grow.
		return protocol.Errorf(kerr.InvalidConfig,
			"When updating %s via controllers,  the new value must be a subset of the current "+
				"configuration value.", cordonedDirsConfig)
	}
	return nil
}

func subset(list, of []string) bool {
	has := wordCounts(of)
	return !slices.ContainsFunc(list, func(s string) bool { return has[s] == 0 })
}

// validate is Kafka's ControllerConfigurationValidator. all are the configs of the resource after
// the changes.
func (cc *Changes) validate(
	res Resource, changes []*record.Config, all, current map[string]string,
) *protocol.Error {
	switch res.Kind {
	case metadata.ConfigTopic:
		if res.Name == "" {
			return protocol.Errorf(kerr.InvalidRequest, "Default topic resources are not allowed.")
		}
		if err := CheckTopicName(res.Name); err != nil {
			return err
		}
		return cc.validateTopic(changes, all, current)
	case metadata.ConfigBroker:
		return checkBrokerName(res.Name)
	case metadata.ConfigClientMetrics:
		return validateClientMetrics(res.Name, all)
	case metadata.ConfigGroup:
		if res.Name == "" {
			return protocol.Errorf(kerr.InvalidRequest, "Default group resources are not allowed.")
		}
		return cc.validateGroup(all)
	}
	return protocol.Errorf(kerr.InvalidRequest, "Unknown resource type %d", res.Kind)
}

// exists returns an error when there is no such resource. Groups and client metrics subscriptions
// exist by their configs alone.
func (cc *Changes) exists(res Resource) *protocol.Error {
	switch res.Kind {
	case metadata.ConfigTopic:
		if cc.img.TopicByName(res.Name) == nil {
			return protocol.Errorf(kerr.UnknownTopicOrPartition,
				"The topic '%s' does not exist.", res.Name)
		}
	case metadata.ConfigBroker:
		if id, err := strconv.ParseInt(res.Name, 10, 32); err == nil && !cc.isNode(int32(id)) {
			return protocol.Errorf(kerr.BrokerIDNotRegistered, "No node with id %d found.", id)
		}
	}
	return nil
}

func (cc *Changes) isNode(id int32) bool {
	if cc.img.Broker(id) != nil || cc.img.Controller(id) != nil || id == cc.settings.NodeID {
		return true
	}
	voters := cc.img.Voters()
	return voters != nil && slices.ContainsFunc(voters.Voters,
		func(v record.Voter) bool { return v.ID == id })
}

// ClearElrs returns the records that must follow records that set min.insync.replicas: ELRs do not
// hold under another minimum.
func ClearElrs(img *metadata.Image, records []record.Record) []record.Record {
	if !img.ElrEnabled() {
		return nil
	}
	var cleared []record.Record
	for _, r := range records {
		if config, ok := r.(*record.Config); ok && config.Name == minISRConfig {
			clear := &record.ClearElr{} // for all topics
			if config.ResourceType == metadata.ConfigTopic {
				clear.TopicName = config.ResourceName
			}
			cleared = append(cleared, clear)
		}
	}
	return cleared
}
