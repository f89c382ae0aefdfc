package main

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// limit ends a load after a number of operations or a duration, whichever of those that are set
// comes first.
type limit struct {
	ops  int
	time time.Duration
}

// load is the result of closed-loop workers: each begins an operation when its last one has ended.
type load struct {
	latencies []time.Duration // one for each successful operation, sorted
	elapsed   time.Duration
	cpu       time.Duration // processor time of the controllers meanwhile
	err       error         // the first one; it ended its worker
}

// drive has workers repeat op until the limit. ctx ends with the run.
func (r *run) drive(
	what string, workers int, until limit, op func(ctx context.Context, worker int) error,
) load {
	var (
		all     = make([]workerLoad, workers)
		claimed atomic.Int64
		wg      sync.WaitGroup
		profile = r.profiles.begin(r, what)
		cpu     = r.controllersCPU()
		begin   = time.Now()
	)
	for w := range workers {
		wg.Go(func() {
			all[w].work(r.ctx, begin, until, &claimed, func() error { return op(r.ctx, w) })
		})
	}
	stop := r.showCount(what, until.ops, &claimed)
	wg.Wait()
	elapsed := time.Since(begin)
	stop()
	l := merge(all)
	l.elapsed, l.cpu = elapsed, r.controllersCPU()-cpu
	profile()
	return l
}

// showCount shows the count of operations until it is stopped.
func (r *run) showCount(what string, of int, claimed *atomic.Int64) (stop func()) {
	return r.goUntilDone(func(ctx context.Context) {
		for ctx.Err() == nil {
			if n := claimed.Load(); of > 0 {
				r.progress.show("%s, %d of %d", what, min(int(n), of), of)
			} else {
				r.progress.show("%s, %d", what, n)
			}
			sleep(ctx, progressInterval)
		}
	})
}

// workerLoad is one worker's share of a load.
type workerLoad struct {
	latencies []time.Duration
	err       error
}

func (w *workerLoad) work(
	ctx context.Context, begin time.Time, until limit, claimed *atomic.Int64, op func() error,
) {
	ops := int64(cmp.Or(until.ops, math.MaxInt))
	for last := begin; ctx.Err() == nil; {
		if claimed.Add(1) > ops || until.time > 0 && last.Sub(begin) >= until.time {
			return
		}
		last = time.Now()
		if w.err = op(); w.err != nil {
			return
		}
		now := time.Now()
		w.latencies = append(w.latencies, now.Sub(last))
		last = now
	}
	w.err = ctx.Err()
}

func merge(all []workerLoad) (l load) {
	for _, w := range all {
		l.latencies = append(l.latencies, w.latencies...)
		if l.err == nil {
			l.err = w.err
		}
	}
	slices.Sort(l.latencies)
	return l
}

// rate is in operations per second.
func (l load) rate() float64 { return float64(len(l.latencies)) / l.elapsed.Seconds() }

// reportLatency reports one client's waiting time per operation.
func (r *run) reportLatency(what string, l load) {
	r.check(l.err)
	r.reportMs(what+", p50", percentile(l.latencies, 0.5))
	r.reportMs(what+", p99", percentile(l.latencies, 0.99))
}

// reportRate reports the throughput of many clients.
func (r *run) reportRate(what string, l load) {
	r.check(l.err)
	r.report(what+" a second", "1/s", higher, l.rate())
	r.reportLatency(what, l)
	r.reportCost(what, l)
}

// reportCost reports the controllers' processor time per operation.
func (r *run) reportCost(what string, l load) {
	if l.cpu > 0 {
		perOp := float64(l.cpu/time.Microsecond) / float64(max(1, len(l.latencies)))
		r.report(what+", processor of the controllers", "µs", lower, perOp)
	}
}
