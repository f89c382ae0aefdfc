package main

import (
	"cmp"
	"encoding/json"
	"math"
	"os"
	"slices"
	"time"
)

// results are all results of a bench run.
type results struct {
	Machine  machine   `json:"machine"`
	Scale    string    `json:"scale"`
	Rounds   int       `json:"rounds"`
	Took     string    `json:"took"`
	Limits   limits    `json:"limits"`
	Metrics  []*metric `json:"metrics"`
	Failures []failure `json:"failures,omitempty"`
}

// metric is one number of one case, over rounds and systems.
type metric struct {
	Case   string                  `json:"case"`
	Name   string                  `json:"name"`
	Unit   string                  `json:"unit"`
	Better direction               `json:"better"`
	Values map[string][]roundValue `json:"values"` // by system
	Ours   *spread                 `json:"ours,omitempty"`
	Theirs *spread                 `json:"theirs,omitempty"`
	// how many times better ours is, by round
	Ratio *spread `json:"ratio,omitempty"`
}

type roundValue struct {
	Round int     `json:"round"`
	Value float64 `json:"value"`
}

// failure is a case that one system did not finish in one round.
type failure struct {
	Case   string `json:"case"`
	System string `json:"system"`
	Round  int    `json:"round"`
	Error  string `json:"error"`
}

// add enters a sample; metrics keep the order in which they first occurred.
func (r *results) add(letter, system string, round int, s sample) {
	for _, m := range r.Metrics {
		if m.Case == letter && m.Name == s.Metric {
			m.Values[system] = append(m.Values[system], roundValue{round, s.Value})
			return
		}
	}
	r.Metrics = append(r.Metrics,
		&metric{Case: letter, Name: s.Metric, Unit: s.Unit, Better: s.Better,
			Values: map[string][]roundValue{system: {{round, s.Value}}}})
}

// summarise orders the metrics by case and computes the spreads.
func (r *results) summarise() {
	slices.SortStableFunc(r.Metrics, func(a, b *metric) int { return cmp.Compare(a.Case, b.Case) })
	for _, m := range r.Metrics {
		m.Ours, m.Theirs = spreadOfRounds(m.Values[ours]), spreadOfRounds(m.Values[theirs])
		m.Ratio = m.ratio()
	}
}

func spreadOfRounds(rounds []roundValue) *spread {
	if len(rounds) == 0 {
		return nil
	}
	var values []float64
	for _, v := range rounds {
		values = append(values, v.Value)
	}
	s := spreadOf(values)
	return &s
}

// ratio compares the systems round by round, since a disturbance in a round may affect both; nil if
// no round has both.
func (m *metric) ratio() *spread {
	var ratios []float64
	for _, o := range m.Values[ours] {
		for _, t := range m.Values[theirs] {
			if a := m.Better.advantage(o.Value, t.Value); o.Round == t.Round && !math.IsNaN(a) {
				ratios = append(ratios, a)
			}
		}
	}
	if len(ratios) == 0 {
		return nil
	}
	s := spreadOf(ratios)
	return &s
}

func (r *results) finish(began time.Time) {
	r.Took = time.Since(began).Round(time.Second).String()
	r.Machine.LoadAfter = loadAverage()
	r.summarise()
}

func (r *results) writeJSON(path string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}
