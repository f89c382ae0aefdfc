package main

import (
	"context"
	"slices"
	"sync"
	"time"
)

const probeInterval = 5 * time.Millisecond

// probe repeats an operation in the background with short pauses, to see what others suffer meanwhile.
type probe struct {
	stop func()

	mu     sync.Mutex
	begun  time.Time // of the operation under way; zero between two
	window []time.Duration
	err    error
}

// startProbe runs op until the run ends or the probe is stopped.
func (r *run) startProbe(op func() error) *probe {
	p := &probe{}
	p.stop = r.goUntilDone(func(ctx context.Context) {
		for ctx.Err() == nil {
			p.begin()
			if err := p.end(op()); err != nil {
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

// cut begins a new window and returns what the last one saw, sorted, with the operation under way as long as it is so far.
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

// probes are several of one kind.
type probes []*probe

// cut merges the windows of all.
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

// probeHeartbeats sends heartbeats of these brokers on connections of their own.
func (f *fleet) probeHeartbeats(brokers []*broker) (all probes) {
	addr := f.run.leaderAddr()
	for _, b := range brokers {
		twin := newBroker(b.id, b.clusterID)
		twin.epoch, twin.conn = b.epoch, f.run.dial(addr, b.clientID())
		all = append(all, f.run.startProbe(func() error {
			_, err := twin.heartbeat(f.tail.applied.Load(), false)
			return err
		}))
	}
	return all
}

// probeCreates creates small topics on n connections.
func (r *run) probeCreates(prefix string, n int) (all probes) {
	addr := r.leaderAddr()
	topics := &names{prefix: prefix}
	for range n {
		c := r.dial(addr, "creator")
		all = append(all, r.startProbe(func() error {
			_, err := c.createTopic(topics.next(), 1)
			return err
		}))
	}
	return all
}
