package raftlog

import (
	"errors"
	"fmt"
	"log/slog"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/protocol/batch"
)

// Errors of Propose and Barrier. All of them mean that nothing was appended.
var (
	// ErrNotLeader: this node has not claimed that epoch, or is handing leadership over.
	ErrNotLeader = errors.New("raftlog: not the leader of this epoch")
	// ErrTooManyPending: Config.MaxPendingBytes of proposals wait to be committed; retry when some
	// have.
	ErrTooManyPending = errors.New("raftlog: too many bytes wait to be committed")
	// ErrBatchTooLarge: a batch exceeds batch.MaxBytes, or all of a proposal MaxProposalBytes.
	ErrBatchTooLarge = errors.New("raftlog: batch too large")
	// ErrBadBatch: bytes are not one whole, valid record batch.
	ErrBadBatch = batch.ErrInvalid
	// ErrStopped: the log is stopped or has failed.
	ErrStopped = errors.New("raftlog: stopped")
	// ErrDiverged: this replica's log is not the leader's although both say so. See [Log.Failed].
	ErrDiverged = errors.New("raftlog: the log differs from the leader's")
)

const (
	maxMessageBytes  = 1 << 20  // entries in one append message; a larger entry travels alone
	maxInflightCount = 512      // append messages to one follower without a response
	maxInflightBytes = 64 << 20 // and their bytes
	maxApplyingBytes = 16 << 20 // handed to the application and not yet applied
	// between the campaigns of followers after their leader's process died
	staggerTicks    = 3
	campaignRetries = 5
)

// raft ids must not be zero, node ids may be.
func raftID(node int32) uint64 { return uint64(uint32(node)) + 1 }
func nodeID(id uint64) int32   { return int32(uint32(id - 1)) } // None gives -1

type coreConfig struct {
	node           int32
	electionTicks  int
	heartbeatTicks int
	incarnation    [16]byte
	salt           uint32 // random, drawn at this start
	maxPending     int64  // bytes proposed and not committed
	messageBytes   int    // see Config.MessageBytes
	keepBytes      int64  // how much of the log before a snapshot is kept
	log            *slog.Logger
}

// core is the sans-IO state machine of one replica: its methods are inputs, and what the driver has
// to do as a consequence is in out. It owns no goroutine, clock, disk or network, so that a
// simulation can drive it. It is not safe for concurrent use: Log.mu guards it.
//
// A failure (a raft panic, an entry that is no batch) is final: failed is set, and inputs have no
// effect from then on. Always: applied <= handed <= the commit index <= store.last().index.
type core struct {
	cfg    coreConfig
	rn     *raft.RawNode
	store  *storage
	out    outputs
	failed error

	term  uint64
	lead  uint64
	state raft.StateType
	// reported is the leadership that was last reported to the application.
	reported leadership
	opening  epochOpening
	claimed  bool
	held     proposals
	handing  bool   // this node leads and has started to hand over
	durable  uint64 // last index written to this node's disk
	// durableTerm is the term of the last hard state written to this node's disk.
	durableTerm uint64
	handed      uint64 // last index handed to the application
	applied     uint64 // last index that the application has applied

	ticks    int64
	campaign campaign
	heldVote heldVote
	reads    []pendingRead
	offered  map[uint64]bool  // followers that were sent a snapshot offer and wait for it
	stuck    map[uint64]int64 // by follower: the tick since which it waits for a snapshot
	gone     map[uint64]bool  // peers that have sent nothing since their connection broke
	// founding: the log is empty, and it is not known whether the quorum has been founded; see
	// founding.go.
	founding bool
	memory   memory // what this node remembers of the other members
	deposed  bool   // this node was the last known leader
	cut      int64  // the log must not start before this offset; see Log.CutBefore
	stalled  bool   // the disk has not answered for long: this node must not lead
	refused  uint64 // messages that were not given to raft

	// told is a commit index that a leader has named since this start, or 1 once this replica has
	// led; 0: none yet. See CaughtUp.
	told      uint64
	lastCause string // why the leadership last changed
	cause     string // the reason of the next change, if it is known in advance
	lost      bool   // there is no leader because the last one failed or cannot be reached
}

// leadership as the application and fetchers see it: leader -1 when unknown or not yet claimed.
// deposed: this node led the epoch, has lost its followers, and knows of no other leader.
type leadership struct {
	leader, epoch int32
	deposed       bool
}

