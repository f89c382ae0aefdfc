package main

import (
	"context"
	"maps"
	"time"

	"github.com/yakt/yakt/integration/kafka"
)

const (
	leaderTimeout = 60 * time.Second
	leaderSettles = time.Second
)

// run is one case on one quorum in one round.
type run struct {
	*host
	system   system
	quorum   *kafka.Controllers
	letters  string // the requested cases, "" for all
	letter   string // the case that reports at present
	full     bool   // full scale
	progress *progress
	measured func(letter string, s sample)
	profiles *profiles // nil: not requested
}

// sample is one number, measured in one round.
type sample struct {
	Metric string
	Unit   string
	Better direction
	Value  float64
}

// n is a count that depends on the scale.
func (r *run) n(small, full int) int {
	if r.full {
		return full
	}
	return small
}

// wants reports whether a case was requested, for runs that measure several.
func (r *run) wants(letter string) bool { return r.letters == "" || contains(r.letters, letter) }

func (r *run) report(metric, unit string, better direction, value float64) {
	r.measured(r.letter, sample{metric, unit, better, value})
}

func (r *run) reportMs(metric string, d time.Duration) {
	r.report(metric, "ms", lower, float64(d)/float64(time.Millisecond))
}

// start starts a quorum of three and waits for a stable leader.
func (r *run) start(c benchCase) {
	r.progress.show("starting three controllers")
	// Kafka's default, not that of the tests
	own := map[string]string{"broker.session.timeout.ms": "9000"}
	maps.Copy(own, c.properties)
	o := kafka.ControllerOptions{HeapMB: 1024, AsShipped: true, Properties: own}
	if c.secured {
		r.secure(&o)
	}
	r.quorum = r.system.start(r, o)
	for epoch := int32(-1); epoch != r.leader().Epoch; {
		epoch = r.leader().Epoch
		r.pause(leaderSettles)
	}
}

func (r *run) leader() kafka.Leader {
	return kafka.WaitLeader(r, r.quorum, leaderTimeout)
}

func (r *run) leaderAddr() string { return r.quorum.Endpoint(r.leader().ID) }

// dial connects to a controller; the connection is closed when the run ends.
func (r *run) dial(addr, clientID string) *conn {
	c, err := dial(r.ctx, addr, clientID)
	r.check(err)
	r.Cleanup(c.close)
	return c
}

// goUntilDone runs f in the background until the returned function is called or the run ends; both
// wait for it.
func (r *run) goUntilDone(f func(ctx context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(r.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	r.Cleanup(stop)
	return stop
}

// pause waits unless the run ends first.
func (r *run) pause(d time.Duration) {
	sleep(r.ctx, d)
	r.check(r.ctx.Err())
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// controllersCPU is the processor time used so far by the running controllers.
func (r *run) controllersCPU() (sum time.Duration) {
	for _, id := range r.quorum.Nodes() {
		sum += processCPU(r.quorum.Node(id).Pid())
	}
	return sum
}
