package controller

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// TestCreatedTopicTellsItsConfigs changes defaults between creations: the configs reported for a
// topic without overrides are cached, and must follow the defaults.
func TestCreatedTopicTellsItsConfigs(t *testing.T) {
	t.Parallel()
	tc := newTestCore(t)
	tc.addBrokers(0)
	segmentBytes := func(name string, own *string) (value string, source int8) {
		req := kmsg.NewPtrCreateTopicsRequest()
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, 1, 1
		if own != nil {
			topic.Configs = []kmsg.CreateTopicsRequestTopicConfig{{Name: "segment.bytes",
				Value: own}}
		}
		req.Topics = append(req.Topics, topic)
		created := tc.createTopics(op{}, req).response.(*kmsg.CreateTopicsResponse).Topics[0]
		for _, c := range created.Configs {
			if c.Name == "segment.bytes" {
				return *c.Value, c.Source
			}
		}
		t.Fatalf("%s: error %d, and no segment.bytes among %d configs", name, created.ErrorCode,
			len(created.Configs))
		return "", 0
	}
	expect := func(when string, own *string, want string, wantSource int8) {
		t.Helper()
		if value, source := segmentBytes(when, own); value != want || source != wantSource {
			t.Errorf("%s: %s from source %d, want %s from %d", when, value, source, want,
				wantSource)
		}
	}
	set := func(broker, value string) {
		tc.apply(&record.Config{ResourceType: metadata.ConfigBroker, ResourceName: broker,
			Name: "log.segment.bytes", Value: &value})
	}
	own := "5000000"
	expect("default", nil, "1073741824", int8(kmsg.ConfigSourceDefaultConfig))
	expect("own", &own, own, int8(kmsg.ConfigSourceDynamicTopicConfig))
	expect("default-again", nil, "1073741824", int8(kmsg.ConfigSourceDefaultConfig))
	set("", "2000000")
	expect("cluster", nil, "2000000", int8(kmsg.ConfigSourceDynamicDefaultBrokerConfig))
	set("", "3000000")
	expect("cluster-again", nil, "3000000", int8(kmsg.ConfigSourceDynamicDefaultBrokerConfig))
	set("3000", "4000000")
	expect("node", nil, "4000000", int8(kmsg.ConfigSourceDynamicBrokerConfig))
}
