package raftlog

import (
	"errors"
	"slices"

	"google.golang.org/protobuf/proto"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/protocol/batch"
)

// introduce is the handshake between two nodes of a simulation: as in the driver, nothing is heard
// from a node that has not shaken hands in its present life, and each judges the other. It reports
// whether to hears from.
func (s *sim) introduce(from, to *simNode) bool {
	if to.met[from.id] == from.boot {
		return true
	}
	if !from.up || to.cutOut || from.cutIn || !s.judge(to, from) || !s.judge(from, to) {
		return false
	}
	to.met[from.id], from.met[to.id] = from.boot, to.boot
	s.gossip(from, to)
	s.gossip(to, from)
	s.found(to)
	s.found(from)
	return true
}

// hello is a node's introduction, which may have been on its way for a while.
func (s *sim) hello(n *simNode) hello {
	h := hello{
		node: n.id, dir: [16]byte{0: byte(n.id)}, incarnation: n.incarnation,
		boot:     n.core.memory.boot,
		founding: n.core.founding, end: n.core.logEnd(),
	}
	if n.slow.boot != h.boot || s.rng.IntN(3) == 0 {
		n.slow = h
	}
	return n.slow
}

// judge makes a node compare a peer's hello with its memory, durably before it accepts messages.
func (s *sim) judge(n, peer *simNode) bool {
	if !n.core.isMember(raftID(peer.id)) {
		return false
	}
	h := s.hello(peer)
	learned, err := n.core.memory.judge(h, [16]byte{}, n.core.founding)
	if learned {
		n.disk.note = n.core.memory.encode()
	}
	if r, ok := errors.AsType[*refusedError](err); ok && r.verdict == verdictForgot {
		if !peer.outcast {
			s.fail("node %d is said to have forgotten, and has not: %v", peer.id, err)
		}
		s.stats.found++
		peer.core.suspend(err.Error())
		s.collect(peer)
	}
	return err == nil
}

// gossip passes a peer's memory to a node. A connection to a node that turns out to have another
// log is closed.
func (s *sim) gossip(from, to *simNode) {
	if to.core.hearMemory(from.core.memory.known, from.core.founding) {
		to.disk.note = to.core.memory.encode()
	}
	for id := range to.met {
		if !to.core.knows(raftID(id), s.nodes[id].incarnation) {
			delete(to.met, id)
		}
	}
}

// found reports to a node that all voters have been reached and wait for the quorum to be founded.
func (s *sim) found(n *simNode) {
	for _, other := range s.nodes {
		if other != n && (!other.up || !other.core.founding || n.met[other.id] != other.boot) {
			return
		}
	}
	n.core.founded()
	s.collect(n)
}

// greetAll lets nodes that wait for the quorum to be founded reach the others: they have nothing to
// say yet.
func (s *sim) greetAll(n *simNode) {
	for _, other := range s.nodes {
		if n.core.founding && other != n && other.up && !n.cutOut && !other.cutIn {
			s.introduce(n, other)
		}
	}
}

// remember makes a node's memory durable, some time after it has changed.
func (s *sim) remember(n *simNode) { n.disk.note = n.core.memory.encode() }

// outcasts counts the nodes that are out for good. A quorum survives as many as it survives dead
// ones.
func (s *sim) outcasts() (n int) {
	for _, node := range s.nodes {
		if node.outcast {
			n++
		}
	}
	return n
}

// lose makes a node lose entries that it has acknowledged: its log is made again in the same
// directory, or an older copy is restored. It does so only where the design promises detection: the
// durable memory of each other member must show the loss.
func (s *sim) lose(n *simNode) {
	if 2*(s.outcasts()+1) >= len(s.nodes) || n.outcast || !s.foundedWithout(n) {
		return
	}
	wipe := n.copied == nil && s.rng.IntN(2) == 0 || s.rng.IntN(4) == 0
	if n.copied == nil && !wipe {
		return
	}
	for _, other := range s.nodes {
		if other == n {
			continue
		}
		m, err := decodeMemory(other.disk.note)
		if err != nil {
			s.fail("node %d: %v", other.id, err)
		}
		was, knows := m.known[raftID(n.id)]
		if !knows || !wipe && !n.copied.detects(was) {
			return
		}
	}
	s.crash(n)
	n.outcast = true
	if wipe {
		s.stats.wiped++
		n.incarnation[1]++
		n.disk = simDisk{hard: &raftpb.HardState{}, mark: mark{ConfState: s.conf()}}
		return
	}
	s.stats.aged++
	n.disk = *n.copied
}

// foundedWithout reports whether another node knows for good that the quorum was founded: until
// then nothing is acknowledged, and a voter may still be formatted again.
func (s *sim) foundedWithout(n *simNode) bool {
	return slices.ContainsFunc(
		s.nodes, func(o *simNode) bool { return o != n && diskEnd(&o.disk) != logEnd{} },
	)
}

// detects reports whether a node that starts from this disk would detect a loss.
func (d *simDisk) detects(was remembered) bool {
	m, err := decodeMemory(d.note)
	return err == nil &&
		(m.boot.count < was.boot.count || diskEnd(d).lacks(was.before.join(was.acked)))
}

func diskEnd(d *simDisk) logEnd {
	e := logEnd{term: d.hard.GetTerm(), lastTerm: d.mark.Term, lastIndex: d.mark.Index}
	if n := len(d.entries); n > 0 {
		e.lastTerm, e.lastIndex = d.entries[n-1].GetTerm(), d.entries[n-1].GetIndex()
	}
	return e
}

// backUp copies a node's disk.
func (s *sim) backUp(n *simNode) {
	n.copied = &simDisk{
		hard: proto.Clone(n.disk.hard).(*raftpb.HardState), mark: n.disk.mark,
		entries: slices.Clone(n.disk.entries), note: slices.Clone(n.disk.note),
	}
}

// conf is the membership that all disks begin with.
func (s *sim) conf() *raftpb.ConfState {
	conf := &raftpb.ConfState{}
	for i := range s.nodes {
		conf.Voters = append(conf.Voters, raftID(int32(i)))
	}
	return conf
}

// tamper changes a batch, with its checksum, among those that a node has applied since its last
// snapshot, and restarts the node.
func (s *sim) tamper(n *simNode) bool {
	s.crash(n)
	for _, e := range n.disk.entries {
		data := e.GetData()
		if e.GetIndex() < n.core.applied && len(data) > batch.HeaderBytes &&
			!batch.Batch(data).IsControl() {
			first, _, err := batch.Next(data)
			if err != nil {
				panic(err)
			}
			size := len(first)
			other := dataBatch(
				int(batch.Batch(data).Offsets()), string(data[batch.HeaderBytes:size])+"!",
			)
			batch.Batch(other).
				SetPosition(batch.Batch(data).BaseOffset(), batch.Batch(data).Epoch())
			e.Data = append(other, data[size:]...)
			n.tampered = true
			s.boot(n)
			return true
		}
	}
	s.boot(n)
	return false
}
