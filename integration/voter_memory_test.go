package integration

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/yakt/yakt/integration/kafka"
)

const (
	electionMs = 500 // half the default: these tests wait for elections that must not happen
	// noLeaderFor is several elections long. Without a fault there would be a leader within the
	// first second.
	noLeaderFor = 8 * electionMs * time.Millisecond
	returnMax   = 20 * time.Second // until a restarted node has caught up
)

// quorumProperties configure quick elections and a small log that never gets a snapshot.
func quorumProperties() map[string]string {
	p := kafka.LongSessions()
	maps.Copy(p, map[string]string{
		"controller.quorum.election.timeout.ms": fmt.Sprint(electionMs),
		"yakt.wal.segment.bytes":                "1048576",
	})
	return p
}

// A voter whose disk has lost what it acknowledged must not help to elect a leader that lacks it.
// In each of these tests, node 2 is behind, and node 1, the only other one that has everything, is
// down when node 3 returns on a disk that is not what it was. Nodes 2 and 3 must not elect a
// leader; when node 1 is back, it and node 2 have everything acknowledged.
func TestYAKtVoterThatForgot(t *testing.T) {
	t.Parallel()
	binary := kafka.BuildYAKt(t)
	cases := map[string]struct {
		static  bool
		tries   int
		replace func(t *testing.T, f *forgotten)
	}{
		"wiped and formatted again":            {tries: 2, replace: wipe},
		"wiped and formatted of static voters": {tries: 3, static: true, replace: wipe},
		"formatted with its old directory id":  {tries: 1, static: true, replace: wipeButMeta},
		"older copy of its own directory": {tries: 2,
			replace: func(t *testing.T, f *forgotten) { kafka.CopyDir(t, f.backup, f.dir) }},
		"another node's log":      {tries: 1, replace: otherLog},
		"write-ahead log deleted": {tries: 1, replace: noLog},
	}
	for name, c := range cases {
		for try := range c.tries {
			t.Run(fmt.Sprintf("%s/%d", name, try+1), func(t *testing.T) {
				t.Parallel()
				f := forget(t, binary, c.static)
				c.replace(t, f)
				f.requireNoLeader(t)
				f.requireAllWithFirst(t)
			})
		}
	}
}

// forgotten is a stopped quorum of three. Nodes one and three have everything acknowledged, node
// two less.
type forgotten struct {
	*kafka.Controllers
	one, two, three int32
	dir, backup     string // node three's; the backup is from before node two stopped
	creator         *kafka.Creator
}

// forget creates topics of many partitions in a static quorum: the longer its log takes to replay,
// the later a node learns its voters from the log.
func forget(t *testing.T, binary string, static bool) *forgotten {
	t.Helper()
	q := kafka.StartYAKt(t, binary, 3,
		kafka.ControllerOptions{Static: static, Properties: quorumProperties()})
	f := &forgotten{Controllers: q, one: q.Nodes()[0], two: q.Nodes()[1], three: q.Nodes()[2]}
	f.dir, f.backup = q.Dir(f.three), filepath.Join(t.TempDir(), "backup")
	kafka.FakeBrokers(t, q, 1)
	f.creator = kafka.NewCreator(t, q, 1)
	if static {
		f.creator.Partitions = 100
	}
	createMany(t, f.creator, 20)
	q.Kill(f.three)
	kafka.CopyDir(t, f.dir, f.backup)
	q.Start(t, f.three)
	kafka.WaitCaughtUp(t, q, f.three, kafka.Patience)
	// Peers write down a voter's acknowledgements every 64 writes, or sooner.
	createMany(t, f.creator, 200)
	f.creator.RequireCreated(t, q.Nodes()...)
	q.Kill(f.two)
	createMany(t, f.creator, 20)
	q.Kill(f.one)
	q.Kill(f.three)
	return f
}

func createMany(t *testing.T, creator *kafka.Creator, n int) {
	t.Helper()
	for range n {
		create(t, creator)
	}
}

func wipe(t *testing.T, f *forgotten) {
	kafka.RemoveDir(t, f.dir)
	f.Format(t, f.three).MustSucceed(t)
}

func wipeButMeta(t *testing.T, f *forgotten) {
	path := filepath.Join(f.dir, "meta.properties")
	meta, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wipe(t, f)
	if err := os.WriteFile(path, meta, 0o600); err != nil {
		t.Fatal(err)
	}
}

func otherLog(t *testing.T, f *forgotten) {
	const log = "__cluster_metadata-0"
	kafka.CopyDir(t, filepath.Join(f.Dir(f.two), log), filepath.Join(f.dir, log))
}

func noLog(t *testing.T, f *forgotten) {
	kafka.RemoveDir(t, filepath.Join(f.dir, "__cluster_metadata-0", "wal"))
	if err := os.Remove(filepath.Join(f.dir, "yakt.started")); err != nil {
		t.Fatal(err)
	}
}

// requireNoLeader starts nodes two and three; the latter may refuse to start.
func (f *forgotten) requireNoLeader(t *testing.T) {
	t.Helper()
	f.Start(t, f.two)
	f.Start(t, f.three)
	if leader, ok := awaitLeader(t, f, noLeaderFor); ok {
		missing, err := f.creator.Missing(t.Context(), leader.ID)
		_, topics := f.creator.Ledger.Counts()
		t.Fatalf("node %d leads without node %d; it lacks %d of %d acknowledged topics (%v)",
			leader.ID, f.one, missing, topics, err)
	}
	kafka.RequireRunning(t, f.Controllers, f.two)
	if code, ended := f.Node(f.three).ExitCode(); ended {
		if code == 0 || code > 128 {
			t.Errorf("node %d ended with exit code %d", f.three, code)
		}
		kafka.Logf(t, "node %d ended with exit code %d: %s", f.three, code,
			f.Node(f.three).LogTail(1))
	} else if err := f.Ready(t.Context(), f.three); err == nil {
		t.Errorf("node %d says that it is ready", f.three)
	} else {
		kafka.Logf(t, "node %d runs: %v", f.three, err)
	}
}

// requireAllWithFirst starts node one: with node two it is a majority that has lost nothing and
// continues; node three, if it runs, is no part of it.
func (f *forgotten) requireAllWithFirst(t *testing.T) {
	t.Helper()
	f.Start(t, f.one)
	kafka.Eventually(t, returnMax, "nodes 1 and 2 have all that was acknowledged", func() error {
		for _, id := range []int32{f.one, f.two} {
			if missing, err := f.creator.Missing(t.Context(), id); err != nil || missing > 0 {
				return errors.Join(err, fmt.Errorf("node %d lacks %d topics", id, missing))
			}
		}
		return nil
	})
	createMany(t, f.creator, 5)
	f.creator.RequireCreated(t, f.one, f.two)
	if leader := kafka.WaitLeader(t, f, kafka.Patience); leader.ID == f.three {
		t.Errorf("node %d leads", f.three)
	}
	if f.Alive(f.three) && f.Ready(t.Context(), f.three) == nil {
		t.Errorf("node %d says that it is ready", f.three)
	}
}

// awaitLeader waits for a leader up to a time limit.
func awaitLeader(
	t *testing.T, q kafka.Quorum, within time.Duration,
) (leader kafka.Leader, ok bool) {
	t.Helper()
	for deadline := time.Now().Add(within); time.Now().Before(
		deadline,
	); time.Sleep(100 * time.Millisecond) {
		if leader, err := kafka.FindLeader(t.Context(), q); err == nil {
			return leader, true
		}
	}
	return leader, false
}
