package security

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/realm"
)

// attempt is a change and the code with which Kafka refuses it to a user without entries.
type attempt struct {
	name string
	req  kmsg.Request
	code func(kmsg.Response) int16
	want *kerr.Error
}

// attempts are what brokers leave to the controller to decide.
func attempts() []attempt {
	unregister := kmsg.NewPtrUnregisterBrokerRequest()
	unregister.BrokerID = 5
	configs := kmsg.NewPtrIncrementalAlterConfigsRequest()
	ofAll := kmsg.NewIncrementalAlterConfigsRequestResource()
	ofAll.ResourceType, ofAll.ResourceName = kmsg.ConfigResourceTypeBroker, ""
	set := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	set.Name, set.Value = "log.retention.ms", kmsg.StringPtr("1000")
	ofAll.Configs = append(ofAll.Configs, set)
	configs.Resources = append(configs.Resources, ofAll)
	return []attempt{
		{"create a topic", creation("stolen", 1), func(r kmsg.Response) int16 {
			return r.(*kmsg.CreateTopicsResponse).Topics[0].ErrorCode
		}, kerr.TopicAuthorizationFailed},
		{"change the default of all brokers", configs, func(r kmsg.Response) int16 {
			return r.(*kmsg.IncrementalAlterConfigsResponse).Resources[0].ErrorCode
		}, kerr.ClusterAuthorizationFailed},
		{"unregister a broker", unregister, func(r kmsg.Response) int16 {
			return r.(*kmsg.UnregisterBrokerResponse).ErrorCode
		}, kerr.ClusterAuthorizationFailed},
	}
}

// ungranted attempts changes through each broker and at each door of the controller.
func (c *cluster) ungranted(t *testing.T) {
	before := kafka.WaitLeader(t, c.q, kafka.Patience).HighWatermark
	for i, d := range doors {
		mechanism := realm.Mechanisms[i%len(realm.Mechanisms)]
		broker := c.r.Login(realm.Bob, realm.SASLSSL, mechanism)
		direct := c.r.Login(realm.Bob, d.Protocol, d.Mechanisms...)
		for _, a := range attempts() {
			a.require(t, "through broker "+d.Name, c.clients()[i], broker)
			a.require(t, "at the door "+d.Name, c.door(d.Name), direct)
		}
	}
	admin := c.client(t, realm.Admin, realm.Plain)
	resp, err := kmsg.NewPtrMetadataRequest().RequestWith(t.Context(), admin)
	if err != nil {
		t.Fatal(err)
	}
	if len(resp.Brokers) != len(doors) {
		t.Errorf("%d brokers are left", len(resp.Brokers))
	}
	for _, topic := range resp.Topics {
		if *topic.Topic == "stolen" {
			t.Error("the topic exists")
		}
	}
	t.Logf("offset %d before, %d now", before,
		kafka.WaitLeader(t, c.q, kafka.Patience).HighWatermark)
}

// require asks as a user without entries and wants Kafka's refusal.
func (a attempt) require(t *testing.T, where, addr string, login *realm.Login) {
	t.Helper()
	resp, err := kafka.Ask(t.Context(), addr, a.req, login.Options()...)
	if err != nil {
		t.Errorf("%s %s: %v", a.name, where, err)
		return
	}
	if err := kerr.ErrorForCode(a.code(resp)); !errors.Is(err, a.want) {
		t.Errorf("%s %s: got %v, want %v", a.name, where, err, a.want)
	}
}
