package configs

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/protocol/kafkakeys"
)

// nodeConfig is the configuration of this node by levels, as Kafka's servers hold theirs
// (DynamicBrokerConfig): what may not be changed while a server runs is left out of the dynamic
// levels.
type nodeConfig struct {
	node, cluster, static map[string]string
	own                   map[string]string // defaults that differ from Kafka's
}

func newNodeConfig(img *metadata.Image, s Settings) *nodeConfig {
	dynamic := img.Config(metadata.ConfigBroker, strconv.Itoa(int(s.NodeID)))
	n := &nodeConfig{own: s.Defaults, static: maps.Clone(s.Static),
		node:    dynamicConfigs(dynamic, true),
		cluster: dynamicConfigs(img.Config(metadata.ConfigBroker, ""), false)}
	if n.static == nil {
		n.static = make(map[string]string)
	}
	// The two names of a node's id are one config.
	for _, name := range [...]string{"node.id", "broker.id"} {
		if _, ok := n.static[name]; !ok {
			n.static[name] = strconv.Itoa(int(s.NodeID))
		}
	}
	return n
}

// dynamicConfigs leaves out the known keys that dynamic configs of a broker, or of all brokers,
// cannot set.
func dynamicConfigs(configs map[string]string, ofBroker bool) map[string]string {
	kept := make(map[string]string, len(configs))
	for name, value := range configs {
		k := kafkakeys.Find(name)
		plain := k != nil && k.Name == name
		switch {
		case plain && k.Update == kafkakeys.ReadOnly:
		case k != nil && k.Update == kafkakeys.PerBroker && (!ofBroker || plain && security(name)):
		default:
			kept[name] = value
		}
	}
	return kept
}

// security reports whether a key configures security, which dynamic configs set for one listener
// only (listener.name.<listener>.<key>).
func security(name string) bool {
	return strings.HasPrefix(name, "ssl.") || strings.HasPrefix(name, "sasl.") ||
		name == "principal.builder.class"
}

// levels are the levels that set keys, the one that counts first.
func (n *nodeConfig) levels() [3]configLayer {
	return [3]configLayer{
		{n.node, sourceBroker}, {n.cluster, sourceBrokerDefault}, {n.static, sourceStatic},
	}
}

// configLayer is one level of a configuration.
type configLayer struct {
	values map[string]string
	source int8
}

// names are the keys that Kafka's servers have, without the internal ones, and those that are set.
func (n *nodeConfig) names() []string {
	names := make(map[string]bool)
	for _, level := range n.levels() {
		for name := range level.values {
			names[name] = true
		}
	}
	for _, k := range kafkakeys.All() {
		if !k.Internal {
			names[k.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// fallback is the default of a key, if it has one.
func (n *nodeConfig) fallback(name string) (value string, ok bool) {
	if v, ok := n.own[name]; ok {
		return v, true
	}
	if k := kafkakeys.Find(name); k != nil && k.Name == name {
		return k.Default, k.HasDefault
	}
	return "", false
}

// value is the effective value of a key as a server writes it; nil if it has none. A dynamic config
// replaces all the names that the file has for it: log.retention.ms, for example, the hours.
func (n *nodeConfig) value(name string) *string {
	value, ok := n.fallback(name)
search:
	for _, level := range n.levels() {
		if v, set := level.values[name]; set {
			value, ok = v, true
			break
		}
		for _, other := range brokerSynonyms(name) {
			if _, set := level.values[other]; set && level.source != sourceStatic {
				break search
			}
		}
	}
	if !ok {
		return nil
	}
	value = formatted(typeOf(name), value)
	return &value
}

// families are keys with the same meaning, in different units. Earlier ones count.
var families = [][]string{
	{"log.roll.ms", "log.roll.hours"},
	{"log.roll.jitter.ms", "log.roll.jitter.hours"},
	{"log.flush.interval.ms", "log.flush.scheduler.interval.ms"},
	{"log.retention.ms", "log.retention.minutes", "log.retention.hours"},
}

// brokerSynonyms are the keys that can set a key, itself among them
// (DynamicBrokerConfig.brokerConfigSynonyms).
func brokerSynonyms(name string) []string {
	for _, family := range families {
		if slices.Contains(family, name) && name != "log.flush.scheduler.interval.ms" {
			return family
		}
	}
	if base := kafkakeys.Base(name); base != name {
		return []string{name, base}
	}
	return []string{name}
}

// synonyms are all levels that set a key, the effective one first. As in Kafka those before the
// first one of the key's own name are left out, and with them often all: the file's
// log.retention.hours is no synonym of log.retention.ms, which nothing sets.
func (n *nodeConfig) synonyms(name string) []describedSynonym {
	var all []describedSynonym
	names, secret := brokerSynonyms(name), secretKey(name)
	add := func(name, value string, source int8) {
		s := configSynonym(name, value, source)
		if secret {
			s.Value = nil
		}
		all = append(all, s)
	}
	for _, level := range n.levels() {
		for _, name := range names {
			if v, ok := level.values[name]; ok {
				add(name, v, level.source)
			}
		}
	}
	for _, name := range names {
		if v, ok := n.fallback(name); ok {
			add(name, v, sourceDefault)
		}
	}
	first := slices.IndexFunc(all, func(s describedSynonym) bool { return s.Name == name })
	if first < 0 {
		return nil
	}
	return all[first:]
}

// ownKeys begin the names of YAKt's own configuration, which holds no secrets.
const ownKeys = "yakt."

// Secret reports whether the value of a config must not be shown. Only configs of brokers, which
// may have any names, can be secrets.
func Secret(kind int8, name string) bool {
	return kind == metadata.ConfigBroker && secretKey(name)
}

// secretKey reports whether a value is withheld: that of a password, and that of an unknown key,
// which may be the misspelt name of one.
func secretKey(name string) bool {
	if strings.HasPrefix(name, ownKeys) {
		return protocol.Secret(name)
	}
	k := kafkakeys.Find(name)
	return k == nil || k.Type == "password"
}

func typeOf(name string) kmsg.ConfigType {
	if k := kafkakeys.Find(name); k != nil {
		return configTypes[k.Type]
	}
	if strings.HasPrefix(name, ownKeys) {
		return kmsg.ConfigTypeString
	}
	return 0
}

// describe describes one key of this node. Of the cluster's defaults only those are synonyms.
func (n *nodeConfig) describe(name string, ofCluster bool) describedConfig {
	synonyms := n.synonyms(name)
	if ofCluster {
		synonyms = slices.DeleteFunc(synonyms, func(s describedSynonym) bool {
			return s.Source != kmsg.ConfigSource(sourceBrokerDefault)
		})
	}
	c := describedAs(name, typeOf(name), synonyms)
	c.IsSensitive, c.ReadOnly = secretKey(name), true
	if k := kafkakeys.Find(name); k != nil && k.Name == name {
		c.ReadOnly = k.Update == kafkakeys.ReadOnly
	}
	if !c.IsSensitive {
		c.Value = n.value(name)
	}
	if v, ok := n.cluster[name]; ofCluster && ok && !c.IsSensitive {
		c.Value = &v
	}
	return c
}

// describedAs begins the description of a config whose first synonym says where its value is from.
func describedAs(
	name string, t kmsg.ConfigType, synonyms []describedSynonym,
) describedConfig {
	c := kmsg.NewDescribeConfigsResponseResourceConfig()
	c.Name, c.ConfigType, c.ConfigSynonyms = name, t, synonyms
	c.Source = kmsg.ConfigSource(sourceDefault)
	if len(synonyms) > 0 {
		c.Source = synonyms[0].Source
	}
	return c
}
