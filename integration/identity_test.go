package integration

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/scenario"
)

// Every single changed bit of meta.properties is detected, and the node does not start: not as
// another node, not in another cluster, not with another directory id. (Bits that need no process
// are all tried.) In the line of the checksum itself a changed bit may leave a file without a
// checksum, which must still match the log.
func TestYAKtMetaPropertiesBits(t *testing.T) {
	t.Parallel()
	const sample = 20
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 1,
		kafka.ControllerOptions{Properties: quorumProperties()})
	id := q.Nodes()[0]
	kafka.FakeBrokers(t, q, 1)
	creator := kafka.NewCreator(t, q, 1)
	createMany(t, creator, 5)
	q.Stop(t, id)
	path := filepath.Join(q.Dir(id), "meta.properties")
	meta, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bits := propertyBits(meta)
	var accepted []string
	for i := range sample {
		bit := bits[i*len(bits)/sample]
		repair := rewrite(t, path, func(b []byte) []byte {
			b[bit/8] ^= 1 << (bit % 8)
			return b
		})
		outcome := startMutated(t, q, id, creator)
		if outcome == same && inLine(meta, bit/8, "yakt.crc32c=") {
			kafka.Logf(t, "bit %d of byte %d, in the checksum's line: %v", bit%8, bit/8, outcome)
		} else if outcome != refused {
			accepted = append(accepted,
				fmt.Sprintf("bit %d of byte %d (%q): %v", bit%8, bit/8, meta[bit/8], outcome))
		}
		q.Kill(id)
		repair()
	}
	if len(accepted) > 0 {
		t.Errorf("%d of %d flipped bits are not refused: %q", len(accepted), sample, accepted)
	}
	q.Start(t, id)
	creator.RequireCreated(t, id)
}

// inLine reports whether a byte of a file is in a line with this prefix.
func inLine(file []byte, at int, prefix string) bool {
	begin := bytes.LastIndexByte(file[:at], '\n') + 1
	return bytes.HasPrefix(file[begin:], []byte(prefix))
}

// propertyBits are the bits of a properties file outside of comments.
func propertyBits(file []byte) (bits []int) {
	at := 0
	for line := range bytes.Lines(file) {
		for i := range 8 * len(line) {
			if !bytes.HasPrefix(line, []byte("#")) {
				bits = append(bits, 8*at+i)
			}
		}
		at += len(line)
	}
	return bits
}

// A checkpoint is the state of this log at the offset in its name. A checkpoint of another node, of
// an earlier state, under that name is detected before anything is served from it.
func TestYAKtOtherNodesCheckpoint(t *testing.T) {
	t.Parallel()
	properties := quorumProperties()
	for k, v := range scenario.EarlySnapshots() {
		properties[k] = v
	}
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 3, kafka.ControllerOptions{Properties: properties})
	kafka.FakeBrokers(t, q, 1)
	creator := kafka.NewCreator(t, q, 1)
	donor, victim := q.Nodes()[1], q.Nodes()[2]
	var earlier []byte
	kafka.Eventually(t, kafka.Patience, "node 2 has a snapshot", func() (err error) {
		createMany(t, creator, 10)
		if files := kafka.Checkpoints(q.Dir(donor)); len(files) > 0 {
			earlier, err = os.ReadFile(files[0])
			return err
		}
		return errors.New("it has none")
	})
	before := kafka.Checkpoints(q.Dir(victim))
	kafka.Eventually(t, kafka.Patience, "node 3 has later snapshots", func() error {
		createMany(t, creator, 10)
		if files := kafka.Checkpoints(q.Dir(victim)); len(files) == 0 || len(before) > 0 &&
			slices.Contains(files, before[len(before)-1]) {
			return errors.New("it has not")
		}
		return nil
	})
	creator.RequireCreated(t, q.Nodes()...)
	q.Stop(t, victim)
	files := kafka.Checkpoints(q.Dir(victim))
	repair := rewrite(t, files[len(files)-1], func([]byte) []byte { return earlier })
	if outcome := startMutated(t, q, victim, creator); outcome == differs {
		missing, err := creator.Missing(t.Context(), victim)
		_, topics := creator.Ledger.Counts()
		t.Errorf("node %d is ready, and lacks %d of %d topics (%v)", victim, missing, topics, err)
	} else {
		kafka.Logf(t, "node %d: %v", victim, outcome)
	}
	q.Kill(victim)
	repair()
	createMany(t, creator, 5)
	creator.RequireCreated(t, q.Nodes()[:2]...)
}

// A majority restored from old copies together has forgotten together, and none of its nodes can
// know. The node that was not restored can: it has records that the new leader lacks, or other
// records at the same offsets, and must not serve as a ready node.
func TestYAKtLogsThatDiffer(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]int{"shorter": 0, "longer": 40} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 3,
				kafka.ControllerOptions{Properties: quorumProperties()})
			kafka.FakeBrokers(t, q, 1)
			one, others := q.Nodes()[0], q.Nodes()[1:]
			creator := kafka.NewCreator(t, q, 1)
			createMany(t, creator, 10)
			creator.RequireCreated(t, q.Nodes()...)
			backup := t.TempDir()
			for _, id := range others {
				q.Stop(t, id)
			}
			for _, id := range others {
				kafka.CopyDir(t, q.Dir(id), filepath.Join(backup, fmt.Sprint(id)))
			}
			for _, id := range others {
				q.Start(t, id)
			}
			createMany(t, creator, 10)
			creator.RequireCreated(t, q.Nodes()...)
			for _, id := range q.Nodes() {
				q.Kill(id)
			}
			for _, id := range others {
				kafka.CopyDir(t, filepath.Join(backup, fmt.Sprint(id)), q.Dir(id))
				q.Start(t, id)
			}
			// so that its topics differ from the first's
			later := kafka.NewCreator(t, only{q, others}, 1)
			createMany(t, later, more)
			kafka.WaitLeader(t, q, kafka.Patience)
			q.Start(t, one)
			requireOutOfService(t, q, one)
			kafka.Logf(t, "node %d logged:\n%s", one, q.Node(one).LogTail(6))
		})
	}
}

// requireOutOfService fails the test unless a node exits by itself, reports that it is suspended,
// or stays unready.
func requireOutOfService(t *testing.T, q *kafka.Controllers, one int32) {
	t.Helper()
	begin := time.Now()
	kafka.Eventually(t, returnMax, "a node with another log than the leader's is out of service",
		func() error {
			if code, ended := q.Node(one).ExitCode(); ended {
				if code == 0 || code > 128 {
					t.Fatalf("node %d ended with exit code %d", one, code)
				}
				kafka.Logf(t, "node %d ended with exit code %d: %s", one, code,
					q.Node(one).LogTail(1))
				return nil
			}
			switch ready := q.Ready(t.Context(), one); {
			case ready == nil:
				begin = time.Now()
				return fmt.Errorf("node %d is ready", one)
			case time.Since(begin) < asideAfter && !strings.Contains(ready.Error(), "suspended"):
				return ready
			default:
				kafka.Logf(t, "node %d runs: %v", one, ready)
				return nil
			}
		})
}
