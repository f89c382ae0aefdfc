package integration

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yakt/yakt/integration/kafka"
)

const (
	filesMax        = 1024
	idleConnections = 1100
)

// Nodes with 1,024 descriptors each, and 1,100 idle connections from one address to each of them,
// continue to write across a change of segment, answer health requests, and accept a peer that was
// away: they refuse clients first.
func TestYAKtOutOfDescriptors(t *testing.T) {
	t.Parallel()
	properties := kafka.LongSessions()
	properties["yakt.wal.segment.bytes"] = "1048576"
	properties["metadata.log.max.record.bytes.between.snapshots"] = "1000000000"
	o := kafka.ControllerOptions{FilesMax: filesMax, Properties: properties}
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 3, o)
	kafka.FakeBrokers(t, q, 1)
	creator := kafka.NewCreator(t, q, 100)
	create(t, creator)
	for _, id := range q.Nodes() {
		crowd(t, q.Endpoint(id))
	}
	change := func() {
		before := map[int32]int{}
		for _, id := range q.Nodes() {
			before[id] = segments(t, q.Dir(id))
		}
		kafka.Eventually(t, kafka.Patience, "every log is in a further segment", func() error {
			for range 20 {
				create(t, creator)
			}
			var errs []error
			for _, id := range q.Nodes() {
				kafka.RequireRunning(t, q, id)
				if n := segments(t, q.Dir(id)); n <= before[id] {
					errs = append(errs, fmt.Errorf("node %d has %d segments", id, n))
				}
			}
			return errors.Join(errs...)
		})
	}
	change()
	for _, id := range q.Nodes() {
		requireReady(t, q, id)
	}
	away := q.Nodes()[2]
	q.Kill(away)
	q.Start(t, away)
	crowd(t, q.Endpoint(away))
	for _, id := range q.Nodes() {
		crowd(t, q.HTTPAddr(id))
	}
	change()
	for _, id := range q.Nodes() {
		requireReady(t, q, id)
		for _, said := range []string{"the limit of open files bounds", "limit=max.connections"} {
			if !strings.Contains(q.Node(id).Log(), said) {
				t.Errorf("node %d does not log %q", id, said)
			}
		}
	}
}

// crowd opens more idle connections than a node may have, until the test ends.
func crowd(t *testing.T, addr string) {
	t.Helper()
	kafka.Eventually(t, kafka.Patience, "a node listens", func() error {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err
	})
	for range idleConnections {
		c, err := net.DialTimeout("tcp", addr, kafka.Patience)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	}
}

func segments(t *testing.T, dir string) int {
	t.Helper()
	entries, err := filepath.Glob(filepath.Join(dir, "__cluster_metadata-0", "wal", "*.wal"))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func requireReady(t *testing.T, q *kafka.Controllers, id int32) {
	t.Helper()
	what := fmt.Sprintf("node %d is ready", id)
	kafka.Eventually(t, kafka.Patience, what, func() error { return q.Ready(t.Context(), id) })
}
