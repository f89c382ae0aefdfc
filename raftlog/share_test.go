package raftlog

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestSnapshotSharesLieApart(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		n, lastEnd := 2+r.IntN(6), r.Int64()
		shares := make([]float64, n)
		for place := range shares {
			shares[place] = snapshotShare(place, n, lastEnd)
			if s := shares[place]; s < shareLeast || s > 1 ||
				s != snapshotShare(place, n, lastEnd) {
				t.Fatalf("place %d of %d after %d: %v", place, n, lastEnd, s)
			}
			for other := range place {
				if apart := math.Abs(shares[place] - shares[other]); apart < (1-shareLeast)/float64(
					n,
				)-1e-9 {
					t.Fatalf(
						"places %d and %d of %d after %d are %v apart", place, other, n, lastEnd,
						apart,
					)
				}
			}
		}
	}
	if s := snapshotShare(0, 1, 77); s != 1 {
		t.Errorf("a node alone: %v", s)
	}
}

// Three nodes apply the same bytes for long. Snapshots that need a fiftieth of the interval rarely
// coincide, and two that coincide once do not keep coinciding.
func TestSnapshotsRarelyMeet(t *testing.T) {
	const threshold, takes, until = 20 << 20, 20 << 20 / 50, 1000 * (20 << 20)
	var begun [3][]int64
	for place := range begun {
		for at := int64(0); at < until; {
			at += int64(threshold * snapshotShare(place, 3, at))
			begun[place] = append(begun[place], at)
		}
	}
	met, inARow, most, all := 0, 0, 0, 0
	for i, at := range begun[0] {
		all++
		meets := false
		for _, other := range append(begun[1], begun[2]...) {
			meets = meets || math.Abs(float64(other-at)) < takes
		}
		if inARow++; !meets {
			inARow = 0
		} else if met++; i == 0 {
			t.Error("the first snapshots meet")
		}
		most = max(most, inARow)
	}
	if met > all/7 || most > 5 {
		t.Errorf("%d of %d snapshots meet another, %d in a row", met, all, most)
	}
}
