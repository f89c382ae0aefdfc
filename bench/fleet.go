package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	firstBrokerID    = 1
	tailID           = 2900 // replica id of the fleet's own observer
	heartbeatEvery   = 2 * time.Second
	startingInterval = 10 * time.Millisecond // between heartbeats of a starting broker
	unfenceTimeout   = 60 * time.Second
)

// fleet is a set of simulated brokers and one follower of the metadata log, whose position all of
// them report.
type fleet struct {
	run     *run
	brokers []*broker
	tail    *follower
}

// newFleet makes n unregistered brokers and begins to follow the log.
func (r *run) newFleet(n int) *fleet {
	f := &fleet{run: r}
	for i := range n {
		b := newBroker(int32(firstBrokerID+i), r.quorum.ClusterID())
		f.brokers = append(f.brokers, b)
		r.Cleanup(func() { b.conn.close() })
	}
	f.tail = newFollower(tailID, r.quorum.ClusterID(), r.leader().ID, r.quorum.Endpoint)
	r.goUntilDone(f.tail.run)
	return f
}

// startFleet makes n brokers that are unfenced and stay alive until the end of the run.
func (r *run) startFleet(n int) *fleet {
	f := r.newFleet(n)
	f.join()
	f.keepAlive()
	return f
}

// join registers and unfences all brokers concurrently; it returns how long each took.
func (f *fleet) join() []time.Duration {
	addr := f.run.leaderAddr()
	took, errs := make([]time.Duration, len(f.brokers)), make([]error, len(f.brokers))
	var wg sync.WaitGroup
	for i, b := range f.brokers {
		wg.Go(func() {
			begin := time.Now()
			errs[i] = f.bringUp(b, addr)
			took[i] = time.Since(begin)
		})
	}
	wg.Wait()
	for _, err := range errs {
		f.run.check(err)
	}
	slices.Sort(took)
	return took
}

// bringUp performs the steps of a starting broker up to the point where it may lead partitions. It
// tries another node when the leader changes.
func (f *fleet) bringUp(b *broker, addr string) error {
	ctx, cancel := context.WithTimeout(f.run.ctx, unfenceTimeout)
	defer cancel()
	err := b.start(f.run.ctx, addr)
	for nodes := 0; err != nil && ctx.Err() == nil; nodes++ {
		sleep(ctx, startingInterval)
		err = b.start(f.run.ctx, f.node(nodes))
	}
	if err != nil {
		return err
	}
	return f.unfence(ctx, b)
}

// node returns the endpoints of the controllers in turn.
func (f *fleet) node(i int) string {
	return f.run.quorum.Endpoint(firstControllerID + int32(i%controllers))
}

// unfence sends heartbeats until the broker may lead partitions.
func (f *fleet) unfence(ctx context.Context, b *broker) error {
	for {
		fenced, err := f.beatUntilAnswered(ctx, b, false)
		if err != nil || !fenced {
			return err
		}
		sleep(ctx, startingInterval)
	}
}

// keepAlive sends every broker's heartbeats to the current leader in the background, until stop is
// called.
func (f *fleet) keepAlive() (stop func()) { return f.keepAliveOf(f.brokers) }

func (f *fleet) keepAliveOf(brokers []*broker) (stop func()) {
	return f.run.goUntilDone(func(ctx context.Context) {
		var wg sync.WaitGroup
		for i, b := range brokers {
			wg.Go(func() {
				// spreads the heartbeats
				sleep(ctx, heartbeatEvery*time.Duration(i)/time.Duration(len(brokers)))
				f.beat(ctx, b)
			})
		}
		wg.Wait()
	})
}

func (f *fleet) beat(ctx context.Context, b *broker) {
	for ctx.Err() == nil {
		_, _ = f.beatUntilAnswered(ctx, b, false)
		sleep(ctx, heartbeatEvery)
	}
}

// beatUntilAnswered repeats a heartbeat, on one node after the other, until it is acknowledged or
// ctx ends.
func (f *fleet) beatUntilAnswered(
	ctx context.Context, b *broker, wantFence bool,
) (fenced bool, err error) {
	for nodes := int(b.id); ctx.Err() == nil; nodes++ {
		if fenced, err = b.heartbeat(f.tail.applied.Load(), wantFence); err == nil {
			return fenced, nil
		}
		_ = b.connect(f.run.ctx, f.node(nodes)) // the next heartbeat returns the error
		sleep(ctx, startingInterval)
	}
	return false, errors.Join(err, ctx.Err())
}
