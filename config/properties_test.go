package config

import (
	"bufio"
	"encoding/json"
	"maps"
	"os"
	"strings"
	"testing"
)

// latin1 gives the bytes of a string whose runes are all below 256.
func latin1(t *testing.T, text string) []byte {
	t.Helper()
	var out []byte
	for _, r := range text {
		if r > 0xff {
			t.Fatalf("%q is not ISO-8859-1", text)
		}
		out = append(out, byte(r))
	}
	return out
}

func asMap(entries []Property) map[string]string {
	m := map[string]string{}
	for _, e := range entries {
		m[e.Key] = e.Value
	}
	return m
}

// TestPropertiesAgainstJava compares with what java.util.Properties of Java 17 made of each input:
// one case per line, the input and the resulting map as JSON, or "malformed" where Java threw.
func TestPropertiesAgainstJava(t *testing.T) {
	t.Parallel()
	file, err := os.Open("testdata/properties_java17.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cases := 0
	for scanner := bufio.NewScanner(file); scanner.Scan(); cases++ {
		quoted, expected, _ := strings.Cut(scanner.Text(), "\t")
		var input string
		if err := json.Unmarshal([]byte(quoted), &input); err != nil {
			t.Fatal(err)
		}
		entries, err := ParseProperties(latin1(t, input))
		if expected == "malformed" {
			if err == nil {
				t.Errorf("%s: got %v, Java refuses it", quoted, entries)
			}
			continue
		}
		want := map[string]string{}
		if err := json.Unmarshal([]byte(expected), &want); err != nil {
			t.Fatal(err)
		}
		got := asMap(entries)
		delete(want, "") // differs for a lone backslash, see ParseProperties
		delete(got, "")
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("%s:\n got %q %v\nJava %q", quoted, got, err, want)
		}
	}
	if cases < 700 {
		t.Fatalf("only %d cases read", cases)
	}
}

func TestPropertiesKeepOrderAndLines(t *testing.T) {
	t.Parallel()
	entries, err := ParseProperties([]byte("# head\na=1\n\nb=x,\\\n  y\na=2\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Property{{"a", "1", 2}, {"b", "x,y", 4}, {"a", "2", 6}}
	if len(entries) != len(want) {
		t.Fatalf("got %v", entries)
	}
	for i := range want {
		if entries[i] != want[i] {
			t.Errorf("entry %d: got %v, want %v", i, entries[i], want[i])
		}
	}
}

func TestPropertiesEncoding(t *testing.T) {
	t.Parallel()
	got, err := codec{}.Encode(map[string]any{"b": " x\t:é\\", "a key": 1})
	if want := "a\\ key=1\nb=\\ x\\t\\:\\u00e9\\\\\n"; err != nil || string(got) != want {
		t.Errorf("got %q %v, want %q", got, err, want)
	}
}

func TestPropertiesErrorNamesTheLine(t *testing.T) {
	t.Parallel()
	_, err := ParseProperties([]byte("a=1\nb=\\u12\n"))
	if err == nil ||
		!strings.Contains(err.Error(), `line 2: \u must be followed by four hexadecimal digits`) {
		t.Fatal(err)
	}
}

// FuzzProperties: no input makes the reader panic, and every file that it accepts can be written
// and read back unchanged.
func FuzzProperties(f *testing.F) {
	for _, seed := range []string{
		"a=b", "a\\\n=b", "\\u0041:\\ x", "k=\\ud83d\\ude00", "# c\r! d\rk", "\\", "=\\\\\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := ParseProperties(data)
		if err != nil {
			return
		}
		var written []byte
		for _, e := range entries {
			written = appendProperty(written, e.Key, e.Value)
		}
		again, err := ParseProperties(written)
		if err != nil || len(again) != len(entries) {
			t.Fatalf("%q -> %q: %v %v", data, written, again, err)
		}
		for i, e := range again {
			if e.Key != entries[i].Key || e.Value != entries[i].Value {
				t.Fatalf("%q -> %q: got %v, want %v", data, written, e, entries[i])
			}
		}
		if _, err := parseUTF8Properties(data); err != nil && len(data) == 0 {
			t.Fatal(err)
		}
	})
}
