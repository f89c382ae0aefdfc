package config

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// value is a setting, parsed by the type of its key.
type value struct {
	text string   // always, as written; the other fields belong to one type each
	n    int64    // short, int, long
	f    float64  // double, and any number where Key.Valid is checked
	on   bool     // boolean
	list []string // list, without blanks around its elements
}

// binding sets the field of a Config that a key is for.
type binding func(*Config, value)

func toInt16(at func(*Config) *int16) binding {
	return func(c *Config, v value) { *at(c) = int16(v.n) }
}

func toInt32(at func(*Config) *int32) binding {
	return func(c *Config, v value) { *at(c) = int32(v.n) }
}

func toInt64(at func(*Config) *int64) binding {
	return func(c *Config, v value) { *at(c) = v.n }
}

func toBool(at func(*Config) *bool) binding {
	return func(c *Config, v value) { *at(c) = v.on }
}

func toString(at func(*Config) *string) binding {
	return func(c *Config, v value) { *at(c) = v.text }
}

func toList(at func(*Config) *[]string) binding {
	return func(c *Config, v value) { *at(c) = v.list }
}

// toDuration converts from the unit of the key. The largest long, which in Kafka means for ever,
// becomes the largest duration.
func toDuration(unit time.Duration, at func(*Config) *time.Duration) binding {
	return func(c *Config, v value) {
		limit := math.MaxInt64 / int64(unit)
		*at(c) = time.Duration(max(-limit, min(limit, v.n))) * unit
	}
}

// bitsOf has the width of Kafka's integer types.
var bitsOf = map[string]int{"short": 16, "int": 32, "long": 64}

// parse reads text like Kafka's ConfigDef: blanks around numbers, booleans and lists do not count,
// those around strings do. The complaint says what is wrong; Key.wanted says what is valid.
func (k *Key) parse(text string) (v value, complaint string) {
	v.text = text
	trimmed := strings.TrimSpace(text)
	switch k.Type {
	case "short", "int", "long":
		n, err := strconv.ParseInt(trimmed, 10, bitsOf[k.Type])
		if err != nil {
			return v, numberComplaint(err, "a whole number")
		}
		v.n, v.f = n, float64(n)
	case "double":
		f, err := strconv.ParseFloat(trimmed, 64)
		if err != nil || math.IsNaN(f) {
			return v, "is not a number"
		}
		v.f = f
	case "boolean":
		v.on = strings.EqualFold(trimmed, "true")
		if !v.on && !strings.EqualFold(trimmed, "false") {
			return v, "is neither true nor false"
		}
	case "list":
		v.list = splitList(text)
	}
	return v, k.outside(v)
}

func numberComplaint(err error, what string) string {
	if errors.Is(err, strconv.ErrRange) {
		return "is out of range"
	}
	return "is not " + what
}

// splitList splits at commas and drops empty elements, so that a trailing comma is harmless.
func splitList(text string) []string {
	var list []string
	for element := range strings.SplitSeq(text, ",") {
		if element = strings.TrimSpace(element); element != "" {
			list = append(list, element)
		}
	}
	return list
}

// outside returns a complaint about a value that is not valid, or "".
func (k *Key) outside(v value) string {
	if k.Valid == "" {
		return ""
	}
	switch k.Type {
	case "short", "int", "long", "double":
		if !inRanges(k.Valid, v.f) {
			return "is out of range"
		}
	case "list":
		choices := strings.Split(k.Valid, "|")
		for _, element := range v.list {
			if !slices.Contains(choices, element) {
				return fmt.Sprintf("contains %q, which does not exist", element)
			}
		}
	default:
		if !slices.Contains(strings.Split(k.Valid, "|"), v.text) {
			return "is not one of the choices"
		}
	}
	return ""
}

// inRanges reports whether f is in a range such as ">=1", "1..9" or "-1|1..9". The ranges are
// constants of ours, so errors cannot occur.
func inRanges(valid string, f float64) bool {
	for part := range strings.SplitSeq(valid, "|") {
		low, high, isRange := strings.Cut(part, "..")
		switch {
		case strings.HasPrefix(part, ">="):
			low, high = part[2:], "Inf"
		case !isRange:
			high = low
		}
		from, _ := strconv.ParseFloat(low, 64)
		to, _ := strconv.ParseFloat(high, 64)
		if from <= f && f <= to {
			return true
		}
	}
	return false
}

var unitNames = map[string]string{
	"ms": "milliseconds", "s": "seconds", "min": "minutes", "h": "hours", "bytes": "bytes",
}

// wanted describes the valid values of a key, for errors and the reference.
func (k *Key) wanted() string {
	kind := map[string]string{
		"short": "a whole number", "int": "a whole number", "long": "a whole number",
		"double":  "a number",
		"boolean": "true or false", "list": "a comma-separated list",
	}[k.Type]
	if unit := unitNames[k.Unit]; unit != "" {
		kind += " of " + unit
	}
	words := k.validInWords()
	if kind == "" || words == "" {
		return kind + words
	}
	return kind + ", " + words
}

func (k *Key) validInWords() string {
	switch {
	case k.Valid == "":
		return ""
	case k.Type == "list":
		return "out of " + strings.ReplaceAll(k.Valid, "|", ", ")
	case k.Type == "string":
		return "one of " + strings.ReplaceAll(k.Valid, "|", ", ")
	}
	words := strings.ReplaceAll(k.Valid, "|", " or ")
	words = strings.ReplaceAll(words, "..", " to ")
	if least, ok := strings.CutPrefix(words, ">="); ok {
		return least + " or more"
	}
	return words
}
