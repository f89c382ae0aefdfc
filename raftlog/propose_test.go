package raftlog

import (
	"errors"
	"strings"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
)

// leadingCore is the core of node 0 of n, which leads, has claimed its epoch, and waits for
// nothing.
func leadingCore(t *testing.T, n int) *core {
	t.Helper()
	c := loneCore(t, n, 1<<30)
	c.claimed, c.opening.index = true, 1 // as if the epoch had been opened
	for write(c) {
	}
	return c
}

// write performs the pending work of the disk, and reports whether there was any.
func write(c *core) bool {
	writes := c.takeOutputs().writes
	for _, w := range writes {
		c.written(w)
	}
	return len(writes) > 0
}

// acknowledge reports to the core that a follower has everything in the log.
func acknowledge(c *core, node int32) {
	c.step(
		&raftpb.Message{
			Type: raftpb.MsgAppResp.Enum(), From: new(raftID(node)), To: new(raftID(0)),
			Term: new(c.term), Index: new(c.store.last().index),
		},
	)
}

func mustPropose(t *testing.T, c *core, want int64, batches ...[]byte) {
	t.Helper()
	if base, err := c.propose(int32(c.term), batches...); base != want || err != nil {
		t.Fatalf("proposed at offset %d, want %d: %v", base, want, err)
	}
}

// onTheirWay proposes as much as goes at once.
func onTheirWay(t *testing.T, c *core) {
	t.Helper()
	for i := range int64(entriesOnWay) {
		mustPropose(t, c, i, dataBatch(1, "on its way"))
	}
}

func TestProposalsJoinWhileTwoAreOnTheirWay(t *testing.T) {
	t.Parallel()
	for name, arrive := range map[string]func(*core){
		"on this disk":  func(c *core) { write(c) },
		"on a majority": func(c *core) { acknowledge(c, 1); acknowledge(c, 2) },
	} {
		c := leadingCore(t, 3)
		begin := c.store.last().index
		end := func(when string, entries uint64, offset int64) {
			t.Helper()
			if got := c.store.last(); got.index != begin+entries || got.end != offset {
				t.Errorf(
					"%s, %s: the log has %d entries more and ends at %d, want %d and %d", name,
					when, got.index-begin, got.end, entries, offset,
				)
			}
		}
		mustPropose(t, c, 0, dataBatch(1, "goes at once"))
		mustPropose(t, c, 1, dataBatch(1, "as does this"))
		end("two proposed", 2, 2)
		mustPropose(t, c, 2, dataBatch(2, "waits"))
		mustPropose(t, c, 4, dataBatch(1, "waits"), dataBatch(1, "too"))
		end("with two on their way", 2, 2)
		arrive(c)
		end("when these have arrived", 3, 6)
		mustPropose(t, c, 6, dataBatch(1, "goes at once"))
		mustPropose(t, c, 7, dataBatch(1, "waits"))
		end("with two on their way again", 4, 7)
	}
}

func TestLargeProposalsDoNotWait(t *testing.T) {
	t.Parallel()
	c := leadingCore(t, 3)
	onTheirWay(t, c)
	mustPropose(t, c, 2, dataBatch(1, strings.Repeat("x", heldMaxBytes/2)))
	mustPropose(t, c, 3, dataBatch(1, strings.Repeat("x", heldMaxBytes/2+1)))
	if got := c.store.last(); got.end != 3 {
		t.Errorf("the log ends at %d: what waited goes before it becomes too much", got.end)
	}
	mustPropose(t, c, 4, dataBatch(1, strings.Repeat("x", heldMaxBytes)))
	if got := c.store.last(); got.end != 5 {
		t.Errorf("the log ends at %d, with a large batch proposed", got.end)
	}
}

func TestHandOverTakesWhatWaits(t *testing.T) {
	t.Parallel()
	c := leadingCore(t, 3)
	acknowledge(c, 1)
	onTheirWay(t, c)
	mustPropose(t, c, 2, dataBatch(1, "waits"))
	if c.handOver() != raftID(1) {
		t.Fatal("handed over to nobody")
	}
	if got := c.store.last(); got.end != 3 {
		t.Errorf("the log ends at %d", got.end)
	}
	if _, err := c.propose(int32(c.term), dataBatch(1, "x")); !errors.Is(err, ErrNotLeader) {
		t.Errorf("proposed during a hand-over: %v", err)
	}
}

// The last node of a quorum to stop does not wait, although raft regards its peers as active for a
// while.
func TestHandOverToNobodyWhoIsGone(t *testing.T) {
	t.Parallel()
	c := leadingCore(t, 3)
	acknowledge(c, 1)
	c.disconnected(raftID(1))
	if to := c.handOver(); to == raftID(1) {
		t.Fatal("handed over to a node whose connection is broken")
	}
	acknowledge(c, 1)
	if to := c.handOver(); to != raftID(1) {
		t.Fatalf("handed over to %d, not to the node that is back", to)
	}
}

func TestLostLeadershipDropsWhatWaits(t *testing.T) {
	t.Parallel()
	c := leadingCore(t, 3)
	onTheirWay(t, c)
	mustPropose(t, c, 2, dataBatch(1, "waits"))
	epoch := int32(c.term)
	c.step(sealed(
		c,
		&raftpb.Message{
			Type: raftpb.MsgHeartbeat.Enum(), From: new(raftID(1)), To: new(raftID(0)),
			Term: new(c.term + 1),
		},
	))
	write(c)
	if got := c.store.last(); c.failed != nil || c.claimed || got.end != 2 ||
		len(c.held.batches) != 0 {
		t.Errorf(
			"claimed %v, the log ends at %d, %d batches wait: %v", c.claimed, got.end,
			len(c.held.batches), c.failed,
		)
	}
	if _, err := c.propose(epoch, dataBatch(1, "x")); !errors.Is(err, ErrNotLeader) {
		t.Errorf("proposed in an epoch that another has ended: %v", err)
	}
}
