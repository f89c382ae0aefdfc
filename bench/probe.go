package main

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const probeInterval = 5 * time.Millisecond

// probe repeats an operation in the background, with short pauses, to measure how long others wait
// meanwhile.
type probe struct {
	stop func()

	mu     sync.Mutex
	begun  time.Time // start of the operation in progress; zero between two
	window []time.Duration
	err    error
}

// startProbe runs op until the run ends or the probe is stopped.
func (r *run) startProbe(op func(ctx context.Context) error) *probe {
	p := &probe{}
	p.stop = r.goUntilDone(func(ctx context.Context) {
		for ctx.Err() == nil {
			p.begin()
			if err := p.end(op(ctx)); err != nil {
				return
			}
			sleep(ctx, probeInterval)
		}
	})
	return p
}

func (p *probe) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun = time.Now()
}

func (p *probe) end(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.window = append(p.window, time.Since(p.begun))
	p.begun, p.err = time.Time{}, err
	return err
}

// cut begins a new window and returns the latencies of the last one, sorted, including the
// operation in progress with its duration so far.
func (p *probe) cut() ([]time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	window := p.window
	if !p.begun.IsZero() {
		window = append(window, time.Since(p.begun))
	}
	p.window = nil
	slices.Sort(window)
	return window, p.err
}

// probes are several probes of one kind.
type probes []*probe

// cut merges the windows of all probes.
func (ps probes) cut() (all []time.Duration, err error) {
	for _, p := range ps {
		window, e := p.cut()
		all = append(all, window...)
		if e != nil {
			err = e
		}
	}
	slices.Sort(all)
	return all, err
}

func (ps probes) stop() {
	for _, p := range ps {
		p.stop()
	}
}

// probeHeartbeats sends heartbeats of these brokers, each on its own connection, and waits for
// every answer.
func (f *fleet) probeHeartbeats(brokers []*broker) (all probes) {
	addr := f.run.leaderAddr()
	for _, b := range brokers {
		twin := newBroker(b.id, b.clusterID)
		twin.epoch, twin.conn = b.epoch, f.run.dial(addr, b.clientID())
		f.run.Cleanup(func() { twin.conn.close() })
		all = append(all, f.run.startProbe(func(ctx context.Context) error {
			_, err := f.beatUntilAnswered(ctx, twin, false)
			return err
		}))
	}
	return all
}

// probeCreates creates small topics on n connections and waits for every acknowledgement.
func (r *run) probeCreates(prefix string, n int) (all probes) {
	topics := &names{prefix: prefix}
	var again atomic.Int64
	for range n {
		c := r.newRetrying("creator", &again)
		all = append(all, r.startProbe(func(context.Context) error {
			name := topics.next()
			return c.do(failoverTimeout, func(c *conn) error {
				_, err := c.createTopic(name, 1)
				return err
			})
		}))
	}
	return all
}
