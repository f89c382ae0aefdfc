package config

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// acted are the keys that a controller parses, by name.
func acted() map[string]Key {
	keys := map[string]Key{}
	for _, k := range Keys() {
		if k.Class != Ignored {
			keys[k.Name] = k
		}
	}
	return keys
}

// TestDefaultsAreValid: the table gives no key a default that it would refuse in a file.
func TestDefaultsAreValid(t *testing.T) {
	t.Parallel()
	for name, k := range acted() {
		if !k.HasDefault || k.Default == "" {
			continue
		}
		if _, complaint := k.parse(k.Default); complaint != "" {
			t.Errorf("%s=%s %s; it takes %s", name, k.Default, complaint, k.wanted())
		}
	}
}

// TestGarbageIsRefused: a typed key takes no text, and a key with choices no other one. The error
// names the key, its value and the line.
func TestGarbageIsRefused(t *testing.T) {
	t.Parallel()
	tried := 0
	for name, k := range acted() {
		typed := bitsOf[k.Type] != 0 || k.Type == "double" || k.Type == "boolean"
		if !typed && k.Valid == "" {
			continue
		}
		tried++
		file := write(t, "c.properties", withoutKeys(minimal, name)+
			"listener.security.protocol.map=CONTROLLER:SASL_SSL\n"+name+"=garbage\n")
		_, _, err := Load(file, nil)
		want := name + "=garbage (c.properties:"
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if tried < 80 {
		t.Errorf("only %d keys were tried", tried)
	}
}

// bounds are the ends of a range of integers such as ">=1", "1..9" or "-1|1..9": values that are
// valid, and those next to them that are not.
func bounds(valid string, bits int) (good, bad []int64) {
	for part := range strings.SplitSeq(valid, "|") {
		low, high, isRange := strings.Cut(part, "..")
		low, open := strings.CutPrefix(low, ">=")
		from, _ := strconv.ParseInt(low, 10, 64)
		to := from
		switch {
		case open:
			to = math.MaxInt64 >> (64 - bits)
		case isRange:
			to, _ = strconv.ParseInt(high, 10, 64)
		}
		good = append(good, from, to)
		bad = append(bad, from-1)
		if !open {
			bad = append(bad, to+1)
		}
	}
	return good, bad
}

// TestRangesOfKeys: both ends of a range are valid, and the numbers beyond them are not.
func TestRangesOfKeys(t *testing.T) {
	t.Parallel()
	tried := 0
	for name, k := range acted() {
		bits := bitsOf[k.Type]
		if bits == 0 || k.Valid == "" {
			continue
		}
		tried++
		good, bad := bounds(k.Valid, bits)
		for _, n := range good {
			if v, complaint := k.parse(fmt.Sprint(n)); complaint != "" || v.n != n {
				t.Errorf("%s=%d %s; it takes %s", name, n, complaint, k.Valid)
			}
		}
		for _, n := range bad {
			if _, complaint := k.parse(fmt.Sprint(n)); complaint != "is out of range" &&
				!inRanges(k.Valid, float64(n)) {
				t.Errorf("%s=%d is taken; valid: %s", name, n, k.Valid)
			}
		}
	}
	if tried < 50 {
		t.Errorf("only %d keys were tried", tried)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typ, valid, text string
		want             value
		complaint        string
	}{
		{"int", "", " 12 ", value{n: 12, f: 12}, ""},
		{"int", "", "2147483648", value{}, "is out of range"},
		{"short", "", "32768", value{}, "is out of range"},
		{"long", "", "9223372036854775807", value{n: math.MaxInt64, f: math.MaxInt64}, ""},
		{"int", "", "0x10", value{}, "is not a whole number"},
		{"int", "", "1.5", value{}, "is not a whole number"},
		{"int", "", "", value{}, "is not a whole number"},
		{"int", "-1|1..9", "0", value{}, "is out of range"},
		{"int", "-1|1..9", "-1", value{n: -1, f: -1}, ""},
		{"double", "0..1", "0.5", value{f: 0.5}, ""},
		{"double", "0..1", "1.5", value{}, "is out of range"},
		{"double", "", "NaN", value{}, "is not a number"},
		{"boolean", "", " TRUE ", value{on: true}, ""},
		{"boolean", "", "False", value{}, ""},
		{"boolean", "", "1", value{}, "is neither true nor false"},
		{"list", "", " a, b,,c ,", value{list: []string{"a", "b", "c"}}, ""},
		{"list", "a|b", "a,c", value{}, `contains "c", which does not exist`},
		{"string", "a|b", "a", value{}, ""},
		{"string", "a|b", " a", value{}, "is not one of the choices"},
	} {
		k := &Key{Type: c.typ, Valid: c.valid}
		got, complaint := k.parse(c.text)
		c.want.text = c.text
		if complaint != c.complaint || complaint == "" && !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s %q of %q: %+v, %q", c.typ, c.text, c.valid, got, complaint)
		}
	}
}

