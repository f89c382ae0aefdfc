package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	replicationFactor = 3
	fillTopicSize     = 1000 // partitions of a topic that fills the metadata
	fillWorkers       = 4
	fillTimeout       = 10 * time.Minute
)

// createTopic creates one topic, placed by the controller, and returns its id.
func (c *conn) createTopic(name string, partitions int32) ([16]byte, error) {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, partitions, replicationFactor
	return c.create(t)
}

// createAssigned creates one topic whose partition i is on replicas(i); the first of them leads it.
func (c *conn) createAssigned(
	name string, partitions int, replicas func(partition int) []int32,
) ([16]byte, error) {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, -1, -1
	for i := range partitions {
		a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		a.Partition, a.Replicas = int32(i), replicas(i)
		t.ReplicaAssignment = append(t.ReplicaAssignment, a)
	}
	return c.create(t)
}

func (c *conn) create(t kmsg.CreateTopicsRequestTopic) (id [16]byte, err error) {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.TimeoutMillis, req.Topics = 7, int32(requestTimeout.Milliseconds()),
		append(req.Topics, t)
	resp, err := ask[*kmsg.CreateTopicsResponse](c, req)
	if err != nil {
		return id, fmt.Errorf("create topic %s: %w", t.Topic, err)
	}
	if len(resp.Topics) != 1 {
		return id, fmt.Errorf("create topic %s: %d topics in the response", t.Topic,
			len(resp.Topics))
	}
	if err := kerr.ErrorForCode(resp.Topics[0].ErrorCode); err != nil {
		return id, fmt.Errorf("create topic %s: %w", t.Topic, err)
	}
	return resp.Topics[0].TopicID, nil
}

// grow raises a topic's partition count, placed by the controller.
func (c *conn) grow(name string, partitions int32) error {
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.Version, req.TimeoutMillis = 3, int32(requestTimeout.Milliseconds())
	t := kmsg.NewCreatePartitionsRequestTopic()
	t.Topic, t.Count = name, partitions
	req.Topics = append(req.Topics, t)
	resp, err := ask[*kmsg.CreatePartitionsResponse](c, req)
	if err == nil && len(resp.Topics) == 1 {
		err = kerr.ErrorForCode(resp.Topics[0].ErrorCode)
	}
	if err != nil {
		return fmt.Errorf("grow topic %s: %w", name, err)
	}
	return nil
}

func (c *conn) deleteTopic(name string) error {
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version, req.TimeoutMillis = 6, int32(requestTimeout.Milliseconds())
	t := kmsg.NewDeleteTopicsRequestTopic()
	t.Topic = &name
	req.Topics = append(req.Topics, t)
	resp, err := ask[*kmsg.DeleteTopicsResponse](c, req)
	if err == nil && len(resp.Topics) == 1 {
		err = kerr.ErrorForCode(resp.Topics[0].ErrorCode)
	}
	if err != nil {
		return fmt.Errorf("delete topic %s: %w", name, err)
	}
	return nil
}

// names returns topic names that were never used. Safe for concurrent use.
type names struct {
	prefix string
	last   atomic.Int64
}

func (n *names) next() string { return n.prefix + "-" + strconv.FormatInt(n.last.Add(1), 10) }

// spreadOver places partition i on three neighbours of the first n brokers, so that all brokers get
// equal shares.
func spreadOver(n int) func(partition int) []int32 {
	return func(i int) []int32 {
		return []int32{firstBrokerID + int32(i%n), firstBrokerID + int32((i+1)%n),
			firstBrokerID + int32((i+2)%n)}
	}
}

// fill creates partitions in topics of a thousand, spread over the first n brokers. A refused or
// unanswered create is retried at the current leader; it returns the number of retries.
func (r *run) fill(prefix string, partitions, brokers int) (retried int) {
	if partitions < fillTopicSize {
		return 0
	}
	var (
		topics  = &names{prefix: prefix}
		again   atomic.Int64
		workers = make([]*retrying, fillWorkers)
	)
	for i := range workers {
		workers[i] = r.newRetrying("fill-"+strconv.Itoa(i), &again)
	}
	l := r.drive("filling with topics of 1000 partitions", fillWorkers,
		limit{ops: partitions / fillTopicSize}, func(_ context.Context, w int) error {
			name := topics.next()
			return workers[w].do(fillTimeout, func(c *conn) error {
				_, err := c.createAssigned(name, fillTopicSize, spreadOver(brokers))
				return err
			})
		})
	r.check(l.err)
	return int(again.Load())
}

// retrying is a client that retries, at whichever node leads, until it gets an answer. Not for
// concurrent use.
type retrying struct {
	run      *run
	clientID string
	conn     *conn
	node     int // the node that got the last request
	again    *atomic.Int64
}

func (r *run) newRetrying(clientID string, again *atomic.Int64) *retrying {
	c := &retrying{run: r, clientID: clientID, again: again,
		node: int(r.leader().ID - firstControllerID)}
	r.Cleanup(func() { c.conn.close() })
	return c
}

const retryPause = 2 * time.Millisecond // after one request to each node

// do repeats a write until it is acknowledged. If a topic exists already, or is gone already, an
// attempt with a lost answer succeeded.
func (c *retrying) do(within time.Duration, write func(*conn) error) error {
	deadline := time.Now().Add(within)
	for attempt := 1; ; attempt++ {
		err := c.attempt(write)
		if err == nil || attempt > 1 &&
			(errors.Is(err, kerr.TopicAlreadyExists) ||
				errors.Is(err, kerr.UnknownTopicOrPartition)) {
			return nil
		}
		if time.Now().After(deadline) || c.run.ctx.Err() != nil {
			return fmt.Errorf("after %d attempts: %w", attempt, err)
		}
		c.again.Add(1)
		c.conn.close()
		c.conn = nil
		c.node = (c.node + 1) % controllers
		if attempt%controllers == 0 {
			sleep(c.run.ctx, retryPause)
		}
	}
}

func (c *retrying) attempt(write func(*conn) error) (err error) {
	if c.conn == nil {
		if c.conn, err = dial(c.run.ctx, c.run.quorum.Endpoint(firstControllerID+int32(c.node)),
			c.clientID); err != nil {
			return err
		}
	}
	return write(c.conn)
}
