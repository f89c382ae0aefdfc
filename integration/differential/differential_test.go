package differential

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/yakt/yakt/metadata/record/recordtest"
)

const (
	// operationsDefault is the number of operations in a run of the test; YAKT_DIFFERENTIAL_OPS
	// changes it.
	operationsDefault = 10_000
	stepsPerRun       = 300
)

// TestAgainstKafka runs random operations through Kafka's controller and ours.
// YAKT_DIFFERENTIAL_OPS is their number, YAKT_DIFFERENTIAL_SEED the first run's seed: set both to
// the values that a failure prints to reproduce it. A million operations take a few minutes:
//
//	YAKT_DIFFERENTIAL_OPS=1000000 go test -v -timeout 60m ./integration/differential
//
// -v shows how often each request had which answer, how partitions changed, and which intended
// differences there were. A run of reachedIn operations or more also fails if it has not seen
// everything that is expected.
func TestAgainstKafka(t *testing.T) {
	operations := int(recordtest.Number(t, "YAKT_DIFFERENTIAL_OPS", operationsDefault))
	seed := recordtest.Number(t, "YAKT_DIFFERENTIAL_SEED", uint64(time.Now().UnixNano()))
	k := startKafka(t)
	began := time.Now()
	total := newCounts()
	for run := seed; total.operations < operations; run++ {
		s := settingOf(run)
		if f := runSteps(t, k, s, run, draw(run), total); f != nil {
			t.Fatalf("YAKT_DIFFERENTIAL_SEED=%d YAKT_DIFFERENTIAL_OPS=1 (%v)\n%s", run, s,
				shrink(t, k, s, run, draw(run), f))
		}
	}
	t.Logf("%d operations in %v, from seed %d\n%s", total.operations,
		time.Since(began).Round(time.Millisecond), seed, total)
	if missing := total.missing(); operations >= reachedIn && len(missing) > 0 {
		t.Errorf("never seen: %q", missing)
	}
}

func draw(run uint64) []step {
	rng := rand.New(rand.NewPCG(run, 1))
	steps := make([]step, stepsPerRun)
	for i := range steps {
		steps[i] = step(rng.Uint64())
	}
	return steps
}

// runSteps makes a new cluster and takes the steps, up to the first failure.
func runSteps(
	t *testing.T, k *kafkaSide, s setting, seed uint64, steps []step, c *counts,
) (failed *failure) {
	synctest.Test(t, func(t *testing.T) {
		var p *pair
		defer func() {
			if p != nil {
				p.ours.Stop()
			}
		}()
		defer func() {
			switch v := recover().(type) {
			case nil:
			case *failure:
				failed = v
			default:
				panic(v)
			}
		}()
		p = newPair(k, s, seed, c)
		w := newWorld(p)
		for _, s := range steps {
			w.take(s)
		}
	})
	return failed
}

// shrink omits steps as long as the run still fails, and returns the text of the shortest failure
// found.
func shrink(t *testing.T, k *kafkaSide, s setting, seed uint64, steps []step, f *failure) string {
	fails := func(steps []step) *failure { return runSteps(t, k, s, seed, steps, newCounts()) }
	for size := len(steps) / 2; size > 0; size /= 2 {
		for from := 0; from < len(steps); {
			fewer := slices.Delete(slices.Clone(steps), from, min(from+size, len(steps)))
			if g := fails(fewer); g != nil {
				steps, f = fewer, g
			} else {
				from += size
			}
		}
	}
	return fmt.Sprintf("%d steps: %x\n%s", len(steps), steps, f.text)
}
