package kafka

import (
	"fmt"
	"net"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fillEach is the number of topics in one request. With their partitions they are no more records
// than one request may write, and take little time.
const fillEach = 2000

// FillTopics creates topics of one partition directly at the leader.
func FillTopics(t testing.TB, addr string, topics int) {
	t.Helper()
	nc := dialFor(t, addr)
	defer nc.Close()
	for from := 0; from < topics; from += fillEach {
		var names []string
		for n := from; n < min(from+fillEach, topics); n++ {
			names = append(names, FilledTopic(n))
		}
		createAt(t, nc, 1, names...)
	}
}

// FilledTopic is the name of the n-th topic of FillTopics, from 0.
func FilledTopic(n int) string { return fmt.Sprintf("filled-%06d", n) }

// FillTopic creates one topic of that many partitions directly at the leader.
func FillTopic(t testing.TB, addr, name string, partitions int32) {
	t.Helper()
	nc := dialFor(t, addr)
	defer nc.Close()
	createAt(t, nc, partitions, name)
}

func dialFor(t testing.TB, addr string) net.Conn {
	t.Helper()
	nc, err := Dial(t.Context(), addr, 0)
	if err != nil {
		t.Fatal(err)
	}
	return nc
}

func createAt(t testing.TB, nc net.Conn, partitions int32, names ...string) {
	t.Helper()
	req := creation(partitions, names...)
	resp, err := Exchange(nc, req, Patience)
	if err != nil {
		t.Fatalf("create %d topics: %v", len(names), err)
	}
	for _, topic := range resp.(*kmsg.CreateTopicsResponse).Topics {
		if err := kerr.ErrorForCode(topic.ErrorCode); err != nil {
			t.Fatalf("create topic %s: %v", topic.Topic, err)
		}
	}
}
