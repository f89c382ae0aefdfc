package raftlog

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/yakt/yakt/protocol/batch"
)

// sim runs several cores under one seed: its own network, disks, applications and crashes, one
// event at a time.
type sim struct {
	rng        *rand.Rand
	nodes      []*simNode
	net        []*simMessage
	step       int
	calm       bool // no faults any more
	losing     bool // disks are wiped and put back
	stormUntil int  // step until which nodes restart often
	trace      uint64

	leaders   map[int32]int32  // by epoch: the only node that was reported as its leader
	committed map[int64][]byte // base offset -> batch, as first committed anywhere
	acked     map[int64][]byte // batches that a leader proposed and that are committed
	reads     map[uint64]int64 // read -> the least offset it must return
	ackedEnd  int64            // after the last acknowledged batch
	exposed   int64            // highest high watermark of any claimed leader
	proposed  int
	stats     struct {
		claims, snapshots, cuts, installs, crashes, reads int
		proposals, parts, shared, wiped, aged, found      int
	}
}

// simNode is one replica: the parts that survive a crash (disk, files) and those that do not.
type simNode struct {
	id    int32
	disk  simDisk
	files map[snapshotID][]byte

	up      bool
	core    *core
	app     *appState
	writes  []simWrite
	applies []*applyTask
	pulls   []*raftpb.Message
	making  *mark            // a snapshot being written to its file
	mine    map[int64][]byte // proposed in this life, by base offset
	hw      int64
	cutIn   bool // messages to it are lost
	cutOut  bool // messages from it are lost

	boot        uint64           // number of its life
	incarnation [16]byte         // the log's, on its disk
	met         map[int32]uint64 // peers that it has accepted in this life, and the life of theirs
	// its disk was wiped or restored from a copy: it must not vote or lead any more
	outcast  bool
	copied   *simDisk // an older copy of its disk
	tampered bool     // its disk was changed
	slow     hello    // an introduction of its present life
}

type simWrite struct {
	write *writeTask
	mark  *mark
}

// simDisk is the durable content of the write-ahead log.
type simDisk struct {
	hard    *raftpb.HardState
	mark    mark
	entries []*raftpb.Entry // after mark.Index
	note    []byte
}

type simMessage struct {
	from, to int32
	frame    []byte
	due      int
}

func (d *simDisk) last() uint64 { return d.mark.Index + uint64(len(d.entries)) }

func (d *simDisk) setMark(m mark) {
	if m.Index < d.mark.Index {
		panic(fmt.Sprintf("mark %d after mark %d", m.Index, d.mark.Index))
	}
	keep := m.Index == d.mark.Index && m.Term == d.mark.Term
	if i := m.Index - d.mark.Index; m.Index > d.mark.Index && i <= uint64(len(d.entries)) {
		keep = d.entries[i-1].GetTerm() == m.Term
	}
	if keep {
		d.entries = d.entries[m.Index-d.mark.Index:]
	} else {
		d.entries = nil
	}
	d.mark = m
}

func (d *simDisk) put(w simWrite) {
	if w.mark != nil {
		d.setMark(*w.mark)
		return
	}
	if w.write.install != nil {
		d.setMark(*w.write.install)
	}
	if w.write.hard != nil {
		d.hard = w.write.hard
	}
	for _, e := range w.write.entries {
		i := e.GetIndex() - d.mark.Index - 1
		if i > uint64(len(d.entries)) {
			panic(fmt.Sprintf("gap on disk: entry %d after %d", e.GetIndex(), d.last()))
		}
		d.entries = append(slices.Clip(d.entries[:i]), proto.Clone(e).(*raftpb.Entry))
	}
	if d.hard.GetCommit() > d.last() {
		panic(fmt.Sprintf("commit %d beyond the end %d of the disk", d.hard.GetCommit(), d.last()))
	}
}

func newSim(seed uint64, n int) *sim {
	s := &sim{
		rng:     rand.New(rand.NewPCG(seed, 1)),
		leaders: map[int32]int32{}, committed: map[int64][]byte{}, acked: map[int64][]byte{},
		reads: map[uint64]int64{},
	}
	s.losing = s.rng.IntN(3) == 0
	s.nodes = make([]*simNode, n)
	conf := s.conf()
	for i := range n {
		s.nodes[i] = &simNode{
			id: int32(i), disk: simDisk{hard: &raftpb.HardState{}, mark: mark{ConfState: conf}},
			files: map[snapshotID][]byte{}, incarnation: [16]byte{0: 1, 15: byte(i)},
		}
	}
	return s
}

