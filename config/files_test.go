package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestFormatOf(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"a.yaml": "yaml", "a.YML": "yaml", "a.json": "json", "a.properties": "properties",
		"a.conf": "properties", "yaml": "properties", "dir.json/a": "properties",
	} {
		if got := formatOf(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// TestDecode: YAML and JSON give the same entries as properties do, in the order of the file; YAML
// knows their lines.
func TestDecode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ format, text, want string }{
		{"properties", "a.b=1\n# no\nc : d\n", "[{a.b 1 1} {c d 3}]"},
		{"yaml", "a:\n  b: 1\nc: d\n", "[{a.b 1 2} {c d 3}]"},
		{"yaml", "a.b: 1\na: {b: 2}\n", "[{a.b 1 1} {a.b 2 2}]"},
		{"yaml", "a: [x, 1, true]\n", "[{a x,1,true 1}]"},
		{"yaml", "a: on\nb: 0123\nc: 1_000\nd: 9223372036854775807\n",
			"[{a on 1} {b 0123 2} {c 1_000 3} {d 9223372036854775807 4}]"},
		{"yaml", "a: ~\nb: null\nc: ''\n", "[{c  3}]"},
		{"yaml", "", "[]"},
		{"json", `{"a":{"b":1},"c":"d"}`, "[{a.b 1 0} {c d 0}]"},
		{"json", `{"a":["x",1,true],"b":null}`, "[{a x,1,true 0}]"},
		{"json", `{"a":9223372036854775807,"b":1e3}`, "[{a 9223372036854775807 0} {b 1e3 0}]"},
		{"json", `{"a":1,"a":2}`, "[{a 1 0} {a 2 0}]"},
		{"json", " ", "[]"},
	} {
		got, err := decode(c.format, []byte(c.text))
		if err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("%s %q: %v, %v; want %s", c.format, c.text, got, err, c.want)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, maxDepth+2) + "1" + strings.Repeat("}", maxDepth+2)
	for _, c := range []struct{ format, text, want string }{
		{"properties", "a=1\nb=\\u00g0\n", "line 2: "},
		{"yaml", "a: 1\nb: *c\n", "unknown anchor"},
		{"yaml", "a: &x 1\nb: *x\n", "line 2: anchors and aliases cannot be used here"},
		{"yaml", "- a\n", "line 1: expected keys and values, not a list"},
		{"yaml", "a\n", "line 1: expected keys and values, not a single value"},
		{"yaml", "a:\n  - {b: 1}\n", "line 2: the elements of a must be plain values"},
		{"yaml", "? [a]\n: 1\n", "line 1: a key must be a plain name"},
		{"yaml", deep, "nested more than 32 deep"},
		{"json", "[]", "line 1: expected an object of keys and values"},
		{"json", "{\"a\":1}\n{}", "line 2: there is something after the object's end"},
		{"json", "{\n\"a\":[[1]]}", "line 2: the elements of a must be plain values"},
		{"json", `{"a":`, "unexpected EOF"},
		{"json", `{"a":[1`, "unexpected EOF"},
		{"json", `{`, "unexpected EOF"},
		{"json", deep, "nested more than 32 deep"},
	} {
		if got, err := decode(c.format, []byte(c.text)); err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %.40q: %v, %v; want %s", c.format, c.text, got, err, c.want)
		}
	}
}

// TestMisread: text after a value that looks like a comment or a variable is shown as a part of it.
func TestMisread(t *testing.T) {
	t.Parallel()
	k := &Key{Name: "log.dirs"}
	for text, want := range map[string]string{
		"/data":          "",
		"/data#1":        "",
		"/data # fast":   `has "# fast" in it, which is part of the value there`,
		"/data\t#":       `has "#" in it, which is part of the value there`,
		"${DATA}/kafka":  "has ${...} in it, which nothing replaces",
		"$DATA/{kafka}":  "",
		"/data # ${DIR}": `has "# ${DIR}" in it, which is part of the value there`,
	} {
		if wrong, fix := k.misread(text); wrong != want || (want == "") != (fix == "") {
			t.Errorf("%q: %q, %q", text, wrong, fix)
		}
	}
}
