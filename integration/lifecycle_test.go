package integration

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/yakt/yakt/integration/kafka"
)

const (
	// Bounds for events that take tens of milliseconds on an idle machine. Even on a busy machine
	// only a fault takes longer than this.
	listenMax   = 30 * time.Second
	stopMax     = 30 * time.Second
	handOverMax = 30 * time.Second // longest time without a write during a leader's SIGTERM
	handOvers   = 5
)

// A node, new or not, listens soon after its start, exits on SIGTERM with code 0, and restarts at
// once on the same directory and port.
func TestYAKtStartStop(t *testing.T) {
	t.Parallel()
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 1,
		kafka.ControllerOptions{Properties: kafka.LongSessions()})
	id := q.Nodes()[0]
	kafka.FakeBrokers(t, q, 1)
	creator := kafka.NewCreator(t, q, 1)
	for round := range 4 {
		create(t, creator)
		if round == 2 {
			q.Kill(id)
		} else {
			begin := time.Now()
			if code := q.Node(id).Stop(t); code != 0 {
				t.Errorf("exit code %d on SIGTERM", code)
			}
			took := time.Since(begin)
			kafka.Logf(t, "stopped in %v", took.Round(time.Millisecond))
			if took > stopMax {
				t.Errorf("stopped in %v, at most %v", took, stopMax)
			}
		}
		q.Start(t, id)
		took := kafka.Eventually(t, kafka.Patience, "the node listens", func() error {
			nc, err := net.Dial("tcp", q.Endpoint(id))
			if err == nil {
				nc.Close()
			}
			return err
		})
		kafka.Logf(t, "start %d: listening after %v", round+1, took.Round(time.Millisecond))
		if took > listenMax {
			t.Errorf("start %d: listening after %v, at most %v", round+1, took, listenMax)
		}
		creator.RequireCreated(t, id)
	}
}

// On SIGTERM a leader hands over: writes continue almost without a pause. A leader starved of
// processor time may exit before it has handed over, but not every time.
func TestYAKtHandOver(t *testing.T) {
	t.Parallel()
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 3,
		kafka.ControllerOptions{Properties: kafka.LongSessions()})
	kafka.FakeBrokers(t, q, 1)
	creator := kafka.NewCreator(t, q, 1)
	handed := 0
	for range handOvers {
		leader := kafka.WaitLeader(t, q, kafka.Patience)
		gap := longestGap(t, creator, func() {
			if code := q.Node(leader.ID).Stop(t); code != 0 {
				t.Errorf("exit code %d on SIGTERM", code)
			}
		})
		next := kafka.WaitLeader(t, q, kafka.Patience)
		kafka.Logf(t, "node %d stopped, node %d leads: longest time without a write %v", leader.ID,
			next.ID, gap.Round(time.Millisecond))
		if gap > handOverMax || next.ID == leader.ID {
			t.Errorf("longest time without a write %v, at most %v; node %d leads after node %d",
				gap, handOverMax, next.ID, leader.ID)
		}
		if strings.Contains(q.Node(leader.ID).Log(), "handed leadership over to") {
			handed++
		}
		q.Start(t, leader.ID)
		kafka.WaitCaughtUp(t, q, leader.ID, kafka.Patience)
	}
	creator.RequireCreated(t, q.Nodes()...)
	kafka.Logf(t, "%d of %d leaders handed over", handed, handOvers)
	if handed == 0 {
		t.Errorf("no leader of %d handed leadership over when it was stopped", handOvers)
	}
}

// longestGap writes without a pause before, during and after an event, and returns the longest time
// between two acknowledgements.
func longestGap(t *testing.T, creator *kafka.Creator, event func()) (longest time.Duration) {
	const before, after = 20, 50
	var acked, want int
	var mu sync.Mutex
	last := time.Now()
	enough := make(chan struct{})
	want = before
	ctx, stop := context.WithCancel(t.Context())
	var writer sync.WaitGroup
	writer.Go(func() {
		for ctx.Err() == nil {
			err := creator.Create(ctx)
			mu.Lock()
			if now := time.Now(); err == nil {
				longest = max(longest, now.Sub(last))
				last = now
				if acked++; acked == want {
					enough <- struct{}{}
				}
			}
			mu.Unlock()
		}
	})
	await := func(n int) {
		mu.Lock()
		want = acked + n
		mu.Unlock()
		select {
		case <-enough:
		case <-time.After(kafka.Patience):
			t.Error("writes do not continue")
		}
	}
	await(before)
	event()
	await(after)
	stop()
	writer.Wait()
	return longest
}

func create(t *testing.T, creator *kafka.Creator) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kafka.Patience)
	defer cancel()
	if err := creator.Create(ctx); err != nil {
		t.Fatal(err)
	}
}

// Memory of the nodes of a quorum of three, when new and with ten thousand partitions.
func TestYAKtMemory(t *testing.T) {
	t.Parallel()
	const partitions, topicPartitions = 10_000, 500
	// In MiB; the real values are less than half.
	const idleMax, fullMax = 80, 160
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 3,
		kafka.ControllerOptions{Properties: kafka.LongSessions()})
	report := func(what string, limit float64) {
		for _, id := range q.Nodes() {
			mib := q.Node(id).Resident(t)
			kafka.Logf(t, "node %d %s: %.1f MiB resident", id, what, mib)
			if mib > limit {
				t.Errorf("node %d %s: %.1f MiB resident, at most %.0f", id, what, mib, limit)
			}
		}
	}
	report("idle", idleMax)
	kafka.FakeBrokers(t, q, 3)
	creator := kafka.NewCreator(t, q, topicPartitions)
	begin := time.Now()
	for range partitions / topicPartitions {
		create(t, creator)
	}
	kafka.Logf(t, "%d partitions created in %v", partitions,
		time.Since(begin).Round(time.Millisecond))
	creator.RequireCreated(t, q.Nodes()...)
	report(fmt.Sprintf("with %d partitions", partitions), fullMax)
	for _, id := range q.Nodes() {
		q.Stop(t, id)
		q.Start(t, id)
	}
	creator.RequireCreated(t, q.Nodes()...)
	report(fmt.Sprintf("started again with %d partitions", partitions), fullMax)
}
