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
	"github.com/yakt/yakt/protocol/kafkakeys"
)

// Describer describes the configs of resources in one image (ConfigHelper). It belongs to one
// request.
type Describer struct {
	img           *metadata.Image
	settings      Settings
	defaults      TopicDefaults
	node          *nodeConfig
	synonyms, doc bool // are wanted
	// plain is the description of a topic without configs of its own, as nearly all topics are; nil
	// until it is first made.
	plain []describedConfig
}

// NewDescriber returns a Describer; with synonyms it lists every level that sets a key, with doc it
// says what each key means.
func NewDescriber(img *metadata.Image, s Settings, synonyms, doc bool) *Describer {
	d := &Describer{
		img: img, settings: s, defaults: NewTopicDefaults(img, s), node: newNodeConfig(img, s),
		synonyms: synonyms, doc: doc,
	}
	d.defaults.node, d.defaults.cluster = d.node.node, d.node.cluster
	return d
}

type describedConfig = kmsg.DescribeConfigsResponseResourceConfig

// Count is about how many configs the description of a resource has.
func (d *Describer) Count(res Resource) int {
	switch res.Kind {
	case metadata.ConfigTopic:
		return len(topicKeys)
	case metadata.ConfigBroker:
		return NodeKeyCount() + len(d.node.node) + len(d.node.cluster) + len(d.node.static)
	case metadata.ConfigGroup:
		return len(groupKeys)
	}
	return len(d.img.Config(res.Kind, res.Name))
}

// NodeKeyCount is how many configs Kafka's servers have.
func NodeKeyCount() int { return len(kafkakeys.All()) }

// Describe returns the configs of a resource, by name: those named by keys, all if there are none.
// The caller must not change them.
func (d *Describer) Describe(res Resource, keys []string) ([]describedConfig, *protocol.Error) {
	configs, err := d.describe(res)
	if err != nil {
		return nil, err
	}
	if len(keys) > 0 {
		asked := make(map[string]bool, len(keys))
		for _, key := range keys {
			asked[key] = true
		}
		configs = slices.DeleteFunc(slices.Clone(configs), func(c describedConfig) bool {
			return !asked[c.Name]
		})
	}
	return configs, nil
}

func (d *Describer) describe(res Resource) ([]describedConfig, *protocol.Error) {
	switch res.Kind {
	case metadata.ConfigTopic:
		return d.topic(res.Name)
	case metadata.ConfigBroker:
		return d.broker(res.Name)
	case metadata.ConfigBrokerLogger:
		return d.loggers(res.Name)
	case metadata.ConfigClientMetrics:
		return d.clientMetrics(res.Name)
	case metadata.ConfigGroup:
		return d.group(res.Name)
	}
	return nil, protocol.Errorf(kerr.InvalidRequest, "Unsupported resource type: %d", res.Kind)
}

// finished leaves out of a description what was not asked for.
func (d *Describer) finished(c describedConfig) describedConfig {
	if !d.synonyms {
		c.ConfigSynonyms = nil
	}
	if doc := kafkakeys.Doc(c.Name); d.doc && doc != "" {
		c.Documentation = &doc
	}
	return c
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
		value, _ := d.defaults.effective(k, overrides)
		value = k.parsed(value)
		c := describedAs(k.name, k.configType(), d.topicSynonyms(k, overrides))
		c.Value = &value
		configs = append(configs, d.finished(c))
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
	if len(k.synonyms) > 0 {
		all = append(all, d.node.synonyms(k.synonyms[0].name)...)
	}
	return all
}

func (d *Describer) broker(name string) ([]describedConfig, *protocol.Error) {
	var configs []describedConfig
	if name == "" {
		for _, key := range slices.Sorted(maps.Keys(d.node.cluster)) {
			configs = append(configs, d.finished(d.node.describe(key, true)))
		}
		return configs, nil
	}
	if err := d.isThisNode(name, " or empty string,"); err != nil {
		return nil, err
	}
	for _, key := range d.node.names() {
		configs = append(configs, d.finished(d.node.describe(key, false)))
	}
	return configs, nil
}

// isThisNode checks that a name is this node's id. or is what else the name might have been.
func (d *Describer) isThisNode(name, or string) *protocol.Error {
	id, err := strconv.ParseInt(name, 10, 32)
	switch {
	case err != nil:
		return protocol.Errorf(kerr.InvalidRequest,
			"Broker id must be an integer, but it is: %s", name)
	case int32(id) != d.settings.NodeID:
		return protocol.Errorf(kerr.InvalidRequest,
			"Unexpected broker id, expected %d%s but received %s", d.settings.NodeID, or, name)
	}
	return nil
}

