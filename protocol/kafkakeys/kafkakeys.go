// Package kafkakeys is the table of the configuration names that Kafka's servers define, and one
// sentence about each of them and about the configs of topics, groups and client metrics.
package kafkakeys

import (
	_ "embed"
	"strings"
	"sync"
)

// Key is a configuration name of Kafka's servers (KafkaConfig).
type Key struct {
	Name string
	Type string // boolean, int, short, long, double, string, list, password, class
	// Default is written as in a file; it has a meaning only if HasDefault is set.
	Default    string
	HasDefault bool
	Required   bool
	Valid      string // ">=1", "1..9", "-1|1..9" or "a|b|c"; empty: any value of the type
	Internal   bool   // for Kafka's own use: not shown where it is not set
	Update     Update
}

// Update says which dynamic configs may set a key.
type Update string

const (
	ReadOnly    Update = ""             // only the file
	ClusterWide Update = "cluster-wide" // those of one broker and those of all
	PerBroker   Update = "per-broker"   // only those of one broker
)

// keyTable is what KafkaConfig 4.4.0 itself printed: facts that nobody retyped.
//
//go:embed kafka_keys.tsv
var keyTable string

// All returns every key in the order of the names. The slice is shared and must not be changed.
var All = sync.OnceValue(func() []Key {
	var keys []Key
	for line := range strings.Lines(keyTable) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		c := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		k := Key{Name: c[0], Type: c[1], Valid: c[3], Internal: c[4] != "", Update: Update(c[5])}
		k.Required = c[2] == "<required>"
		k.HasDefault = !k.Required && c[2] != "<null>"
		if k.HasDefault {
			k.Default = c[2]
		}
		keys = append(keys, k)
	}
	return keys
})

var byName = sync.OnceValue(func() map[string]*Key {
	all := All()
	m := make(map[string]*Key, len(all))
	for i := range all {
		m[all[i].Name] = &all[i]
	}
	return m
})

// Find returns the key of a name, also of one that is set for a listener or for a SASL mechanism of
// a listener (listener.name.<listener>.<key>); nil if Kafka defines none. The caller must not
// change it.
func Find(name string) *Key {
	if k := byName()[name]; k != nil {
		return k
	}
	return byName()[Base(name)]
}

// Base removes listener.name.<listener>. and a SASL mechanism from a name, which leaves the key
// that is set for one listener. Other names it returns as they are.
func Base(name string) string {
	rest, ok := strings.CutPrefix(name, "listener.name.")
	if !ok {
		return name
	}
	_, key, ok := strings.Cut(rest, ".")
	if !ok {
		return name
	}
	if _, unprefixed, ok := strings.Cut(key, "."); ok && byName()[key] == nil &&
		byName()[unprefixed] != nil {
		return unprefixed
	}
	return key
}

// docTable has a name and a sentence in each line.
//
//go:embed docs.tsv
var docTable string

var docs = sync.OnceValue(func() map[string]string {
	m := make(map[string]string)
	for line := range strings.Lines(docTable) {
		if name, doc, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); ok {
			m[name] = doc
		}
	}
	return m
})

// Doc returns a sentence about a config of a server, topic, group or client metrics subscription;
// "" for an unknown name, and for a key with the prefix of a listener.
func Doc(name string) string { return docs()[name] }
