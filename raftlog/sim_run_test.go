package raftlog

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"testing/cryptotest"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/protocol/batch"
)

// event lets one thing happen to a random node.
func (s *sim) event() {
	s.step++
	n := s.nodes[s.rng.IntN(len(s.nodes))]
	if !n.up {
		if s.calm || s.rng.IntN(60) == 0 {
			s.boot(n)
		}
		return
	}
	if !s.calm && s.step < s.stormUntil && s.rng.IntN(25) == 0 {
		s.crash(n)
		s.boot(n)
	}
	switch p := s.rng.IntN(1000); {
	case p < 150:
		n.core.tick()
		s.collect(n)
		s.greetAll(n)
		if s.rng.IntN(5) == 0 {
			s.remember(n)
		}
		if other := s.nodes[s.rng.IntN(len(s.nodes))]; other != n && other.up &&
			n.met[other.id] == other.boot {
			s.gossip(other, n)
		}
	case p < 500:
		s.deliver()
	case p < 680:
		s.sync(n)
	case p < 860:
		s.apply(n)
	case p < 920:
		s.pull(n)
	case p < 980:
		s.propose(n)
		s.read(n)
	case p < 985:
		s.snapshot(n)
	case !s.calm:
		s.fault(n, p-985)
	}
}

func (s *sim) fault(n *simNode, kind int) {
	other := s.nodes[s.rng.IntN(len(s.nodes))]
	switch kind {
	case 0, 1:
		if s.rng.IntN(3) == 0 {
			s.crash(n)
		}
	case 2:
		n.cutIn = s.rng.IntN(3) == 0
	case 3:
		n.cutOut = s.rng.IntN(3) == 0
	case 4, 5:
		n.cutIn, n.cutOut = false, false
	case 6: // suspicion, right or wrong
		n.core.leaderGone(raftID(other.id), "simulated")
		s.collect(n)
	case 7:
		n.core.assembled()
	case 8:
		n.core.handOver()
		s.collect(n)
	case 9:
		n.core.disconnected(raftID(other.id))
		s.collect(n)
	case 10:
		if n.core.claimed { // cut off just when it leads
			n.cutIn, n.cutOut = true, true
		}
	case 11: // elections without a pre-vote, as in a hand-over, and restarts while they last
		for _, n := range s.nodes {
			if n.up && n.core.lead != raft.None && s.rng.IntN(4) > 0 {
				n.core.step(
					&raftpb.Message{
						Type: raftpb.MsgTimeoutNow.Enum(), From: new(n.core.lead),
						To: new(raftID(n.id)), Term: new(n.core.term),
					},
				)
				s.collect(n)
			}
		}
		s.stormUntil = s.step + 150
	case 12: // a quick restart
		s.crash(n)
		s.boot(n)
	case 13:
		s.backUp(n)
	case 14:
		if s.losing {
			s.lose(n)
		}
	}
}

// finish heals all faults and checks that all replicas reach the same log, with everything that was
// acknowledged.
func (s *sim) finish() {
	s.calm = true
	for _, n := range s.nodes {
		n.cutIn, n.cutOut = false, false
	}
	settled := func() bool {
		sound := s.sound()
		for _, n := range sound {
			if !n.up || n.app.end != sound[0].app.end || len(n.writes)+len(n.applies) > 0 {
				return false
			}
		}
		return sound[0].app.end > 0
	}
	writeUntil := s.step + 20000
	for ; s.step < writeUntil || !settled(); s.step++ {
		if s.step > writeUntil+200000 {
			s.fail("the replicas do not come together: %s", s.describe())
		}
		n := s.nodes[s.step%len(s.nodes)]
		if !n.up {
			s.boot(n)
		}
		if s.step%50 == 0 {
			for _, n := range s.nodes {
				if n.up {
					n.core.tick()
					s.collect(n)
					s.greetAll(n)
				}
			}
		}
		s.deliver()
		s.sync(n)
		s.apply(n)
		s.pull(n)
		if s.step%500 == 0 && s.step < writeUntil {
			s.propose(n)
		}
	}
	for _, n := range s.nodes {
		for base, b := range s.acked {
			if s.committed[base] == nil || !bytes.Equal(s.committed[base], b) {
				s.fail("acknowledged batch at %d is lost", base)
			}
		}
		for _, b := range n.app.batches {
			if !bytes.Equal(b, s.committed[batch.Batch(b).BaseOffset()]) {
				s.fail("node %d differs at offset %d", n.id, batch.Batch(b).BaseOffset())
			}
		}
	}
	for base := range s.acked {
		if end := s.sound()[0].app.end; base >= end {
			s.fail("acknowledged batch at %d is beyond the end %d", base, end)
		}
	}
}

