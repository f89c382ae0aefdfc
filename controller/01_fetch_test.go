package controller

import (
	"math"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

var controllerCaller = protocol.Caller{Listener: "CONTROLLER", Principal: "User:ANONYMOUS",
	ClientAddr: "10.0.0.9", ClientID: "1"}

// observerFetch is a FETCH as a 4.3 broker sends it, in the form of any version.
func observerFetch(c *Controller) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.ClusterID = &c.cfg.ClusterID
	req.ReplicaID, req.ReplicaState.ID = 1, 1
	req.MaxWaitMillis, req.MaxBytes = 500, 1<<20
	p := kmsg.NewFetchRequestTopicPartition()
	p.CurrentLeaderEpoch, p.FetchOffset, p.LastFetchedEpoch = 7, 40, 6
	p.ReplicaDirectoryID, p.HighWatermark = testUUID(1), 39
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID = protocol.MetadataTopic, protocol.MetadataTopicID
	topic.Partitions = []kmsg.FetchRequestTopicPartition{p}
	req.Topics = []kmsg.FetchRequestTopic{topic}
	return req
}

func fetched() FetchResult {
	return FetchResult{LeaderID: 3001, LeaderEpoch: 7, HighWatermark: 50, DivergingEpoch: -1,
		DivergingEnd: -1, SnapshotEnd: -1, SnapshotEpoch: -1, Records: []byte("batch")}
}

func TestFetchRecords(t *testing.T) {
	c, log := newReadController(t)
	log.result = fetched()
	eachVersion(t, 1, func(t *testing.T, v int16) {
		if v < 12 {
			return // these cannot say what they have fetched last: refused below
		}
		resp := ask[*kmsg.FetchResponse](t, c, controllerCaller, observerFetch(c), v)
		want := FetchRequest{
			ReplicaID: 1, ReplicaDir: testUUID(1), LeaderEpoch: 7, Offset: 40, LastEpoch: 6,
			HighWatermark: 39, MaxBytes: 1 << 20, MaxWait: 500 * time.Millisecond,
		}
		if log.asked != want {
			t.Errorf("v%d: the log is asked %+v", v, log.asked)
		}
		if resp.ErrorCode != 0 || resp.SessionID != 0 || len(resp.Topics) != 1 ||
			len(resp.Topics[0].Partitions) != 1 {
			t.Fatalf("v%d: %+v", v, resp)
		}
		if topic := resp.Topics[0]; v < 13 && topic.Topic != protocol.MetadataTopic || v >= 13 &&
			topic.TopicID != protocol.MetadataTopicID {
			t.Errorf("v%d: topic %q, id %x", v, topic.Topic, topic.TopicID)
		}
		p := kmsg.NewFetchResponseTopicPartition()
		p.HighWatermark, p.LogStartOffset, p.RecordBatches = 50, 0, []byte("batch")
		p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = 3001, 7
		p.PreferredReadReplica = -1
		sameMessage(t, "partition", resp.Topics[0].Partitions[0], p)
		switch {
		case v < 16 && len(resp.Brokers) != 0:
			t.Errorf("v%d has no field for endpoints: %+v", v, resp.Brokers)
		case v >= 16 && (len(resp.Brokers) != 1 || resp.Brokers[0].NodeID != 3001 ||
			resp.Brokers[0].Host != "c" || resp.Brokers[0].Port != 9001):
			t.Errorf("v%d: endpoints %+v", v, resp.Brokers)
		}
	})
}

func TestFetchWithoutHighWatermark(t *testing.T) {
	c, log := newReadController(t)
	log.result = fetched()
	req := observerFetch(c)
	req.Topics[0].Partitions[0].HighWatermark = math.MaxInt64 // the default: the tag is not sent
	ask[*kmsg.FetchResponse](t, c, controllerCaller, req, 17)
	if log.asked.HighWatermark != math.MaxInt64 {
		t.Error(log.asked.HighWatermark)
	}
}

