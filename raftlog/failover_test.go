package raftlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/yakt/yakt/logtest"
	"github.com/yakt/yakt/protocol/batch"
)

// cutConn loses bytes that are written while the link is cut, as a network that drops packets does.
type cutConn struct {
	net.Conn
	cut func() bool
}

func (c cutConn) Write(b []byte) (int, error) {
	if c.cut() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// newCuttable is a cluster in which one node at a time can be cut off; -1: none.
func newCuttable(t *testing.T, n int) (*testCluster, *atomic.Int32) {
	var off atomic.Int32
	off.Store(-1)
	var cl *testCluster
	cl = newCluster(t, n, func(c *Config) {
		from := c.NodeID
		c.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
			to := int32(
				slices.IndexFunc(cl.nodes, func(n *testNode) bool { return n.addr == addr }),
			)
			cut := func() bool { return off.Load() == from || off.Load() == to }
			if cut() {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
			return cutConn{conn, cut}, err
		}
		c.DialTimeout = 200 * time.Millisecond
		c.ElectionTicks = 20 // 200 ms
	})
	return cl, &off
}

// awaitLeadership waits until a node reports a certain leadership.
func (n *testNode) awaitLeadership(ok func(leadership) bool) leadership {
	n.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		n.log.view.mu.RLock()
		changed, now := n.log.view.changed, n.log.view.leadership
		n.log.view.mu.RUnlock()
		if ok(now) {
			return now
		}
		select {
		case <-changed:
		case <-deadline:
			n.t.Fatalf("node %d still says %+v", n.id, now)
		}
	}
}

// TestSilentLeader cuts the leader off without any connection breaking.
func TestSilentLeader(t *testing.T) {
	cl, off := newCuttable(t, 3)
	cl.start()
	old := cl.leader()
	end := cl.write("before")
	was := old.awaitLeadership(func(l leadership) bool { return l.leader == old.id })
	for _, n := range cl.nodes {
		n.await(end)
	}
	began := time.Now()
	off.Store(old.id)
	other := cl.nodes[(old.id+1)%3]
	now := other.awaitLeadership(
		func(l leadership) bool { return l.leader >= 0 && l.leader != old.id },
	)
	t.Logf(
		"node %d leads epoch %d after %v: %s", now.leader, now.epoch, time.Since(began),
		cl.nodes[now.leader].log.Status().LeaderReason,
	)
	old.awaitLeadership(func(l leadership) bool { return l.leader < 0 })
	t.Logf(
		"the old leader has stepped down after %v: %s", time.Since(began),
		old.log.Status().LeaderReason,
	)
	if _, err := old.propose(was.epoch, dataBatch(1, "x")); !errors.Is(err, ErrNotLeader) {
		t.Errorf("the old leader takes a proposal: %v", err)
	}
	if _, err := old.log.Barrier(t.Context()); !errors.Is(err, ErrNotLeader) {
		t.Errorf("the old leader confirms reads: %v", err)
	}
	answer := make(chan FetchResult, 1)
	go func() {
		answer <- old.log.Fetch(context.Background(), FetchRequest{
			LeaderEpoch: was.epoch, Offset: end, LastEpoch: was.epoch, HighWatermark: end,
			MaxWait: time.Minute,
		})
	}()
	off.Store(-1)
	if res := <-answer; res.ErrorCode == codeNone ||
		res.LeaderID >= 0 && res.LeaderID != now.leader {
		t.Errorf("a fetch parked on the old leader: %+v", res)
	}
	healed := old.awaitLeadership(func(l leadership) bool { return l.leader >= 0 })
	if healed.epoch > now.epoch+1 {
		t.Errorf("epoch %d before the heal, %d after", now.epoch, healed.epoch)
	}
	end = cl.write("after")
	old.await(end)
}

// TestFetchLearnsOfFailover parks a fetch on every node and kills the leader: those left must name
// the new one.
func TestFetchLearnsOfFailover(t *testing.T) {
	cl := newCluster(t, 3, nil)
	cl.start()
	old := cl.leader()
	end := cl.write("before")
	epoch := old.log.Status().Epoch
	for _, n := range cl.nodes {
		n.await(end)
	}
	old.kill()
	for _, n := range cl.nodes {
		if n == old {
			continue
		}
		f := FetchRequest{
			LeaderEpoch: epoch, Offset: end, LastEpoch: epoch, HighWatermark: end,
			MaxWait: 500 * time.Millisecond,
		}
		for deadline := time.Now().Add(10 * time.Second); ; {
			res := n.log.Fetch(t.Context(), f)
			if res.LeaderEpoch > epoch && res.LeaderID >= 0 {
				if res.ErrorCode != codeFencedLeaderEpoch || res.LeaderID == old.id {
					t.Errorf("node %d says %+v", n.id, res)
				}
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("node %d names no new leader: %+v", n.id, res)
			}
		}
	}
	if why := cl.leader().log.Status().LeaderReason; !strings.Contains(why, "is gone") {
		t.Errorf("why the leader changed: %s", why)
	}
}

