package controller

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestSharedFetch: whatever the order of the requests, each gets the response that it would get
// alone.
func TestSharedFetch(t *testing.T) {
	c, _ := newReadController(t)
	records := [][]byte{[]byte("batch"), []byte("batch"), []byte("other"),
		make([]byte, sharedFetchMaxBytes)}
	var wg sync.WaitGroup
	for seed := range uint64(4) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, 1))
			for range 2000 {
				req := kmsg.NewPtrFetchRequest()
				req.Version = int16(12 + r.IntN(7))
				res := fetched()
				res.LeaderID, res.LeaderEpoch = int32(r.IntN(2)), int32(r.IntN(2))
				res.HighWatermark, res.LogStart = int64(r.IntN(2)), int64(r.IntN(2))
				res.Records = records[r.IntN(len(records))]
				leader := leaderEndpoint{known: req.Version >= 16, host: "h"[:r.IntN(2)],
					port: uint16(r.IntN(2))}
				want := fetchResponse(req, res, leader).AppendTo(nil)
				if got := c.sharedFetch(req, res, leader).AppendTo([]byte("-")); got[0] != '-' ||
					!bytes.Equal(got[1:], want) {
					t.Errorf("version %d, %+v of leader %+v: something else", req.Version, res,
						leader)
				}
			}
		})
	}
	wg.Wait()
}

func TestSharedFetchIsEncodedOnce(t *testing.T) {
	c, _ := newReadController(t)
	req := kmsg.NewPtrFetchRequest()
	req.Version = 18
	res := fetched()
	first := c.sharedFetch(req, res, leaderEndpoint{})
	if again := c.sharedFetch(req, res, leaderEndpoint{}); again != first {
		t.Error("the same answer is made twice")
	}
	dst := make([]byte, 0, 1<<10)
	first.AppendTo(dst)
	if n := testing.AllocsPerRun(10, func() { first.AppendTo(dst) }); n > 0 {
		t.Errorf("%v allocations for a response that is encoded already", n)
	}
}

func TestSharedFetchOnlyOfRecords(t *testing.T) {
	for name, change := range map[string]func(*FetchResult){
		"an error":     func(r *FetchResult) { r.ErrorCode = 6 },
		"no records":   func(r *FetchResult) { r.Records = nil },
		"many records": func(r *FetchResult) { r.Records = make([]byte, sharedFetchMaxBytes+1) },
		"diverging":    func(r *FetchResult) { r.DivergingEpoch = 0 },
		"a snapshot":   func(r *FetchResult) { r.SnapshotEnd = 0 },
	} {
		res := fetched()
		if !shareable(res) {
			t.Fatal("records alone are not shared")
		}
		if change(&res); shareable(res) {
			t.Errorf("%s: shared", name)
		}
	}
}
