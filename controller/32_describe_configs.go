package controller

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// DESCRIBE_CONFIGS (32), versions 1-4 (KIP-133, KIP-226, KIP-569) (ConfigHelper.describeConfigs): a read of the committed image and of this node's
// own configuration, on any node. Each resource is answered by itself: a topic's effective configuration; of a broker "" the cluster's dynamic
// defaults, of this node's id its own configuration; of client metrics subscriptions and groups what is set. Values that may be secrets
// are withheld.
//
// Differs from Kafka: of this node only what is configured is shown, since most of Kafka's defaults mean nothing here; there are no loggers
// and no documentation.
//
// A resource that a request names several times is answered once, where Kafka answers each time.
func (c *Controller) describeConfigs(
	_ context.Context, _ protocol.Caller, req *kmsg.DescribeConfigsRequest,
) kmsg.Response {
	resp := responseTo[*kmsg.DescribeConfigsResponse](req)
	d := configDescription{img: c.Image(), node: c.cfg.NodeID, synonyms: req.IncludeSynonyms}
	d.defaults = c.core.topicDefaults(d.img)
	asked := firstOfEach(len(req.Resources), func(i int) configResource {
		return configResource{int8(req.Resources[i].ResourceType), req.Resources[i].ResourceName}
	})
	keys := func(i int) int { return d.keys(&req.Resources[asked[i]]) }
	return weighted(resp, &resp.Resources, len(asked), keys, func(i int) kmsg.DescribeConfigsResponseResource {
		return d.answer(&req.Resources[asked[i]], int(asked[i]))
	})
}

func (d *configDescription) answer(
	r *kmsg.DescribeConfigsRequestResource, index int,
) kmsg.DescribeConfigsResponseResource {
	answer := kmsg.NewDescribeConfigsResponseResource()
	answer.ResourceType, answer.ResourceName = r.ResourceType, r.ResourceName
	configs, err := d.resource(r)
	answer.ErrorCode, answer.ErrorMessage = err.Code(), err.TextAt(index)
	if r.ConfigNames == nil {
		answer.Configs = slices.Clip(configs)
		return answer
	}
	for _, config := range configs {
		if slices.Contains(r.ConfigNames, config.Name) {
			answer.Configs = append(answer.Configs, config)
		}
	}
	return answer
}

// keys is about how many configs the answer for a resource has.
func (d *configDescription) keys(r *kmsg.DescribeConfigsRequestResource) int {
	n := len(d.img.Config(int8(r.ResourceType), r.ResourceName))
	switch int8(r.ResourceType) {
	case metadata.ConfigTopic:
		n = len(topicKeys)
	case metadata.ConfigBroker:
		n += len(d.defaults.node) + len(d.defaults.cluster) + len(d.defaults.static)
	}
	return n
}

func failDescribeConfigs(req *kmsg.DescribeConfigsRequest, err *protocol.Error) kmsg.Response {
	resp := responseTo[*kmsg.DescribeConfigsResponse](req)
	return list(resp, &resp.Resources, len(req.Resources), func(i int) kmsg.DescribeConfigsResponseResource {
		answer := kmsg.NewDescribeConfigsResponseResource()
		answer.ResourceType, answer.ResourceName = req.Resources[i].ResourceType, req.Resources[i].ResourceName
		answer.ErrorCode, answer.ErrorMessage = err.Code(), err.TextAt(i)
		return answer
	})
}

// configDescription is what the answers to one request are made from.
type configDescription struct {
	img      *metadata.Image
	defaults topicDefaults
	node     int32
	synonyms bool // are wanted
	// plain is what a topic without configs of its own has, as nearly all topics do.
	plain []describedConfig
}

type describedConfig = kmsg.DescribeConfigsResponseResourceConfig

