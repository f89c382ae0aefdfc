package attack

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
)

// changeTimeoutMs is the timeout of the requests; the controller's queue may be long.
const changeTimeoutMs = 30_000

// Valid requests of the greatest allowed size, one after the other, leave room for small ones.
func TestYAKtAttackByChanges(t *testing.T) {
	t.Parallel()
	v := newVictims(t, 1, attackTopics)
	if _, err := kafka.RegisterFake(t.Context(), v.addr(), attackBroker); err != nil {
		t.Fatal(err)
	}
	for _, a := range []attack{
		changing("topics of 9,900 partitions are created and deleted", 2,
			func(n int) []kmsg.Request {
				name := fmt.Sprintf("wide-%d", n)
				return []kmsg.Request{createOf(name, 9900), deleteOf(name)}
			}),
		changing("900 topics of 10 partitions are created and deleted", 2,
			func(n int) []kmsg.Request {
				var names []string
				for i := range 900 {
					names = append(names, fmt.Sprintf("many-%d-%d", n, i))
				}
				create := createOf(names[0], 10)
				for _, name := range names[1:] {
					create.Topics = append(create.Topics, createOf(name, 10).Topics...)
				}
				return []kmsg.Request{create, deleteOf(names...)}
			}),
		changing("10,000 partitions are reassigned, and that is cancelled", 1,
			func(int) []kmsg.Request {
				return []kmsg.Request{
					reassignFilled(10_000, []int32{attackBroker}), reassignFilled(10_000, nil),
				}
			}),
	} {
		t.Run(a.name, func(t *testing.T) { v.endure(t, a) })
	}
}

// changing is a few clients that each repeat a sequence of requests. requests returns the sequence
// for the client of that number.
func changing(name string, clients int, requests func(n int) []kmsg.Request) attack {
	return attack{name: name, do: func(ctx context.Context, v *victim, a *kafka.Attacker) {
		var rounds atomic.Int32
		for n := range clients {
			all := requests(n)
			a.CrowdFrom(ctx, 1, 1, func(nc net.Conn) {
				for ctx.Err() == nil {
					for _, req := range all { // the last one undoes the first
						if err := carryOut(nc, req); err != nil {
							v.t.Errorf("%s: %s: %v", name, kmsg.NameForKey(req.Key()), err)
							return
						}
					}
					rounds.Add(1)
				}
			})
		}
		a.Wait()
		kafka.Logf(v.t, "%s: %d times", name, rounds.Load())
	}}
}

// carryOut sends a request, every part of which must succeed.
func carryOut(nc net.Conn, req kmsg.Request) error {
	resp, err := kafka.Exchange(nc, req, kafka.Patience)
	if err != nil {
		return err
	}
	var codes []int16
	switch resp := resp.(type) {
	case *kmsg.CreateTopicsResponse:
		for i := range resp.Topics {
			codes = append(codes, resp.Topics[i].ErrorCode)
		}
	case *kmsg.DeleteTopicsResponse:
		for i := range resp.Topics {
			codes = append(codes, resp.Topics[i].ErrorCode)
		}
	case *kmsg.AlterPartitionAssignmentsResponse:
		codes = append(codes, resp.ErrorCode)
		for i := range resp.Topics {
			codes = append(codes, resp.Topics[i].Partitions[0].ErrorCode)
		}
	}
	for _, code := range codes {
		if err := kerr.ErrorForCode(code); err != nil {
			return err
		}
	}
	return nil
}

func createOf(name string, partitions int32) *kmsg.CreateTopicsRequest {
	req := kafka.WithVersion(kmsg.NewPtrCreateTopicsRequest(), 7)
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions, 1
	req.Topics, req.TimeoutMillis = append(req.Topics, topic), changeTimeoutMs
	return req
}

func deleteOf(names ...string) *kmsg.DeleteTopicsRequest {
	req := kafka.WithVersion(kmsg.NewPtrDeleteTopicsRequest(), 6)
	for _, name := range names {
		topic := kmsg.NewDeleteTopicsRequestTopic()
		topic.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, topic)
	}
	req.TimeoutMillis = changeTimeoutMs
	return req
}

// reassignFilled reassigns the partitions of that many of the victim's topics; nil cancels the
// reassignments.
func reassignFilled(topics int, replicas []int32) *kmsg.AlterPartitionAssignmentsRequest {
	req := kafka.WithVersion(kmsg.NewPtrAlterPartitionAssignmentsRequest(), 0)
	for n := range topics {
		of := kmsg.NewAlterPartitionAssignmentsRequestTopic()
		of.Topic = kafka.FilledTopic(n)
		partition := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
		partition.Replicas = replicas
		of.Partitions = append(of.Partitions, partition)
		req.Topics = append(req.Topics, of)
	}
	req.TimeoutMillis = changeTimeoutMs
	return req
}
