package configs

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// Describer describes the configs of resources in one image. It belongs to one request.
type Describer struct {
	img      *metadata.Image
	defaults TopicDefaults
	node     int32
	synonyms bool // are wanted
	// plain is the description of a topic without configs of its own, as nearly all topics are; nil
	// until it is first made.
	plain []describedConfig
}

// NewDescriber returns a Describer; with synonyms it lists every level that sets a key.
func NewDescriber(img *metadata.Image, s Settings, synonyms bool) *Describer {
	return &Describer{
		img: img, defaults: NewTopicDefaults(img, s), node: s.NodeID, synonyms: synonyms,
	}
}

type describedConfig = kmsg.DescribeConfigsResponseResourceConfig

// Count is about how many configs the description of a resource has.
func (d *Describer) Count(res Resource) int {
	n := len(d.img.Config(res.Kind, res.Name))
	switch res.Kind {
	case metadata.ConfigTopic:
		n = len(topicKeys)
	case metadata.ConfigBroker:
		n += len(d.defaults.node) + len(d.defaults.cluster) + len(d.defaults.static)
	}
	return n
}

// Describe returns the configs of a resource, by name. The caller must not change them.
func (d *Describer) Describe(res Resource) ([]describedConfig, *protocol.Error) {
	switch res.Kind {
	case metadata.ConfigTopic:
		return d.topic(res.Name)
	case metadata.ConfigBroker:
		return d.broker(res.Name)
	case metadata.ConfigClientMetrics, metadata.ConfigGroup:
		if res.Name == "" {
			return nil, protocol.Errorf(kerr.InvalidRequest,
				"The name of the resource must not be empty")
		}
		source := sourceClientMetrics
		if res.Kind == metadata.ConfigGroup {
			source = sourceGroup
		}
		return d.layered(configLayer{d.img.Config(res.Kind, res.Name), source}), nil
	}
	return nil, protocol.Errorf(kerr.InvalidRequest, "Unsupported resource type: %d", res.Kind)
}

func (d *Describer) topic(name string) ([]describedConfig, *protocol.Error) {
	if err := CheckTopicName(name); err != nil {
		return nil, err
	}
	if d.img.TopicByName(name) == nil {
		return nil, protocol.Errorf(kerr.UnknownTopicOrPartition,
			"The topic '%s' does not exist.", name)
	}
	overrides := d.img.Config(metadata.ConfigTopic, name)
	if len(overrides) == 0 && d.plain != nil {
		return d.plain, nil
	}
	var configs []describedConfig
	for k := range shownTopicKeys(overrides) {
		value, source := d.defaults.effective(k, overrides)
		value = k.parsed(value)
		config := kmsg.NewDescribeConfigsResponseResourceConfig()
		config.Name, config.Value, config.ConfigType = k.name, &value, k.configType()
		config.Source = kmsg.ConfigSource(source)
		if d.synonyms {
			config.ConfigSynonyms = d.topicSynonyms(k, overrides)
		}
		configs = append(configs, config)
	}
	if len(overrides) == 0 {
		d.plain = configs
	}
	return configs, nil
}

// topicSynonyms are all levels that set a key, the effective one first.
func (d *Describer) topicSynonyms(k *topicKey, overrides map[string]string) []describedSynonym {
	var all []describedSynonym
	if v, ok := overrides[k.name]; ok {
		all = append(all, configSynonym(k.name, k.parsed(v), sourceTopic))
	}
	for _, level := range d.nodeLevels() {
		for _, s := range k.synonyms {
			if v, ok := level.values[s.name]; ok {
				all = append(all, configSynonym(s.name, v, level.source))
			}
		}
	}
	if len(k.synonyms) > 0 {
		all = append(all, configSynonym(k.synonyms[0].name, k.value, sourceDefault))
	}
	return all
}

func (d *Describer) broker(name string) ([]describedConfig, *protocol.Error) {
	if name == "" {
		return d.layered(configLayer{d.defaults.cluster, sourceBrokerDefault}), nil
	}
	id, err := strconv.ParseInt(name, 10, 32)
	switch {
	case err != nil:
		return nil, protocol.Errorf(kerr.InvalidRequest,
			"Broker id must be an integer, but it is: %s", name)
	case int32(id) != d.node:
		return nil, protocol.Errorf(kerr.InvalidRequest,
			"Unexpected broker id, expected %d or empty string, but received %s", d.node, name)
	}
	return d.layered(d.nodeLevels()...), nil
}

// configLayer is one level of a configuration.
type configLayer struct {
	values map[string]string
	source int8
}

// nodeLevels are the levels of this node's configuration, the effective one first.
func (d *Describer) nodeLevels() []configLayer {
	return []configLayer{{d.defaults.node, sourceBroker}, {d.defaults.cluster, sourceBrokerDefault},
		{d.defaults.static, sourceStatic}}
}