func (d *configDescription) resource(r *kmsg.DescribeConfigsRequestResource) ([]describedConfig, *protocol.Error) {
	switch kind := int8(r.ResourceType); kind {
	case metadata.ConfigTopic:
		return d.topic(r.ResourceName)
	case metadata.ConfigBroker:
		return d.broker(r.ResourceName)
	case metadata.ConfigClientMetrics, metadata.ConfigGroup:
		if r.ResourceName == "" {
			return nil, protocol.Errorf(kerr.InvalidRequest, "The name of the resource must not be empty")
		}
		source := sourceClientMetrics
		if kind == metadata.ConfigGroup {
			source = sourceGroup
		}
		return d.layered(configLayer{d.img.Config(kind, r.ResourceName), source}), nil
	}
	return nil, protocol.Errorf(kerr.InvalidRequest, "Unsupported resource type: %d", int8(r.ResourceType))
}

func (d *configDescription) topic(name string) ([]describedConfig, *protocol.Error) {
	if err := checkTopicName(name); err != nil {
		return nil, err
	}
	if d.img.TopicByName(name) == nil {
		return nil, protocol.Errorf(kerr.UnknownTopicOrPartition, "The topic '%s' does not exist.", name)
	}
	overrides := d.img.Config(metadata.ConfigTopic, name)
	if len(overrides) == 0 && d.plain != nil {
		return d.plain, nil
	}
	var configs []describedConfig
	for k := range shownTopicKeys(overrides) {
		value, source := d.defaults.effective(k, overrides)
		config := kmsg.NewDescribeConfigsResponseResourceConfig()
		config.Name, config.Value, config.Source, config.ConfigType = k.name, &value, kmsg.ConfigSource(source), k.configType()
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

// topicSynonyms is every level that says something about a key, the one that counts first.
func (d *configDescription) topicSynonyms(k *topicKey, overrides map[string]string) []describedSynonym {
	var all []describedSynonym
	if v, ok := overrides[k.name]; ok {
		all = append(all, configSynonym(k.name, v, sourceTopic))
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

func (d *configDescription) broker(name string) ([]describedConfig, *protocol.Error) {
	if name == "" {
		return d.layered(configLayer{d.defaults.cluster, sourceBrokerDefault}), nil
	}
	id, err := strconv.ParseInt(name, 10, 32)
	switch {
	case err != nil:
		return nil, protocol.Errorf(kerr.InvalidRequest, "Broker id must be an integer, but it is: %s", name)
	case int32(id) != d.node:
		return nil, protocol.Errorf(kerr.InvalidRequest, "Unexpected broker id, expected %d or empty string, but received %s", d.node, name)
	}
	return d.layered(d.nodeLevels()...), nil
}

// configLayer is one level of a configuration.
type configLayer struct {
	values map[string]string
	source int8
}

// nodeLevels are those of this node's configuration, the one that counts first.
func (d *configDescription) nodeLevels() []configLayer {
	return []configLayer{{d.defaults.node, sourceBroker}, {d.defaults.cluster, sourceBrokerDefault}, {d.defaults.static, sourceStatic}}
}

// layered describes every key of some levels, by name.
func (d *configDescription) layered(levels ...configLayer) []describedConfig {
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
				config.Value, config.Source, config.ReadOnly = synonym.Value, synonym.Source, level.source == sourceStatic
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

// topicKeyTypes are the types of keys that their defaults do not tell.
var topicKeyTypes = map[string]kmsg.ConfigType{
	"compression.gzip.level": kmsg.ConfigTypeInt, "compression.lz4.level": kmsg.ConfigTypeInt, "compression.zstd.level": kmsg.ConfigTypeInt,
	"index.interval.bytes": kmsg.ConfigTypeInt, "internal.segment.bytes": kmsg.ConfigTypeInt, "max.message.bytes": kmsg.ConfigTypeInt,
	minISRConfig: kmsg.ConfigTypeInt, "segment.bytes": kmsg.ConfigTypeInt, "segment.index.bytes": kmsg.ConfigTypeInt,
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
