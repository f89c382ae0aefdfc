package raftlog

import (
	"bytes"
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/yakt/yakt/protocol/batch"
)

const self = 3000

// batchAt is a finished batch with its final offset and epoch.
func batchAt(base int64, epoch int32, n int) []byte {
	b := dataBatch(n, "xyz")
	batch.Batch(b).SetPosition(base, epoch)
	return b
}

// leaderView leads epoch 5 and holds
//
//	offsets 0-2 epoch 1, 3-4 epoch 1, 5-5 epoch 2, 6-9 epoch 5
func leaderView() *view {
	v := newView(self, position{}, leadership{-1, 5, false})
	v.extend([][]byte{batchAt(0, 1, 3), batchAt(3, 1, 2), batchAt(5, 2, 1), batchAt(6, 5, 4)})
	v.setLeadership(leadership{self, 5, false})
	return v
}

// trimmedView is leaderView after a snapshot at 5-1, with the log kept from offset 3 on.
func trimmedView() *view {
	v := leaderView()
	v.publish(snapshotID{5, 1}, position{index: 2, end: 3, epoch: 1})
	return v
}

func records(bs ...[]byte) []byte { return bytes.Join(bs, nil) }

func TestFetchAnswers(t *testing.T) {
	noField := int64(math.MaxInt64)
	none := FetchResult{
		LeaderID: self, LeaderEpoch: 5, HighWatermark: 10, DivergingEpoch: -1,
		DivergingEnd: -1, SnapshotEnd: -1, SnapshotEpoch: -1,
	}
	with := func(change func(r *FetchResult)) FetchResult {
		r := none
		change(&r)
		return r
	}
	diverging := func(epoch int32, end int64) FetchResult {
		return with(func(r *FetchResult) { r.DivergingEpoch, r.DivergingEnd = epoch, end })
	}
	snapshot := with(func(r *FetchResult) { r.SnapshotEnd, r.SnapshotEpoch, r.LogStart = 5, 1, 3 })
	carrying := func(start int64, bs ...[]byte) FetchResult {
		return with(func(r *FetchResult) { r.LogStart, r.Records = start, records(bs...) })
	}
	refused := func(code int16) FetchResult {
		return with(func(r *FetchResult) { r.ErrorCode, r.HighWatermark = code, -1 })
	}
	ahead := with(func(r *FetchResult) { r.HighWatermark = -1 })
	b0, b3, b5, b6 := batchAt(0, 1, 3), batchAt(3, 1, 2), batchAt(5, 2, 1), batchAt(6, 5, 4)

	for _, c := range []struct {
		name  string
		view  *view
		f     FetchRequest
		want  FetchResult
		parks bool
	}{
		{
			"empty broker", leaderView(), FetchRequest{LeaderEpoch: 5, HighWatermark: -1, MaxBytes: 1 << 20},
			carrying(0, b0, b3, b5, b6), false,
		},
		{
			"as many whole batches as fit", leaderView(),
			FetchRequest{LeaderEpoch: 5, MaxBytes: 2*len(b0) + 1}, carrying(0, b0, b3), false,
		},
		{
			"at least one batch", leaderView(), FetchRequest{LeaderEpoch: 5, MaxBytes: 1}, carrying(0, b0),
			false,
		},
		{
			"from the middle", leaderView(),
			FetchRequest{LeaderEpoch: 5, Offset: 5, LastEpoch: 1, MaxBytes: 1}, carrying(0, b5), false,
		},
		{
			"caught up", leaderView(),
			FetchRequest{LeaderEpoch: 5, Offset: 10, LastEpoch: 5, HighWatermark: 10}, none, true,
		},
		{
			"caught up, old version", leaderView(),
			FetchRequest{LeaderEpoch: 5, Offset: 10, LastEpoch: 5, HighWatermark: noField}, none, true,
		},
		{
			"caught up, behind in the high watermark", leaderView(),
			FetchRequest{LeaderEpoch: 5, Offset: 10, LastEpoch: 5, HighWatermark: 9}, none, false,
		},
		{
			"caught up, knows no high watermark", leaderView(),
			FetchRequest{LeaderEpoch: 5, Offset: 10, LastEpoch: 5, HighWatermark: -1}, none, false,
		},
		{
			"an older epoch", leaderView(), FetchRequest{LeaderEpoch: 4, Offset: 10, LastEpoch: 5},
			refused(codeFencedLeaderEpoch), false,
		},
		{
			"a later epoch", leaderView(), FetchRequest{LeaderEpoch: 6, Offset: 10, LastEpoch: 5},
			refused(codeUnknownLeaderEpoch), true,
		},

		{
			"restarted, more of an epoch than there is", leaderView(),
			FetchRequest{LeaderEpoch: 5, Offset: 7, LastEpoch: 2, HighWatermark: -1}, diverging(2, 6), false,
		},
		{
			"restarted, an epoch that is not there", leaderView(),
			FetchRequest{LeaderEpoch: 5, Offset: 6, LastEpoch: 3, HighWatermark: -1}, diverging(2, 6), false,
		},
		{"restarted, beyond the end", leaderView(), FetchRequest{
			LeaderEpoch: 5, Offset: 12, LastEpoch: 5, HighWatermark: -1,
		}, diverging(5, 10), false},
		{"restarted, inside a batch", leaderView(), FetchRequest{
			LeaderEpoch: 5, Offset: 7, LastEpoch: 5, HighWatermark: -1,
		}, diverging(5, 10), false},
		{
			"running, more of an epoch than there is", leaderView(),
			FetchRequest{LeaderEpoch: 5, Offset: 7, LastEpoch: 2, HighWatermark: 7}, ahead, true,
		},
		{
			"running, beyond the end", leaderView(),
			FetchRequest{LeaderEpoch: 5, Offset: 12, LastEpoch: 5, HighWatermark: 12}, ahead, true,
		},
		{
			"running, beyond the end, old version", leaderView(),
			FetchRequest{LeaderEpoch: 5, Offset: 12, LastEpoch: 5, HighWatermark: noField}, ahead, true,
		},

		{
			"empty, though the log begins later", trimmedView(),
			FetchRequest{LeaderEpoch: 5, HighWatermark: -1}, snapshot, false,
		},
		{
			"before the log start", trimmedView(),
			FetchRequest{LeaderEpoch: 5, Offset: 2, LastEpoch: 1, HighWatermark: 2}, snapshot, false,
		},
		{
			"an epoch before the log start", trimmedView(),
			FetchRequest{LeaderEpoch: 5, Offset: 5, LastEpoch: 0, HighWatermark: 2}, snapshot, false,
		},
		{
			"at the log start", trimmedView(),
			FetchRequest{LeaderEpoch: 5, Offset: 3, LastEpoch: 1, MaxBytes: 1}, carrying(3, b3), false,
		},
		{
			"after the log start", trimmedView(),
			FetchRequest{LeaderEpoch: 5, Offset: 5, LastEpoch: 1, MaxBytes: 1}, carrying(3, b5), false,
		},
		{
			"at the log start, ahead of the snapshot", trimmedView(),
			FetchRequest{LeaderEpoch: 5, Offset: 3, LastEpoch: 2, HighWatermark: -1},
			with(func(r *FetchResult) { r.LogStart, r.DivergingEpoch, r.DivergingEnd = 3, 1, 5 }), false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, hold := c.view.answer(c.f)
			if !bytes.Equal(got.Records, c.want.Records) {
				t.Errorf("records of %d bytes, want %d", len(got.Records), len(c.want.Records))
			}
			got.Records, c.want.Records = nil, nil
			if g, w := plain(got), plain(c.want); g != w {
				t.Errorf("got  %+v\nwant %+v", g, w)
			}
			if hold > 0 != c.parks {
				t.Errorf("held for %v, want parked %v", hold, c.parks)
			}
		})
	}
}

