package partition

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/yakt/yakt/controller/controllertest"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

func testUUID(n int) protocol.UUID { return controllertest.UUID(n) }

// zeroes is randomness that never moves anything: every offset is 0 and a shuffle turns a list by
// one.
type zeroes struct{}

func (zeroes) Uint64() uint64 { return 0 }

// placementImage has brokers b0, b1 … with these racks; "" is none. A trailing "!" fences, "x"
// cordons.
func placementImage(t testing.TB, racks ...string) *metadata.Image {
	edit := metadata.Empty().Edit()
	for i, rack := range racks {
		r := &record.RegisterBroker{BrokerID: int32(i), LogDirs: []protocol.UUID{testUUID(i)}}
		switch {
		case len(rack) > 0 && rack[len(rack)-1] == '!':
			r.Fenced, rack = true, rack[:len(rack)-1]
		case len(rack) > 0 && rack[len(rack)-1] == 'x':
			r.CordonedLogDirs, rack = r.LogDirs, rack[:len(rack)-1]
		}
		if rack != "" {
			r.Rack = &rack
		}
		if err := edit.Replay(int64(i), r); err != nil {
			t.Fatal(err)
		}
	}
	return edit.Done(int64(len(racks)), 1, 0)
}

func TestPlacementStripes(t *testing.T) {
	for _, c := range []struct {
		name   string
		racks  []string
		n, rf  int
		placed string
	}{
		{"three racks", []string{"A", "A", "A", "B", "B", "B", "C", "C", "C"}, 3, 3,
			"[[0 3 6] [4 7 1] [8 2 5]]"},
		{"one rack", []string{"", "", "", ""}, 3, 3, "[[0 1 2] [1 2 3] [2 3 0]]"},
		{"fenced brokers come last and never lead", []string{"", "!", ""}, 2, 3,
			"[[0 2 1] [2 0 1]]"},
		{"a single live broker", []string{"!", "", "!"}, 4, 3, "[[1 0 2] [1 2 0] [1 0 2] [1 2 0]]"},
		{"a rack of fenced brokers", []string{"A", "B!", "B!"}, 2, 2, "[[0 1] [0 2]]"},
		{"cordoned brokers are left out", []string{"", "x", ""}, 2, 2, "[[0 2] [2 0]]"},
	} {
		placed, err := newPlacer(placementImage(t, c.racks...), zeroes{}).place(c.n, c.rf)
		if got := fmt.Sprint(placed); err != nil || got != c.placed {
			t.Errorf("%s: %v %v, want %s", c.name, got, err, c.placed)
		}
	}
}

// TestPlacementInvariants: whatever the cluster, each partition has as many different replicas as
// asked for, an active one first; racks are shared only when they must be; leaders and replicas are
// spread evenly.
func TestPlacementInvariants(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		racks := rapid.SliceOfN(rapid.SampledFrom([]string{"", "A", "A", "B", "C", "A!", "B!", "!",
			"Bx"}), 1, 12).Draw(rt, "racks")
		factor := rapid.IntRange(1, 6).Draw(rt, "replication factor")
		n := rapid.IntRange(1, 60).Draw(rt, "partitions")
		img := placementImage(t, racks...)
		placed, err := newPlacer(img, rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1)).place(n,
			factor)
		active, usable := 0, 0
		for _, b := range img.Brokers() {
			if b.Placeable() {
				usable++
				if b.Active() {
					active++
				}
			}
		}
		if (err == nil) != (active > 0 && factor <= usable) {
			rt.Fatalf("placed %v, error %v, with %d brokers of which %d are active", placed, err,
				usable, active)
		}
		for _, replicas := range placed {
			switch {
			case len(replicas) != factor || hasDuplicates(replicas):
				rt.Fatalf("replicas %v", replicas)
			case !img.Broker(replicas[0]).Active():
				rt.Fatalf("the first of %v is not active", replicas)
			case slices.ContainsFunc(replicas,
				func(id int32) bool { return !img.Broker(id).Placeable() }):
				rt.Fatalf("%v has a cordoned broker", replicas)
			}
		}
	})
}

func TestPlacementIsEven(t *testing.T) {
	img := placementImage(t, "A", "A", "A", "B", "B", "B", "C", "C", "C")
	placed, err := newPlacer(img, rand.NewPCG(7, 7)).place(900, 3)
	if err != nil {
		t.Fatal(err)
	}
	leads, hosts := make(map[int32]int), make(map[int32]int)
	for _, replicas := range placed {
		leads[replicas[0]]++
		racks := make(map[string]bool)
		for _, id := range replicas {
			hosts[id]++
			racks[record.RackName(img.Broker(id).Rack)] = true
		}
		if len(racks) != 3 {
			t.Fatalf("%v lies in %d racks", replicas, len(racks))
		}
	}
	for id := range int32(9) {
		if leads[id] < 60 || leads[id] > 140 || hosts[id] < 270 || hosts[id] > 330 {
			t.Errorf("broker %d leads %d and hosts %d of 900", id, leads[id], hosts[id])
		}
	}
}