func (s *sim) fail(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (s *sim) boot(n *simNode) {
	st := walState{
		HardState: proto.Clone(n.disk.hard).(*raftpb.HardState), Mark: n.disk.mark,
		Entries: slices.Clone(n.disk.entries), Note: n.disk.note,
	}
	n.boot, n.met = n.boot+1, map[int32]uint64{}
	c, err := newCore(coreConfig{
		node: n.id, incarnation: n.incarnation, salt: s.rng.Uint32(), electionTicks: 10,
		heartbeatTicks: 2, maxPending: 1 << 20, messageBytes: maxMessageBytes,
		keepBytes: int64(s.rng.IntN(500)),
		log:       slog.New(slog.DiscardHandler),
	}, st)
	if err != nil {
		s.fail("node %d does not start: %v", n.id, err)
	}
	n.up, n.core, n.app, n.mine, n.hw = true, c, newAppState(), map[int64][]byte{}, 0
	n.writes, n.applies, n.pulls, n.making = nil, nil, nil, nil
	if n.disk.mark.Index > 0 {
		s.load(n, n.disk.mark)
	}
	n.disk.note = c.memory.encode()
	c.start()
	s.collect(n)
}

func (s *sim) load(n *simNode, m mark) {
	id := snapshotID{m.EndOffset, m.Epoch}
	file, ok := n.files[id]
	if !ok {
		s.fail("node %d has no file for its mark %v", n.id, id)
	}
	if _, err := verifyCheckpointBytes(bytes.NewReader(file)); err != nil {
		s.fail("node %d: %v", n.id, err)
	}
	if err := n.app.LoadSnapshot(id.end, id.epoch,
		func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(file)), nil }); err != nil {
		s.fail("node %d: %v", n.id, err)
	}
	for _, b := range n.app.batches {
		s.agree(n, b)
	}
	s.advance(n)
}

// crash forgets all that is not on disk; of the writes under way a prefix may still have reached
// it.
func (s *sim) crash(n *simNode) {
	s.stats.crashes++
	n.up = false
	for range s.rng.IntN(len(n.writes) + 1) {
		n.disk.put(n.writes[0])
		n.writes = n.writes[1:]
	}
}

// collect takes a core's outputs into the node's queues and the network.
func (s *sim) collect(n *simNode) {
	out := n.core.takeOutputs()
	if n.core.failed != nil && !n.tampered {
		s.fail("node %d failed: %v", n.id, n.core.failed)
	}
	if n.outcast && n.core.claimed {
		s.fail("node %d leads, although it has lost what it acknowledged", n.id)
	}
	if n.core.claimed && n.core.rn.BasicStatus().RaftState != raft.StateLeader {
		s.fail("node %d no longer leads, and still claims to", n.id)
	}
	for _, w := range out.writes {
		n.writes = append(n.writes, simWrite{write: w})
	}
	n.applies = append(n.applies, out.applies...)
	n.pulls = append(n.pulls, out.pulls...)
	for _, r := range out.reads {
		if r.err == nil {
			s.stats.reads++
			if r.offset < s.reads[r.id] {
				s.fail(
					"node %d: a read gets offset %d, but %d was acknowledged before it", n.id,
					r.offset, s.reads[r.id],
				)
			}
		}
	}
	for _, m := range out.messages {
		s.send(n, m)
	}
}

func (s *sim) send(n *simNode, m *raftpb.Message) {
	frame, _, err := frameMessages(nil, []*raftpb.Message{m})
	if err != nil {
		s.fail("%v", err)
	}
	copies, delay := 1, s.rng.IntN(20)
	if !s.calm {
		switch p := s.rng.IntN(100); {
		case p < 3:
			copies = 0
		case p < 6:
			copies = 2
		case p < 10:
			delay = s.rng.IntN(600)
		}
	}
	for range copies {
		s.net = append(s.net, &simMessage{n.id, nodeID(m.GetTo()), frame, s.step + delay})
	}
}

