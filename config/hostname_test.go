package config

import (
	"errors"
	"testing"
)

// TestFullName looks names up in tables as /etc/hosts and name servers have them.
func TestFullName(t *testing.T) {
	t.Parallel()
	table := func(entries map[string][]string) func(string) ([]string, error) {
		return func(key string) ([]string, error) {
			if found, ok := entries[key]; ok {
				return found, nil
			}
			return nil, errors.New("no such name")
		}
	}
	addresses := table(map[string][]string{
		"node-1": {"10.0.0.1", "10.0.0.2"}, "debian": {"127.0.1.1"}, "vm": {"127.0.0.1"},
		"node-10": {"10.0.0.2"}, "lost": {"10.0.0.9"},
	})
	names := table(map[string][]string{
		"10.0.0.2":  {"other.example.com.", "Node-1.example.com."},
		"127.0.1.1": {"debian.example.com", "debian"}, "127.0.0.1": {"localhost", "vm"},
	})
	for host, want := range map[string]string{
		"node-1": "Node-1.example.com", "debian": "debian.example.com", "vm": "vm", "node-10": "node-10",
		"lost": "lost", "unknown": "unknown", "full.example.com": "full.example.com",
	} {
		if got := fullName(host, addresses, names); got != want {
			t.Errorf("%s: %s, want %s", host, got, want)
		}
	}
	asked := false
	fullName("full.example.com", func(string) ([]string, error) { asked = true; return nil, nil },
		names)
	if asked {
		t.Error("a full name is looked up")
	}
}
