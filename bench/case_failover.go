package main

import (
	"fmt"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/yakt/yakt/integration/kafka"
)

const (
	failoverTimeout = 60 * time.Second
	beforeFailover  = 2 * time.Second // how long the writes run undisturbed
)

// restart is case (l): all controllers are killed and restarted.
func restart(r *run) {
	r.startFleet(fillBrokers)
	r.fill("before", r.n(20_000, 100_000), fillBrokers)
	var again atomic.Int64
	w := &writer{retrying: r.newRetrying("writer", &again), topics: names{prefix: "after"}}
	r.check(w.create())
	for _, id := range r.quorum.Nodes() {
		r.quorum.Kill(id)
	}
	r.progress.show("starting all again")
	begin := time.Now()
	for _, id := range r.quorum.Nodes() {
		r.quorum.Start(r, id)
	}
	r.check(w.create())
	r.reportMs("all killed and started again: first write", time.Since(begin))
}

// failover is case (k): one client creates topics without a pause while the leader is stopped or
// killed.
func failover(r *run) {
	r.startFleet(creatingBrokers)
	var again atomic.Int64
	w := &writer{retrying: r.newRetrying("writer", &again), topics: names{prefix: "failover"}}
	for _, way := range []struct {
		name   string
		signal syscall.Signal
	}{{"kill -9", syscall.SIGKILL}, {"SIGTERM", syscall.SIGTERM}} {
		var stalls []time.Duration
		for i := range r.n(1, 5) {
			r.progress.show("%s of the leader, %d", way.name, i+1)
			stalls = append(stalls, r.outage(w, way.signal))
		}
		slices.Sort(stalls)
		r.reportMs(way.name+" of the leader: writes stall", percentile(stalls, 0.5))
		r.reportMs(way.name+" of the leader: writes stall at worst", percentile(stalls, 1))
	}
}

// writer creates one small topic after the other.
type writer struct {
	*retrying
	topics names
}

func (w *writer) create() error {
	name := w.topics.next()
	return w.do(failoverTimeout, func(c *conn) error {
		_, err := c.createTopic(name, 1)
		return err
	})
}

// outage signals the leader and returns the longest duration of a create from then until another
// node has acknowledged one. When it returns, the signalled node has rejoined the quorum.
func (r *run) outage(w *writer, signal syscall.Signal) (longest time.Duration) {
	for begin := time.Now(); time.Since(begin) < beforeFailover; {
		r.check(w.create())
	}
	victim := r.leader().ID
	r.check(syscall.Kill(r.quorum.Node(victim).Pid(), signal))
	for begin := time.Now(); time.Since(begin) < failoverTimeout; {
		asked := time.Now()
		r.check(w.create())
		longest = max(longest, time.Since(asked))
		if int32(w.node) != victim-firstControllerID {
			r.returns(victim)
			return longest
		}
	}
	r.Fatalf("node %d leads still, %v after signal %v", victim, failoverTimeout, signal)
	return 0
}

// returns waits for a node's end, restarts it and waits until it has caught up.
func (r *run) returns(node int32) {
	kafka.Eventually(r, failoverTimeout, "the node's end", func() error {
		if r.quorum.Alive(node) {
			return fmt.Errorf("node %d is still running", node)
		}
		return nil
	})
	r.quorum.Start(r, node)
	kafka.WaitCaughtUp(r, r.quorum, node, failoverTimeout)
}
