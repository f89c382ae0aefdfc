package raftlog

import (
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// connectedPeer is a peer whose queue is read by the test.
func connectedPeer(t *testing.T) *peer {
	p := newPeer(nil, raftID(1))
	p.facts.Connected = true
	p.commitDue = time.AfterFunc(time.Hour, func() {})
	t.Cleanup(func() { p.commitDue.Stop() })
	return p
}

func commitMessage(commit uint64) *raftpb.Message {
	m := appendMessage()
	m.Commit = proto.Uint64(commit)
	return m
}

func wantQueue(t *testing.T, p *peer, want ...*raftpb.Message) {
	t.Helper()
	if len(p.queue) != len(want) {
		t.Fatalf("%d messages are queued, want %d", len(p.queue), len(want))
	}
	for i, m := range want {
		if p.queue[i] != m {
			t.Errorf("message %d is %v, want %v", i, p.queue[i], m)
		}
	}
}

func TestCommitIndexWaitsForCompany(t *testing.T) {
	p := connectedPeer(t)
	for i := range uint64(3) {
		if !p.enqueue(commitMessage(5 + i)) {
			t.Fatal("not taken")
		}
	}
	wantQueue(t, p)
	entries := appendMessage(entryOf(8, 3, nil))
	p.enqueue(entries)
	p.releaseCommit()
	wantQueue(t, p, entries) // its commit index is no older
}

func TestCommitIndexAloneIsSentInTheEnd(t *testing.T) {
	p := connectedPeer(t)
	last := commitMessage(6)
	p.enqueue(commitMessage(5))
	p.enqueue(last)
	beat := &raftpb.Message{Type: raftpb.MsgHeartbeat.Enum()}
	p.enqueue(beat)
	p.releaseCommit()
	p.releaseCommit()
	wantQueue(t, p, beat, last)
	select {
	case <-p.work:
	default:
		t.Error("the sender was not woken up")
	}
}
