package httpapi_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestFeedAnswersADeltaOrASnapshot(t *testing.T) {
	s := startOne(t)
	epoch := s.alive(1)
	held := s.get("/v1/client_mgmt")
	if held["kind"] != "snapshot" {
		t.Fatalf("who holds nothing gets a %v", held["kind"])
	}
	s.post("/v1/create_topic", object{"name": "a", "numPartitions": 2,
		"configs": object{"retention.ms": "1000"}})
	s.post("/v1/register_producer", object{"brokerId": 1, "brokerEpoch": epoch})

	delta := s.get(fmt.Sprintf("/v1/client_mgmt?offset=%v", held["endOffset"]))
	if names := namesOf(delta); delta["kind"] != "delta" ||
		names != "TopicRecord PartitionRecord PartitionRecord" ||
		delta["fromOffset"] != held["endOffset"] {
		t.Errorf("a client's delta: %v from %v: %s", delta["kind"], delta["fromOffset"], names)
	}
	all := s.post("/v1/broker_mgmt", object{"brokerId": 1, "epoch": epoch,
		"offset": held["endOffset"]})
	const created = "TopicRecord ConfigRecord PartitionRecord PartitionRecord ProducerIdsRecord"
	if names := namesOf(all); names != created {
		t.Errorf("a broker's delta: %s", names)
	}
	half := s.post("/v1/client_mgmt", object{"offset": delta["records"].([]any)[0].(object)["offset"]})
	if names := namesOf(half); names != "PartitionRecord PartitionRecord" {
		t.Errorf("a delta from the middle of a batch: %s", names)
	}
	nothing := s.get(fmt.Sprintf("/v1/client_mgmt?offset=%v", all["endOffset"]))
	if nothing["kind"] != "delta" || namesOf(nothing) != "" ||
		nothing["endOffset"] != all["endOffset"] {
		t.Errorf("with everything held: %v", nothing)
	}
	now := time.Now()
	for what, want := range map[string]string{
		"offset=999999999": "snapshot",
		"timestamp=" + now.Add(time.Hour).UTC().Format(time.RFC3339):       "snapshot",
		"timestamp=" + now.Add(-11*time.Minute).UTC().Format(time.RFC3339): "snapshot",
		"timestamp=" + delta["timestamp"].(string):                         "delta",
		"timestamp=" + now.UTC().Format(time.RFC3339Nano):                  "delta",
	} {
		if got := s.get("/v1/client_mgmt?" + what); got["kind"] != want {
			t.Errorf("%s: got a %v, want a %s", what, got["kind"], want)
		}
	}
	snapshot := s.get("/v1/client_mgmt")
	const state = "RegisterBrokerRecord TopicRecord PartitionRecord PartitionRecord"
	if names := namesOf(snapshot); names != state {
		t.Errorf("a client's snapshot: %s", names)
	}
	for _, r := range snapshot["records"].([]any) {
		checkRecord(t, r.(object), r.(object)["name"].(string))
	}
}

func namesOf(news object) string {
	var names []string
	for _, r := range news["records"].([]any) {
		names = append(names, r.(object)["name"].(string))
	}
	return strings.Join(names, " ")
}

// kafka sends one request of Kafka's protocol to the node's controller listener.
func (s *server) kafka(req kmsg.Request) kmsg.Response {
	s.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.node.Addr("CONTROLLER")))
	if err != nil {
		s.t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), waitMax)
	defer cancel()
	resp, err := cl.SeedBrokers()[0].Request(ctx, req)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp
}

func TestBothWorldsAreOne(t *testing.T) {
	s := startOne(t)
	s.alive(1)
	held := s.get("/v1/client_mgmt")
	waiting := make(chan object)
	go func() {
		waiting <- s.get(fmt.Sprintf("/v1/client_mgmt?wait=25s&offset=%v", held["endOffset"]))
	}()
	req := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "from-kafka", 1, 1
	req.Topics, req.TimeoutMillis = append(req.Topics, topic), 5000
	if resp := s.kafka(req).(*kmsg.CreateTopicsResponse); resp.Topics[0].ErrorCode != 0 {
		t.Fatalf("create topic: %v", resp.Topics[0])
	}
	if news := <-waiting; namesOf(news) != "TopicRecord PartitionRecord" {
		t.Errorf("the waiting client got %v", news)
	}
	s.get("/get_topic_by_name?name=from-kafka")

	s.post("/v1/create_topic", object{"name": "from-http"})
	metadata := kmsg.NewPtrMetadataRequest()
	metadata.Topics = []kmsg.MetadataRequestTopic{{Topic: kmsg.StringPtr("from-http")}}
	if resp := s.kafka(metadata).(*kmsg.MetadataResponse); len(resp.Topics) != 1 ||
		resp.Topics[0].ErrorCode != 0 || len(resp.Brokers) != 1 {
		t.Errorf("Kafka's METADATA of a topic made over HTTP: %+v", resp)
	}
}

