package controller

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

func TestListConfigResources(t *testing.T) {
	t.Parallel()
	c, _ := newReadController(t,
		&record.Topic{Name: "b", TopicID: testUUID(1)},
		&record.Topic{Name: "a", TopicID: testUUID(2)},
		configRecord(metadata.ConfigTopic, "a", "retention.ms", "5"),
		configRecord(metadata.ConfigClientMetrics, "m2", "interval.ms", "100"),
		configRecord(metadata.ConfigClientMetrics, "m1", "interval.ms", "100"),
		configRecord(metadata.ConfigGroup, "g", "consumer.session.timeout.ms", "50000"),
		configRecord(metadata.ConfigBroker, "", "num.io.threads", "9"),
		&record.RegisterBroker{BrokerID: 12, BrokerEpoch: 1},
		&record.RegisterBroker{BrokerID: 3, BrokerEpoch: 1, Fenced: true},
		&record.RegisterBroker{BrokerID: 2, BrokerEpoch: 1},
	)
	for _, test := range []struct {
		version int16
		types   []int8
		want    string
	}{
		{0, nil, "0: 16m1 16m2"},
		{1, nil, "0: 32g 16m1 16m2 82 812 42 412 2a 2b"},
		{1, []int8{metadata.ConfigTopic, metadata.ConfigGroup}, "0: 32g 2a 2b"},
		{1, []int8{metadata.ConfigBroker}, "0: 42 412"},
		{1, []int8{metadata.ConfigTopic, 7}, "35:"},
	} {
		req := kmsg.NewPtrListConfigResourcesRequest()
		req.ResourceTypes = test.types
		resp := ask[*kmsg.ListConfigResourcesResponse](t, c, controllerCaller, req, test.version)
		got := fmt.Sprintf("%d:", resp.ErrorCode)
		for _, r := range resp.ConfigResources {
			got += fmt.Sprintf(" %d%s", r.Type, r.Name)
		}
		if got != test.want {
			t.Errorf("v%d %v: got %s, want %s", test.version, test.types, got, test.want)
		}
	}
}
