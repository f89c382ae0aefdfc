package main

import (
	"fmt"
	"strings"

	"github.com/yakt/yakt/integration/kafka"
)

// Node ids of the quorums that integration/kafka starts: 3000, 3001, 3002.
const (
	controllers       = 3
	firstControllerID = 3000
)

// system is one of the compared systems.
type system struct {
	key   string // in -system and in results
	title string
	start func(r *run, o kafka.ControllerOptions) *kafka.Controllers
}

// Keys of the systems; the table compares the first with the second.
const (
	ours   = "yakt"
	theirs = "apache"
)

// systems returns the requested systems, ours first. binary is YAKt's.
func systems(keys, binary string) ([]system, error) {
	all := []system{
		{ours, "YAKt", func(r *run, o kafka.ControllerOptions) *kafka.Controllers {
			if r.profiles != nil {
				o.Properties["yakt.debug.listeners"] = "127.0.0.1:0"
			}
			return kafka.StartYAKt(r, binary, controllers, o)
		}},
		{theirs, "Apache " +
			kafka.Newest, func(r *run, o kafka.ControllerOptions) *kafka.Controllers {
			return kafka.StartControllers(r, controllers, o)
		}},
	}
	var chosen []system
	for _, s := range all {
		if contains(keys, s.key) {
			chosen = append(chosen, s)
		}
	}
	if n := len(strings.Split(keys, ",")); len(chosen) != n || n == 0 {
		return nil, fmt.Errorf("-system %q: choose from %s,%s", keys, ours, theirs)
	}
	return chosen, nil
}

// contains reports whether a comma-separated list contains a word.
func contains(list, word string) bool {
	for w := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(w) == word {
			return true
		}
	}
	return false
}
