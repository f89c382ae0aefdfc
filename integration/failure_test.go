package integration

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/yakt/yakt/integration/kafka"
)

const (
	blockDiskMB = 64
	exitStopped = 3
	// Measured from the line in which a node reports that its log has failed:
	unreadyMax = 100 * time.Millisecond // until it is not ready
	exitMax    = time.Second            // until its process has ended
)

// A leader under load whose disk fails is no longer ready at once, exits within a second with the
// exit code for that, and fences no broker meanwhile; the others continue with every acknowledged
// write.
func TestYAKtBrokenDiskOfLeader(t *testing.T) {
	t.Parallel()
	o := smallDisk(kafka.LongSessions())
	o.SmallDiskMB, o.BlockDisk = blockDiskMB, true
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 3, o)
	id := q.Nodes()[0]
	leadAt(t, q, id)
	kafka.FakeBrokers(t, q, 1)
	creator := kafka.NewCreator(t, q, 10)
	create(t, creator)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			creator.Create(ctx)
		}
	})
	ready := watchReady(ctx, &wg, q.HTTPAddr(id))
	kafka.Eventually(t, kafka.Patience, "the leader is ready", func() error {
		if ready().IsZero() {
			return errors.New("it has not been yet")
		}
		return nil
	})
	q.SmallDisk().Break(t)
	code := q.Node(id).WaitExit(t, kafka.Patience)
	ended := time.Now()
	cancel()
	wg.Wait()
	log := q.Node(id).Log()
	failed := loggedAt(t, log, "the log has failed")
	kafka.Logf(t, "exit code %d %v after the failure, asked last %v after it when it was ready",
		code, ended.Sub(failed), ready().Sub(failed))
	if code != exitStopped || ended.Sub(failed) > exitMax {
		t.Errorf("exit code %d, %v after the failure", code, ended.Sub(failed))
	}
	if ready().After(failed.Add(unreadyMax)) {
		t.Errorf("asked %v after the failure, it was ready", ready().Sub(failed))
	}
	if _, behind, _ := strings.Cut(log, "the log has failed"); strings.Contains(behind, "fencing") {
		t.Errorf("it fences:\n%s", behind)
	}
	for range 20 {
		create(t, creator)
	}
	creator.RequireCreated(t, q.Nodes()[1:]...)
}

// watchReady requests /readyz continuously until ctx ends. It returns the time of the last request
// that was answered as ready.
func watchReady(ctx context.Context, wg *sync.WaitGroup, addr string) (last func() time.Time) {
	var mu sync.Mutex
	var at time.Time
	wg.Go(func() {
		for ctx.Err() == nil {
			asked := time.Now()
			if _, err := kafka.Get(ctx, "http://"+addr+"/readyz"); err == nil {
				mu.Lock()
				at = asked
				mu.Unlock()
			}
		}
	})
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return at
	}
}

// loggedAt returns the time of the first line with this text in a node's log.
func loggedAt(t *testing.T, log, text string) time.Time {
	t.Helper()
	for line := range strings.Lines(log) {
		if !strings.Contains(line, text) {
			continue
		}
		var stamp string
		if _, err := fmt.Sscanf(line, "time=%s", &stamp); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		at, err := time.Parse(time.RFC3339Nano, stamp)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		return at
	}
	t.Fatalf("%q is not logged:\n%s", text, log)
	return time.Time{}
}