// loggers describes the levels of this process's loggers.
func (d *Describer) loggers(name string) ([]describedConfig, *protocol.Error) {
	if name == "" {
		return nil, protocol.Errorf(kerr.InvalidRequest, "Broker id must not be empty")
	}
	if err := d.isThisNode(name, ""); err != nil {
		return nil, err
	}
	var configs []describedConfig
	for _, logger := range d.settings.Loggers.All() {
		c := kmsg.NewDescribeConfigsResponseResourceConfig()
		c.Name, c.Value, c.Source = logger.Name, &logger.Level, kmsg.ConfigSource(sourceLogger)
		if !d.doc {
			logger.About = "" // Kafka's has always an empty one
		}
		c.Documentation = &logger.About
		configs = append(configs, c)
	}
	return configs, nil
}

func (d *Describer) clientMetrics(name string) ([]describedConfig, *protocol.Error) {
	if name == "" {
		return nil, protocol.Errorf(kerr.InvalidRequest,
			"Client metrics subscription name must not be empty")
	}
	own := d.img.Config(metadata.ConfigClientMetrics, name)
	var configs []describedConfig
	for _, k := range clientMetricsKeys {
		value, set := own[k.name]
		if !set {
			value = k.value
		}
		value = formatted(k.kind, value)
		var synonyms []describedSynonym
		if set {
			synonyms = append(synonyms, configSynonym(k.name, value, sourceClientMetrics))
		}
		c := describedAs(k.name, k.kind, synonyms)
		c.Value = &value
		configs = append(configs, d.finished(c))
	}
	return configs, nil
}

func (d *Describer) group(name string) ([]describedConfig, *protocol.Error) {
	if name == "" {
		return nil, protocol.Errorf(kerr.InvalidRequest, "Group name must not be empty")
	}
	own := d.img.Config(metadata.ConfigGroup, name)
	var configs []describedConfig
	for i := range groupKeys {
		k := &groupKeys[i]
		value, set := own[k.name]
		if k.internal && !set {
			continue
		}
		if !set {
			value = k.inherited(d.node)
		}
		value = formatted(k.kind, value)
		c := describedAs(k.name, k.kind, d.groupSynonyms(k, own))
		c.Value = &value
		configs = append(configs, d.finished(c))
	}
	slices.SortFunc(configs, func(a, b describedConfig) int {
		return strings.Compare(a.Name, b.Name)
	})
	return configs, nil
}

func (d *Describer) groupSynonyms(k *groupKey, own map[string]string) []describedSynonym {
	var all []describedSynonym
	if v, ok := own[k.name]; ok {
		all = append(all, configSynonym(k.name, formatted(k.kind, v), sourceGroup))
	}
	if k.synonym == "" {
		return append(all, configSynonym(k.name, k.value, sourceDefault))
	}
	return append(all, d.node.synonyms(k.synonym)...)
}

type describedSynonym = kmsg.DescribeConfigsResponseResourceConfigConfigSynonym

func configSynonym(name, value string, source int8) describedSynonym {
	s := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
	s.Name, s.Value, s.Source = name, &value, kmsg.ConfigSource(source)
	return s
}

// topicKeyTypes are the types of keys whose defaults do not show them.
var topicKeyTypes = map[string]kmsg.ConfigType{
	"compression.gzip.level":         kmsg.ConfigTypeInt,
	"compression.lz4.level":          kmsg.ConfigTypeInt,
	"compression.zstd.level":         kmsg.ConfigTypeInt,
	"index.interval.bytes":           kmsg.ConfigTypeInt,
	"internal.segment.bytes":         kmsg.ConfigTypeInt,
	"max.decompressed.message.bytes": kmsg.ConfigTypeInt,
	"max.message.bytes":              kmsg.ConfigTypeInt,
	minISRConfig:                     kmsg.ConfigTypeInt,
	"segment.bytes":                  kmsg.ConfigTypeInt,
	"segment.index.bytes":            kmsg.ConfigTypeInt,
	"min.cleanable.dirty.ratio":      kmsg.ConfigTypeDouble,
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

// parsed is the value as Kafka's brokers read it, written out again.
func (k *topicKey) parsed(value string) string {
	if k.distinct {
		return strings.Join(appended(nil, splitList(value)), ",")
	}
	return formatted(k.configType(), value)
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

// OtherBroker describes the dynamic configs of a broker, its own and those of the cluster: of its
// file only the broker itself knows.
func (d *Describer) OtherBroker(id int32) []describedConfig {
	n := &nodeConfig{
		node: dynamicConfigs(d.img.Config(metadata.ConfigBroker,
			strconv.Itoa(int(id))), true),
		cluster: d.node.cluster,
	}
	var configs []describedConfig
	for _, name := range n.names() {
		_, own := n.node[name]
		if _, shared := n.cluster[name]; own || shared {
			configs = append(configs, d.finished(n.describe(name, false)))
		}
	}
	return configs
}