// epochOpening tracks the EpochStart batch of the epoch that this node leads in raft.
type epochOpening struct {
	term  uint64
	batch batch.Batch // from the application, until it is proposed
	index uint64      // index of the entry that carries it, once proposed
}

// campaign is the schedule of the elections that this node starts before raft's timeout.
type campaign struct {
	at    int64 // tick, 0: none
	again int64 // ticks between retries
	left  int
}

// heldVote is a pre-vote that raft ignored because it still had a leader. If the leader turns out
// to be dead a moment later, the vote is stepped again, as if the network had duplicated it. That
// saves an election timeout.
type heldVote struct {
	msg *raftpb.Message
	at  int64
}

type pendingRead struct {
	id    uint64
	index uint64 // 0: raft has not answered yet
}

// outputs are the effects of inputs that the driver carries out after them (Log.flush). The order
// within each list matters.
type outputs struct {
	messages []*raftpb.Message // to peers
	writes   []*writeTask      // to the disk, in order
	applies  []*applyTask      // to the application, in order
	// MsgSnap whose checkpoint file must be fetched first; then snapshotPulled
	pulls   []*raftpb.Message
	reads   []readResult
	changed bool // leadership (reported) changed
	members bool // the set of members changed
}

// writeTask is one append of raft for the disk. The driver calls core.written once it is durable.
type writeTask struct {
	hard      *raftpb.HardState // nil: unchanged
	entries   []*raftpb.Entry
	install   *mark // replaces the log by a snapshot whose file is in place; precedes entries
	responses []*raftpb.Message
}

// applyTask is one call on the application. Exactly one of load, lead, open and entries is set;
// after entries the driver calls appliedTo.
type applyTask struct {
	entries []*raftpb.Entry
	batches [][]byte
	resps   []*raftpb.Message

	load   *mark
	lead   *leadership
	why    string      // reason for lead
	lost   bool        // goes with lead: see core.lost
	open   *leadership // call EpochStart for this epoch
	openAt int64       // log end at that moment: 0 means first
}

type readResult struct {
	id     uint64
	offset int64
	err    error
}

func newCore(cfg coreConfig, st walState) (c *core, err error) {
	store, err := newStorage(st)
	if err != nil {
		return nil, err
	}
	c = &core{
		cfg: cfg, store: store, handed: store.base.index, applied: store.base.index,
		offered: map[uint64]bool{}, stuck: map[uint64]int64{}, gone: map[uint64]bool{},
	}
	if c.memory, err = decodeMemory(st.Note); err != nil {
		return nil, err
	}
	c.memory.boot = boot{c.memory.boot.count + 1, cfg.salt}
	c.founding = len(c.voters()) > 1 && store.last().index == 0 && store.hard.GetTerm() == 0
	c.durable, c.durableTerm = store.last().index, store.hard.GetTerm()
	c.reported = leadership{leader: -1, epoch: int32(store.hard.GetTerm())}
	c.term = store.hard.GetTerm()
	defer func() {
		if r := recover(); r != nil {
			c, err = nil, fmt.Errorf("raftlog: the log on disk is not consistent: %v", r)
		}
	}()
	c.rn, err = raft.NewRawNode(&raft.Config{
		ID: raftID(cfg.node), Storage: store, Applied: store.base.index,
		ElectionTick: cfg.electionTicks, HeartbeatTick: cfg.heartbeatTicks,
		AsyncStorageWrites: true, PreVote: true, CheckQuorum: true, DisableProposalForwarding: true,
		StepDownOnRemoval: true,
		ReadOnlyOption:    raft.ReadOnlySafe,
		MaxSizePerMsg:     uint64(cfg.messageBytes),
		MaxInflightMsgs:   maxInflightCount, MaxInflightBytes: maxInflightBytes,
		MaxCommittedSizePerReady: maxApplyingBytes,
		Logger:                   raftLogger{cfg.log},
	})
	return c, err
}

// do runs one input and processes everything that raft produces in response. A panic is a broken
// invariant: the replica stops.
func (c *core) do(input func()) {
	if c.failed != nil {
		return
	}
	defer func() {
		if r := recover(); r != nil {
			c.fail(fmt.Errorf("raftlog: broken invariant: %v", r))
		}
	}()
	input()
	c.drainAll()
}

// fail stops the replica. Outputs that were not taken yet are discarded.
func (c *core) fail(err error) {
	if c.failed == nil {
		c.failed = err
		c.claimed = false
		c.out = outputs{changed: true}
	}
}