// deliver gives one due message to its node.
func (s *sim) deliver() {
	i := slices.IndexFunc(s.net, func(m *simMessage) bool { return m.due <= s.step })
	if i < 0 {
		return
	}
	m := s.net[i]
	s.net = slices.Delete(s.net, i, i+1)
	from, to := s.nodes[m.from], s.nodes[m.to]
	if !to.up || from.cutOut || to.cutIn || !s.introduce(from, to) {
		return
	}
	ms, err := readMessages(m.frame[1:], raftID(m.from), raftID(m.to))
	if err != nil {
		s.fail("message from %d to %d: %v", m.from, m.to, err)
	}
	to.core.step(ms...)
	s.collect(to)
}

// sync makes some of the queued writes durable, as one group commit.
func (s *sim) sync(n *simNode) {
	if len(n.writes) == 0 {
		return
	}
	group := n.writes[:1+s.rng.IntN(len(n.writes))]
	n.writes = slices.Clone(n.writes[len(group):])
	for _, w := range group {
		n.disk.put(w)
	}
	for _, w := range group {
		if w.mark != nil {
			s.marked(n, *w.mark)
		} else {
			n.core.written(w.write)
		}
		s.collect(n)
	}
}

// marked reports a durable mark to the core. Once a snapshot covers the offset of CutBefore, the
// log must not start before it.
func (s *sim) marked(n *simNode, m mark) {
	must := n.core.mustCut(m.EndOffset)
	if !n.core.marked(m) || !must {
		return
	}
	s.stats.cuts++
	if start := n.core.store.base.end; start < n.core.cut {
		s.fail("node %d: the log starts at %d, it must not before %d", n.id, start, n.core.cut)
	}
}

// apply carries out the application's next task.
func (s *sim) apply(n *simNode) {
	if len(n.applies) == 0 {
		return
	}
	t := n.applies[0]
	n.applies = n.applies[1:]
	switch {
	case t.lead != nil:
		s.leaderChanged(n, *t.lead)
	case t.open != nil:
		n.core.epochStart(t.open.epoch, n.app.EpochStart(t.open.epoch, t.openAt == 0))
	case t.load != nil:
		s.stats.installs++
		s.load(n, *t.load)
	default:
		n.app.Committed(t.batches)
		s.together(n, t.batches)
		for _, e := range t.entries {
			s.stats.shared += max(0, bytes.Count(e.GetData(), []byte(": 1 of "))-1)
		}
		for _, b := range t.batches {
			s.agree(n, b)
		}
		n.core.appliedTo(t)
		s.advance(n)
	}
	if n.app.err != nil {
		s.fail("node %d: %v", n.id, n.app.err)
	}
	s.collect(n)
}

// agree checks that everybody commits the same bytes at the same offset.
func (s *sim) agree(n *simNode, b []byte) {
	base := batch.Batch(b).BaseOffset()
	if n.tampered {
		return
	}
	if was, ok := s.committed[base]; ok && !bytes.Equal(was, b) {
		s.fail("node %d commits another batch at offset %d", n.id, base)
	}
	s.committed[base] = b
	if own, ok := n.mine[base]; ok && bytes.Equal(own, b) {
		s.acked[base] = b
		s.ackedEnd = max(s.ackedEnd, base+batch.Batch(b).Offsets())
	}
	h := fnv.New64a()
	fmt.Fprint(h, s.trace, n.id, base, s.step)
	s.trace = h.Sum64()
}

// advance checks the high watermark.
func (s *sim) advance(n *simNode) {
	if n.app.end < n.hw {
		s.fail("node %d: high watermark %d after %d", n.id, n.app.end, n.hw)
	}
	n.hw = n.app.end
	if n.core != nil && n.core.claimed {
		s.exposed = max(s.exposed, n.hw)
	}
}

func (s *sim) leaderChanged(n *simNode, l leadership) {
	n.app.LeaderChanged(l.leader, l.epoch)
	if n.core.lastCause == "" {
		s.fail("node %d: leader %d, epoch %d, for no reason", n.id, l.leader, l.epoch)
	}
	if l.leader < 0 {
		return
	}
	if was, ok := s.leaders[l.epoch]; ok && was != l.leader {
		s.fail("epoch %d has leaders %d and %d", l.epoch, was, l.leader)
	}
	s.leaders[l.epoch] = l.leader
	if l.leader != n.id {
		return
	}
	s.stats.claims++
	if n.app.epoch < l.epoch {
		s.fail("node %d claims epoch %d before a batch of it was applied", n.id, l.epoch)
	}
	if n.core.claimed && n.app.end < s.exposed {
		s.fail(
			"node %d claims epoch %d with high watermark %d, brokers have seen %d", n.id, l.epoch,
			n.app.end, s.exposed,
		)
	}
}