// TestHandOver stops leaders in turn: each names its successor before it goes, and nothing
// acknowledged is lost.
func TestHandOver(t *testing.T) {
	cl := newCluster(t, 3, nil)
	cl.start()
	for range 3 {
		n := cl.leader()
		end := cl.write("x")
		for _, other := range cl.nodes {
			other.await(end)
		}
		epoch := n.log.Status().Epoch
		answer := make(chan FetchResult, 1)
		go func() {
			answer <- n.log.Fetch(context.Background(), FetchRequest{
				ReplicaID: 7, LeaderEpoch: epoch, Offset: end, LastEpoch: epoch, HighWatermark: end,
				MaxWait: time.Minute,
			})
		}()
		for len(n.log.Status().Observers) == 0 { // it is counted before it is parked
			<-time.After(time.Millisecond)
		}
		began := time.Now()
		if err := n.log.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if res := <-answer; res.ErrorCode != codeFencedLeaderEpoch || res.LeaderID == n.id ||
			res.LeaderEpoch <= epoch {
			t.Errorf("the parked fetch gets %+v", res)
		}
		t.Logf("stopped within %v", time.Since(began))
		n.kill()
		n.start()
	}
}

// TestChurn kills random nodes while one client writes: every write that was acknowledged must
// survive.
func TestChurn(t *testing.T) {
	const seed = 7
	rng := rand.New(rand.NewPCG(seed, seed))
	cl := newCluster(t, 3, smallSnapshots)
	cl.start()
	written := map[int64]string{}
	var last int64
	for round := range 8 {
		for i := range 20 {
			body := fmt.Sprintf("round %d write %d %0300d", round, i, i)
			last = cl.write(body)
			written[last-2] = body
		}
		victim := cl.nodes[rng.IntN(3)]
		victim.kill()
		last = cl.write(fmt.Sprint("without node ", victim.id))
		victim.start()
	}
	for _, n := range cl.nodes {
		n.await(last)
		n.app.mu.Lock()
		held := map[int64][]byte{}
		for _, b := range n.app.batches {
			held[batch.Batch(b).BaseOffset()] = b
		}
		n.app.mu.Unlock()
		for base, body := range written {
			if b := held[base]; b == nil || string(b[batch.HeaderBytes:]) != body {
				t.Errorf("node %d lost the batch at offset %d", n.id, base)
			}
		}
	}
}

// TestALostLeaderIsAWarning takes the followers from a leader, and lets another hand over: only the
// loss is a warning, and it names what happened.
func TestALostLeaderIsAWarning(t *testing.T) {
	t.Parallel()
	logs := make([]logtest.Buffer, 3)
	next := 0
	cl := newCluster(t, 3, func(c *Config) {
		c.Logger = slog.New(slog.NewTextHandler(&logs[next], nil))
		next++
	})
	cl.start()
	first := cl.leader()
	end := cl.write("x")
	for _, n := range cl.nodes {
		n.await(end)
	}
	if err := first.log.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	first.kill()
	for i := range logs {
		if strings.Contains(logs[i].String(), lostLeader) {
			t.Errorf("a leader that handed over was lost:\n%s", &logs[i])
		}
	}
	second := cl.leader()
	for _, n := range cl.nodes {
		if n != second {
			n.kill()
		}
	}
	if err := second.app.await(t.Context().Done(), func() bool {
		return second.app.leaders[len(second.app.leaders)-1].leader < 0
	}); err != nil {
		t.Fatal(err)
	}
	log := logs[second.id].String()
	want := fmt.Sprintf(
		`%s leader=%d epoch=%d why="this node led, and lost contact with a majority"`, lostLeader,
		second.id, second.log.Status().Epoch,
	)
	if strings.Count(log, lostLeader) != 1 || !strings.Contains(log, want) {
		t.Errorf("want %s once in\n%s", want, log)
	}
}

const lostLeader = `level=WARN msg="the quorum has lost its leader"`
