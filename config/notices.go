package config

import (
	"fmt"
	"slices"
	"strings"
)

// NoticeKind is the kind of a Notice.
type NoticeKind uint8

const (
	// known keys without effect on a controller; one notice lists them all
	KeysIgnored NoticeKind = iota + 1
	KeyUnknown             // an unknown key; Nearest is a similar key, or empty
	KeyRepeated            // a key that is twice in one file; the last entry counts
	Advice                 // a setting that works and was probably not intended
	Exposed                // what an attacker on the network could use
)

// Notice is a remark about a configuration that can be used.
type Notice struct {
	Kind    NoticeKind
	Keys    []string // keys or variables; several only for KeysIgnored and Kafka's variables
	Source  string   // where it was set; empty for KeysIgnored
	Nearest string   // for KeyUnknown only
	Text    string   // the whole sentence, without secrets
}

// String returns the whole sentence.
func (n Notice) String() string { return n.Text }

func unknownNotice(name, source string, table map[string]*Key) Notice {
	n := Notice{Kind: KeyUnknown, Keys: []string{name}, Source: source, Nearest: nearest(name, table)}
	n.Text = fmt.Sprintf("%s (%s) is not a key of Kafka 4.4 or YAKt and does nothing", quoteOdd(name),
		source)
	if n.Nearest != "" {
		n.Text += "; did you mean " + n.Nearest + "?"
	}
	return n
}

// quoteOdd quotes names with characters that would break a log line.
func quoteOdd(name string) string {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Sprintf("%q", name)
	}
	return name
}

func ignoredNotice(names []string, table map[string]*Key) Notice {
	slices.Sort(names)
	names = slices.Compact(names)
	text := make([]string, len(names))
	for i, name := range names {
		text[i] = quoteOdd(name)
		because := ignoredBecause[name]
		if key := table[name]; key != nil && key.Void != "" {
			because = key.Void
		}
		if because != "" {
			text[i] += " (" + because + ")"
		}
	}
	return Notice{Kind: KeysIgnored, Keys: names,
		Text: "accepted, and without effect on this controller: " + strings.Join(text, ", ")}
}

// nearest returns the known key that was probably meant, or "": the one with the fewest typing
// errors, if few for the length of the name, preferring keys that have an effect; or else the only
// key that ends in the name ("voters").
func nearest(name string, table map[string]*Key) string {
	const longest = 100
	if len(name) < 3 || len(name) > longest {
		return ""
	}
	plain := strings.NewReplacer("_", ".", "-", ".").Replace(strings.ToLower(name))
	best, bestDistance, ending := "", min(3, 1+len(name)/8)+1, []string(nil)
	for known, key := range table {
		if strings.HasSuffix(known, "."+plain) {
			ending = append(ending, known)
		}
		d := distance(plain, known, bestDistance)
		if d < bestDistance || d == bestDistance && best != "" && better(key, table[best]) {
			best, bestDistance = known, d
		}
	}
	if best == "" && len(ending) == 1 {
		return ending[0]
	}
	return best
}

func better(a, b *Key) bool {
	if (a.Class == Ignored) != (b.Class == Ignored) {
		return b.Class == Ignored
	}
	return a.Name < b.Name
}

// distance counts the characters to insert, delete, replace or swap with their neighbour (optimal
// string alignment). Beyond limit it returns any number above it.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
