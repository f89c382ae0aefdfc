package raftlog

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
)

// sealed gives a message the hash that a sender with the log of c would give it.
func sealed(c *core, m *raftpb.Message) *raftpb.Message {
	c.seal(m)
	return m
}

// follower is core 0 of three voters, with a log of committed entries of term 2 that say bodies.
func follower(t *testing.T, bodies ...string) *core {
	t.Helper()
	conf := &raftpb.ConfState{Voters: []uint64{raftID(0), raftID(1), raftID(2)}}
	st := walState{
		HardState: &raftpb.HardState{Term: new(uint64(2)), Commit: new(uint64(len(bodies)))},
		Mark:      mark{ConfState: conf},
	}
	for i, body := range bodies {
		st.Entries = append(
			st.Entries,
			&raftpb.Entry{
				Index: new(uint64(i + 1)), Term: new(uint64(2)), Data: dataBatch(2, body),
			},
		)
	}
	c, err := newCore(
		coreConfig{
			electionTicks: 10, heartbeatTicks: 2, maxPending: 1000,
			messageBytes: maxMessageBytes, log: testLogger(t),
		},
		st,
	)
	if err != nil {
		t.Fatal(err)
	}
	c.tick()
	c.takeOutputs()
	return c
}

func appendTo(index uint64) *raftpb.Message {
	return &raftpb.Message{
		Type: raftpb.MsgApp.Enum(), From: new(raftID(1)), To: new(raftID(0)),
		Term: new(uint64(2)), Index: new(index), LogTerm: new(uint64(2)), Commit: new(index),
	}
}

// TestDivergedLogStops: a follower stops at the first message of a leader whose log differs before
// the position that the message names, although indexes and terms agree there.
func TestDivergedLogStops(t *testing.T) {
	for _, kind := range []raftpb.MessageType{raftpb.MsgApp, raftpb.MsgHeartbeat, raftpb.MsgSnap} {
		leader, same := follower(t, "a", "b", "c"), follower(t, "a", "b", "c")
		other := follower(t, "a", "x", "c")
		message := func() *raftpb.Message {
			m := appendTo(3)
			m.Type = kind.Enum()
			if kind == raftpb.MsgSnap {
				at := leader.store.last()
				m.Snapshot = markSnapshot(
					mark{Index: at.index, Term: at.term, EndOffset: at.end, Epoch: at.epoch,
						ConfState: leader.conf(), Hash: at.hash.LogHash},
				)
			}
			return sealed(leader, m)
		}
		same.step(message())
		if same.failed != nil ||
			len(same.takeOutputs().messages)+len(same.out.writes) == 0 && same.refused > 0 {
			t.Errorf("%v: a follower with the same log: %v", kind, same.failed)
		}
		other.step(message())
		if !errors.Is(other.failed, ErrDiverged) ||
			!strings.Contains(fmt.Sprint(other.failed), "offset 6") {
			t.Errorf("%v: a follower with another log: %v", kind, other.failed)
		}
		if out := other.takeOutputs(); len(out.messages)+len(out.writes)+len(out.applies) > 0 {
			t.Errorf("%v: it does not stop: %+v", kind, out)
		}
	}
}

// TestCommittedEntryOfAnotherTermStops: raft itself would call everything up to the commit index
// acknowledged.
func TestCommittedEntryOfAnotherTermStops(t *testing.T) {
	c := follower(t, "a", "b", "c")
	m := sealed(c, appendTo(2))
	m.LogTerm = new(uint64(1))
	c.step(m)
	if !errors.Is(c.failed, ErrDiverged) {
		t.Errorf("failed: %v", c.failed)
	}
}

// TestHashDependsOnEveryPart changes one part of an entry after the other.
func TestHashDependsOnEveryPart(t *testing.T) {
	entry := func(index, term uint64, typ raftpb.EntryType, data []byte) logHash {
		h := firstHash.entry(
			&raftpb.Entry{Index: &index, Term: &term, Type: typ.Enum(), Data: data},
		)
		if typ == raftpb.EntryNormal && len(data) > 0 {
			h = h.batch(data)
		}
		return h
	}
	seen := map[logHash]string{}
	for name, h := range map[string]logHash{
		"first":   entry(1, 1, raftpb.EntryNormal, dataBatch(1, "a")),
		"index":   entry(2, 1, raftpb.EntryNormal, dataBatch(1, "a")),
		"term":    entry(1, 2, raftpb.EntryNormal, dataBatch(1, "a")),
		"body":    entry(1, 1, raftpb.EntryNormal, dataBatch(1, "b")),
		"length":  entry(1, 1, raftpb.EntryNormal, dataBatch(1, "aa")),
		"empty":   entry(1, 1, raftpb.EntryNormal, nil),
		"members": entry(1, 1, raftpb.EntryConfChangeV2, []byte("x")),
		"other":   entry(1, 1, raftpb.EntryConfChangeV2, []byte("y")),
	} {
		if was, ok := seen[h]; ok {
			t.Errorf("%s and %s have the same hash", name, was)
		}
		seen[h] = name
	}
}

// TestChainIsTakenOver: a log without hashes, of an earlier release, adopts its leader's and is
// compared from then on; a leader without hashes begins a chain.
func TestChainIsTakenOver(t *testing.T) {
	old := func(bodies ...string) *core {
		c := follower(t, bodies...)
		c.store.rebase(c.store.base.index, logHash{})
		return c
	}
	leader, behind := old("a", "b", "c"), old("a", "b", "c")
	behind.step(sealed(leader, appendTo(3)))
	if behind.failed != nil || behind.store.last().hash.known() {
		t.Fatalf("%v, %+v", behind.failed, behind.store.last())
	}
	leader.beginChain()
	behind.step(sealed(leader, appendTo(3)))
	if got, want := behind.store.last().hash, leader.store.last().hash; behind.failed != nil ||
		got != want ||
		!want.known() {
		t.Fatalf("%v: hash %v, the leader's %v", behind.failed, got, want)
	}
	for c, body := range map[*core]string{leader: "d", behind: "e"} {
		if err := c.store.append([]*raftpb.Entry{
			{Index: new(uint64(4)), Term: new(uint64(2)), Data: dataBatch(2, body)},
		}); err != nil {
			t.Fatal(err)
		}
	}
	if m := sealed(leader, appendTo(4)); behind.unseal(m) ||
		!errors.Is(behind.failed, ErrDiverged) {
		t.Errorf("another entry after the takeover: %v", behind.failed)
	}
}

func BenchmarkLogHash(b *testing.B) {
	batch := dataBatch(3, strings.Repeat("x", 300))
	e := &raftpb.Entry{Index: new(uint64(1)), Term: new(uint64(1)), Data: batch}
	h := firstHash
	for b.Loop() {
		h = h.entry(e).batch(batch)
	}
	_ = h
}
