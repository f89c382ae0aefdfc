// Package schema reads the schemas of requests in Kafka's jars, and decodes and encodes requests
// field by field. Its output may be invalid on purpose: tests use it to send a server requests that
// no client writes.
package schema

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
)

// Message is the schema of one kind of request.
type Message struct {
	Key      int16    `json:"apiKey"`
	Name     string   `json:"name"`
	Versions Versions `json:"validVersions"`
	Flexible Versions `json:"flexibleVersions"`
	Fields   []*Field `json:"fields"`
	Structs  []*Field `json:"commonStructs"` // shared by fields of several types
}

// Field is the schema of one field.
type Field struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"` // "int32", "string", "[]string", or the name of a struct
	Versions Versions `json:"versions"`
	Nullable Versions `json:"nullableVersions"`
	Tagged   Versions `json:"taggedVersions"`
	Tag      Tag      `json:"tag"`
	Fields   []*Field `json:"fields"` // fields of a struct, or of the structs in an array
}

// Tag is the number of a tagged field.
type Tag uint32

// UnmarshalJSON reads a number or a string.
func (t *Tag) UnmarshalJSON(b []byte) error {
	n, err := strconv.ParseUint(strings.Trim(string(b), `"`), 10, 32)
	*t = Tag(n)
	return err
}

// Versions is a range of versions; the zero value, read from "none" or an empty string, is empty.
type Versions struct {
	some     bool
	low, top int16
}

// Contain reports whether a version is in the range.
func (v Versions) Contain(version int16) bool {
	return v.some && v.low <= version && version <= v.top
}

// UnmarshalJSON reads "3", "3-5", "3+" and "none".
func (v *Versions) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	if text == "none" {
		return nil
	}
	open := "-" + strconv.Itoa(math.MaxInt16)
	low, top, isRange := strings.Cut(strings.Replace(text, "+", open, 1), "-")
	if !isRange {
		top = low
	}
	l, err := strconv.ParseInt(low, 10, 16)
	if err != nil {
		return fmt.Errorf("versions %q: %w", text, err)
	}
	t, err := strconv.ParseInt(top, 10, 16)
	*v = Versions{true, int16(l), int16(t)}
	return err
}

// Requests returns the schemas of all requests in the jar of Kafka's clients, by API key.
func Requests(jar string) (map[int16]*Message, error) {
	files, err := Files(jar, "common/message/*Request.json")
	if err != nil {
		return nil, err
	}
	messages := make(map[int16]*Message)
	for name, text := range files {
		m, err := read(text)
		if err != nil {
			return nil, fmt.Errorf("%s in %s: %w", name, jar, err)
		}
		messages[m.Key] = m
	}
	return messages, nil
}

// Files returns the schemas in a jar whose names match a pattern, as JSON without comments.
func Files(jar, pattern string) (map[string][]byte, error) {
	r, err := zip.OpenReader(jar)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	files := make(map[string][]byte)
	for _, f := range r.File {
		if ok, _ := path.Match(pattern, f.Name); !ok {
			continue
		}
		text, err := fs.ReadFile(r, f.Name)
		if err != nil {
			return nil, fmt.Errorf("%s in %s: %w", f.Name, jar, err)
		}
		files[f.Name] = withoutComments(text)
	}
	return files, nil
}

func read(text []byte) (*Message, error) {
	m := new(Message)
	if err := json.Unmarshal(text, m); err != nil {
		return nil, err
	}
	structs := make(map[string][]*Field)
	for _, s := range m.Structs {
		structs[s.Name] = s.Fields
	}
	m.resolve(m.Fields, structs)
	return m, nil
}

// resolve copies a common struct's fields into the fields of that type.
func (m *Message) resolve(fields []*Field, structs map[string][]*Field) {
	for _, f := range fields {
		if common, ok := structs[strings.TrimPrefix(f.Type, "[]")]; ok {
			f.Fields = common
			continue
		}
		m.resolve(f.Fields, structs)
	}
}

// withoutComments removes "//" comments outside of strings.
func withoutComments(text []byte) []byte {
	var out []byte
	for line := range strings.Lines(string(text)) {
		inString := false
		for i := range line {
			if line[i] == '"' {
				inString = !inString
			} else if !inString && strings.HasPrefix(line[i:], "//") {
				line = line[:i] + "\n"
				break
			}
		}
		out = append(out, line...)
	}
	return out
}

// fixed is the size of a type, 0 if it varies.
func fixed(kind string) int {
	switch kind {
	case "bool", "int8":
		return 1
	case "int16", "uint16":
		return 2
	case "int32", "uint32":
		return 4
	case "int64", "float64":
		return 8
	case "uuid":
		return 16
	}
	return 0
}