// layered describes every key of some levels, by name.
func (d *Describer) layered(levels ...configLayer) []describedConfig {
	keys := make(map[string]bool)
	for _, level := range levels {
		for key := range level.values {
			keys[key] = true
		}
	}
	var configs []describedConfig
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		config := kmsg.NewDescribeConfigsResponseResourceConfig()
		config.Name, config.IsSensitive = key, protocol.Secret(key)
		for _, level := range levels {
			v, ok := level.values[key]
			if !ok {
				continue
			}
			synonym := configSynonym(key, v, level.source)
			if config.IsSensitive {
				synonym.Value, config.ConfigType = nil, kmsg.ConfigTypePassword
			}
			if config.Source < 0 {
				config.Value, config.Source = synonym.Value, synonym.Source
				config.ReadOnly = level.source == sourceStatic
			}
			if d.synonyms {
				config.ConfigSynonyms = append(config.ConfigSynonyms, synonym)
			}
		}
		configs = append(configs, config)
	}
	return configs
}

type describedSynonym = kmsg.DescribeConfigsResponseResourceConfigConfigSynonym

func configSynonym(name, value string, source int8) describedSynonym {
	s := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
	s.Name, s.Value, s.Source = name, &value, kmsg.ConfigSource(source)
	return s
}

// topicKeyTypes are the types of keys whose defaults do not show them.
var topicKeyTypes = map[string]kmsg.ConfigType{
	"compression.gzip.level":    kmsg.ConfigTypeInt,
	"compression.lz4.level":     kmsg.ConfigTypeInt,
	"compression.zstd.level":    kmsg.ConfigTypeInt,
	"index.interval.bytes":      kmsg.ConfigTypeInt,
	"internal.segment.bytes":    kmsg.ConfigTypeInt,
	"max.message.bytes":         kmsg.ConfigTypeInt,
	minISRConfig:                kmsg.ConfigTypeInt,
	"segment.bytes":             kmsg.ConfigTypeInt,
	"segment.index.bytes":       kmsg.ConfigTypeInt,
	"min.cleanable.dirty.ratio": kmsg.ConfigTypeDouble,
}

func (k *topicKey) configType() kmsg.ConfigType {
	if t, ok := topicKeyTypes[k.name]; ok {
		return t
	}
	if _, ok := parseBool(k.value); ok {
		return kmsg.ConfigTypeBoolean
	}
	_, err := parseInt(k.value, 64)
	switch {
	case k.list:
		return kmsg.ConfigTypeList
	case err == nil:
		return kmsg.ConfigTypeLong
	}
	return kmsg.ConfigTypeString
}

// parsed is the value as Kafka's brokers read it, written out again (ConfigDef.parseValue and
// convertToString); a value that they cannot read stays as it is.
func (k *topicKey) parsed(value string) string {
	switch k.configType() {
	case kmsg.ConfigTypeList:
		list := splitList(value)
		if k.distinct {
			list = appended(nil, list)
		}
		return strings.Join(list, ",")
	case kmsg.ConfigTypeBoolean:
		if b, ok := parseBool(value); ok {
			return strconv.FormatBool(b)
		}
	case kmsg.ConfigTypeInt, kmsg.ConfigTypeLong:
		if n, err := parseInt(value, 64); err == nil {
			return strconv.FormatInt(n, 10)
		}
	case kmsg.ConfigTypeDouble:
		if f, err := strconv.ParseFloat(trimJava(value), 64); err == nil {
			return javaDouble(f)
		}
	case kmsg.ConfigTypeString:
		return trimJava(value)
	}
	return value
}

// DescribeCreated describes a topic that is created with some overrides, for CREATE_TOPICS.
func DescribeCreated(
	defaults *TopicDefaults, overrides map[string]string,
) []kmsg.CreateTopicsResponseTopicConfig {
	described := make([]kmsg.CreateTopicsResponseTopicConfig, 0, len(topicKeys))
	for k := range shownTopicKeys(overrides) {
		value, source := defaults.effective(k, overrides)
		config := kmsg.NewCreateTopicsResponseTopicConfig()
		config.Name, config.Value, config.Source = k.name, &value, source
		described = append(described, config)
	}
	return described
}

// PlainTopic is the description of a topic that is created without overrides, which nearly all new
// topics are. It holds for the defaults that it was made from. Responses share Configs.
type PlainTopic struct {
	node, cluster map[string]string
	Configs       []kmsg.CreateTopicsResponseTopicConfig
}

// For returns p if it holds for the defaults, else one that does.
func (p PlainTopic) For(d *TopicDefaults) PlainTopic {
	if p.Configs != nil && maps.Equal(p.node, d.node) && maps.Equal(p.cluster, d.cluster) {
		return p
	}
	return PlainTopic{d.node, d.cluster, slices.Clip(DescribeCreated(d, nil))}
}
