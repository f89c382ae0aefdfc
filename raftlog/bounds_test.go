package raftlog

import (
	"math"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
)

// TestImpossibleMessages: a message that no honest peer sends never reaches raft, changes nothing
// and is counted.
func TestImpossibleMessages(t *testing.T) {
	message := func(typ raftpb.MessageType, change func(m *raftpb.Message)) *raftpb.Message {
		m := &raftpb.Message{
			Type: typ.Enum(), From: new(raftID(1)), To: new(raftID(0)),
			Term: new(uint64(2)), Context: make([]byte, logHashBytes),
		}
		change(m)
		return m
	}
	term := func(n uint64) func(*raftpb.Message) { return func(m *raftpb.Message) { m.Term = new(n) } }
	for name, m := range map[string]*raftpb.Message{
		"commit beyond the log": message(raftpb.MsgHeartbeat,
			func(m *raftpb.Message) { m.Commit = new(uint64(1 << 40)) }),
		"commit one beyond the log": message(raftpb.MsgHeartbeat,
			func(m *raftpb.Message) { m.Commit = new(uint64(4)) }),
		"heartbeat of term 2^31":       message(raftpb.MsgHeartbeat, term(1<<31)),
		"heartbeat of term 2^31-1":     message(raftpb.MsgHeartbeat, term(math.MaxInt32)),
		"vote of the highest term":     message(raftpb.MsgVote, term(maxTerm)),
		"pre-vote far ahead":           message(raftpb.MsgPreVote, term(2+maxTermLead+1)),
		"append of term 2^63":          message(raftpb.MsgApp, term(1<<63)),
		"acknowledgement of term 2^31": message(raftpb.MsgAppResp, term(1<<31)),
		"append without a hash": message(raftpb.MsgApp,
			func(m *raftpb.Message) { m.Context = nil }),
		"heartbeat with half a hash": message(raftpb.MsgHeartbeat,
			func(m *raftpb.Message) { m.Context = m.Context[:15] }),
		"append of somebody else": message(raftpb.MsgApp,
			func(m *raftpb.Message) { m.From = new(raftID(9)) }),
		"hand-over by one who never led": message(raftpb.MsgTimeoutNow, func(*raftpb.Message) {}),
	} {
		c := follower(t, "a", "b", "c")
		c.step(m)
		out := c.takeOutputs()
		if c.failed != nil || c.refused != 1 || c.term != 2 ||
			len(out.writes)+len(out.messages)+len(out.applies) > 0 {
			t.Errorf(
				"%s: %d refused, term %d, %d writes, %d messages: %v", name, c.refused, c.term,
				len(out.writes), len(out.messages), c.failed,
			)
		}
	}
}

// TestImpossibleMessagesToALeader: one that leads keeps leading and commits nothing by a forged
// acknowledgement.
func TestImpossibleMessagesToALeader(t *testing.T) {
	c := leadingCore(t, 3)
	last := c.store.last().index
	for _, m := range []*raftpb.Message{
		{
			Type: raftpb.MsgAppResp.Enum(), From: new(raftID(1)), To: new(raftID(0)), Term: new(c.term),
			Index: new(last + 1),
		},
		{
			Type: raftpb.MsgAppResp.Enum(), From: new(raftID(1)), To: new(raftID(0)), Term: new(c.term),
			Index: new(uint64(1 << 40)),
		},
		{
			Type: raftpb.MsgApp.Enum(), From: new(raftID(1)), To: new(raftID(0)), Term: new(c.term),
			Context: make([]byte, logHashBytes),
		},
		{
			Type: raftpb.MsgHeartbeat.Enum(), From: new(raftID(2)), To: new(raftID(0)), Term: new(c.term),
			Context: make([]byte, logHashBytes),
		},
	} {
		before := c.refused
		c.step(m)
		if c.failed != nil || !c.claimed || c.refused != before+1 {
			t.Errorf("%v: claimed %v, refused %v: %v", m.GetType(), c.claimed, c.refused, c.failed)
		}
	}
}
