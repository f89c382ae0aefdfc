package controller

import (
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

// configValueMax is how many bytes a value may have; brokers read no longer ones.
const configValueMax = record.StringMax

const cordonedDirsConfig = "cordoned.log.dirs"

// configResource is what configs belong to: its type (metadata.ConfigTopic and so on) and name.
type configResource struct {
	kind int8
	name string
}

// configOp is one change to one key. A nil value is only good for a deletion.
type configOp struct {
	key   string
	op    kmsg.IncrementalAlterConfigOp
	value *string
}

// configChanges validates changes to configs and makes the records of those that hold
// (ConfigurationControlManager). It holds for one image.
type configChanges struct {
	c         *core
	img       *metadata.Image
	defaults  topicDefaults
	forwarded bool // by a broker, which has validated its own configs
}

func (c *core) configChanges(o op) *configChanges {
	return &configChanges{c, c.working, c.topicDefaults(c.working), o.caller.Forwarded}
}

// incremental returns the records of the operations on one resource: all of them or an error. created says that the resource is
// made by the same request, so that it need not exist yet.
func (cc *configChanges) incremental(res configResource, ops []configOp, created bool) ([]record.Record, *protocol.Error) {
	current := cc.img.Config(res.kind, res.name)
	var changes []*record.Config
	for _, o := range lastOfEachKey(ops) {
		value, err := apply(res.kind, o, current)
		if err != nil {
			return nil, err
		}
		// A broker's config is written even if it stays as it is: that makes the broker load it again (KAFKA-14136).
		if old, ok := current[o.key]; res.kind != metadata.ConfigBroker && ok == (value != nil) && (value == nil || *value == old) {
			continue
		}
		changes = append(changes, &record.Config{ResourceType: res.kind, ResourceName: res.name, Name: o.key, Value: value})
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

// lastOfEachKey keeps one operation for each key, the last one.
func lastOfEachKey(ops []configOp) []configOp {
	kept := make([]configOp, 0, len(ops))
	seen := make(map[string]bool, len(ops))
	for _, o := range slices.Backward(ops) {
		if !seen[o.key] {
			seen[o.key] = true
			kept = append(kept, o)
		}
	}
	slices.Reverse(kept)
	return kept
}

// apply is the value of a key after an operation, nil for none.
func apply(kind int8, o configOp, current map[string]string) (*string, *protocol.Error) {
	switch {
	case o.op == kmsg.IncrementalAlterConfigOpDelete:
		return nil, nil
	case o.value == nil:
		return nil, protocol.Errorf(kerr.InvalidRequest, "Null value not supported for : %s", o.key)
	case o.op == kmsg.IncrementalAlterConfigOpSet:
		return o.value, nil
	case o.op != kmsg.IncrementalAlterConfigOpAppend && o.op != kmsg.IncrementalAlterConfigOpSubtract:
		return nil, protocol.Errorf(kerr.InvalidRequest, "Unknown config operation %d for key %s.", int8(o.op), o.key)
	}
	initial, ok := listConfig(kind, o.key)
	if !ok {
		return nil, protocol.Errorf(kerr.InvalidConfig, "Can't %s to key %s because its type is not LIST.", strings.ToUpper(o.op.String()), o.key)
	}
	if v, ok := current[o.key]; ok {
		initial = v
	}
	list := slices.DeleteFunc(strings.Split(initial, ","), func(s string) bool { return s == "" })
	if o.op == kmsg.IncrementalAlterConfigOpAppend {
		list = appended(list, splitJava(*o.value))
	} else {
		list = subtracted(list, splitJava(*o.value))
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

// subtracted takes words from a list, the first of its kind for each.
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

// splitJava takes a list apart as Java's String.split does, which drops what is empty at the end: there is nothing in ",", but "" is one empty
// word.
func splitJava(list string) []string {
	trimmed := strings.TrimRight(list, ",")
	if trimmed == "" && list != "" {
		return nil
	}
	return strings.Split(trimmed, ",")
}

// check says why the changes to a resource may not be.
func (cc *configChanges) check(res configResource, changes []*record.Config, current map[string]string, created bool) *protocol.Error {
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
		case len(*r.Value) > configValueMax:
			return protocol.Errorf(kerr.InvalidConfig, "The configuration value cannot be added because it exceeds the maximum value size of %d bytes.", configValueMax)
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

// writable refuses what brokers would not read: names that are too long, and what is not UTF-8. One
// such resource costs no other.
func writable(changes []*record.Config) *protocol.Error {
	for _, r := range changes {
		if err := invalidRecord(record.Check(r)); err != nil {
			return &protocol.Error{Kafka: kerr.InvalidConfig, Message: err.Message}
		}
	}
	return nil
}

// checkChange holds the rules for single keys of brokers.
func (cc *configChanges) checkChange(r *record.Config, current map[string]string) *protocol.Error {
	switch {
	case r.ResourceType != metadata.ConfigBroker:
	case r.Name == minISRConfig && cc.img.ElrEnabled() && r.ResourceName != "":
		return protocol.Errorf(kerr.InvalidConfig, "Broker-level %s cannot be altered while ELR is enabled.", minISRConfig)
	case r.Name == minISRConfig && cc.img.ElrEnabled() && r.Value == nil:
		return protocol.Errorf(kerr.InvalidConfig, "Cluster-level %s cannot be removed while ELR is enabled.", minISRConfig)
	case r.Name != cordonedDirsConfig:
	case !cc.img.Version().HasCordonedDirectories():
		return protocol.Errorf(kerr.InvalidConfig, "The %s configuration value cannot be set because it requires metadata.version >= %v", cordonedDirsConfig, metadata.V4_3_IV0)
	case !cc.forwarded && r.Value != nil && !subset(splitList(*r.Value), splitList(current[cordonedDirsConfig])):
		// Only the broker knows its directories: past it, some may be taken off the list, none put on it.
		return protocol.Errorf(kerr.InvalidConfig, "When updating %s via controllers,  the new value must be a subset of the current configuration value.", cordonedDirsConfig)
	}
	return nil
}

func subset(list, of []string) bool {
	has := wordCounts(of)
	return !slices.ContainsFunc(list, func(s string) bool { return has[s] == 0 })
}

// validate is Kafka's ControllerConfigurationValidator: all is the resource as it would be.
func (cc *configChanges) validate(res configResource, changes []*record.Config, all, current map[string]string) *protocol.Error {
	switch res.kind {
	case metadata.ConfigTopic:
		if res.name == "" {
			return protocol.Errorf(kerr.InvalidRequest, "Default topic resources are not allowed.")
		}
		if err := checkTopicName(res.name); err != nil {
			return err
		}
		return cc.validateTopic(changes, all, current)
	case metadata.ConfigBroker:
		return checkBrokerName(res.name)
	case metadata.ConfigClientMetrics:
		return validateClientMetrics(res.name, all)
	case metadata.ConfigGroup:
		if res.name == "" {
			return protocol.Errorf(kerr.InvalidRequest, "Default group resources are not allowed.")
		}
		return cc.validateGroup(all)
	}
	return protocol.Errorf(kerr.InvalidRequest, "Unknown resource type %d", res.kind)
}

// checkBrokerName takes a node id, or nothing for the cluster's default. Names and values of brokers' configs are not
// validated: a broker does that for its own, before it forwards them.
func checkBrokerName(name string) *protocol.Error {
	if name == "" {
		return nil
	}
	id, err := strconv.ParseInt(name, 10, 32)
	switch {
	case err != nil:
		return protocol.Errorf(kerr.InvalidRequest, "Unable to parse broker name as a base 10 number.")
	case id < 0:
		return protocol.Errorf(kerr.InvalidRequest, "Invalid negative broker ID.")
	}
	return nil
}

// exists says that there is no such resource. Groups and client metrics subscriptions come into being by their configs.
func (cc *configChanges) exists(res configResource) *protocol.Error {
	switch res.kind {
	case metadata.ConfigTopic:
		if cc.img.TopicByName(res.name) == nil {
			return protocol.Errorf(kerr.UnknownTopicOrPartition, "The topic '%s' does not exist.", res.name)
		}
	case metadata.ConfigBroker:
		if id, err := strconv.ParseInt(res.name, 10, 32); err == nil && !cc.isNode(int32(id)) {
			return protocol.Errorf(kerr.BrokerIDNotRegistered, "No node with id %d found.", id)
		}
	}
	return nil
}

func (cc *configChanges) isNode(id int32) bool {
	if cc.img.Broker(id) != nil || cc.img.Controller(id) != nil || id == cc.c.cfg.NodeID {
		return true
	}
	voters := cc.img.Voters()
	return voters != nil && slices.ContainsFunc(voters.Voters, func(v record.Voter) bool { return v.ID == id })
}

// clearElrs follows records that set min.insync.replicas: under another minimum the ELRs mean nothing any more.
func clearElrs(img *metadata.Image, records []record.Record) []record.Record {
	if !img.ElrEnabled() {
		return nil
	}
	var cleared []record.Record
	for _, r := range records {
		if config, ok := r.(*record.Config); ok && config.Name == minISRConfig {
			clear := &record.ClearElr{} // of all topics
			if config.ResourceType == metadata.ConfigTopic {
				clear.TopicName = config.ResourceName
			}
			cleared = append(cleared, clear)
		}
	}
	return cleared
}
