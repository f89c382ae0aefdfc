package node

import (
	"context"
	"errors"
	"time"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/raftlog"
)

// quorumLog adapts the raft log to the controller's Log interface. Neither package imports the
// other.
type quorumLog struct{ *raftlog.Log }

// The log accepts every proposal that the controller may make; otherwise this does not compile.
const _ uint = raftlog.MaxProposalBytes - controller.ProposalMaxBytes

func (l quorumLog) Propose(epoch int32, batches ...[]byte) (int64, error) {
	offset, err := l.Log.Propose(epoch, batches...)
	if errors.Is(err, raftlog.ErrTooManyPending) {
		err = controller.ErrTooManyPending
	}
	return offset, err
}

func (l quorumLog) Fetch(ctx context.Context, f controller.FetchRequest) controller.FetchResult {
	return controller.FetchResult(l.Log.Fetch(ctx, raftlog.FetchRequest(f)))
}

func (l quorumLog) Quorum() controller.Quorum {
	s := l.Status()
	q := controller.Quorum{LeaderID: s.Leader, LeaderEpoch: s.Epoch, HighWatermark: s.HighWatermark}
	for _, v := range s.Voters {
		q.Voters = append(q.Voters, controller.ReplicaState{
			ID: v.NodeID, DirectoryID: v.DirectoryID, LogEndOffset: v.LogEnd,
			LastFetchMs: unixMs(v.LastContact), LastCaughtUpMs: unixMs(v.LastCaughtUp),
		})
	}
	for _, o := range s.Observers {
		q.Observers = append(q.Observers, controller.ReplicaState{
			ID: o.ReplicaID, DirectoryID: o.ReplicaDir, LogEndOffset: o.Offset,
			LastFetchMs: unixMs(o.LastFetch), LastCaughtUpMs: unixMs(o.LastCaughtUp),
		})
	}
	return q
}

// unixMs returns milliseconds since 1970, or -1 for an unknown time.
func unixMs(t time.Time) int64 {
	if t.IsZero() {
		return -1
	}
	return t.UnixMilli()
}

func (l quorumLog) Peers() []controller.Peer {
	var out []controller.Peer
	for _, p := range l.Log.Peers() {
		out = append(out, controller.Peer{
			ID: p.NodeID, DirectoryID: p.DirectoryID, Info: registrationOf(p.Info), Connected: p.Connected,
		})
	}
	return out
}
