package raftlog

import (
	"context"
	"math"
	"time"
)

// Kafka error codes a fetch can be answered with.
const (
	codeNone               = 0
	codeNotLeader          = 6
	codeBrokerNotAvailable = 8
	codeFencedLeaderEpoch  = 74
	codeUnknownLeaderEpoch = 75
)

// maxHold bounds how long an answer that helps nobody (no leader known, epoch not reached) is held
// back: brokers retry those without any backoff.
const maxHold = time.Second

// deposedHold is how long a deposed leader holds its answer back: a broker that finds no other node
// asks again at once.
const deposedHold = 100 * time.Millisecond

// FetchRequest is the part of a Kafka FETCH on __cluster_metadata that the log looks at.
type FetchRequest struct {
	ReplicaID   int32
	ReplicaDir  [16]byte
	LeaderEpoch int32 // currentLeaderEpoch
	Offset      int64
	LastEpoch   int32 // lastFetchedEpoch, 0 for an empty log
	// HighWatermark the requester knows; -1 unknown; math.MaxInt64: its version has no such field.
	HighWatermark int64
	MaxBytes      int           // whole batches, at least one
	MaxWait       time.Duration // how long it is willing to be parked
}

// FetchResult is the answer. On an error code there are no records and HighWatermark is -1
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

// Fetch answers a follower of the log (a broker, or an Apache tool). It parks the request while
// there is nothing to say: up to MaxWait when the requester is up to date, up to a second (and
// MaxWait) when no leader is known. A change of leadership answers every parked fetch at once. Only
// the node that has claimed leadership gives out records.
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
			// further batches help neither disagreement nor the want of a snapshot
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
			patience.Reset(left) // what is hoped for now may be worth less
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

// timer returns one that fires after d; who is done with it stops it and puts it back into
// v.timers.
func (v *view) timer(d time.Duration) *time.Timer {
	t, ok := v.timers.Get().(*time.Timer)
	if !ok {
		return time.NewTimer(d)
	}
	t.Reset(d)
	return t
}

// answer returns what to say now, and how long that may be held back in the hope of something
// better.
func (v *view) answer(f FetchRequest) (FetchResult, time.Duration) {
	switch {
	case v.stopped && v.leader < 0:
		return v.refusal(codeBrokerNotAvailable), 0
	case f.LeaderEpoch > v.epoch:
		return v.refusal(codeUnknownLeaderEpoch), maxHold
	case v.deposed:
		// Any other answer keeps a broker here, and the others may have elected a leader that this
		// node cannot hear.
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

// leaderAnswer is the answer of a claimed leader to a request of its own epoch (wire contract 2.2,
// 2.3).
func (v *view) leaderAnswer(f FetchRequest) (FetchResult, time.Duration) {
	res := v.refusal(codeNone)
	res.HighWatermark, res.LogStart = v.end, v.start
	if v.needsSnapshot(f) {
		if v.snapshot == (snapshotID{}) {
			// Found bad; the next one is being written, and wakes this requester.
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
		// A running broker that holds more than this leader, or something else: it would exit if it
		// were told to cut its log below the high watermark it knows. Only a restart of it, after
		// which it knows none, can help.
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

// needsSnapshot tells whether the requester must begin with the newest snapshot: it lies before the
// log start, or disagrees about the epoch there, or is empty while there is a snapshot to save it
// the way. A snapshot that is not ahead of the requester is never offered: a broker exits on it.
// Without a snapshot (none was made yet, or the newest was found bad) the requester needs one only
// if the log does not begin at 0.
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
