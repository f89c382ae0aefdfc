package jaas

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

type vector struct {
	Line    string
	Entries []struct {
		Module, Control string
		Options         map[string]string
	}
}

// hasNullName reports whether an option of the vector has no name. Kafka accepts a number or a
// symbol in place of a name, and then finds the option under no name; here it is an error.
func (v vector) hasNullName() bool {
	for _, e := range v.Entries {
		if _, ok := e.Options["<null>"]; ok {
			return true
		}
	}
	return false
}

// TestLinesAreReadAsKafkaReadsThem compares with Kafka's JaasConfig (testdata/Vectors.java).
func TestLinesAreReadAsKafkaReadsThem(t *testing.T) {
	t.Parallel()
	file, err := os.Open("testdata/vectors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	accepted, refused, nameless := 0, 0, 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		entries, err := Parse(v.Line)
		switch {
		case v.hasNullName():
			nameless++
			if err == nil {
				t.Errorf("%q: accepted with an option without a name", v.Line)
			}
		case v.Entries == nil:
			refused++
			if err == nil {
				t.Errorf("%q: accepted, refused by Kafka", v.Line)
			}
		default:
			accepted++
			compare(t, v, entries, err)
		}
	}
	if accepted < 200 || refused < 100 || nameless < 3 {
		t.Errorf("%d accepted, %d refused, %d without a name", accepted, refused, nameless)
	}
}

func compare(t *testing.T, v vector, entries []Entry, err error) {
	t.Helper()
	if err != nil || len(entries) != len(v.Entries) {
		t.Errorf("%q: %d entries, %v; Kafka has %d", v.Line, len(entries), err, len(v.Entries))
		return
	}
	for i, want := range v.Entries {
		got := entries[i]
		if got.Module != want.Module || got.Control != want.Control ||
			len(got.Options) != len(want.Options) {
			t.Errorf("%q: entry %d is %q %q with %d options, want %+v", v.Line, i, got.Module,
				got.Control, len(got.Options), want)
		}
		for name, value := range want.Options {
			if got.Option(name) != value {
				t.Errorf("%q: option %q is %q, want %q", v.Line, name, got.Option(name), value)
			}
		}
	}
}

func TestErrorsNameThePlaceAndNoSecret(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"":                              "it names no login module",
		"SECRET":                        "at character 7: the control flag is missing",
		"m SECRET":                      "at character 3: the control flag is not one of required,",
		"m required SECRET":             "at character 18: an option has no value",
		"m required SECRET=":            "at character 19: a value is expected",
		"m required x=\"SECRET\"":       "at character 22: the entry does not end with a semicolon",
		"m required x=\"SECRET":         "at character 21: the entry does not end with a semicolon",
		"m required password=7SECRET;":  "at character 21: a value that begins with a digit must",
		"m required password=!SECRET;":  "at character 21: a value is expected here: one with",
		"m required x=SECRET,y=z;":      "at character 20: the name of an option is expected here",
		"'' required SECRET":            "at character 1: the class of a login module",
		strings.Repeat("SECRET", 1<<18): "it is longer than 1048576 bytes",
	} {
		_, err := Parse(line)
		if _, ok := errors.AsType[*Error](err); !ok || !strings.HasPrefix(err.Error(), want) ||
			strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%.40q: %v, want %q", line, err, want)
		}
	}
}

func TestEntriesCannotPrintSecrets(t *testing.T) {
	t.Parallel()
	entries, err := Parse(`m required password="SECRET";`)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(entries)
	for _, s := range []string{fmt.Sprint(entries), fmt.Sprintf("%#v", entries), string(text)} {
		if strings.Contains(s, "SECRET") || !strings.Contains(s, "password") {
			t.Error(s)
		}
	}
}

func TestOneTakesOneEntryOfAModule(t *testing.T) {
	t.Parallel()
	plain := PlainLoginModule + " required user_a=b;"
	if e, err := One(plain, PlainLoginModule); err != nil || e.Option("user_a") != "b" {
		t.Errorf("%v, %v", e, err)
	}
	for line, want := range map[string]string{
		plain + plain: "it has 2 login modules and must have one",
		"com.acme.Login required;": "the login module com.acme.Login cannot run here: it must be " +
			PlainLoginModule,
		"SECRET required;": "its login module is not the class " + PlainLoginModule,
	} {
		if _, err := One(line, PlainLoginModule); err == nil || err.Error() != want {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, line := range []string{PlainLoginModule + ` required user_a="b\"c";`, "a required /*",
		"a required x='\\777';", "a required x=-1.2;"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		entries, err := Parse(line)
		if (err == nil) != (len(entries) > 0) {
			t.Errorf("%q: %v, %v", line, entries, err)
		}
	})
}
