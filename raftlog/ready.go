package raftlog

import (
	"encoding/binary"
	"fmt"
	"math"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/protocol/batch"
)

// This file turns raft's requests (raft.Ready) into the core's outputs. Every input of the core
// (propose, step, tick, written, appliedTo) runs in core.do, which calls drainAll at its end.
// Nothing here blocks: the driver carries out the outputs afterwards. An entry takes these steps to
// the disk and to the application:
//
//	core.do        runs the input, then drainAll
//	drainAll       asks raft for a Ready until there is none; route sorts it into c.out
//	Log.flush      takes c.out under Log.mu and passes each list to its goroutine, in order
//	writer.write   writes the entries and syncs once for all tasks in its queue; then core.written
//	               gives raft the responses that had to wait for the disk, acknowledgements to the
//	               leader among them
//	applier        calls the App with committed batches; then core.appliedTo
//
// raft.Config.AsyncStorageWrites is set: raft requests writes and applications as messages to
// LocalAppendThread and LocalApplyThread.

// drainAll processes what raft produces until there is no more, releases proposals that wait, and
// then compares the leadership with the one before.
func (c *core) drainAll() {
	for c.drain(); c.mayRelease(); {
		c.release()
	}
	if c.failed == nil {
		c.observe()
	}
}

func (c *core) drain() {
	for c.failed == nil && c.rn.HasReady() {
		c.route(c.rn.Ready())
	}
}

// route sorts one Ready into the outputs. Messages to peers in rd.Messages need no durable write;
// those that do are responses of a writeTask.
func (c *core) route(rd raft.Ready) {
	for _, m := range rd.Messages {
		switch m.GetTo() {
		case raft.LocalAppendThread:
			c.routeAppend(m)
		case raft.LocalApplyThread:
			c.routeApply(m)
		default:
			if m.GetType() == raftpb.MsgSnap {
				c.offered[m.GetTo()] = true
			}
			c.seal(m)
			c.out.messages = append(c.out.messages, m)
		}
	}
	for _, rs := range rd.ReadStates {
		c.answerRead(rs)
	}
}

// routeAppend appends the entries to the log in memory and queues them for the disk.
func (c *core) routeAppend(m *raftpb.Message) {
	t := &writeTask{entries: m.GetEntries(), responses: m.GetResponses()}
	if m.GetTerm() != 0 || m.GetVote() != 0 || m.GetCommit() != 0 {
		t.hard = &raftpb.HardState{
			Term: new(m.GetTerm()), Vote: new(m.GetVote()), Commit: new(m.GetCommit()),
		}
	}
	if !raft.IsEmptySnap(m.GetSnapshot()) {
		c.routeInstall(m.GetSnapshot(), t)
	}
	if err := c.store.append(t.entries); err != nil {
		c.fail(fmt.Errorf("raftlog: %w", err))
		return
	}
	c.out.writes = append(c.out.writes, t)
}

// routeInstall replaces the log by a snapshot of the leader, whose file is in place.
func (c *core) routeInstall(s *raftpb.Snapshot, t *writeTask) {
	m, err := snapshotMark(s)
	if err != nil {
		c.fail(fmt.Errorf("raftlog: %w", err))
		return
	}
	t.install = &m
	c.store.reset(m)
	c.store.mark, c.store.withheld = m, false
	c.handed, c.applied = max(c.handed, m.Index), max(c.applied, m.Index)
	c.out.applies = append(c.out.applies, &applyTask{load: &m})
	c.out.members = true
}

// routeApply passes committed entries to the application, as batches with their final base offsets
// and epochs.
func (c *core) routeApply(m *raftpb.Message) {
	t := &applyTask{entries: m.GetEntries(), resps: m.GetResponses()}
	for _, e := range t.entries {
		before, ok := c.store.at(e.GetIndex() - 1)
		base := before.end
		err := eachBatch(e, func(b batch.Batch) error {
			t.batches = append(t.batches, b.At(base, int32(e.GetTerm())))
			base += b.Offsets()
			return nil
		})
		if !ok || err != nil || e.GetIndex() != c.handed+1 {
			c.fail(fmt.Errorf(
				"raftlog: entry %d to apply after %d: in the log %v, %w", e.GetIndex(),
				c.handed, ok, err,
			))
			return
		}
		c.handed = e.GetIndex()
	}
	c.out.applies = append(c.out.applies, t)
}