// plain makes results comparable.
func plain(r FetchResult) [9]int64 {
	return [9]int64{
		int64(r.ErrorCode), int64(r.LeaderID), int64(r.LeaderEpoch), r.HighWatermark, r.LogStart,
		int64(r.DivergingEpoch), r.DivergingEnd, r.SnapshotEnd, int64(r.SnapshotEpoch),
	}
}

// TestDivergenceTruncatesRightly restarts a follower whose log has parted from the leader's, and
// follows the answers.
func TestDivergenceTruncatesRightly(t *testing.T) {
	v := leaderView()
	// It holds 0-2 epoch 1, 3-4 epoch 1, then 5-8 epoch 3 and 9-11 epoch 4.
	end, last := int64(12), int32(4)
	res, _ := v.answer(
		FetchRequest{LeaderEpoch: 5, Offset: end, LastEpoch: last, HighWatermark: -1},
	)
	if res.DivergingEpoch != 2 || res.DivergingEnd != 6 {
		t.Fatalf("%+v", res)
	}
	end, last = 5, 1 // it cuts to the end of its largest epoch up to 2
	res, _ = v.answer(
		FetchRequest{LeaderEpoch: 5, Offset: end, LastEpoch: last, HighWatermark: -1, MaxBytes: 1},
	)
	if !bytes.Equal(res.Records, batchAt(5, 2, 1)) {
		t.Fatalf("%+v", res)
	}
}

