package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol/batch"
)

const (
	largePartitions = 9900
	largeReplicas   = 40
)

// TestYAKtTransactions creates topics whose records take several batches. A real broker sees each
// topic completely or not at all, even if the writing controller is killed, and even if the broker
// reads the log again.
func TestYAKtTransactions(t *testing.T) {
	t.Parallel()
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 3,
		kafka.ControllerOptions{Properties: kafka.LongSessions()})
	kafka.FakeBrokers(t, q, largeReplicas)
	b := kafka.StartBroker(t, q, kafka.BrokerOptions{ID: 100, HeapMB: 512})
	kafka.WaitLeader(t, q, kafka.Patience)
	began := time.Now()
	if err := createAtLeader(t, q, "whole"); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	kafka.Logf(t, "%d partitions of %d replicas are created in %v", largePartitions, largeReplicas,
		took)
	requireLarge(t, b.Addr(), "whole")
	requireTransaction(t, b)

	known := []string{"whole"}
	for i, after := range []time.Duration{took / 2, took * 9 / 10} {
		name := fmt.Sprintf("cut-%d", i)
		old := kafka.WaitLeader(t, q, kafka.Patience)
		created := make(chan error, 1)
		go func() { created <- createLarge(t, q.Endpoint(old.ID), name) }()
		var err error
		select {
		case err = <-created:
			q.Kill(old.ID)
		case <-time.After(after): // somewhere in the middle
			q.Kill(old.ID)
			err = <-created
		}
		again := createAtLeader(t, q, name)
		kafka.Logf(t, "%s: the killed controller answered %v, the next %v", name, err, again)
		if again != nil && !errors.Is(again, kerr.TopicAlreadyExists) || err == nil &&
			again == nil {
			t.Errorf("%s: the killed controller answered %v, the next %v", name, err, again)
		}
		q.Start(t, old.ID)
		kafka.WaitCaughtUp(t, q, old.ID, kafka.Patience)
		known = append(known, name)
	}
	b.Restart(t)
	for _, name := range known {
		requireLarge(t, b.Addr(), name)
		for _, id := range q.Nodes() {
			requireLarge(t, q.Endpoint(id), name)
		}
	}
}

// createAtLeader sends a request to the leader, and retries without an answer or after a transient
// error.
func createAtLeader(t testing.TB, q kafka.Quorum, name string) (answer error) {
	t.Helper()
	kafka.Eventually(t, kafka.Patience, "the leader answers a request for "+name, func() error {
		leader, err := kafka.FindLeader(t.Context(), q)
		if err != nil {
			return err
		}
		answer = createLarge(t, q.Endpoint(leader.ID), name)
		if code := (*kerr.Error)(nil); answer == nil || errors.As(answer, &code) &&
			!code.Retriable {
			return nil
		}
		return answer
	})
	return answer
}

func createLarge(t testing.TB, endpoint, name string) error {
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, -1, -1
	for p := range int32(largePartitions) {
		a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		a.Partition = p
		for r := range int32(largeReplicas) {
			a.Replicas = append(a.Replicas, (p+r)%largeReplicas+1)
		}
		topic.ReplicaAssignment = append(topic.ReplicaAssignment, a)
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis, req.Topics = int32(kafka.Patience.Milliseconds()), append(req.Topics, topic)
	resp, err := askLarge(t, endpoint, req)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.(*kmsg.CreateTopicsResponse).Topics[0].ErrorCode)
}

// askLarge sends a request that takes long.
func askLarge(t testing.TB, endpoint string, req kmsg.Request) (kmsg.Response, error) {
	ctx, cancel := context.WithTimeout(t.Context(), kafka.Patience)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(endpoint))
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	return cl.SeedBrokers()[0].Request(ctx, req)
}

// requireLarge waits until a broker or controller knows a topic, which must never be there
// partially.
func requireLarge(t *testing.T, addr, name string) {
	t.Helper()
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{{Topic: &name}}
	kafka.Eventually(t, kafka.Patience, addr+" knows "+name, func() error {
		resp, err := askLarge(t, addr, req)
		if err != nil {
			return err
		}
		topic := resp.(*kmsg.MetadataResponse).Topics[0]
		if n := len(topic.Partitions); topic.ErrorCode == 0 && n != largePartitions {
			t.Errorf("%s knows %d partitions of %s, all have %d", addr, n, name, largePartitions)
		}
		for _, p := range topic.Partitions {
			if len(p.Replicas) != largeReplicas || p.Leader != p.Replicas[0] {
				return fmt.Errorf("partition %d has replicas %v, leader %d", p.Partition,
					p.Replicas, p.Leader)
			}
		}
		return kerr.ErrorForCode(topic.ErrorCode)
	})
}

// requireTransaction finds a transaction of several batches in a broker's copy of the log.
func requireTransaction(t *testing.T, b *kafka.Broker) {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(b.MetadataDir(), "*.log"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("no log in %s: %v", b.MetadataDir(), err)
	}
	slices.Sort(segments)
	batches, most := 0, 0
	for _, segment := range segments {
		data, err := os.ReadFile(segment)
		if err != nil {
			t.Fatal(err)
		}
		for {
			b, rest, err := batch.Parse(data)
			if err != nil { // the file is longer than its contents
				break
			}
			data = rest
			batches++
			_ = b.Each(func(_ int64, _, value []byte) error {
				if b.IsControl() {
					return nil
				}
				r, _, err := record.Decode(value)
				switch r.(type) {
				case *record.BeginTransaction:
					batches = 1
				case *record.EndTransaction:
					most = max(most, batches)
				}
				return err
			})
		}
	}
	if most < 2 {
		t.Errorf("the longest transaction in the broker's log has %d batches", most)
	}
}
