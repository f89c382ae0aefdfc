package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// CreateTopic creates a topic through a broker and waits until each of these brokers knows a leader
// for every partition.
func CreateTopic(t testing.TB, addrs []string, topic string, partitions int32, replicas int16) {
	t.Helper()
	created := kmsg.NewCreateTopicsRequestTopic()
	created.Topic, created.NumPartitions, created.ReplicationFactor = topic, partitions, replicas
	createTopic(t, addrs, created, int(replicas), int(partitions))
}

// CreateTopicWith creates a topic whose partitions have these replicas, and waits until each of
// these brokers knows their leaders.
func CreateTopicWith(
	t testing.TB, addrs []string, topic string, configs map[string]string, replicas ...[]int32,
) {
	t.Helper()
	created := kmsg.NewCreateTopicsRequestTopic()
	created.Topic, created.NumPartitions, created.ReplicationFactor = topic, -1, -1
	for i, r := range replicas {
		created.ReplicaAssignment = append(created.ReplicaAssignment,
			kmsg.CreateTopicsRequestTopicReplicaAssignment{Partition: int32(i), Replicas: r})
	}
	for name, value := range configs {
		created.Configs = append(created.Configs,
			kmsg.CreateTopicsRequestTopicConfig{Name: name, Value: &value})
	}
	all := slices.Concat(replicas...)
	slices.Sort(all)
	createTopic(t, addrs, created, len(slices.Compact(all)), len(replicas))
}

// createTopic retries after a transient error, as any client does. A broker starved of processor
// time may be fenced for a moment, so it first waits until enough brokers are unfenced.
func createTopic(
	t testing.TB, addrs []string, topic kmsg.CreateTopicsRequestTopic, brokers, partitions int,
) {
	t.Helper()
	// a retry inside the client would be invisible
	cl := openClient(t, addrs, kgo.RequestRetries(0))
	defer cl.Close()
	asked := false
	Eventually(t, Patience, "topic "+topic.Topic+" is created", func() error {
		ctx, cancel := context.WithTimeout(t.Context(), createTimeout)
		defer cancel()
		if err := unfenced(ctx, cl, brokers); err != nil {
			return err
		}
		again := asked
		asked = true
		return askForTopic(ctx, cl, topic, again)
	})
	Eventually(t, Patience, "topic "+topic.Topic+" has leaders", func() error {
		var errs []error
		for _, addr := range addrs {
			errs = append(errs, hasLeaders(t.Context(), addr, topic.Topic, partitions))
		}
		return errors.Join(errs...)
	})
}

// unfenced returns an error unless this many brokers can be given replicas, as a broker knows it.
func unfenced(ctx context.Context, cl *kgo.Client, want int) error {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	if len(resp.Brokers) < want {
		return fmt.Errorf("%d of %d brokers are unfenced", len(resp.Brokers), want)
	}
	return nil
}

// askForTopic returns nil when the topic exists. Errors that are not transient are final. again:
// the topic may exist because an answer was lost.
func askForTopic(
	ctx context.Context, cl *kgo.Client, topic kmsg.CreateTopicsRequestTopic, again bool,
) error {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Topics, req.TimeoutMillis = append(req.Topics, topic), int32(createTimeout.Milliseconds())
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	got := resp.Topics[0]
	if err = kerr.ErrorForCode(got.ErrorCode); err == nil || again &&
		errors.Is(err, kerr.TopicAlreadyExists) {
		return nil
	}
	// too many brokers are fenced
	passes := kerr.IsRetriable(err) || errors.Is(err, kerr.InvalidReplicationFactor) ||
		errors.Is(err, kerr.InvalidReplicaAssignment)
	if got.ErrorMessage != nil {
		err = fmt.Errorf("%w %s", err, *got.ErrorMessage)
	}
	if !passes {
		return final(err)
	}
	return err
}

func hasLeaders(ctx context.Context, addr, topic string, partitions int) error {
	topics, err := BrokerTopics(ctx, addr)
	if err != nil {
		return err
	}
	got, ok := topics[topic]
	if !ok || len(got.Partitions) != partitions {
		return fmt.Errorf("%s knows %d of %d partitions", addr, len(got.Partitions), partitions)
	}
	for _, p := range got.Partitions {
		if p.Leader < 0 || p.ErrorCode != 0 {
			return fmt.Errorf("%s knows no leader of partition %d (%w)", addr, p.Partition,
				kerr.ErrorForCode(p.ErrorCode))
		}
	}
	return nil
}
