package config

import (
	"maps"
	"slices"
)

// Setting is one row of `yakt config print`.
type Setting struct {
	Key    string
	Value  string // as written, references unresolved; "[hidden]" for secrets
	Source string // "default", "controller.properties:12", "environment YAKT_NODE_ID", "override"
	Class  Class  // 0 for unknown keys
}

// Describe returns every key that a controller acts on with its value and source, and all other
// names that were set, in the order of names. Passwords and the values of unknown keys are hidden.
func (c *Config) Describe() []Setting { return slices.Clone(c.settings) }

func (r *reader) describe() []Setting {
	names := slices.AppendSeq(r.explicit(), maps.Keys(r.table))
	slices.Sort(names)
	explicit := r.config.Static
	var all []Setting
	for _, name := range slices.Compact(names) {
		key := r.table[name]
		_, set := explicit[name]
		if !set && (key == nil || key.Class == Ignored || key.ofListener) {
			continue
		}
		s := Setting{Key: name, Value: shown(name, r.raw(name)), Source: r.sourceOf(name)}
		if key != nil {
			s.Class = key.Class
		}
		all = append(all, s)
	}
	return all
}

func (r *reader) sourceOf(name string) string {
	if key := r.table[name]; key != nil {
		return r.source(key)
	}
	if _, ok := r.overrides[name]; ok {
		return "override"
	}
	return r.at(r.file[name].Line)
}
