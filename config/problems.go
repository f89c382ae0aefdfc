package config

import (
	"fmt"
	"strings"

	"github.com/yakt/yakt/protocol"
)

// Problem is one setting that cannot be used.
type Problem struct {
	Key, Value string // Value is "[hidden]" for secrets, and empty without a key
	// where it was set: "controller.properties:12", "environment YAKT_NODE_ID", "override", "default"
	Source string
	Wrong  string // what is wrong, after the value
	Fix    string // what to do
}

// String returns one line: the setting, its source, what is wrong and what to do.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.Key)
	if p.Value != "" {
		fmt.Fprintf(&b, "=%s", p.Value)
	}
	if p.Source != "" {
		fmt.Fprintf(&b, " (%s)", p.Source)
	}
	fmt.Fprintf(&b, " %s; %s", p.Wrong, p.Fix)
	return b.String()
}

// Error lists all settings that cannot be used, one per line.
type Error struct {
	Name     string // the file, or "configuration"
	Problems []Problem
}

// Error returns a line for each problem, or a single line if there is only one.
func (e *Error) Error() string {
	if len(e.Problems) == 1 {
		return e.Name + ": " + e.Problems[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d settings cannot be used:", e.Name, len(e.Problems))
	for _, p := range e.Problems {
		b.WriteString("\n  " + p.String())
	}
	return b.String()
}

// hidden replaces the value of a secret wherever a value is shown.
const hidden = protocol.Hidden

// shown returns a value as it may be printed: secrets are hidden, long values are cut.
func shown(key, text string) string {
	const longest = 200
	switch {
	case text == "":
		return ""
	case Sensitive(key):
		return hidden
	case len(text) > longest:
		return text[:longest] + "…"
	}
	return text
}
