package raftlog

import (
	"context"
	"math"
	"time"
)

// Kafka error codes of a fetch response.
const (
	codeNone               = 0
	codeNotLeader          = 6
	codeBrokerNotAvailable = 8
	codeFencedLeaderEpoch  = 74
	codeUnknownLeaderEpoch = 75
)

// maxHold bounds how long a response without use to its requester (no leader known, epoch not
// reached) is held back: brokers retry after it without any backoff.
const maxHold = time.Second

// deposedHold is how long a deposed leader holds its response back: a broker that reaches no other
// node retries at once.
const deposedHold = 100 * time.Millisecond

// FetchRequest has the fields of a Kafka FETCH on __cluster_metadata that the log uses.
type FetchRequest struct {
	ReplicaID   int32
	ReplicaDir  [16]byte
	LeaderEpoch int32 // currentLeaderEpoch
	Offset      int64
	LastEpoch   int32 // lastFetchedEpoch, 0 for an empty log
	// as the requester knows it; -1: unknown; math.MaxInt64: its version has no such field
	HighWatermark int64
	MaxBytes      int           // whole batches, at least one
	MaxWait       time.Duration // how long the request may be parked
}

// FetchResult is the response. With an error code there are no records and HighWatermark is -1
// (unknown). LeaderID is -1 when no leader is known; the caller adds the endpoints of LeaderID.
type FetchResult struct {
	ErrorCode             int16
	LeaderID, LeaderEpoch int32
	HighWatermark         int64
	LogStart              int64
	DivergingEpoch        int32 // -1, -1: none
	DivergingEnd          int64
	SnapshotEnd           int64 // -1, -1: none
	SnapshotEpoch         int32
	Records               []byte // shared with the log and other fetchers: not to be changed
}

// Fetch answers an observer of the log (a broker, or a tool of Apache's). It parks the request
// while there is nothing to return: for up to MaxWait if the requester is up to date, and for up to
// a second, but no more than MaxWait, if no leader is known. A change of leadership answers every
// parked fetch at once. Only the node that has claimed leadership returns records.
func (l *Log) Fetch(ctx context.Context, f FetchRequest) FetchResult {
	return l.view.fetch(ctx, f, l.now)
}

func (v *view) fetch(ctx context.Context, f FetchRequest, now func() time.Time) FetchResult {
	var patience *time.Timer
	asked := now()
	v.observe(f, asked)
	for {
		v.mu.RLock()
		changed := v.changed
		res, hold := v.answer(f)
		if hold == math.MaxInt64 && res.HighWatermark < 0 {
			// further batches help neither a diverged requester nor one that needs a snapshot
			changed = v.upset
		}
		v.mu.RUnlock()
		left := min(hold, f.MaxWait) - now().Sub(asked)
		if hold == 0 || left <= 0 {
			return res
		}
		if patience == nil {
			patience = v.timer(left)
			defer func() { patience.Stop(); v.timers.Put(patience) }()
		} else {
			patience.Reset(left) // the response that is waited for now may be worth less
		}
		select {
		case <-changed:
		case <-patience.C:
			return res
		case <-ctx.Done():
			return res
		}
	}
}

// timer returns a timer that fires after d. After use the caller stops it and puts it back into
// v.timers.
func (v *view) timer(d time.Duration) *time.Timer {
	t, ok := v.timers.Get().(*time.Timer)
	if !ok {
		return time.NewTimer(d)
	}
	t.Reset(d)
	return t
}

// answer returns the response as of now, and how long it may be held back because a better one is
// possible.
func (v *view) answer(f FetchRequest) (FetchResult, time.Duration) {
	switch {
	case v.stopped && v.leader < 0:
		return v.refusal(codeBrokerNotAvailable), 0
	case f.LeaderEpoch > v.epoch:
		return v.refusal(codeUnknownLeaderEpoch), maxHold
	case v.deposed:
		// Any other error keeps a broker on this node, and the others may have elected a leader
		// that this node cannot reach.
		return v.refusal(codeBrokerNotAvailable), deposedHold
	case v.leader < 0 && f.LeaderEpoch < v.epoch:
		return v.refusal(codeFencedLeaderEpoch), maxHold
	case v.leader < 0:
		return v.refusal(codeNotLeader), maxHold
	case f.LeaderEpoch < v.epoch:
		return v.refusal(codeFencedLeaderEpoch), 0
	case !v.claimed():
		return v.refusal(codeNotLeader), 0
	}
	return v.leaderAnswer(f)
}

func (v *view) refusal(code int16) FetchResult {
	return FetchResult{
		ErrorCode: code, LeaderID: v.leader, LeaderEpoch: v.epoch, HighWatermark: -1,
		DivergingEpoch: -1, DivergingEnd: -1, SnapshotEnd: -1, SnapshotEpoch: -1,
	}
}

// leaderAnswer is the response of a leader that has claimed its epoch to a request of that epoch.
func (v *view) leaderAnswer(f FetchRequest) (FetchResult, time.Duration) {
	res := v.refusal(codeNone)
	res.HighWatermark, res.LogStart = v.end, v.start
	if v.needsSnapshot(f) {
		if v.snapshot == (snapshotID{}) {
			// It was found damaged. The next one is being written, and wakes this requester.
			res.HighWatermark = -1
			return res, math.MaxInt64
		}
		res.SnapshotEnd, res.SnapshotEpoch = v.snapshot.end, v.snapshot.epoch
		return res, 0
	}
	agrees, epoch, end, _ := v.agrees(f.Offset, f.LastEpoch)
	agrees = agrees || f.Offset == 0 && v.start == 0
	switch {
	case !agrees && f.HighWatermark < 0:
		res.DivergingEpoch, res.DivergingEnd = epoch, end
		return res, 0
	case !agrees:
		// A running broker whose log is longer than this leader's, or another one. It would exit if
		// the response made it truncate its log below the high watermark that it knows. Only a
		// restart of the broker helps, after which it knows none.
		res.HighWatermark = -1
		return res, math.MaxInt64
	case f.Offset < v.end:
		res.Records = v.records(f.Offset, f.MaxBytes)
		return res, 0
	case f.HighWatermark < v.end:
		return res, 0
	}
	return res, math.MaxInt64
}

// needsSnapshot reports whether the requester must load the newest snapshot first: because its
// offset is before the log start, because its epoch there differs, or because its log is empty and
// a snapshot is the shorter way. A snapshot that does not end after the requester's offset is never
// offered: a broker exits on one. While there is no snapshot (none was made yet, or the newest was
// found damaged) the requester needs one only if the log does not begin at 0.
func (v *view) needsSnapshot(f FetchRequest) bool {
	s := v.snapshot
	ahead := s.epoch > f.LastEpoch || s.epoch == f.LastEpoch && s.end > f.Offset
	if s == (snapshotID{}) {
		ahead = v.start > 0
	}
	if !ahead {
		return false
	}
	_, _, _, known := v.agrees(f.Offset, f.LastEpoch)
	return f.Offset == 0 || f.Offset < v.start || !known ||
		f.Offset == v.start && f.LastEpoch != v.epochs[0].epoch
}
