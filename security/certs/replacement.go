package certs

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// matchesEmptyEnd reports whether the pattern matches the empty text at the end of name.
func (r rule) matchesEmptyEnd(name string) bool {
	m := r.emptyEnd.FindStringSubmatchIndex(name)
	return m != nil && m[2] == len(name)
}

// parseReplacement parses a replacement as Java's Matcher.appendReplacement reads it: $n is a
// group, with as many digits as there are groups, ${name} a named one, and a backslash makes the
// next character text. Kafka takes $n of no group for text, if the pattern has any group.
func parseReplacement(text string, pattern *regexp.Regexp) ([]part, error) {
	var parts []part
	literal := func(s string) { parts = append(parts, part{s, -1}) }
	for text != "" {
		i := strings.IndexAny(text, `\$`)
		if i < 0 {
			literal(text)
			break
		}
		if i > 0 {
			literal(text[:i])
		}
		special := text[i]
		text = text[i+1:]
		if text == "" {
			return nil, fmt.Errorf("a replacement cannot end in %c", special)
		}
		if special == '\\' {
			_, size := utf8.DecodeRuneInString(text)
			literal(text[:size])
			text = text[size:]
			continue
		}
		p, rest, err := parseGroup(text, pattern)
		if err != nil {
			return nil, err
		}
		parts, text = append(parts, p), rest
	}
	return parts, nil
}

// parseGroup parses what follows a dollar sign.
func parseGroup(text string, pattern *regexp.Regexp) (part, string, error) {
	if name, ok := strings.CutPrefix(text, "{"); ok {
		name, rest, ok := strings.Cut(name, "}")
		if group := pattern.SubexpIndex(name); ok && group > 0 {
			return part{group: group}, rest, nil
		}
		return part{}, "", fmt.Errorf("the pattern has no group %q", name)
	}
	if text[0] < '0' || text[0] > '9' {
		return part{}, "", errors.New(`after $ must be the number of a group; a dollar sign is \$`)
	}
	group, used := int(text[0]-'0'), 1
	if group > pattern.NumSubexp() {
		if pattern.NumSubexp() == 0 {
			return part{}, "", fmt.Errorf("the pattern has no group %d", group)
		}
		return part{"$", -1}, text, nil
	}
	for used < len(text) && text[used] >= '0' && text[used] <= '9' {
		longer := 10*group + int(text[used]-'0')
		if longer > pattern.NumSubexp() {
			break
		}
		group, used = longer, used+1
	}
	return part{group: group}, text[used:], nil
}