// sound lists the nodes that have lost nothing.
func (s *sim) sound() []*simNode {
	return slices.DeleteFunc(slices.Clone(s.nodes), func(n *simNode) bool { return n.outcast })
}

func (s *sim) describe() string {
	out := fmt.Sprintf("step %d, %d messages under way", s.step, len(s.net))
	for _, n := range s.nodes {
		out += fmt.Sprintf(
			"\nnode %d: up %v end %d writes %d applies %d", n.id, n.up, n.app.end, len(n.writes),
			len(n.applies),
		)
		if n.up {
			out += fmt.Sprintf(
				" term %d lead %d state %v claimed %v applied %d last %+v base %+v", n.core.term,
				n.core.lead, n.core.state, n.core.claimed, n.core.applied, n.core.store.last(),
				n.core.store.base,
			)
		}
	}
	return out
}

func runSim(seed uint64, n, events int) (s *sim, err error) {
	s = newSim(seed, n)
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v\n%s", r, s.describe())
		}
	}()
	for range events {
		s.event()
	}
	s.finish()
	return s, nil
}

// seeds is how many simulations a test runs; RAFTLOG_SIM_SEEDS asks for more, RAFTLOG_SIM_FIRST for
// others.
func seeds(quick int) (first, count uint64) {
	count = uint64(quick)
	if v, err := strconv.Atoi(os.Getenv("RAFTLOG_SIM_SEEDS")); err == nil {
		count = uint64(v)
	}
	if v, err := strconv.Atoi(os.Getenv("RAFTLOG_SIM_FIRST")); err == nil {
		first = uint64(v)
	}
	return first, count
}

func TestSimulation(t *testing.T) {
	for _, n := range []int{1, 3, 5} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			first, count := seeds(40)
			var claims, snapshots, cuts, installs, crashes, acked, reads int
			var joined, shared, wiped, aged, found int
			for seed := first; seed < first+count; seed++ {
				cryptotest.SetGlobalRandom(t, seed)
				s, err := runSim(seed, n, 6000)
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				claims += s.stats.claims
				snapshots += s.stats.snapshots
				installs += s.stats.installs
				cuts += s.stats.cuts
				crashes += s.stats.crashes
				acked += len(s.acked)
				reads += s.stats.reads
				wiped += s.stats.wiped
				aged += s.stats.aged
				found += s.stats.found
				joined += s.stats.parts - s.stats.proposals
				shared += s.stats.shared
			}
			t.Logf(
				"%d seeds: %d claims, %d acknowledged batches, %d snapshots, %d cut the log, "+
					"%d installed, %d crashes, %d reads, "+
					"%d proposals joined others, %d disks wiped, %d put back, found out %d times",
				count, claims, acked, snapshots, cuts, installs, crashes, reads, shared, wiped, aged, found,
			)
			if n > 1 && (wiped+aged == 0 || found == 0) {
				t.Error("no voter has lost its memory")
			}
			if acked == 0 || n > 1 && installs == 0 || crashes == 0 || snapshots == 0 ||
				cuts == 0 ||
				reads == 0 ||
				joined == 0 ||
				shared == 0 {
				t.Error("the simulation does not exercise what it should")
			}
		})
	}
}

// TestSimulationRepeats: the same seed gives the same run.
func TestSimulationRepeats(t *testing.T) {
	for seed := range uint64(5) {
		var traces [2]uint64
		for i := range traces {
			cryptotest.SetGlobalRandom(t, seed)
			s, err := runSim(seed, 3, 4000)
			if err != nil {
				t.Fatal(err)
			}
			traces[i] = s.trace
		}
		if traces[0] != traces[1] {
			t.Errorf("seed %d ran differently the second time", seed)
		}
	}
}

// TestSimulationFindsDivergence changes a committed entry on a disk, where nothing else reveals the
// change, and lets the node follow a leader: it stops before it accepts anything beyond what its
// own disk had committed.
func TestSimulationFindsDivergence(t *testing.T) {
	found := 0
	for seed := range uint64(20) {
		cryptotest.SetGlobalRandom(t, seed)
		s := newSim(seed, 3)
		s.calm = true
		for range 4000 {
			s.event()
		}
		n := s.nodes[s.rng.IntN(3)]
		if n.core.claimed || n.core.applied < n.disk.mark.Index+2 || !s.tamper(n) {
			continue
		}
		found++
		end := n.core.store.last().end
		for range 20000 {
			if s.event(); n.core.failed != nil {
				break
			}
		}
		if !errors.Is(n.core.failed, ErrDiverged) || n.app.end > end {
			t.Errorf(
				"seed %d: node %d took up to offset %d, its own disk had %d: %v", seed, n.id,
				n.app.end, end, n.core.failed,
			)
		}
	}
	if found < 5 {
		t.Errorf("only %d logs were changed", found)
	}
}
