package integration

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/scenario"
	"github.com/yakt/yakt/metadata"
)

// A node that was down while the start of the log moved past its end catches up by a snapshot, and so does a broker that is
// new. In the end all nodes hold the same.
func TestYAKtCatchUpBySnapshot(t *testing.T) {
	t.Parallel()
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 3, kafka.ControllerOptions{Properties: scenario.LateBrokerProperties()})
	b := kafka.StartBroker(t, q, kafka.BrokerOptions{ID: 1})
	leader := kafka.WaitLeader(t, q, kafka.Patience)
	down := slices.DeleteFunc(q.Nodes(), func(id int32) bool { return id == leader.ID })[0]
	q.Kill(down)
	last := kafka.WaitLeader(t, q, kafka.Patience).HighWatermark

	load := kafka.StartLoad(t, kafka.Addrs(b), "", 1)
	var start int64
	kafka.Eventually(t, kafka.Patience, "the log starts after all that the killed node had", func() (err error) {
		leader, err := kafka.FindLeader(t.Context(), q) // another one may lead by now
		if err != nil {
			return err
		}
		if start, err = kafka.LogStart(t.Context(), q.Endpoint(leader.ID), leader.Epoch); err == nil && start <= last {
			err = fmt.Errorf("starts at %d, the node had less than %d; %v", start, last, load)
		}
		return err
	})
	q.Start(t, down)
	kafka.WaitCaughtUp(t, q, down, kafka.Patience)
	if line := "loading the leader's snapshot"; !strings.Contains(q.Node(down).Log(), line) {
		t.Errorf("%s did not log %q", q.Node(down).Name, line)
	}
	kafka.Note(t, "node %d held less than %d records, the log started at %d when it came back", down, last, start)
	requireSameSnapshot(t, q, start)
	kafka.Eventually(t, kafka.Patience, "snapshots of several chunks", func() error { return scenario.LargeSnapshots(q) })
	load.Stop()
	scenario.LateBroker(t, q, b, load.Ledger)
	requireSameTopics(t, q)
	// What was installed is what the node goes on from.
	q.Kill(down)
	q.Start(t, down)
	kafka.WaitCaughtUp(t, q, down, kafka.Patience)
	requireSameTopics(t, q)
}

// requireSameSnapshot waits for a snapshot at the same offset, from the one given on, on all nodes; all must hold the same.
func requireSameSnapshot(t *testing.T, q kafka.Quorum, from int64) {
	t.Helper()
	var name string
	var same []*metadata.Checkpoint
	kafka.Eventually(t, kafka.Patience, "all nodes have a snapshot at one offset", func() (err error) {
		if name = commonCheckpoint(q, from); name == "" {
			return errors.New("none in common")
		}
		same, err = readCheckpoints(q, name)
		return err
	})
	for i, c := range same {
		if len(c.Records) == 0 || !reflect.DeepEqual(c.Records, same[0].Records) || !reflect.DeepEqual(c.Control, same[0].Control) {
			t.Errorf("%s of node %d and that of node %d differ", name, q.Nodes()[i], q.Nodes()[0])
		}
	}
	kafka.Note(t, "%d nodes hold the same %d records in %s", len(same), len(same[0].Records), name)
}

// commonCheckpoint names a checkpoint that every node has.
func commonCheckpoint(q kafka.Quorum, from int64) string {
	have := map[string]int{}
	for _, id := range q.Nodes() {
		for _, path := range kafka.Checkpoints(q.Dir(id)) {
			have[filepath.Base(path)]++
		}
	}
	for name, nodes := range have {
		if nodes == len(q.Nodes()) && name > fmt.Sprintf("%020d", from) {
			return name
		}
	}
	return ""
}

// readCheckpoints reads every node's file of that name, which may be deleted just now as an old one.
func readCheckpoints(q kafka.Quorum, name string) (all []*metadata.Checkpoint, err error) {
	for _, id := range q.Nodes() {
		for _, path := range kafka.Checkpoints(q.Dir(id)) {
			if filepath.Base(path) != name {
				continue
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			c, err := metadata.ReadCheckpoint(bytes.NewReader(b))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			all = append(all, c)
		}
	}
	if len(all) != len(q.Nodes()) {
		return nil, fmt.Errorf("%d nodes have %s", len(all), name)
	}
	return all, nil
}

// requireSameTopics asks every node for all topics: ids, partitions, leaders, epochs, replicas, in-sync replicas.
func requireSameTopics(t *testing.T, q kafka.Quorum) {
	t.Helper()
	kafka.Eventually(t, kafka.Patience, "all nodes know the same topics", func() error {
		first, err := kafka.BrokerTopics(t.Context(), q.Endpoint(q.Nodes()[0]))
		if err != nil || len(first) == 0 {
			return errors.Join(err, fmt.Errorf("%d topics", len(first)))
		}
		for _, id := range q.Nodes()[1:] {
			topics, err := kafka.BrokerTopics(t.Context(), q.Endpoint(id))
			if err != nil || !reflect.DeepEqual(topics, first) {
				return errors.Join(err, fmt.Errorf("node %d knows %d topics, node %d %d", id, len(topics), q.Nodes()[0], len(first)))
			}
		}
		return nil
	})
}
