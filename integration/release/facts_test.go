package release

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// facts are what a release defines: a kind and a name, with a tab between them, and what holds for
// it, in columns with tabs between them.
type facts map[string]string

// parseFacts reads one fact a line.
func parseFacts(text string) facts {
	f := make(facts)
	for line := range strings.Lines(text) {
		kind, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		name, holds, _ := strings.Cut(rest, "\t")
		f[kind+"\t"+name] = holds
	}
	return f
}

func (f facts) add(kind, name string, columns ...any) {
	var holds []string
	for _, c := range columns {
		holds = append(holds, fmt.Sprint(c))
	}
	f[kind+"\t"+name] = strings.TrimRight(strings.Join(holds, "\t"), "\t")
}

// String has the facts in a fixed order, one a line.
func (f facts) String() string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(f)) {
		b.WriteString(strings.TrimRight(key+"\t"+f[key], "\t") + "\n")
	}
	return b.String()
}

// differences lists what is only in f, only in other, and what holds differently in other.
func (f facts) differences(other facts) (list []string) {
	for key, holds := range f {
		if got, ok := other[key]; !ok {
			list = append(list, fmt.Sprintf("%s: %s is missing", words(key), words(holds)))
		} else if got != holds {
			list = append(list, fmt.Sprintf("%s: %s instead of %s", words(key), words(got),
				words(holds)))
		}
	}
	for key, holds := range other {
		if _, ok := f[key]; !ok {
			list = append(list, fmt.Sprintf("%s: %s is additional", words(key), words(holds)))
		}
	}
	slices.Sort(list)
	return list
}

// words are columns as they are printed.
func words(columns string) string {
	return strings.Join(strings.FieldsFunc(columns, func(r rune) bool { return r == '\t' }), " ")
}

// only keeps the facts of these kinds, with the first columns of each: as many as are given.
func (f facts) only(columns map[string]int) facts {
	some := make(facts)
	for key, holds := range f {
		kind, _, _ := strings.Cut(key, "\t")
		if n, ok := columns[kind]; ok {
			all := strings.Split(holds, "\t")
			some[key] = strings.Join(all[:min(n, len(all))], "\t")
		}
	}
	return some
}
