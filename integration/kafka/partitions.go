package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Partition is a partition as one server knows it. Replicas have the preferred leader first; the
// other lists are sorted.
type Partition struct {
	ID, Leader, LeaderEpoch int32
	Replicas                []int32
	ISR                     []int32
	ELR                     []int32
	LastKnownELR            []int32
	Offline                 []int32
}

// Partitions returns a topic's partitions by id, as one broker or controller knows them
// (DescribeTopicPartitions).
func Partitions(ctx context.Context, addr, topic string) ([]Partition, error) {
	req := kmsg.NewPtrDescribeTopicPartitionsRequest()
	req.Topics = append(req.Topics, kmsg.DescribeTopicPartitionsRequestTopic{Topic: topic})
	kresp, err := Ask(ctx, addr, req)
	if err != nil {
		return nil, err
	}
	resp := kresp.(*kmsg.DescribeTopicPartitionsResponse)
	if len(resp.Topics) != 1 || resp.NextCursor != nil {
		return nil, fmt.Errorf("%s describes %d topics, not %s", addr, len(resp.Topics), topic)
	}
	if err := kerr.ErrorForCode(resp.Topics[0].ErrorCode); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", addr, topic, err)
	}
	var list []Partition
	for _, p := range resp.Topics[0].Partitions {
		for _, l := range [][]int32{p.ISR, p.EligibleLeaderReplicas, p.LastKnownELR,
			p.OfflineReplicas} {
			slices.Sort(l)
		}
		list = append(list, Partition{p.Partition, p.LeaderID, p.LeaderEpoch, p.Replicas, p.ISR,
			p.EligibleLeaderReplicas, p.LastKnownELR, p.OfflineReplicas})
	}
	slices.SortFunc(list, func(a, b Partition) int { return cmp.Compare(a.ID, b.ID) })
	return list, nil
}

// Reassign requests, through a broker, that partitions of a topic move to these replicas; nil
// cancels a running reassignment.
func Reassign(t testing.TB, addrs []string, topic string, targets map[int32][]int32) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	cl := openClient(t, addrs)
	defer cl.Close()
	resp, err := kadm.NewClient(cl).AlterPartitionAssignments(ctx,
		kadm.AlterPartitionAssignmentsReq{topic: targets})
	if err = errors.Join(err, resp.Error()); err != nil {
		t.Fatalf("reassign %s to %v: %v", topic, targets, err)
	}
}

// Reassigning returns a topic's running reassignments by partition, as the controllers report them
// through a broker.
func Reassigning(
	ctx context.Context, addr, topic string,
) (map[int32]kmsg.ListPartitionReassignmentsResponseTopicPartition, error) {
	// null topics mean all
	kresp, err := Ask(ctx, addr, kmsg.NewPtrListPartitionReassignmentsRequest())
	if err != nil {
		return nil, err
	}
	resp := kresp.(*kmsg.ListPartitionReassignmentsResponse)
	running := map[int32]kmsg.ListPartitionReassignmentsResponseTopicPartition{}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if t.Topic == topic {
				running[p.Partition] = p
			}
		}
	}
	return running, kerr.ErrorForCode(resp.ErrorCode)
}

// ReplicaDirs returns the log directories in which a broker holds partitions of a topic, with their
// sizes in bytes.
func ReplicaDirs(t testing.TB, b *Broker, topic string) map[int32]kadm.DescribedLogDirPartition {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	cl := openClient(t, Addrs(b))
	defer cl.Close()
	dirs, err := kadm.NewClient(cl).DescribeBrokerLogDirs(ctx, b.ID, nil)
	if err != nil {
		t.Fatalf("log directories of %s: %v", b.Name, err)
	}
	held := map[int32]kadm.DescribedLogDirPartition{}
	dirs.EachPartition(func(p kadm.DescribedLogDirPartition) {
		if p.Topic == topic && !p.IsFuture {
			held[p.Partition] = p
		}
	})
	return held
}
