package main

import (
	"strings"
	"testing"
)

// TestCompletion asks for completions as a shell does. The last word of a line is completed.
func TestCompletionOfNames(t *testing.T) {
	t.Parallel()
	server := startNode(t)
	alive(t, server, 7)
	yakt(t, exitOK, "topic create orders --assignment 7 --server %s", server)
	const noFiles, noSpace = ":4", ":6"
	for line, want := range map[string]struct {
		first     string // a suggestion that must be there
		not       string // one that must not
		directive string
	}{
		"topic get @ o":                         {"orders", "7", noFiles},
		"topic get @ x":                         {"", "orders", noFiles},
		"broker get @ 7":                        {"7\tUNFENCED", "orders", noFiles},
		"configs describe @ t":                  {"topic", "broker", noFiles},
		"configs describe @ topic o":            {"orders", "7", noFiles},
		"configs alter @ broker 7":              {"7\t", "orders", noFiles},
		"configs alter @ group o":               {"", "orders", noFiles},
		"configs alter @ topic new --set reten": {"retention.ms=\t", "segment.ms", noSpace},
		"configs alter @ topic orders --delete retention": {
			"retention.bytes\t", "retention.ms=", noFiles,
		},
		"configs alter @ broker 7 --append log.": {
			"log.cleaner.threads=\t", "log.dirs", noSpace,
		},
		"configs alter @ group g --set consumer.s": {
			"consumer.session.timeout.ms=\t", "retention.ms", noSpace,
		},
		"configs alter @ --set ret":     {"", "retention.ms", noFiles},
		"topic create @ new --config s": {"segment.ms=\t", "retention.ms", noSpace},
		"loggers set @ ra":              {"raft\telections", "root", noFiles},
		"loggers set @ raft D":          {"DEBUG", "INFO", noFiles},
	} {
		out, _ := yakt(t, exitOK, "__complete "+strings.Replace(line, "@", "--server %s", 1), server)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		found := want.first == ""
		for _, l := range lines[:len(lines)-1] {
			found = found || strings.HasPrefix(l, want.first)
			if strings.HasPrefix(l, want.not) {
				t.Errorf("%s: %s is suggested", line, l)
			}
		}
		if !found || lines[len(lines)-1] != want.directive {
			t.Errorf("%s: no %q, or not %s:\n%s", line, want.first, want.directive, out)
		}
	}
}

// TestCompletionWithoutNode: a shell is given no suggestions, and no error.
func TestCompletionWithoutNode(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"topic get --server 127.0.0.1:1 o", "configs alter --server 127.0.0.1:1 topic t --set r",
		"configs alter --server 127.0.0.1:1 broker 1 --set l", "broker get --server 127.0.0.1:1 1",
		"loggers set --server 127.0.0.1:1 r",
	} {
		if out, _ := yakt(t, exitOK, "__complete %s", line); strings.TrimSpace(out) != ":4" {
			t.Errorf("%s: %s", line, out)
		}
	}
}
