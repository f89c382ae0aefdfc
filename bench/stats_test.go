package main

import (
	"math"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   spread
	}{
		{[]float64{4}, spread{4, 4, 4}},
		{[]float64{3, 1}, spread{1, 2, 3}},
		{[]float64{9, 1, 5}, spread{1, 5, 9}},
		{[]float64{4, 1, 3, 2}, spread{1, 2.5, 4}},
	} {
		if got := spreadOf(c.values); got != c.want {
			t.Errorf("%v: %v, want %v", c.values, got, c.want)
		}
	}
	if got := spreadOf(nil); !math.IsNaN(got.Median) {
		t.Errorf("nothing has the median %v", got.Median)
	}
}

func TestPercentileIsNearestRank(t *testing.T) {
	var sorted []time.Duration
	for i := range 100 {
		sorted = append(sorted, time.Duration(i+1))
	}
	for p, want := range map[float64]time.Duration{0: 1, 0.01: 1, 0.5: 50, 0.991: 100, 0.99: 99,
		1: 100} {
		if got := percentile(sorted, p); got != want {
			t.Errorf("%v: %v, want %v", p, got, want)
		}
	}
	if got := percentile(sorted[:1], 0.5); got != 1 {
		t.Errorf("of one: %v", got)
	}
	if got := percentile(nil, 0.5); got != 0 {
		t.Errorf("of none: %v", got)
	}
}

func TestAdvantage(t *testing.T) {
	if got := lower.advantage(2, 10); got != 5 {
		t.Errorf("a fifth of the time is %v times better", got)
	}
	if got := higher.advantage(10, 20); got != 0.5 {
		t.Errorf("half the rate is %v times better", got)
	}
	if got := lower.advantage(0, 10); !math.IsNaN(got) {
		t.Errorf("of nothing: %v", got)
	}
}

func TestLimitsAreMeasured(t *testing.T) {
	l, err := measureLimits(t.TempDir(), 20, 100)
	if err != nil || l.Append.Ms <= 0 || l.QuorumAppend.Ms <= 0 || l.RoundTrip.Ms <= 0 ||
		l.RoundTrip.P99Ms < l.RoundTrip.Ms {
		t.Fatalf("%+v, %v", l, err)
	}
}
