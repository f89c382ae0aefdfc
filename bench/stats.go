package main

import (
	"math"
	"slices"
	"time"
)

// spread describes one number over several rounds.
type spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

// spreadOf returns NaNs for no values. The median of an even count is the mean of the two in the
// middle.
func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{math.NaN(), math.NaN(), math.NaN()}
	}
	s := slices.Sorted(slices.Values(values))
	mid := len(s) / 2
	median := s[mid]
	if len(s)%2 == 0 {
		median = (s[mid-1] + s[mid]) / 2
	}
	return spread{s[0], median, s[len(s)-1]}
}

// percentile is the nearest-rank percentile p (0 to 1) of sorted values, 0 for none.
func percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(p * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// medianOf is the nearest-rank median of values in any order.
func medianOf(values []time.Duration) time.Duration {
	return percentile(slices.Sorted(slices.Values(values)), 0.5)
}

// direction says which of two values is better.
type direction string

const (
	lower  direction = "lower"
	higher direction = "higher"
)

// advantage is how many times better ours is than theirs; NaN unless both are positive.
func (d direction) advantage(ours, theirs float64) float64 {
	if !(ours > 0 && theirs > 0) {
		return math.NaN()
	}
	if d == higher {
		return ours / theirs
	}
	return theirs / ours
}
