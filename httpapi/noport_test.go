package httpapi_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/controller/feed"
)

// behindNodesWithoutHTTP is a standby with an HTTP port in a quorum whose other nodes have none.
func behindNodesWithoutHTTP(t *testing.T) *server {
	t.Helper()
	all := startNodes(t, 3, "1/yakt.http.listeners=", "2/yakt.http.listeners=")
	s := all[2]
	ctx, cancel := context.WithTimeout(t.Context(), waitMax)
	defer cancel()
	for {
		s.node.Log().HandOver(ctx)
		active, _ := leader(t, all)
		if active != s {
			return s
		}
		if ctx.Err() != nil {
			t.Fatal("no other node takes the lead")
		}
	}
}

// TestAStandbyNeedsNoHTTPPortOfTheLeader carries out every kind of operation on such a standby.
func TestAStandbyNeedsNoHTTPPortOfTheLeader(t *testing.T) {
	t.Parallel()
	s := behindNodesWithoutHTTP(t)
	s.await("/readyz?quorum=true", func(status int, body []byte) bool {
		return status == http.StatusOK && strings.Contains(string(body),
			`"quorum_confirmed","ok":true`)
	})
	epoch := s.alive(1)
	s.post("/create_topic", object{"name": "a"})
	s.get("/v1/get_topic_by_name?consistency=linearizable&name=a")
	s.refused(http.StatusNotFound, "UNKNOWN_TOPIC_OR_PARTITION", http.MethodGet,
		"/v1/get_topic_by_name?consistency=linearizable&name=b", nil)
	large := make([]object, 2000)
	for i := range large {
		large[i] = object{"topicUUID": "Jb1aPjOFQJ2pUL4xzHq1Lg", "partitionId": i}
	}
	s.refused(http.StatusNotFound, "UNKNOWN_TOPIC_OR_PARTITION", http.MethodPost,
		"/v1/broker_mgmt", object{"brokerId": 1, "epoch": epoch, "inSync": large})
	p := s.refused(http.StatusServiceUnavailable, "NOT_CONTROLLER", http.MethodPost,
		"/v1/create_topic?redirect=true", object{"name": "c"})
	if !strings.Contains(p["detail"].(string), "Without redirect") {
		t.Errorf("redirect: %v", p["detail"])
	}
}

// TestStreamsThroughAStandby forwards many streams at once: each receives a change, and each ends
// when its client disconnects.
func TestStreamsThroughAStandby(t *testing.T) {
	t.Parallel()
	s := behindNodesWithoutHTTP(t)
	epoch := s.alive(1)
	ctx, cancel := context.WithTimeout(t.Context(), waitMax)
	defer cancel()
	var streams []*bufio.Scanner
	for range 200 {
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet,
			s.url+fmt.Sprintf("/v1/broker_mgmt?brokerId=1&epoch=%d", epoch), nil)
		req.Header.Set("Accept", "text/event-stream")
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%v %v", resp, err)
		}
		defer resp.Body.Close()
		streams = append(streams, bufio.NewScanner(resp.Body))
	}
	s.post("/v1/create_topic", object{"name": "news"})
	for i, stream := range streams {
		stream.Buffer(nil, 1<<20)
		heard := false
		for !heard && stream.Scan() {
			heard = strings.Contains(stream.Text(), `"name":"news"`)
		}
		if !heard {
			t.Fatalf("stream %d ended: %v", i, stream.Err())
		}
	}
	cancel()
	s.post("/v1/create_topic", object{"name": "after"})
	waiting, end := context.WithTimeout(t.Context(), 5*time.Second)
	defer end()
	c := s.node.Controller()
	for at := int64(-1); c.Image().TopicByName("after") == nil; at = c.Image().EndOffset() - 1 {
		if err := c.Await(waiting, feed.AudienceAll, at); err != nil {
			t.Fatal(err)
		}
	}
}
