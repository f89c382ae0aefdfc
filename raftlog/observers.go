package raftlog

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// observerSession is how long an observer is listed after its last fetch (as by Apache's leader).
const observerSession = 5 * time.Minute

// maxObservers bounds the list, because requesters choose their ids.
const maxObservers = 10_000

// Observer is a broker, or any other reader of the log that is no voter, as this leader knows it
// from its fetches.
type Observer struct {
	ReplicaID    int32
	ReplicaDir   [16]byte
	Offset       int64     // fetch offset of its last fetch
	LastFetch    time.Time // when it last fetched
	LastCaughtUp time.Time // zero: not since this node leads
}

type observerKey struct {
	id  int32
	dir [16]byte
}

type observerState struct {
	Observer
	endAtLastFetch int64
}

type observers map[observerKey]observerState

// observe records a fetch while this node leads.
func (v *view) observe(f FetchRequest, now time.Time) {
	if f.ReplicaID < 0 {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.claimed() || f.LeaderEpoch != v.epoch {
		return
	}
	key := observerKey{f.ReplicaID, f.ReplicaDir}
	o, known := v.seen[key]
	if !known {
		v.forgetObservers(now)
		if len(v.seen) >= maxObservers {
			return
		}
	}
	switch {
	case f.Offset >= v.end:
		o.LastCaughtUp = now
	case known && f.Offset >= o.endAtLastFetch:
		o.LastCaughtUp = o.LastFetch
	}
	o.ReplicaID, o.ReplicaDir, o.Offset = f.ReplicaID, f.ReplicaDir, f.Offset
	o.LastFetch, o.endAtLastFetch = now, v.end
	v.seen[key] = o
}

func (v *view) forgetObservers(now time.Time) {
	maps.DeleteFunc(
		v.seen,
		func(_ observerKey, o observerState) bool { return now.Sub(o.LastFetch) > observerSession },
	)
}

// observers lists who has fetched within observerSession, by id and directory.
func (v *view) observers(now time.Time) []Observer {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.claimed() {
		return nil
	}
	v.forgetObservers(now)
	list := make([]Observer, 0, len(v.seen))
	for _, o := range v.seen {
		list = append(list, o.Observer)
	}
	slices.SortFunc(list, func(a, b Observer) int {
		return cmp.Or(
			cmp.Compare(a.ReplicaID, b.ReplicaID), slices.Compare(a.ReplicaDir[:], b.ReplicaDir[:]),
		)
	})
	return list
}
