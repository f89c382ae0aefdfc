package certs

import (
	"strings"
	"testing"
)

func field(t *testing.T, text string) string {
	t.Helper()
	if text == "-" {
		return ""
	}
	return unhex(t, text)
}

// refusedHere are rules that Kafka takes and that fail for every client whose name they match.
var refusedHere = map[string]bool{
	"RULE:CN=.*/$/": true,
}

func TestRulesAsKafkaAppliesThem(t *testing.T) {
	t.Parallel()
	golden(t, "rules.txt", func(fields []string) {
		text := field(t, fields[0])
		rules, err := ParseRules(text)
		if refused := fields[1] == "!"; refused || refusedHere[text] {
			if err == nil {
				t.Errorf("rules %q are accepted", text)
			}
			return
		}
		if err != nil {
			t.Errorf("rules %q: %v", text, err)
			return
		}
		name := field(t, fields[1])
		got, err := rules.Apply(name)
		switch {
		case fields[2] == "!" && err == nil:
			t.Errorf("rules %q, name %q: got %q; Kafka refuses the client", text, name, got)
		case fields[2] == "!":
		case err != nil || got != field(t, fields[2]):
			t.Errorf("rules %q, name %q: got %q, %v; Kafka says %q", text, name, got, err,
				field(t, fields[2]))
		}
	})
}

// Patterns that RE2 does not have, or would read in another way than Java, are refused.
func TestPatternsOfJavaAlone(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{`(?=x).*`, `(?<!x).*`, `(a)\1`, `a*+`, `[a-z&&[^b]]`,
		`[a[b]]`, `\h`, `\v+`, `(`, `\p{javaLowerCase}`, `a\Z`} {
		_, err := ParseRules("RULE:" + pattern + "/x/")
		if err == nil || !strings.Contains(err.Error(), "has the pattern") {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}

func TestReplacementsThatFail(t *testing.T) {
	t.Parallel()
	for _, replacement := range []string{"$", "$x", "$1", "${a}", "${", `a\\$`} {
		if _, err := ParseRules("RULE:a/" + replacement + "/"); err == nil {
			t.Errorf("%q is accepted", replacement)
		}
	}
}
