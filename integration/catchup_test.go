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
	"github.com/yakt/yakt/protocol/batch"
)

// A node that was down while the start of the log moved past the node's end catches up from a
// snapshot, and so does a new broker. In the end all nodes have the same state.
func TestYAKtCatchUpBySnapshot(t *testing.T) {
	t.Parallel()
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 3,
		kafka.ControllerOptions{Properties: scenario.LateBrokerProperties()})
	b := kafka.StartBroker(t, q, kafka.BrokerOptions{ID: 1})
	leader := kafka.WaitLeader(t, q, kafka.Patience)
	down := slices.DeleteFunc(q.Nodes(), func(id int32) bool { return id == leader.ID })[0]
	q.Kill(down)
	last := kafka.WaitLeader(t, q, kafka.Patience).HighWatermark

	load := kafka.StartLoad(t, kafka.Addrs(b), "", 1)
	var start int64
	kafka.Eventually(t, kafka.Patience, "the log starts after all that the killed node had",
		func() (err error) {
			leader, err := kafka.FindLeader(t.Context(), q) // another node may lead by now
			if err != nil {
				return err
			}
			if start, err = kafka.LogStart(t.Context(), q.Endpoint(leader.ID),
				leader.Epoch); err == nil && start <= last {
				err = fmt.Errorf("starts at %d, the node had less than %d; %v", start, last, load)
			}
			return err
		})
	q.Start(t, down)
	kafka.WaitCaughtUp(t, q, down, kafka.Patience)
	if line := "loading the leader's snapshot"; !strings.Contains(q.Node(down).Log(), line) {
		t.Errorf("%s did not log %q", q.Node(down).Name, line)
	}
	kafka.Logf(t, "node %d held less than %d records, the log started at %d when it came back",
		down, last, start)
	requireSameState(t, q, b, start)
	kafka.Eventually(t, kafka.Patience, "snapshots of several chunks",
		func() error { return scenario.LargeSnapshots(q) })
	load.Stop()
	scenario.LateBroker(t, q, b, load.Ledger)
	requireSameTopics(t, q)
	// A restart continues from the installed snapshot.
	q.Kill(down)
	q.Start(t, down)
	kafka.WaitCaughtUp(t, q, down, kafka.Patience)
	requireSameTopics(t, q)
}

// requireSameState waits for a snapshot of every node from the offset on. They end at different
// offsets: each is extended by the broker's copy of the log to the end of the furthest, and then
// all must be equal byte for byte.
func requireSameState(t *testing.T, q kafka.Quorum, b *kafka.Broker, from int64) {
	t.Helper()
	var states []*metadata.Image
	kafka.Eventually(t, kafka.Patience,
		"every node has a snapshot, and the broker the log behind them", func() (err error) {
			if states, err = newestSnapshots(q, from); err == nil {
				err = replayTogether(states, filepath.Join(b.MetadataDir(),
					"00000000000000000000.log"))
			}
			return err
		})
	var first bytes.Buffer
	for i, img := range states {
		var file bytes.Buffer
		if err := metadata.WriteSnapshot(&file, img); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = file
		}
		if !bytes.Equal(file.Bytes(), first.Bytes()) {
			t.Errorf("at offset %d, node %d holds something else than node %d", img.EndOffset(),
				q.Nodes()[i], q.Nodes()[0])
		}
	}
	kafka.Logf(t, "%d nodes hold the same at offset %d, %d bytes", len(states),
		states[0].EndOffset(), first.Len())
}

// newestSnapshots reads every node's newest snapshot. A node may delete an old one meanwhile.
func newestSnapshots(q kafka.Quorum, from int64) (images []*metadata.Image, err error) {
	for _, id := range q.Nodes() {
		files := kafka.Checkpoints(q.Dir(id))
		if len(files) == 0 {
			return nil, fmt.Errorf("node %d has no snapshot", id)
		}
		path := files[len(files)-1]
		var end int64
		var epoch int32
		if _, err := fmt.Sscanf(filepath.Base(path), "%d-%d.checkpoint", &end,
			&epoch); err != nil || end < from {
			return nil, errors.Join(err, fmt.Errorf("the newest of node %d is %s", id, path))
		}
		file, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		img, err := metadata.ReadSnapshot(bytes.NewReader(file), end, epoch)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		images = append(images, img)
	}
	return images, nil
}

// replayTogether extends all images to the end of the furthest one with the batches of a log file,
// whose end may be in the middle of a write.
func replayTogether(images []*metadata.Image, path string) error {
	log, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var end int64
	for _, img := range images {
		end = max(end, img.EndOffset())
	}
	for {
		var b batch.Batch
		if b, log, err = batch.Parse(log); err != nil {
			break // the end, perhaps in the middle of a write
		}
		for i, img := range images {
			if b.BaseOffset() != img.EndOffset() || img.EndOffset() == end {
				continue
			}
			if images[i], err = img.ReplayBatch(b); err != nil {
				return err
			}
		}
	}
	for _, img := range images {
		if img.EndOffset() != end {
			return fmt.Errorf("the log in %s does not lead from %d to %d", path, img.EndOffset(),
				end)
		}
	}
	return nil
}

// requireSameTopics compares all topics on all nodes: ids, partitions, leaders, epochs, replicas,
// in-sync replicas.
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
				return errors.Join(err,
					fmt.Errorf("node %d knows %d topics, node %d %d", id, len(topics), q.Nodes()[0],
						len(first)))
			}
		}
		return nil
	})
}