func (s *sim) propose(n *simNode) {
	epoch := int32(n.core.term)
	if !n.core.claimed {
		epoch = int32(s.rng.IntN(3)) + epoch - 1
		if _, err := n.core.propose(epoch, dataBatch(1, "never")); err == nil {
			s.fail("node %d took a proposal without having claimed epoch %d", n.id, epoch)
		}
		return
	}
	for range 1 + s.rng.IntN(4) {
		s.proposeSome(n, epoch)
	}
}

func (s *sim) proposeSome(n *simNode, epoch int32) {
	s.proposed++
	batches := make([][]byte, max(1, s.rng.IntN(8)-3))
	for i := range batches {
		body := fmt.Sprintf(
			"%d by %d: %d of %d %s", s.proposed, n.id, i+1, len(batches),
			make([]byte, s.rng.IntN(300)),
		)
		batches[i] = dataBatch(1+s.rng.IntN(5), body)
	}
	base, err := n.core.propose(epoch, batches...)
	for _, b := range batches {
		if err == nil {
			n.mine[base] = slices.Clone(b)
			batch.Batch(n.mine[base]).SetPosition(base, epoch)
			base += batch.Batch(b).Offsets()
		}
	}
	s.collect(n)
}

// together checks that batches that were proposed together are committed together.
func (s *sim) together(n *simNode, batches [][]byte) {
	want := 1
	for _, b := range batches {
		if batch.Batch(b).IsControl() {
			continue
		}
		var proposal, by, part, parts int
		if _, err := fmt.Sscanf(string(b[batch.HeaderBytes:]), "%d by %d: %d of %d", &proposal, &by,
			&part, &parts); err != nil ||
			part != want {
			s.fail(
				"node %d: part %d of proposal %d is committed where part %d was due: %v", n.id,
				part, proposal, want, err,
			)
		}
		if want = part + 1; part == parts {
			want = 1
			s.stats.parts += parts
			s.stats.proposals++
		}
	}
	if want != 1 {
		s.fail("node %d: a proposal is committed without its last part", n.id)
	}
}

// read requests an offset, which must not precede anything that is acknowledged now.
func (s *sim) read(n *simNode) {
	id := s.rng.Uint64()
	s.reads[id] = s.ackedEnd
	n.core.readIndex(id)
	s.collect(n)
}

// snapshot writes the application's state and has it marked.
func (s *sim) snapshot(n *simNode) {
	if m := n.making; m != nil {
		n.making = nil
		if n.core.supersedes(*m) {
			n.writes = append(n.writes, simWrite{mark: m})
		}
		return
	}
	end, epoch, write := n.app.Snapshot()
	if end == 0 || end <= n.core.store.mark.EndOffset {
		return
	}
	if s.rng.IntN(4) == 0 {
		n.core.cut = end - s.rng.Int64N(5)
	}
	m, err := n.core.markFor(end, epoch)
	if err != nil {
		// A snapshot of the leader may be on its way to the application.
		if slices.ContainsFunc(n.applies, func(t *applyTask) bool { return t.load != nil }) {
			return
		}
		s.fail("node %d: %v", n.id, err)
	}
	s.stats.snapshots++
	var file bytes.Buffer
	_ = write(&file)
	n.files[snapshotID{end, epoch}] = file.Bytes()
	n.making = &m
}

// pull fetches an offered snapshot from its leader, if that is possible.
func (s *sim) pull(n *simNode) {
	if len(n.pulls) == 0 {
		return
	}
	offer := n.pulls[0]
	n.pulls = n.pulls[1:]
	leader := s.nodes[nodeID(offer.GetFrom())]
	m, err := snapshotMark(offer.GetSnapshot())
	if err != nil {
		s.fail("%v", err)
	}
	id := snapshotID{m.EndOffset, m.Epoch}
	if !leader.up || leader.cutOut || n.cutOut || !s.calm && s.rng.IntN(4) == 0 {
		if leader.up && s.rng.IntN(3) > 0 {
			leader.core.snapshotFailed(raftID(n.id))
			s.collect(leader)
		}
		return
	}
	n.files[id] = leader.files[id]
	n.core.snapshotPulled(offer)
	s.collect(n)
}
