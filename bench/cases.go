package main

import (
	"fmt"
	"time"
)

// benchCase is one kind of work. Its run gets an empty quorum of its own.
type benchCase struct {
	letter     string
	title      string
	properties map[string]string // of the controllers, beside the defaults
	timeout    time.Duration     // of one run, at full scale
	run        func(*run)
}

const defaultTimeout = 10 * time.Minute

func allCases() []benchCase {
	return []benchCase{
		{letter: "a", title: "one create at a time", run: createOneAtATime},
		{letter: "b", title: "32 creators at once", run: createConcurrently},
		{letter: "c", title: "topics of many partitions", run: createLarge},
		{letter: "d", title: "brokers register and are unfenced", run: registerBrokers},
		{letter: "e", title: "heartbeats flat out", run: heartbeatsFlatOut},
		{letter: "f", title: "AlterPartition flat out", run: alterFlatOut},
		{letter: "k", title: "failover", run: failover},
	}
}

// chooseCases are those whose letters are listed, all for "".
func chooseCases(letters string) ([]benchCase, error) {
	if letters == "" {
		return allCases(), nil
	}
	var chosen []benchCase
	for _, c := range allCases() {
		if contains(letters, c.letter) {
			chosen = append(chosen, c)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("-case %q: no such case", letters)
	}
	return chosen, nil
}
