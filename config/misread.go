package config

import (
	"fmt"
	"regexp"
	"strings"
)

// lateComment finds what is meant for a comment and stands behind a value. Neither Java nor YAKt
// takes it for one.
var lateComment = regexp.MustCompile(`[ \t]#.*`)

// misread says how a value reads differently than it looks, and what to do: what looks like a
// comment or a variable is part of the value, as for Kafka. wrong is "" when it reads as it looks.
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

// checkDirectoryNames refuses names of directories that nobody means. To take them as they are
// would format a directory of that name, and leave the right one alone.
func (r *reader) checkDirectoryNames() {
	for _, name := range []string{"log.dirs", "log.dir", "metadata.log.dir"} {
		if wrong, fix := r.table[name].misread(r.text(name)); wrong != "" {
			r.refuse(name, wrong, fix)
		}
	}
}

// hint adds to a problem how its value reads differently than it looks.
func (r *reader) hint(p *Problem, key *Key, text string) {
	resolved, err := r.providers.resolve(text)
	if err != nil {
		return // which is what is wrong
	}
	if _, fix := key.misread(resolved); fix != "" && !strings.HasSuffix(p.Fix, fix) {
		p.Fix += "; " + fix
	}
}
