package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

const askTimeout = 15 * time.Second

// Leader is the active controller's description of its quorum; all offsets are of the metadata log.
type Leader struct {
	ID, Epoch     int32
	HighWatermark int64
	Voters        map[int32]int64 // node id -> log end offset
	Observers     map[int32]int64 // the same for brokers and for controllers that are not voters
}

// FindLeader sends DescribeQuorum to every node and returns the answer of the leader with the
// highest epoch.
func FindLeader(ctx context.Context, q Quorum) (Leader, error) {
	best := Leader{ID: -1}
	var errs []error
	for _, id := range q.Nodes() {
		l, err := DescribeQuorum(ctx, q.Endpoint(id), q.ClientOptions()...)
		if err != nil {
			errs = append(errs, fmt.Errorf("node %d: %w", id, err))
		} else if l.ID == id && l.Epoch > best.Epoch {
			best = l
		}
	}
	if best.ID < 0 {
		return best, fmt.Errorf("no node leads: %w", errors.Join(errs...))
	}
	return best, nil
}

// WaitLeader waits until a node answers as the quorum's leader.
func WaitLeader(t testing.TB, q Quorum, within time.Duration) Leader {
	t.Helper()
	var leader Leader
	Eventually(t, within, q.Name()+" quorum has a leader", func() (err error) {
		leader, err = FindLeader(t.Context(), q)
		if err != nil && !slices.ContainsFunc(q.Nodes(), q.Alive) {
			return final(fmt.Errorf("no node runs: %w", err))
		}
		return err
	})
	return leader
}

// WaitCaughtUp waits until the leader knows that a voter holds everything committed so far.
func WaitCaughtUp(t testing.TB, q Quorum, id int32, within time.Duration) {
	t.Helper()
	committed := WaitLeader(t, q, within).HighWatermark
	Eventually(t, within, fmt.Sprintf("controller %d catches up", id), func() error {
		leader, err := FindLeader(t.Context(), q)
		if err == nil && leader.Voters[id] < committed {
			err = fmt.Errorf("is at offset %d of %d", leader.Voters[id], committed)
		}
		return err
	})
}

// DescribeQuorum queries one controller. A standby of Apache's answers NOT_LEADER_OR_FOLLOWER.
func DescribeQuorum(ctx context.Context, endpoint string, opts ...kgo.Opt) (Leader, error) {
	req := kmsg.NewPtrDescribeQuorumRequest()
	partition := kmsg.NewDescribeQuorumRequestTopicPartition()
	topic := kmsg.NewDescribeQuorumRequestTopic()
	topic.Topic, topic.Partitions = protocol.MetadataTopic, append(topic.Partitions, partition)
	req.Topics = append(req.Topics, topic)
	kresp, err := Ask(ctx, endpoint, req, opts...)
	if err != nil {
		return Leader{}, err
	}
	resp := kresp.(*kmsg.DescribeQuorumResponse)
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return Leader{}, err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return Leader{}, fmt.Errorf("answer to DescribeQuorum without its partition: %+v", resp)
	}
	p := resp.Topics[0].Partitions[0]
	l := Leader{ID: p.LeaderID, Epoch: p.LeaderEpoch, HighWatermark: p.HighWatermark,
		Voters: map[int32]int64{}, Observers: map[int32]int64{}}
	for _, v := range p.CurrentVoters {
		l.Voters[v.ReplicaID] = v.LogEndOffset
	}
	for _, o := range p.Observers {
		l.Observers[o.ReplicaID] = o.LogEndOffset
	}
	return l, kerr.ErrorForCode(p.ErrorCode)
}

// LogStart is the offset of the oldest record of the metadata log that the leader still holds. The
// caller gives the leader's epoch.
func LogStart(ctx context.Context, endpoint string, epoch int32) (int64, error) {
	req := kmsg.NewPtrFetchRequest()
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.CurrentLeaderEpoch, partition.LastFetchedEpoch, partition.LogStartOffset = epoch, 0,
		-1
	topic := kmsg.NewFetchRequestTopic()
	topic.TopicID, topic.Partitions = [16]byte{15: 1}, append(topic.Partitions, partition)
	req.MaxBytes, req.Topics = 1, append(req.Topics, topic)
	kresp, err := Ask(ctx, endpoint, req)
	if err != nil {
		return 0, err
	}
	resp := kresp.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return 0, err
	}
	p := resp.Topics[0].Partitions[0]
	return p.LogStartOffset, kerr.ErrorForCode(p.ErrorCode)
}

// Ask sends one request to one controller or broker on a new connection, after ApiVersions, at the
// highest version that both know. It waits at most 15 s. opts are for its client, such as a login.
func Ask(
	ctx context.Context, endpoint string, req kmsg.Request, opts ...kgo.Opt,
) (kmsg.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(endpoint),
		kgo.DialTimeout(askTimeout))...)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	return cl.SeedBrokers()[0].Request(ctx, req)
}