// observe compares raft's leadership with that of the last call. A node that has become leader asks
// the application for the EpochStart batch of its epoch.
func (c *core) observe() {
	st := c.rn.BasicStatus()
	term, lead, state := st.GetTerm(), st.Lead, st.RaftState
	if term > math.MaxInt32 {
		c.fail(fmt.Errorf("raftlog: term %d does not fit a leader epoch", term))
		return
	}
	was := c.state
	if was == raft.StateLeader && state != raft.StateLeader && term == c.term {
		c.deposed = true
	}
	if lead != raft.None {
		c.deposed = false
	}
	if term != c.term || state != raft.StateLeader {
		c.claimed = false
		c.held, c.handing = proposals{}, false
		c.failReads()
	}
	if lead != c.lead || term != c.term || state != was {
		c.recordCause(term, lead, state)
	}
	c.term, c.lead, c.state = term, lead, state
	if lead != raft.None {
		c.campaign = campaign{}
	}
	if state == raft.StateLeader && c.opening.term != term {
		c.opening = epochOpening{term: term}
		c.offered, c.stuck = map[uint64]bool{}, map[uint64]int64{}
		c.beginChain()
		c.out.applies = append(
			c.out.applies,
			&applyTask{
				open:   &leadership{leader: c.cfg.node, epoch: int32(term)},
				openAt: c.store.last().end,
			},
		)
	}
	c.report()
	c.finishReads()
}

// report passes a change of leadership to the application and the fetchers.
func (c *core) report() {
	now := leadership{nodeID(c.lead), int32(c.term), c.deposed}
	if c.lead == raft.None || c.state == raft.StateLeader && !c.claimed {
		now.leader = -1
	}
	if now != c.reported {
		c.reported = now
		c.out.changed = true
		task := &applyTask{lead: &now, why: c.lastCause, lost: c.lost}
		c.out.applies = append(c.out.applies, task)
	}
}

// recordCause records in words why the leadership changed.
func (c *core) recordCause(term, lead uint64, state raft.StateType) {
	cause := c.cause
	switch {
	case cause != "":
	case c.state == raft.StateLeader && state != raft.StateLeader && term == c.term:
		cause, c.lost = "this node led, and lost contact with a majority", true
	case c.state == raft.StateLeader && term > c.term:
		cause = fmt.Sprintf("this node led epoch %d, and saw epoch %d", c.term, term)
	case lead == raft.None && c.lead != raft.None && term == c.term:
		cause = fmt.Sprintf("nothing was heard from leader %d for an election timeout", nodeID(c.lead))
		c.lost = true
	case lead == raft.None && c.lead != raft.None:
		cause = fmt.Sprintf("an election for epoch %d began", term)
	case c.lastCause == "" && lead != raft.None && state != raft.StateLeader:
		cause = fmt.Sprintf("this node has started, and node %d led", nodeID(lead))
	case c.lastCause == "":
		cause = "no leader was known when this node started"
	default:
		cause = c.lastCause
	}
	if lead != raft.None {
		c.cause, c.lost = "", false
	}
	c.lastCause = cause
}

func readContext(id uint64) []byte { return binary.BigEndian.AppendUint64(nil, id) }

// answerRead records the index that a read must wait for. Index 0 means that raft has not answered,
// so an answer of 0 (an empty log) becomes 1.
func (c *core) answerRead(rs raft.ReadState) {
	if len(rs.RequestCtx) != 8 {
		return
	}
	id := binary.BigEndian.Uint64(rs.RequestCtx)
	for i := range c.reads {
		if c.reads[i].id == id {
			c.reads[i].index = max(rs.Index, 1)
		}
	}
}

// finishReads answers the reads whose index is applied.
func (c *core) finishReads() {
	left := c.reads[:0]
	for _, r := range c.reads {
		if r.index == 0 || r.index > c.applied {
			left = append(left, r)
			continue
		}
		p, _ := c.store.at(c.applied)
		c.out.reads = append(c.out.reads, readResult{id: r.id, offset: p.end})
	}
	c.reads = left
}

// failReads answers all reads with an error: this node no longer leads the epoch they began in.
func (c *core) failReads() {
	for _, r := range c.reads {
		c.out.reads = append(c.out.reads, readResult{id: r.id, err: ErrNotLeader})
	}
	c.reads = nil
}