func TestLongPollEnds(t *testing.T) {
	s := startOne(t)
	epoch := s.alive(1)
	end := s.get("/v1/client_mgmt")["endOffset"]
	// A change that client_mgmt does not show does not end the wait.
	done := make(chan object)
	go func() {
		done <- s.get(fmt.Sprintf("/v1/client_mgmt?wait=300ms&offset=%v", end))
	}()
	s.post("/v1/register_producer", object{"brokerId": 1, "brokerEpoch": epoch})
	if news := <-done; namesOf(news) != "" || news["kind"] != "delta" {
		t.Errorf("after its time: %v", news)
	}
	// A caller that needs a snapshot is answered at once.
	began := time.Now()
	s.get("/v1/client_mgmt?wait=20s")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("a snapshot took %v", took)
	}
	// A node that stops answers the requests that wait.
	go func() {
		done <- s.get(fmt.Sprintf("/v1/client_mgmt?wait=25s&offset=%v",
			s.node.Controller().Image().EndOffset()-1))
	}()
	s.watchers(1)
	s.stop()
	<-done
}

// watchers waits until n requests wait for a change.
func (s *server) watchers(n int) {
	s.t.Helper()
	deadline := time.Now().Add(waitMax)
	for s.node.Controller().Waiting() < n {
		if time.Now().After(deadline) {
			s.t.Fatalf("only %d of %d requests wait", s.node.Controller().Waiting(), n)
		}
		s.get("/livez")
	}
}

func TestALongPollKeepsItsBrokerAlive(t *testing.T) {
	s := startOne(t, "broker.session.timeout.ms=1500", "broker.heartbeat.interval.ms=200")
	epoch := s.alive(1)
	at := s.node.Controller().Image().EndOffset() - 1
	beat := object{"brokerId": 1, "epoch": epoch, "offset": at}
	if names := namesOf(s.post("/v1/broker_mgmt?wait=3s", beat)); names != "" {
		t.Errorf("while it waited: %s", names)
	}
	if f := fields(s.get("/v1/get_broker_by_id?brokerId=1")); f["brokerStatus"] != "UNFENCED" {
		t.Errorf("after its long poll: %v", f)
	}
	news := s.get(fmt.Sprintf("/v1/client_mgmt?wait=20s&offset=%d", at))
	if f := fields(lastOf(news, "BrokerRegistrationChangeRecord")); f["brokerStatus"] != "FENCED" {
		t.Errorf("without heartbeats: %v", news)
	}
}

func TestStream(t *testing.T) {
	s := startOne(t)
	s.alive(1)
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/v1/client_mgmt", nil)
	req.Header.Set("Accept", "text/event-stream")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("content type %q", got)
	}
	events := bufio.NewScanner(resp.Body)
	next := func() (id, name, data string) {
		for events.Scan() {
			switch key, value, _ := strings.Cut(events.Text(), ": "); key {
			case "id":
				id = value
			case "event":
				name = value
			case "data":
				return id, name, value
			}
		}
		t.Fatalf("the stream ended: %v", events.Err())
		return
	}
	if _, name, _ := next(); name != "snapshot" {
		t.Fatalf("a stream begins with a %s", name)
	}
	s.post("/v1/create_topic", object{"name": "streamed"})
	id, name, data := next()
	news := decode[object](t, []byte(data))
	if name != "delta" || namesOf(news) != "TopicRecord PartitionRecord" ||
		id != fmt.Sprint(news["endOffset"]) {
		t.Errorf("event %s %s %s", id, name, data)
	}
	s.post("/v1/create_topic", object{"name": "missed"})
	again, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/v1/client_mgmt",
		nil)
	again.Header.Set("Accept", "text/event-stream")
	again.Header.Set("Last-Event-ID", id)
	resumed, err := client.Do(again)
	if err != nil {
		t.Fatal(err)
	}
	defer resumed.Body.Close()
	events = bufio.NewScanner(resumed.Body)
	if _, name, data := next(); name != "delta" || !strings.Contains(data, "missed") ||
		strings.Contains(data, "streamed") {
		t.Errorf("resumed with %s %s", name, data)
	}
}