func TestFetchSpecialResults(t *testing.T) {
	c, log := newReadController(t)
	for name, change := range map[string]func(*FetchResult){
		"diverging": func(r *FetchResult) {
			r.DivergingEpoch, r.DivergingEnd, r.Records = 5, 33,
				nil
		},
		"snapshot": func(r *FetchResult) {
			r.SnapshotEpoch, r.SnapshotEnd, r.Records = 6, 44,
				nil
		},
		"fenced": func(r *FetchResult) { r.ErrorCode, r.HighWatermark, r.Records = 74, -1, nil },
		"no leader": func(r *FetchResult) {
			r.ErrorCode, r.LeaderID, r.LeaderEpoch, r.HighWatermark, r.Records = 6, -1, 8, -1, nil
		},
	} {
		log.result = fetched()
		change(&log.result)
		resp := ask[*kmsg.FetchResponse](t, c, controllerCaller, observerFetch(c), 18)
		p, r := resp.Topics[0].Partitions[0], log.result
		if p.ErrorCode != r.ErrorCode || p.CurrentLeader.LeaderID != r.LeaderID ||
			p.CurrentLeader.LeaderEpoch != r.LeaderEpoch || p.HighWatermark != r.HighWatermark ||
			p.DivergingEpoch.Epoch != r.DivergingEpoch ||
			p.DivergingEpoch.EndOffset != r.DivergingEnd ||
			p.SnapshotID.Epoch != r.SnapshotEpoch || p.SnapshotID.EndOffset != r.SnapshotEnd ||
			p.RecordBatches == nil {
			t.Errorf("%s: %+v", name, p)
		}
		if named := len(resp.Brokers) == 1; named != (r.LeaderID >= 0) {
			t.Errorf("%s: endpoints %v", name, resp.Brokers)
		}
	}
}

// A broker's process ends at a leader that it cannot reach.
func TestFetchHidesLeaderWithoutEndpoint(t *testing.T) {
	c, log := newReadController(t)
	log.result = fetched()
	caller := controllerCaller
	caller.Listener = "FOREIGN"
	resp := ask[*kmsg.FetchResponse](t, c, caller, observerFetch(c), 18)
	if leader := resp.Topics[0].Partitions[0].CurrentLeader; leader.LeaderID != -1 ||
		leader.LeaderEpoch != 7 || len(resp.Brokers) != 0 {
		t.Errorf("%+v %+v", leader, resp.Brokers)
	}
}

func TestFetchRefusals(t *testing.T) {
	other := "other"
	for name, test := range map[string]struct {
		change func(*kmsg.FetchRequest)
		code   int16
	}{
		"cluster":  {func(r *kmsg.FetchRequest) { r.ClusterID = &other }, 104},
		"no topic": {func(r *kmsg.FetchRequest) { r.Topics = nil }, 42},
		"two topics": {func(r *kmsg.FetchRequest) {
			r.Topics = append(r.Topics,
				r.Topics[0])
		}, 42},
		"topic id":     {func(r *kmsg.FetchRequest) { r.Topics[0].TopicID = testUUID(5) }, 42},
		"no partition": {func(r *kmsg.FetchRequest) { r.Topics[0].Partitions = nil }, 42},
		"partition": {func(r *kmsg.FetchRequest) { r.Topics[0].Partitions[0].Partition = 1 },
			42},
		"negative offset": {
			func(r *kmsg.FetchRequest) { r.Topics[0].Partitions[0].FetchOffset = -1 }, 42,
		},
		"negative epoch": {
			func(r *kmsg.FetchRequest) { r.Topics[0].Partitions[0].LastFetchedEpoch = -1 }, 42,
		},
		"epoch to come": {
			func(r *kmsg.FetchRequest) { r.Topics[0].Partitions[0].LastFetchedEpoch = 8 }, 42,
		},
		"negative waiting": {func(r *kmsg.FetchRequest) { r.MaxWaitMillis = -1 }, 42},
	} {
		c, _ := newReadController(t)
		req := observerFetch(c)
		test.change(req)
		resp := ask[*kmsg.FetchResponse](t, c, controllerCaller, req, 18)
		if resp.ErrorCode != test.code || len(resp.Topics) != 0 {
			t.Errorf("%s: %+v", name, resp)
		}
	}
	c, _ := newReadController(t)
	req := observerFetch(c)
	req.Topics[0].Topic = "t"
	if resp := ask[*kmsg.FetchResponse](t, c, controllerCaller, req, 12); resp.ErrorCode != 42 {
		t.Errorf("another topic by name: %+v", resp)
	}
	if resp := ask[*kmsg.FetchResponse](t, c, controllerCaller, observerFetch(c),
		11); resp.ErrorCode != 42 {
		t.Errorf("a consumer's fetch: %+v", resp)
	}
}
