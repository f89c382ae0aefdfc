package kafka

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fillEach is how many topics a request creates: with their partitions as many records as one
// may write.
const fillEach = 5000

// FillTopics creates topics of one partition at the leader, and nothing else at the same time.
func FillTopics(t testing.TB, addr string, topics int) {
	t.Helper()
	nc, err := Dial(t.Context(), addr, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for from := 0; from < topics; from += fillEach {
		req := WithVersion(kmsg.NewPtrCreateTopicsRequest(), 7)
		req.TimeoutMillis = int32(Patience.Milliseconds())
		for n := from; n < min(from+fillEach, topics); n++ {
			topic := kmsg.NewCreateTopicsRequestTopic()
			topic.Topic = fmt.Sprintf("filled-%06d", n)
			topic.NumPartitions, topic.ReplicationFactor = 1, 1
			req.Topics = append(req.Topics, topic)
		}
		resp, err := Exchange(nc, req, Patience)
		if err != nil {
			t.Fatalf("create topics %d to %d: %v", from, from+len(req.Topics), err)
		}
		for _, topic := range resp.(*kmsg.CreateTopicsResponse).Topics {
			if err := kerr.ErrorForCode(topic.ErrorCode); err != nil {
				t.Fatalf("create topic %s: %v", topic.Topic, err)
			}
		}
	}
}