// takeOutputs returns the outputs and clears them.
func (c *core) takeOutputs() outputs {
	out := c.out
	c.out = outputs{}
	if c.failed != nil {
		return outputs{changed: out.changed, reads: out.reads}
	}
	return out
}

// start makes a single voter campaign at once instead of waiting for an election timeout.
func (c *core) start() {
	c.do(func() {
		if v := c.voters(); len(v) == 1 && v[0] == raftID(c.cfg.node) {
			c.cause = "the only voter"
			_ = c.rn.Campaign()
		}
	})
}

func (c *core) tick() {
	c.do(func() {
		c.ticks++
		if !c.mayVote() {
			return
		}
		if !c.stalled || c.state == raft.StateLeader {
			c.rn.Tick()
			c.tickCampaign()
		}
		c.tickSnapshots()
		c.openEpoch()
	})
}

// step processes messages from a peer. A MsgSnap whose file is not here yet is put into out.pulls
// instead.
func (c *core) step(messages ...*raftpb.Message) {
	c.do(func() {
		for _, m := range messages {
			c.stepOne(m)
		}
	})
}

func (c *core) stepOne(m *raftpb.Message) {
	if why := c.impossible(m); why != "" {
		c.refuse(m, why)
		return
	}
	if !c.hears(m) {
		return
	}
	if !c.unseal(m) {
		c.refuse(m, "it carries no hash of the log")
		return
	}
	delete(c.gone, m.GetFrom())
	c.witness(m)
	switch m.GetType() {
	case raftpb.MsgSnap:
		if m.GetTerm() >= c.term &&
			m.GetSnapshot().GetMetadata().GetIndex() > c.rn.BasicStatus().GetCommit() {
			c.out.pulls = append(c.out.pulls, m)
			return
		}
	case raftpb.MsgPreVote:
		if m.GetTerm() > c.term && c.lead != raft.None {
			c.heldVote = heldVote{m, c.ticks}
		}
	}
	_ = c.rn.Step(m) // after an error raft has ignored the message
	c.hearCommit(m)
	if m.GetType() == raftpb.MsgAppResp && c.offered[m.GetFrom()] {
		c.snapshotAccepted(m)
	}
}

// snapshotPulled processes a MsgSnap whose file is now in place and verified.
func (c *core) snapshotPulled(m *raftpb.Message) { c.do(func() { _ = c.rn.Step(m) }) }

// snapshotFailed reports that a follower could not get the snapshot; the leader tries again.
func (c *core) snapshotFailed(follower uint64) {
	c.do(func() { c.rn.ReportSnapshot(follower, raft.SnapshotFailure) })
}

// unreachable reports that messages to a peer were lost.
func (c *core) unreachable(peer uint64) { c.do(func() { c.rn.ReportUnreachable(peer) }) }

// disconnected reports that the connection to a peer broke. Messages in flight, a snapshot offer
// among them, may be lost.
func (c *core) disconnected(peer uint64) {
	c.do(func() {
		c.gone[peer] = true
		c.rn.ReportUnreachable(peer)
		c.rn.ReportSnapshot(peer, raft.SnapshotFailure)
	})
}

// epochStart receives the batch with which the application begins an epoch.
func (c *core) epochStart(epoch int32, first []byte) {
	if err := batch.Check(first); err != nil {
		c.fail(fmt.Errorf("raftlog: EpochStart for epoch %d: %w", epoch, err))
		return
	}
	c.do(func() {
		if c.state == raft.StateLeader && c.opening.term == uint64(epoch) && c.opening.index == 0 {
			c.opening.batch = first
			c.openEpoch()
		}
	})
}

// openEpoch proposes the EpochStart batch. Raft refuses it during a hand-over; it is proposed again
// at each tick, in case the hand-over fails.
func (c *core) openEpoch() {
	if c.state != raft.StateLeader || c.opening.term != c.term || c.opening.batch == nil {
		return
	}
	last := c.store.last()
	c.opening.batch.SetPosition(last.end, int32(c.term))
	if c.rn.Propose(c.opening.batch) == nil {
		c.opening.batch, c.opening.index = nil, last.index+1
	}
}