func TestWanted(t *testing.T) {
	t.Parallel()
	for want, k := range map[string]Key{
		"a whole number of milliseconds, 1 or more": {Type: "int", Unit: "ms", Valid: ">=1"},
		"a whole number, -1 or 1 to 9":              {Type: "short", Valid: "-1|1..9"},
		"a number, 0 to 1":                          {Type: "double", Valid: "0..1"},
		"true or false":                             {Type: "boolean"},
		"a comma-separated list, out of a, b":       {Type: "list", Valid: "a|b"},
		"one of a, b":                               {Type: "string", Valid: "a|b"},
		"":                                          {Type: "string"},
	} {
		if got := k.wanted(); got != want {
			t.Errorf("%+v: %q, want %q", k, got, want)
		}
	}
}

// TestDurations: keys have their own units, and the largest number is for ever.
func TestDurations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		unit time.Duration
		n    int64
		want time.Duration
	}{
		{time.Millisecond, 1500, 1500 * time.Millisecond},
		{time.Second, 2, 2 * time.Second},
		{time.Millisecond, -1, -time.Millisecond},
		{time.Millisecond, math.MaxInt64, math.MaxInt64 / time.Millisecond * time.Millisecond},
		{time.Second, math.MinInt64, -(math.MaxInt64 / time.Second * time.Second)},
	} {
		var got Config
		bind := toDuration(c.unit, func(c *Config) *time.Duration { return &c.Clients.MaxWait })
		if bind(&got, value{n: c.n}); got.Clients.MaxWait != c.want {
			t.Errorf("%d times %v: %v", c.n, c.unit, got.Clients.MaxWait)
		}
	}
}

// fields flattens a Config into the texts of its settings by path.
func fields(v reflect.Value, path string, into map[string]string) {
	if v.Kind() != reflect.Struct {
		into[path] = fmt.Sprint(v)
		return
	}
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() {
			fields(v.Field(i), path+"."+f.Name, into)
		}
	}
}

// TestEveryBindingHasAFieldOfItsOwn: two keys for one field would overwrite each other, and a field
// without a key could not be set.
func TestEveryBindingHasAFieldOfItsOwn(t *testing.T) {
	t.Parallel()
	keys := map[string]string{} // by field
	for name, k := range acted() {
		if k.bind == nil {
			continue
		}
		var c Config
		before, after := map[string]string{}, map[string]string{}
		fields(reflect.ValueOf(c), "", before)
		k.bind(&c, value{text: "x", n: 7, f: 7, on: true, list: []string{"x"}})
		fields(reflect.ValueOf(c), "", after)
		changed := 0
		for field := range after {
			if before[field] == after[field] {
				continue
			}
			changed++
			if other := keys[field]; other != "" {
				t.Errorf("%s and %s both set %s", name, other, field)
			}
			keys[field] = name
		}
		if changed != 1 {
			t.Errorf("%s changes %d fields", name, changed)
		}
	}
	if len(keys) < 45 {
		t.Errorf("only %d fields are bound", len(keys))
	}
}
