package raftlog

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/quorum"
	"go.etcd.io/raft/v3/tracker"
)

// TestRaftsLinesNameNodes formats lines as raft does, whose ids are one above the nodes' and
// printed in hexadecimal.
func TestRaftsLinesNameNodes(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := raftLogger{
		slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	l.Warningf("%x stepped down to follower since quorum is not active", raftID(1))
	l.Infof("%x [logterm: %d, index: %d, vote: %x] rejected %s from %x at term %d",
		raftID(3000), uint64(12), uint64(300), raft.None, "MsgPreVote", raftID(15), uint64(4))
	l.Infof("newRaft %x [peers: [%s], term: %d]", raftID(1), "2,bb9", uint64(1))
	l.Errorf("commit %d", uint64(7))
	trk := tracker.MakeProgressTracker(1, 1)
	trk.Voters[0] = quorum.MajorityConfig{raftID(3): {}, raftID(1): {}}
	trk.Learners = map[uint64]struct{}{raftID(8): {}}
	l.Infof("%x switched to configuration %s", raftID(2), trk.Config)
	for _, want := range []string{
		"level=INFO msg=\"raft: node 1 stepped down to follower since quorum is not active\"",
		"level=DEBUG msg=\"raft: node 3000 [logterm: 12, index: 300, vote: nobody] rejected " +
			"MsgPreVote from node 15 at term 4\"",
		"msg=\"raft: newRaft node 1 [peers: [1,3000], term: 1]\"",
		"level=ERROR msg=\"raft: commit 7\"",
		"msg=\"raft: node 2 switched to configuration voters [1 3], learners [8]\"",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is missing in:\n%s", want, &out)
		}
	}
}
