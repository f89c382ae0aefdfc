package integration

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
)

// deposedMax bounds the time that a leader takes to detect the loss of its followers and to send
// brokers away: two election timeouts of electionMs at their longest, and a margin for a busy
// machine.
const deposedMax = 2*2*electionMs*time.Millisecond + 3*time.Second

// A leader that has lost its followers sends brokers elsewhere, those that ask and those with a
// parked FETCH: the next leader would fence a broker that stays.
func TestYAKtDeposedLeaderSendsBrokersAway(t *testing.T) {
	t.Parallel()
	properties := quorumProperties()
	properties["metadata.max.idle.interval.ms"] = "0" // so that nothing else ends a parked FETCH
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 3, kafka.ControllerOptions{Properties: properties})
	kafka.FakeBrokers(t, q, 1)
	requireAllReady(t, q)
	leader := kafka.WaitLeader(t, q, kafka.Patience)
	followers := slices.DeleteFunc(q.Nodes(), func(id int32) bool { return id == leader.ID })
	parked := make(chan error, 1)
	go func() { parked <- fetchAsBroker(t, q, leader, 2*deposedMax) }()
	begin := time.Now()
	for _, id := range followers {
		q.Node(id).Pause()
		t.Cleanup(q.Node(id).Resume)
	}
	select {
	case err := <-parked:
		requireSentAway(t, err)
		kafka.Logf(t, "a waiting broker is sent away after %v: %v", time.Since(begin), err)
	case <-time.After(deposedMax):
		t.Errorf("a broker that waits at the leader that lost its followers is not answered for %v",
			deposedMax)
	}
	kafka.Eventually(t, deposedMax, "a broker that asks is sent away", func() error {
		if err := fetchAsBroker(t, q, leader, 100*time.Millisecond); !errors.Is(err,
			kerr.BrokerNotAvailable) {
			return fmt.Errorf("answered %w", err)
		}
		return nil
	})
	for _, id := range followers {
		q.Node(id).Resume()
	}
	creator := kafka.NewCreator(t, q, 1)
	create(t, creator)
	creator.RequireCreated(t, q.Nodes()...)
}

func requireSentAway(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, kerr.BrokerNotAvailable) {
		t.Errorf("answered %v, want %v", err, kerr.BrokerNotAvailable)
	}
}

// fetchAsBroker fetches past the end of a leader's log, as broker 1, and returns the error of the
// answer.
func fetchAsBroker(
	t *testing.T, q *kafka.Controllers, leader kafka.Leader, wait time.Duration,
) error {
	clusterID := q.ClusterID()
	req := kafka.MetadataFetch(&clusterID, leader.Epoch, leader.HighWatermark).(*kmsg.FetchRequest)
	req.ReplicaState.ID, req.ReplicaState.Epoch = 1, 1
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes = int32(wait.Milliseconds()), 1, 1<<20
	req.Topics[0].Partitions[0].PartitionMaxBytes = 1 << 20
	req.Topics[0].Partitions[0].LastFetchedEpoch = leader.Epoch
	for {
		kresp, err := kafka.Ask(t.Context(), q.Endpoint(leader.ID), req)
		if err != nil {
			return err
		}
		resp := kresp.(*kmsg.FetchResponse)
		if resp.ErrorCode != 0 || len(resp.Topics) == 0 {
			return kerr.ErrorForCode(resp.ErrorCode)
		}
		p := &resp.Topics[0].Partitions[0]
		if p.ErrorCode != 0 || p.HighWatermark <= req.Topics[0].Partitions[0].FetchOffset {
			return kerr.ErrorForCode(p.ErrorCode)
		}
		req.Topics[0].Partitions[0].FetchOffset = p.HighWatermark
	}
}
