package main

import (
	"fmt"
	"strings"
	"time"
)

// benchCase is one kind of work. Its run gets an empty quorum of its own.
type benchCase struct {
	letters    string            // one for each case that run measures
	titles     []string          // one for each case
	properties map[string]string // the controllers', in addition to the defaults
	secured    bool              // TLS with certificates on both sides, and an authorizer
	timeout    time.Duration     // limit on one run; 0: defaultTimeout
	run        func(*run)
}

const defaultTimeout = 10 * time.Minute

func allCases() []benchCase {
	return []benchCase{
		{letters: "a", titles: []string{"one create at a time"}, run: createOneAtATime},
		{letters: "b", titles: []string{"32 creators at once"}, run: createConcurrently},
		{letters: "c", titles: []string{"topics of many partitions"}, run: createLarge},
		{letters: "d", titles: []string{"brokers register and are unfenced"}, run: registerBrokers},
		{letters: "e", titles: []string{"heartbeats flat out"}, run: heartbeatsFlatOut},
		{letters: "f", titles: []string{"AlterPartition flat out"}, run: alterFlatOut},
		{letters: "g", titles: []string{"from a create to its sight at observers"},
			run: createToSight},
		{letters: "h", titles: []string{"observers read from zero"}, run: readFromZero},
		{letters: "i", titles: []string{"storm: three of ten brokers die"}, run: storm},
		{letters: "j", titles: []string{"deleting a topic of 10,000 partitions while others write"},
			run: deleteLarge},
		{letters: "k", titles: []string{"failover"}, run: failover},
		{letters: "l", titles: []string{"cold restart of all nodes"}, run: restart},
		{letters: "mno", titles: []string{"memory", "writing a snapshot",
			"small things among many partitions"}, timeout: 30 * time.Minute, run: manyPartitions},
		{letters: "p", titles: []string{"32 creators at once, over TLS with an authorizer"},
			secured: true, run: createConcurrently},
		{letters: "q", titles: []string{"heartbeats flat out, over TLS with an authorizer"},
			secured: true, run: heartbeatsFlatOut},
	}
}

// chooseCases returns the cases whose letters are listed, all for "".
func chooseCases(letters string) ([]benchCase, error) {
	if letters == "" {
		return allCases(), nil
	}
	var chosen []benchCase
	asked := map[string]bool{}
	for l := range strings.SplitSeq(letters, ",") {
		asked[l] = false
	}
	for _, c := range allCases() {
		hit := false
		for l := range asked {
			if strings.Contains(c.letters, l) {
				asked[l], hit = true, true
			}
		}
		if hit {
			chosen = append(chosen, c)
		}
	}
	for l, known := range asked {
		if !known || len(l) != 1 {
			return nil, fmt.Errorf("-case %q: no case %q; -list names them", letters, l)
		}
	}
	return chosen, nil
}

func (c benchCase) String() string { return "(" + c.letters + ") " + strings.Join(c.titles, "; ") }

func titleOf(letter string) string {
	for _, c := range allCases() {
		if i := strings.Index(c.letters, letter); i >= 0 {
			return c.titles[i]
		}
	}
	return ""
}