// park starts a fetch and returns a channel with its answer.
func park(v *view, f FetchRequest) <-chan FetchResult {
	done := make(chan FetchResult, 1)
	go func() { done <- v.fetch(context.Background(), f, time.Now) }()
	synctest.Wait()
	return done
}

func TestFetchParks(t *testing.T) {
	caughtUp := FetchRequest{
		ReplicaID: 1, LeaderEpoch: 5, Offset: 10, LastEpoch: 5, HighWatermark: 10,
		MaxBytes: 1 << 20, MaxWait: 500 * time.Millisecond,
	}
	for _, c := range []struct {
		name   string
		leader leadership
		f      func(f FetchRequest) FetchRequest
		change func(v *view) // while it is parked; nil: nothing happens
		after  time.Duration
		code   int16
		leads  int32
		bytes  int
	}{
		{
			"until its patience ends", leadership{self, 5, false}, nil, nil, 500 * time.Millisecond, 0, self,
			0,
		},
		{
			"until there are records", leadership{self, 5, false}, nil,
			func(v *view) { v.extend([][]byte{batchAt(10, 5, 1)}) }, 0, 0, self, 64,
		},
		{
			"until leadership is lost", leadership{self, 5, false}, nil,
			func(v *view) { v.setLeadership(leadership{-1, 5, false}) }, 500 * time.Millisecond,
			codeNotLeader, -1, 0,
		},
		{
			"until another leads", leadership{self, 5, false}, nil,
			func(v *view) { v.setLeadership(leadership{7, 6, false}) }, 0, codeFencedLeaderEpoch, 7, 0,
		},
		{
			"until somebody leads", leadership{-1, 5, false}, nil,
			func(v *view) { v.setLeadership(leadership{7, 5, false}) }, 0, codeNotLeader, 7, 0,
		},
		{
			"until this node has claimed", leadership{-1, 5, false},
			func(f FetchRequest) FetchRequest { f.Offset, f.LastEpoch = 6, 2; return f },
			func(v *view) { v.setLeadership(leadership{self, 5, false}) }, 0, 0, self, 64,
		},
		{
			"with no leader, for a second", leadership{-1, 5, false},
			func(f FetchRequest) FetchRequest { f.MaxWait = time.Minute; return f }, nil, time.Second,
			codeNotLeader, -1, 0,
		},
		{
			"with no leader and no patience", leadership{-1, 5, false},
			func(f FetchRequest) FetchRequest { f.MaxWait = 0; return f }, nil, 0, codeNotLeader, -1, 0,
		},
		{
			"with an epoch to come", leadership{7, 4, false}, nil, nil, 500 * time.Millisecond,
			codeUnknownLeaderEpoch, 7, 0,
		},
		{
			"with a deposed leader, not for long", leadership{-1, 5, true}, nil, nil, deposedHold,
			codeBrokerNotAvailable, -1, 0,
		},
		{
			"until the leader is deposed", leadership{self, 5, false}, nil,
			func(v *view) { v.setLeadership(leadership{-1, 5, true}) }, deposedHold, codeBrokerNotAvailable,
			-1, 0,
		},
		{"with another leader: not at all", leadership{7, 5, false}, nil, nil, 0, codeNotLeader, 7, 0},
		{
			"beyond the log, whatever is added", leadership{self, 5, false},
			func(f FetchRequest) FetchRequest { f.Offset = 20; return f },
			func(v *view) { v.extend([][]byte{batchAt(10, 5, 10)}) }, 500 * time.Millisecond, 0, self, 0,
		},
		{
			"beyond the log, until another leads", leadership{self, 5, false},
			func(f FetchRequest) FetchRequest { f.Offset = 20; return f },
			func(v *view) { v.setLeadership(leadership{7, 6, false}) }, 0, codeFencedLeaderEpoch, 7, 0,
		},
		{
			"until the log stops", leadership{self, 5, false}, nil, func(v *view) { v.stop(false) }, 0,
			codeBrokerNotAvailable, -1, 0,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := leaderView()
				v.setLeadership(c.leader)
				f := caughtUp
				if c.f != nil {
					f = c.f(f)
				}
				began := time.Now()
				answer := park(v, f)
				if c.change != nil {
					if len(answer) > 0 {
						t.Fatalf("was not parked: %+v", <-answer)
					}
					c.change(v)
				}
				res := <-answer
				if took := time.Since(began); took != c.after || res.ErrorCode != c.code ||
					res.LeaderID != c.leads ||
					len(res.Records) != c.bytes {
					t.Errorf("after %v: %+v with %d bytes", took, plain(res), len(res.Records))
				}
			})
		})
	}
}

