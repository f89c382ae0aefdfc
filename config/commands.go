package config

import (
	"maps"
	"slices"
	"strings"
)

// Command returns the command line of a yakt command, such as "yakt format", with the flags that
// select this configuration. It can be pasted into a shell. Overrides with secrets are left out.
func (c *Config) Command(command string) string {
	if c.Path != "" {
		command += " --config " + shellWord(c.Path)
	}
	for _, name := range slices.Sorted(maps.Keys(c.overrides)) {
		if !Sensitive(name) {
			command += " --override " + shellWord(name+"="+c.overrides[name])
		}
	}
	return command
}

// shellWord quotes text that a POSIX shell would not read as one word.
func shellWord(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			strings.ContainsRune("_-./=:,@+", r)
	}
	if text != "" && !strings.ContainsFunc(text, func(r rune) bool { return !plain(r) }) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
