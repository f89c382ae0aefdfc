package release

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/schema"
)

// factsOf are those of a release: what its classes print, and the schemas in its jars.
func factsOf(t *testing.T, version string) facts {
	t.Helper()
	program := kafka.CompileJava(t, version, filepath.Join("testdata", "Facts.java"), "Facts")
	f := parseFacts(string(program.Run(t, nil,
		[]string{"-XX:TieredStopAtLevel=1", "-Dlog4j2.level=OFF"})))
	dir := kafka.Resolve(t, version).Dir
	jar := func(name string) string { return filepath.Join(dir, name+"-"+version+".jar") }
	f.addSchemas(t, jar("kafka-clients"), "common/message/*.json", ofController)
	f.addSchemas(t, jar("kafka-raft"), "common/message/*.json", everyMessage)
	f.addSchemas(t, jar("kafka-metadata"), "common/metadata/*.json", everyMessage)
	return f
}

// message is a schema as it stands in its file.
type message struct {
	Key       *int16   `json:"apiKey"`
	Type      string   `json:"type"`
	Name      string   `json:"name"`
	Listeners []string `json:"listeners"`
	Versions  string   `json:"validVersions"`
	Flexible  string   `json:"flexibleVersions"`
	Fields    []field  `json:"fields"`
	Structs   []field  `json:"commonStructs"`
}

type field struct {
	Name     string          `json:"name"`
	Type     string          `json:"type"`
	Versions string          `json:"versions"`
	Nullable string          `json:"nullableVersions"`
	Tagged   string          `json:"taggedVersions"`
	Tag      json.RawMessage `json:"tag"`
	Default  json.RawMessage `json:"default"`
	Fields   []field         `json:"fields"`
}

// controlRecords are the schemas of control records, which name no listener.
var controlRecords = []string{"LeaderChangeMessage", "SnapshotHeaderRecord",
	"SnapshotFooterRecord", "KRaftVersionRecord", "VotersRecord", "RequestHeader", "ResponseHeader"}

// ofController reports whether a controller reads or writes a message. A response belongs to the
// request of its key.
func ofController(m *message, served map[int16]bool) bool {
	return m.Key != nil && served[*m.Key] && m.Type != "data" ||
		slices.Contains(controlRecords, m.Name)
}

func everyMessage(*message, map[int16]bool) bool { return true }

func (f facts) addSchemas(t *testing.T, jar, pattern string,
	include func(m *message, served map[int16]bool) bool) {
	t.Helper()
	files, err := schema.Files(jar, pattern)
	if err != nil {
		t.Fatal(err)
	}
	var all []*message
	served := make(map[int16]bool)
	for name, text := range files {
		m := new(message)
		if err := json.Unmarshal(text, m); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, m)
		if m.Key != nil && slices.Contains(m.Listeners, "controller") {
			served[*m.Key] = true
		}
	}
	for _, m := range all {
		if include(m, served) {
			f.addMessage(m)
		}
	}
}

func (f facts) addMessage(m *message) {
	kind := m.Type
	if kind == "data" {
		kind = "log"
	}
	key := ""
	if m.Key != nil {
		key = string(must(json.Marshal(m.Key)))
	}
	f.add(kind, m.Name, m.Versions, "flexible "+m.Flexible, key)
	structs := make(map[string][]field)
	for _, s := range m.Structs {
		structs[s.Name] = s.Fields
	}
	f.addFields(kind+" field", m.Name, m.Fields, structs)
}

func (f facts) addFields(kind, path string, fields []field, structs map[string][]field) {
	for _, d := range fields {
		name := path + "." + d.Name
		columns := []any{d.Type, d.Versions}
		for _, c := range []struct{ name, value string }{{"nullable", d.Nullable},
			{"tagged", d.Tagged}, {"tag", string(d.Tag)}, {"default", string(d.Default)}} {
			if c.value != "" {
				columns = append(columns, c.name+" "+c.value)
			}
		}
		f.add(kind, name, columns...)
		inner := d.Fields
		if common, ok := structs[strings.TrimPrefix(d.Type, "[]")]; ok {
			inner = common
		}
		f.addFields(kind, name, inner, structs)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
