package controller

import (
	"testing"
	"time"
)

func TestPaced(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	p := newPaced[int](func() time.Time { return now })
	add := func(k int, count int64, same, due bool) {
		t.Helper()
		gotCount, gotSame, gotDue := p.add(k)
		if gotCount != count || gotSame != same || gotDue != due {
			t.Errorf("%d: %d %t %t", k, gotCount, gotSame, gotDue)
		}
	}
	add(1, 1, true, true)
	add(1, 0, true, false)
	add(2, 1, true, true)
	now = now.Add(pacedEvery - 1)
	add(1, 0, true, false)
	now = now.Add(1)
	add(1, 3, true, true)
	add(1, 0, true, false)
	// 2 and all of these fill the memory; the next ones are the others.
	for k := range pacedMax - 2 {
		add(1000+k, 1, true, true)
	}
	add(3, 1, true, true) // in the place of 2, which has been quiet for a minute
	add(4, 1, false, true)
	add(5, 0, false, false)
	add(1000, 0, true, false)
	now = now.Add(pacedEvery)
	add(6, 1, true, true)
	if len(p.seen) != 1 {
		t.Errorf("%d events are remembered", len(p.seen))
	}
}
