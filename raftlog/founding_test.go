package raftlog

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// eventually waits until ok holds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.After(20 * time.Second); !ok(); {
		select {
		case <-deadline:
			t.Fatal("not in time: " + what)
		case <-time.After(time.Millisecond):
		}
	}
}

// leaderless runs a cluster for several election timeouts, in which nobody must lead.
func (cl *testCluster) leaderless(nodes ...*testNode) {
	cl.t.Helper()
	from := nodes[0].log.ticks()
	eventually(cl.t, "the ticks of four election timeouts", func() bool {
		for _, n := range nodes {
			if s := n.log.Status(); s.Leader >= 0 || s.HighWatermark > 0 && s.Role == "leader" {
				cl.t.Fatalf("node %d sees leader %d in epoch %d", n.id, s.Leader, s.Epoch)
			}
		}
		return nodes[0].log.ticks() > from+4*int64(nodes[0].cfg.ElectionTicks)
	})
}

func (l *Log) ticks() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.core.ticks
}

// TestFoundingNeedsAllVoters: a majority of new voters does not begin without the others, who may
// have a log already.
func TestFoundingNeedsAllVoters(t *testing.T) {
	t.Parallel()
	cl := newCluster(t, 3, nil)
	cl.nodes[0].start()
	cl.nodes[1].start()
	cl.leaderless(cl.nodes[0], cl.nodes[1])
	if s := cl.nodes[0].log.Status(); !strings.Contains(s.Waiting, "node 2") || s.Epoch != 0 {
		t.Errorf("waits in epoch %d: %q", s.Epoch, s.Waiting)
	}
	cl.nodes[2].start()
	end := cl.write("founded")
	for _, n := range cl.nodes {
		n.await(end)
		if s := n.log.Status(); s.Waiting != "" || s.Suspended != "" {
			t.Errorf("node %d: %+v", n.id, s)
		}
	}
	cl.nodes[1].kill()
	cl.nodes[2].kill()
	cl.nodes[1].start()
	cl.write("two of three are enough from now on")
}

// TestStrangersDoNotFound: nodes that name a member of a quorum without them as a voter of theirs
// found none.
func TestStrangersDoNotFound(t *testing.T) {
	t.Parallel()
	cl := newCluster(t, 3, func(c *Config) {
		if c.NodeID == 0 {
			c.Voters = []int32{0}
		}
	})
	cl.start()
	cl.nodes[0].await(3)
	eventually(t, "node 1 hears that it is no member", func() bool {
		return strings.Contains(cl.nodes[1].log.Status().Waiting, "not a member")
	})
	cl.leaderless(cl.nodes[1], cl.nodes[2])
}

// TestOtherVotersThanTheLogs: a log is not opened under a configuration with other voters.
func TestOtherVotersThanTheLogs(t *testing.T) {
	t.Parallel()
	cl := newCluster(t, 1, nil)
	cl.start()
	n := cl.nodes[0]
	n.await(3)
	n.kill()
	n.cfg.Voters, n.cfg.Addr = []int32{0, 1, 2}, func(int32) []string { return nil }
	if _, err := Open(n.cfg, newAppState()); err == nil ||
		!strings.Contains(err.Error(), "[0 1 2]") ||
		!strings.Contains(err.Error(), "voters [0]") {
		t.Errorf("opened: %v", err)
	}
}

// TestVoterWithoutItsLog: a voter whose log was made again in the same directory is found out by
// those that remember it, also after a restart of theirs, and helps nobody to lead.
func TestVoterWithoutItsLog(t *testing.T) {
	t.Parallel()
	cl := newCluster(t, 3, nil)
	cl.start()
	end := cl.write("all have this")
	for _, n := range cl.nodes {
		n.await(end)
	}
	behind, full, wiped := cl.nodes[1], cl.nodes[0], cl.nodes[2]
	behind.kill()
	acknowledged := cl.write("one of the two that have this forgets it")
	full.kill()
	wiped.kill()
	if err := os.RemoveAll(filepath.Join(wiped.cfg.Dir, walDir)); err != nil {
		t.Fatal(err)
	}
	wiped.start()
	behind.start()
	cl.leaderless(wiped, behind)
	eventually(t, "the wiped node hears that it has forgotten", func() bool {
		return strings.Contains(wiped.log.Status().Suspended, "made again")
	})
	full.start()
	behind.await(acknowledged)
	wiped.kill()
	wiped.start()
	if s := wiped.log.Status(); s.Suspended == "" {
		t.Error("the wiped node has forgotten that it takes no part")
	}
}
