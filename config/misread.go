package config

import (
	"fmt"
	"regexp"
	"strings"
)

// lateComment matches text after a value that was meant as a comment. To Java and YAKt it is a part
// of the value.
var lateComment = regexp.MustCompile(`[ \t]#.*`)

// misread describes a value that does not mean what it looks like, and the remedy: text that looks
// like a comment or a variable is part of the value, as for Kafka. wrong is "" if there is nothing
// of the kind.
func (k *Key) misread(text string) (wrong, fix string) {
	comment := strings.TrimLeft(lateComment.FindString(text), " \t")
	switch {
	case comment != "":
		return fmt.Sprintf("has %q in it, which is part of the value there", comment),
			"write comments on lines of their own"
	case strings.Contains(text, "${"):
		return "has ${...} in it, which nothing replaces",
			"write the value out, set it by the environment variable " + k.Env() +
				", or have a config provider replace it (config.providers)"
	}
	return "", ""
}

// checkDirectoryNames refuses names of directories that were not meant. Taken literally, a
// directory of that name would be formatted, and the right one would not be used.
func (r *reader) checkDirectoryNames() {
	for _, name := range []string{"log.dirs", "log.dir", "metadata.log.dir"} {
		if wrong, fix := r.table[name].misread(r.text(name)); wrong != "" {
			r.refuse(name, wrong, fix)
		}
	}
}

// hint adds to a problem that its value does not mean what it looks like.
func (r *reader) hint(p *Problem, key *Key, text string) {
	resolved, err := r.providers.resolve(text)
	if err != nil {
		return // the reference itself is the problem
	}
	if _, fix := key.misread(resolved); fix != "" && !strings.HasSuffix(p.Fix, fix) {
		p.Fix += "; " + fix
	}
}