func TestObservers(t *testing.T) {
	v := leaderView()
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	dir := [16]byte{1}
	fetch := func(id int32, offset int64, s int) {
		v.observe(
			FetchRequest{ReplicaID: id, ReplicaDir: dir, LeaderEpoch: 5, Offset: offset}, at(s),
		)
	}
	fetch(1, 6, 10) // behind
	fetch(2, 10, 10)
	v.extend([][]byte{batchAt(10, 5, 1)})
	fetch(1, 10, 20) // has everything as of its last fetch, but not all
	fetch(2, 10, 30)
	fetch(-1, 10, 30) // a tool
	got := v.observers(at(40))
	want := []Observer{{1, dir, 10, at(20), at(10)}, {2, dir, 10, at(30), at(10)}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if got := v.observers(at(325)); len(got) != 1 || got[0].ReplicaID != 2 {
		t.Errorf("after five minutes of silence of one: %+v", got)
	}
	v.setLeadership(leadership{-1, 5, false})
	v.setLeadership(leadership{self, 7, false})
	if got := v.observers(at(325)); len(got) != 0 {
		t.Errorf("a new leader knows %+v", got)
	}
}

// TestFetchWhileNoSnapshotIsGood: the newest snapshot was found damaged, and its successor is being
// written. A broker that needs a snapshot waits, and above all is not made to truncate its log; the
// others are served from the log.
func TestFetchWhileNoSnapshotIsGood(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]FetchRequest{
		"empty":                        {HighWatermark: -1},
		"before the log start":         {Offset: 2, LastEpoch: 1, HighWatermark: 2},
		"restarted, before the start":  {Offset: 2, LastEpoch: 1, HighWatermark: -1},
		"an epoch before the start":    {Offset: 5, LastEpoch: 0, HighWatermark: 2},
		"another epoch, at the start":  {Offset: 3, LastEpoch: 0, HighWatermark: -1},
		"knows no high watermark at 0": {HighWatermark: math.MaxInt64},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := trimmedView()
				v.withdraw(snapshotID{5, 1})
				f.LeaderEpoch, f.MaxWait = 5, 500*time.Millisecond
				began := time.Now()
				res := <-park(v, f)
				if res.ErrorCode != 0 || res.HighWatermark != -1 || res.DivergingEpoch != -1 ||
					res.SnapshotEnd != -1 ||
					len(res.Records) > 0 ||
					time.Since(began) != f.MaxWait {
					t.Errorf("after %v: %+v", time.Since(began), res)
				}
				answer := park(v, f)
				if len(answer) > 0 {
					t.Fatalf("was not parked: %+v", <-answer)
				}
				v.publish(snapshotID{10, 5}, position{index: 2, end: 3, epoch: 1})
				if res := <-answer; res.SnapshotEnd != 10 || res.SnapshotEpoch != 5 ||
					time.Since(began) != f.MaxWait {
					t.Errorf("after the next snapshot: %+v", res)
				}
			})
		})
	}
	v := trimmedView()
	v.withdraw(snapshotID{4, 1}) // not the newest
	if v.latest() != (snapshotID{5, 1}) {
		t.Error("another snapshot was withdrawn")
	}
	v.withdraw(snapshotID{5, 1})
	f := FetchRequest{LeaderEpoch: 5, Offset: 5, LastEpoch: 1, MaxBytes: 1}
	if res, hold := v.answer(f); !bytes.Equal(res.Records, batchAt(5, 2, 1)) || hold != 0 {
		t.Errorf("a broker after the log start gets %+v", res)
	}
}
