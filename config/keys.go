package config

import (
	_ "embed"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/yakt/yakt/protocol"
)

// Class says what becomes of a key.
type Class uint8

const (
	Used Class = iota + 1 // one of Kafka's that a controller acts on
	// one of Kafka's that only brokers or the JVM act on: accepted, reported once
	Ignored
	Own // ours: yakt.*
)

func (c Class) String() string {
	return [...]string{"unknown", "used", "ignored", "own"}[c]
}

// Key describes one configuration name.
type Key struct {
	Name  string
	Class Class
	Type  string // boolean, int, short, long, double, string, list, password, class
	// Default as it would be written in a file; meaningful when HasDefault.
	Default    string
	HasDefault bool
	Valid      string // ">=1", "1..9", "-1|1..9" or "a|b|c"; empty when anything of the type goes
	Unit       string // ms, s, min, h, bytes, …; empty when there is none
	Doc        string // one sentence
	Void       string // why it is checked and does nothing more; empty when it has an effect
	Section    string
	required   bool
	bind       binding
}

// Env is the environment variable that sets the key: YAKT_ and the name in capitals, dots as
// underscores. Our own names do not repeat the prefix: yakt.http.listeners is YAKT_HTTP_LISTENERS.
func (k *Key) Env() string {
	name := strings.TrimPrefix(k.Name, ownPrefix)
	return envPrefix + strings.ToUpper(strings.ReplaceAll(name, ".", "_"))
}

const (
	ownPrefix = "yakt."
	envPrefix = "YAKT_"
	required  = "<required>"
	null      = "<null>"
)

// kafkaKeys lists every name KafkaConfig 4.3.0 defines: facts printed by that class itself, not
// retyped.
//
//go:embed kafka_keys.tsv
var kafkaKeys string

// use makes one of Kafka's names ours to act on: what it does here, its unit, and where the value
// goes. Type, default and valid values are Kafka's unless given.
type use struct {
	name, unit, doc string
	bind            binding
	def, valid      string // differing from Kafka's, or for names KafkaConfig does not define
	typ             string // for names KafkaConfig does not define
	void            string // see Key.Void
}

type section struct {
	title string
	uses  []use
}

var keyTable = sync.OnceValue(buildKeyTable)

// Keys answers every known key, Kafka's and ours, ordered by name.
func Keys() []Key {
	table := keyTable()
	keys := make([]Key, 0, len(table))
	for _, name := range slices.Sorted(maps.Keys(table)) {
		keys = append(keys, *table[name])
	}
	return keys
}

func buildKeyTable() map[string]*Key {
	table := map[string]*Key{}
	for line := range strings.Lines(kafkaKeys) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		column := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		k := &Key{Name: column[0], Class: Ignored, Type: column[1], Valid: column[3]}
		k.setDefault(column[2])
		table[k.Name] = k
	}
	for _, s := range append(kafkaSections(), topicSections(table)...) {
		for _, u := range s.uses {
			apply(table, s.title, u, Used)
		}
	}
	for _, u := range ownKeys() {
		apply(table, ownTitle, u, Own)
	}
	for name, doc := range ignoredBecause {
		apply(table, "", use{name: name, doc: doc, typ: "string"}, Ignored)
	}
	return table
}

func (k *Key) setDefault(text string) {
	k.required = text == required
	k.HasDefault = text != required && text != null
	if k.HasDefault {
		k.Default = text
	}
}

func apply(table map[string]*Key, title string, u use, class Class) {
	k := table[u.name]
	if k == nil {
		k = &Key{Name: u.name, Type: u.typ}
		table[u.name] = k
	}
	if u.def != "" {
		k.setDefault(u.def)
	}
	if u.valid != "" {
		k.Valid = u.valid
	}
	k.Class, k.Section, k.Unit, k.Doc, k.Void, k.bind = class, title, u.unit, u.doc, u.void, u.bind
}

// Sensitive says whether the key's value must not be shown. A name we do not know counts as
// sensitive, as in Kafka: it may be a password's name mistyped.
func Sensitive(name string) bool {
	k := keyTable()[listenerKey(name)]
	return k == nil || k.Type == "password" || protocol.Secret(name)
}

// listenerKey strips listener.name.<listener>. and, for SASL, the mechanism: the plain key that is
// being set for one listener.
func listenerKey(name string) string {
	rest, ok := strings.CutPrefix(name, "listener.name.")
	if !ok {
		return name
	}
	_, key, ok := strings.Cut(rest, ".")
	if !ok {
		return name
	}
	if _, unprefixed, ok := strings.Cut(key, "."); ok && keyTable()[key] == nil &&
		keyTable()[unprefixed] != nil {
		return unprefixed
	}
	return key
}
