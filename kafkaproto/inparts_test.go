package kafkaproto

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// metadataInParts makes its topics as they are written, each part larger than the one before.
type metadataInParts struct {
	*kmsg.MetadataResponse
	topics []kmsg.MetadataResponseTopic
	lie    int // how many topics fewer are made when they are made again
	made   int
}

func (m *metadataInParts) Parts() (int, func() bool) {
	rest := m.topics[:len(m.topics)-m.lie*m.made]
	m.made++
	size := 0
	return len(m.topics), func() bool {
		size = min(size*2+1, 255, len(rest))
		m.Topics, rest = rest[:size:size], rest[size:]
		if size == 0 {
			m.Topics = []kmsg.MetadataResponseTopic{}
		}
		return size > 0
	}
}

func manyTopics(n int) []kmsg.MetadataResponseTopic {
	topics := make([]kmsg.MetadataResponseTopic, n)
	for i := range topics {
		topics[i].Topic = kmsg.StringPtr(fmt.Sprint("topic-", i))
		topics[i].Partitions = make([]kmsg.MetadataResponseTopicPartition, i%4)
	}
	return topics
}

func metadataResponse(version int16, topics []kmsg.MetadataResponseTopic) *kmsg.MetadataResponse {
	resp := kmsg.NewPtrMetadataResponse()
	resp.Version, resp.ControllerID, resp.Topics = version, 7, topics
	resp.Brokers = make([]kmsg.MetadataResponseBroker, 3)
	return resp
}

// A response in parts has the same bytes as that response in memory, in every version and size.
func TestInPartsIsTheSameResponse(t *testing.T) {
	t.Parallel()
	var topics []kmsg.MetadataResponseTopic
	cfg, _ := testConfig(func(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
		reply(&metadataInParts{MetadataResponse: metadataResponse(req.GetVersion(), nil),
			topics: topics})
	})
	s, addr := start(t, cfg)
	c := dial(t, addr)
	sent := int64(0)
	for _, n := range []int{0, 1, 2, 127, 128, 255, 256, 1000, 20_000} {
		topics = manyTopics(n)
		for version := range int16(14) {
			c.send(request(kmsg.NewPtrMetadataRequest(), version, int32(n)))
			got := c.receive()
			want := AppendResponse(nil, int32(n), metadataResponse(version, topics))
			if !bytes.Equal(got, want) {
				t.Fatalf("%d topics, version %d: %d bytes, want %d", n, version, len(got),
					len(want))
			}
			sent += int64(4 + len(got))
		}
	}
	eventually(t, func() string {
		if n := s.Stats().BytesOut; n != sent {
			return fmt.Sprintf("%d bytes counted of %d", n, sent)
		}
		return ""
	})
}

// A response that changes between its two passes ends the connection: its frame cannot be
// completed.
func TestInPartsThatDiffer(t *testing.T) {
	t.Parallel()
	cfg, _ := testConfig(func(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
		reply(&metadataInParts{
			MetadataResponse: metadataResponse(req.GetVersion(), nil), topics: manyTopics(10_000),
			lie: 1,
		})
	})
	s, addr := start(t, cfg)
	c := dial(t, addr)
	c.send(request(kmsg.NewPtrMetadataRequest(), 12, 1))
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Error(err)
	}
	expectClosed(t, s, closedFault, 1)
}