// written reports that a task is durable.
func (c *core) written(t *writeTask) {
	c.do(func() {
		if n := len(t.entries); n > 0 {
			c.durable = t.entries[n-1].GetIndex()
		}
		if t.hard != nil {
			c.durableTerm = t.hard.GetTerm()
		}
		for _, m := range t.responses {
			if m.GetTo() == raftID(c.cfg.node) {
				_ = c.rn.Step(m)
			} else {
				c.out.messages = append(c.out.messages, m)
			}
		}
	})
}

// appliedTo reports that the application has applied a task's batches.
func (c *core) appliedTo(t *applyTask) {
	c.do(func() {
		for _, e := range t.entries {
			if e.GetIndex() > c.handed {
				panic(
					fmt.Sprintf("entry %d was applied and only %d were handed out", e.GetIndex(), c.handed),
				)
			}
			c.applied = max(c.applied, e.GetIndex())
			c.held.unfinished -= min(c.held.unfinished, int64(len(e.GetData())))
			if e.GetType() != raftpb.EntryNormal {
				c.applyConf(e)
			}
		}
		for _, m := range t.resps {
			_ = c.rn.Step(m)
		}
		if !c.claimed && c.state == raft.StateLeader && c.opening.index != 0 &&
			c.opening.term == c.term &&
			c.applied >= c.opening.index {
			c.claimed, c.told = true, max(c.told, 1)
		}
	})
}

func (c *core) applyConf(e *raftpb.Entry) {
	cc, err := confChange(e)
	if err != nil || e.GetType() != raftpb.EntryConfChangeV2 {
		panic(fmt.Sprintf("entry %d of type %v: %v", e.GetIndex(), e.GetType(), err))
	}
	c.store.confs = append(c.store.confs, confAt{e.GetIndex(), c.rn.ApplyConfChange(cc)})
	c.out.members = true
}

// supersedes reports whether a snapshot that this node has written is still to be marked: one of
// the leader's may have been installed in the meantime. A snapshot at the index of the mark
// replaces a file that was found damaged.
func (c *core) supersedes(m mark) bool {
	at := c.store.mark.Index
	return c.failed == nil && (m.Index > at || m.Index == at && c.store.withheld)
}

// marked reports to the core that a snapshot of this node is durable and marked, so that the log
// before it can be trimmed. It returns whether the snapshot is the newest.
func (c *core) marked(m mark) bool {
	if !c.supersedes(m) {
		return false
	}
	c.store.mark, c.store.withheld = m, false
	c.store.trim(c.keep(m.EndOffset))
	return true
}

// markFor returns the mark of a snapshot that the application wants to write. The end offset must
// be the end of an entry that it has applied.
func (c *core) markFor(end int64, epoch int32) (mark, error) {
	p, ok := c.store.find(end)
	if !ok || p.index > c.applied {
		return mark{}, fmt.Errorf(
			"raftlog: a snapshot at offset %d was named, which is no applied batch boundary", end,
		)
	}
	if p.epoch != epoch {
		return mark{}, fmt.Errorf(
			"raftlog: a snapshot at offset %d was named with epoch %d, the log has epoch %d", end,
			epoch, p.epoch,
		)
	}
	return mark{
		Index: p.index, Term: p.term, ConfState: c.store.conf(p.index), EndOffset: end,
		Epoch: epoch,
		Hash:  p.hash.LogHash,
	}, nil
}

// readIndex requests an offset at or after everything acknowledged so far. The answer is put into
// out.reads.
func (c *core) readIndex(id uint64) {
	if !c.claimed || c.failed != nil {
		c.out.reads = append(c.out.reads, readResult{id: id, err: ErrNotLeader})
		return
	}
	c.do(func() {
		c.reads = append(c.reads, pendingRead{id: id})
		c.rn.ReadIndex(readContext(id))
	})
}

// handOver starts a transfer of leadership to the most caught-up reachable follower and returns it,
// or raft.None if there is none.
func (c *core) handOver() (to uint64) {
	c.do(func() {
		if c.state != raft.StateLeader {
			return
		}
		c.release() // raft accepts no proposals during a hand-over
		best := uint64(0)
		for id, p := range c.rn.Status().Progress {
			better := p.Match > best || p.Match == best && (to == raft.None || id < to)
			if id != raftID(c.cfg.node) && !p.IsLearner && p.RecentActive && !c.gone[id] && better {
				to, best = id, p.Match
			}
		}
		if to != raft.None {
			c.cause = fmt.Sprintf("node %d handed leadership over to node %d", c.cfg.node, nodeID(to))
			c.handing = true
			c.rn.TransferLeader(to)
		}
	})
	return to
}
