package kafkaproto

import (
	"context"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// toyBroker answers API_VERSIONS and METADATA, the latter from another goroutine.
type toyBroker struct{ host, port string }

func (b *toyBroker) handle(
	_ context.Context, _ Caller, req kmsg.Request, reply func(kmsg.Response),
) {
	switch req := req.(type) {
	case *kmsg.ApiVersionsRequest:
		resp := req.ResponseKind().(*kmsg.ApiVersionsResponse)
		for key, versions := range testKeys {
			entry := kmsg.NewApiVersionsResponseApiKey()
			entry.ApiKey, entry.MinVersion, entry.MaxVersion = key, versions[0], versions[1]
			resp.ApiKeys = append(resp.ApiKeys, entry)
		}
		reply(resp)
	case *kmsg.MetadataRequest:
		go func() { reply(b.metadata(req)) }()
	default:
		reply(nil)
	}
}

func (b *toyBroker) metadata(req *kmsg.MetadataRequest) *kmsg.MetadataResponse {
	resp := req.ResponseKind().(*kmsg.MetadataResponse)
	port, _ := strconv.Atoi(b.port)
	broker := kmsg.NewMetadataResponseBroker()
	broker.NodeID, broker.Host, broker.Port = 7, b.host, int32(port)
	resp.Brokers = append(resp.Brokers, broker)
	resp.ControllerID = 7
	for _, t := range req.Topics {
		topic := kmsg.NewMetadataResponseTopic()
		topic.Topic, topic.ErrorCode = t.Topic, 3
		resp.Topics = append(resp.Topics, topic)
	}
	return resp
}

func TestFranzGo(t *testing.T) {
	var broker toyBroker
	cfg, _ := testConfig(broker.handle)
	s, addr := start(t, cfg)
	broker.host, broker.port, _ = net.SplitHostPort(addr)
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ClientID("franz"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			req := kmsg.NewPtrMetadataRequest()
			topic := kmsg.NewMetadataRequestTopic()
			topic.Topic = kmsg.StringPtr("no-such-topic-" + strconv.Itoa(i))
			req.Topics = append(req.Topics, topic)
			resp, err := req.RequestWith(ctx, cl)
			if err != nil {
				t.Error(err)
				return
			}
			if resp.Version != 13 || resp.ControllerID != 7 ||
				!slices.ContainsFunc(resp.Topics, func(got kmsg.MetadataResponseTopic) bool {
					return *got.Topic == *topic.Topic && got.ErrorCode == 3
				}) {
				t.Errorf("response %+v", resp)
			}
		})
	}
	wg.Wait()
	if stats := s.Stats(); stats.Requests < 20 || stats.Closed["malformed"] > 0 {
		t.Errorf("stats %+v", stats)
	}
}
