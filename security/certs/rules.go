package certs

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// ErrNoRule says that no rule of ssl.principal.mapping.rules applies to a name.
var ErrNoRule = errors.New("no rule of " + rulesKey + " applies to")

// Rules map distinguished names to names of users (ssl.principal.mapping.rules). The zero value is
// none, which applies to no name. They are safe for concurrent use.
type Rules []rule

// rule is one rule; the zero value is DEFAULT.
type rule struct {
	pattern  *regexp.Regexp
	whole    *regexp.Regexp // pattern for all of a name
	emptyEnd *regexp.Regexp // whether pattern matches the empty text at the end
	parts    []part
	letters  byte // 'L', 'U' or 0
}

// part is a piece of a replacement: a group of the pattern, or text if group is negative.
type part struct {
	text  string
	group int
}

// ParseRules parses rules separated by commas:
//
//	DEFAULT
//	RULE:pattern/replacement/[LU]
//
// A backslash keeps the character after it from ending pattern or replacement; commas do not.
func ParseRules(text string) (Rules, error) {
	var rules Rules
	text = strings.TrimSpace(text)
	for text != "" {
		item, rest := nextRule(text)
		text = strings.TrimLeft(rest, " \t\r\n\f\v")
		if item == "" {
			continue
		}
		r, err := parseRule(item)
		if err != nil {
			return nil, err
		}
		rules = append(rules, r)
	}
	return rules, nil
}

// nextRule cuts the first rule off, without the comma after it.
func nextRule(text string) (item, rest string) {
	skip := 0
	if _, _, flags, ok := splitRule(text); ok {
		skip = len(text) - len(flags)
	}
	item, rest, _ = strings.Cut(text[skip:], ",")
	return strings.TrimSpace(text[:skip] + item), rest
}

// splitRule splits "RULE:pattern/replacement/flags"; ok is false for any other text.
func splitRule(text string) (pattern, replacement, flags string, ok bool) {
	rest, ok := strings.CutPrefix(text, "RULE:")
	if !ok {
		return "", "", "", false
	}
	if pattern, rest, ok = toSlash(rest); !ok {
		return "", "", "", false
	}
	replacement, flags, ok = toSlash(rest)
	return pattern, replacement, flags, ok
}

// toSlash splits at the first slash that has no backslash before it.
func toSlash(text string) (before, after string, ok bool) {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '/':
			return text[:i], text[i+1:], true
		}
	}
	return "", "", false
}

func parseRule(item string) (rule, error) {
	if item == "DEFAULT" {
		return rule{}, nil
	}
	pattern, replacement, flags, ok := splitRule(item)
	if !ok {
		return rule{}, fmt.Errorf("has the invalid rule %q", item)
	}
	var r rule
	switch flags {
	case "":
	case "L", "U":
		r.letters = flags[0]
	default:
		return rule{}, fmt.Errorf("has the invalid rule %q: after the last / may be L, U or nothing",
			item)
	}
	if err := r.compile(pattern); err != nil {
		return rule{}, err
	}
	var err error
	r.parts, err = parseReplacement(replacement, r.pattern)
	if err != nil {
		return rule{}, fmt.Errorf("has the invalid rule %q: %w", item, err)
	}
	return r, nil
}

func (r *rule) compile(pattern string) (err error) {
	if err := checkClasses(pattern); err != nil {
		return err
	}
	for to, source := range map[**regexp.Regexp]string{
		&r.pattern:  pattern,
		&r.whole:    `\A(?:` + pattern + `)\z`,
		&r.emptyEnd: `\A(?s:.*)(` + pattern + `)\z`,
	} {
		if *to, err = regexp.Compile(source); err != nil {
			return fmt.Errorf("has the pattern %q, which cannot be used here (lookaround, back "+
				"references and possessive quantifiers are Java's): %w", pattern, err)
		}
	}
	return nil
}

// checkClasses refuses what Java and RE2 would read in different ways without an error.
func checkClasses(pattern string) error {
	inClass := false
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\' && strings.HasPrefix(pattern[i:], `\v`):
			return fmt.Errorf(`has the pattern %q: \v is not supported`, pattern)
		case c == '\\':
			i++
		case inClass && (c == '[' || strings.HasPrefix(pattern[i:], "&&")):
			return fmt.Errorf("has the pattern %q: unions and intersections of character classes "+
				"are not supported", pattern)
		case c == '[':
			inClass = true
			if strings.HasPrefix(pattern[i+1:], "^") {
				i++
			}
		case c == ']':
			inClass = false
		}
	}
	return nil
}

// Apply returns the user's name for a distinguished name: that of the first rule whose pattern
// matches all of it.
func (rules Rules) Apply(name string) (string, error) {
	for _, r := range rules {
		if user, ok := r.apply(name); ok {
			return user, nil
		}
	}
	return "", fmt.Errorf("%w %s", ErrNoRule, name)
}

func (r rule) apply(name string) (string, bool) {
	if r.pattern == nil {
		return name, true
	}
	if !r.whole.MatchString(name) {
		return "", false
	}
	user := r.replaceAll(name)
	switch r.letters {
	case 'L':
		user = cases.Lower(language.English).String(user)
	case 'U':
		user = cases.Upper(language.English).String(user)
	}
	return user, true
}

// replaceAll replaces every match, as Java's String.replaceAll does: unlike Go it also replaces the
// empty match after one that ends the text.
func (r rule) replaceAll(name string) string {
	matches := r.pattern.FindAllStringSubmatchIndex(name, -1)
	if n := len(matches); n > 0 && matches[n-1][1] == len(name) &&
		matches[n-1][0] < len(name) && r.matchesEmptyEnd(name) {
		empty := make([]int, len(matches[0]))
		for i := range empty {
			empty[i] = len(name)
		}
		matches = append(matches, empty)
	}
	var b strings.Builder
	at := 0
	for _, m := range matches {
		b.WriteString(name[at:m[0]])
		for _, p := range r.parts {
			p.write(&b, name, m)
		}
		at = m[1]
	}
	return b.String() + name[at:]
}

func (p part) write(b *strings.Builder, name string, match []int) {
	switch {
	case p.group < 0:
		b.WriteString(p.text)
	case match[2*p.group] >= 0: // a group that took no part is empty
		b.WriteString(name[match[2*p.group]:match[2*p.group+1]])
	}
}
