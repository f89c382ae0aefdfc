package config

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/protocol/kafkakeys"
)

// Class says what a key means to a controller.
type Class uint8

const (
	Used Class = iota + 1 // a key of Kafka that a controller acts on
	// a key of Kafka that only brokers or the JVM act on: accepted, and reported in one notice
	Ignored
	Own // ours: yakt.*
)

// String names the class for people; 0 is unknown.
func (c Class) String() string {
	return [...]string{"unknown", "used", "ignored", "own"}[c]
}

// Key describes one configuration name.
type Key struct {
	Name  string
	Class Class
	Type  string // boolean, int, short, long, double, string, list, password, class
	// Default is written as in a file. It has a meaning only if HasDefault is set.
	Default    string
	HasDefault bool
	Valid      string // ">=1", "1..9", "-1|1..9" or "a|b|c"; empty: any value of the type
	Unit       string // ms, s, min, h, bytes, …; empty: none
	Doc        string // one sentence
	Void       string // why it is only checked; empty: it has an effect
	Section    string
	required   bool
	ofListener bool // set for one listener: it begins with listener.name.
	bind       binding
}

// Env returns the environment variable that sets the key: YAKT_ and the name in capitals, with
// underscores for dots and hyphens. YAKt's own names do not repeat the prefix: yakt.http.listeners is
// YAKT_HTTP_LISTENERS.
func (k *Key) Env() string {
	name := strings.TrimPrefix(k.Name, ownPrefix)
	return envPrefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(name))
}

const (
	ownPrefix = "yakt."
	envPrefix = "YAKT_"
	null      = "<null>" // stands for no default
)

// use says how a controller uses one of Kafka's keys: its meaning here, its unit, and the field it
// sets. Type, default and valid values are Kafka's unless given. YAKt's own keys have the same
// form.
type use struct {
	name, unit, doc string
	bind            binding
	def, valid      string // if they differ from KafkaConfig's, or it has none
	typ             string // for names that KafkaConfig does not define
	void            string // see Key.Void
}

// section is a part of the reference page (docs/configuration.md).
type section struct {
	title string
	uses  []use
}

// keyTable holds every known key by its name. It is shared and never changed.
var keyTable = sync.OnceValue(buildKeyTable)

// Keys returns all known keys in the order of their names.
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
	for _, known := range kafkakeys.All() {
		table[known.Name] = &Key{
			Name: known.Name, Class: Ignored, Type: known.Type, Default: known.Default,
			HasDefault: known.HasDefault, Valid: known.Valid, required: known.Required,
		}
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

// OwnDefaults returns the defaults, by key, that differ from those of Kafka's servers.
func OwnDefaults() map[string]string {
	own := make(map[string]string)
	for _, known := range kafkakeys.All() {
		if k := keyTable()[known.Name]; k.Default != known.Default {
			own[k.Name] = k.Default
		}
	}
	return own
}

func (k *Key) setDefault(text string) {
	k.HasDefault = text != null
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

// Sensitive reports whether the value of a name must not be shown. An unknown name is sensitive, as
// in Kafka: it may be the misspelt name of a password.
func Sensitive(name string) bool {
	k := keyTable()[kafkakeys.Base(name)]
	return k == nil || k.Type == "password" || protocol.Secret(name)
}
