package sidebyside

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/protocol"
)

// written is a record as kafka-dump-log prints it.
type written struct {
	offset int64
	text   string
}

var dumpLine = regexp.MustCompile(`^\| offset: (\d+) .*? payload: (\{.*\})$`)

// dump has kafka-dump-log print a side's log.
func (s *side) dump() []written {
	file := filepath.Join(s.t.TempDir(), "00000000000000000000.log")
	if err := os.WriteFile(file, s.log, 0o600); err != nil {
		s.t.Fatal(err)
	}
	var records []written
	for line := range strings.Lines(kafka.DumpMetadata(s.t, kafka.V44, file)) {
		m := dumpLine.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		offset, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil {
			s.t.Fatal(err)
		}
		records = append(records, written{offset, s.normal(m[2])})
	}
	return records
}

// normal replaces what differs between two runs in a record's JSON.
func (s *side) normal(payload string) string {
	dec := json.NewDecoder(strings.NewReader(payload))
	dec.UseNumber()
	var x any
	if err := dec.Decode(&x); err != nil {
		s.t.Fatalf("%v: %s", err, payload)
	}
	b, err := json.Marshal(s.normalValue("", x))
	if err != nil {
		s.t.Fatal(err)
	}
	return s.clean(string(b))
}

func (s *side) normalValue(field string, x any) any {
	switch x := x.(type) {
	case map[string]any:
		if topic, ok := x["name"].(string); ok && x["topicId"] != nil {
			s.nameTopic(fmt.Sprint(x["topicId"]), topic)
		}
		for key, value := range x {
			x[key] = s.normalValue(key, value)
		}
	case []any:
		for i := range x {
			x[i] = s.normalValue(field, x[i])
		}
		if field == "features" { // in the order of a hash table
			slices.SortFunc(x, func(a, b any) int {
				return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
			})
		}
	case json.Number:
		n, err := x.Int64()
		switch {
		case err != nil:
		case field == "brokerEpoch" && n > 0:
			return s.named(n, "#epoch")
		case field == "port" && n == s.port:
			return "$port"
		case n > 1e12 && n < 1e13:
			return "#time"
		}
	case string:
		if id, err := protocol.ParseUUID(x); err == nil && len(x) == 22 {
			return s.uuid(id)
		}
	}
	return x
}

// compareRecords dumps both logs and compares the records of each step.
func (s *script) compareRecords() {
	apache, ours := s.apache.dump(), s.ours.dump()
	for _, step := range s.steps {
		var a, o []string
		a, apache = before(apache, step.apacheEnd)
		o, ours = before(ours, step.ourEnd)
		want, got := strings.Join(a, "\n"), strings.Join(o, "\n")
		if !s.known.explains(step.name, true, want, got) {
			s.differ(step.at, step.name+", the records", want, got)
		}
	}
	if len(apache)+len(ours) > 0 {
		s.t.Errorf("records after the last request: %v, %v", apache, ours)
	}
}

// before cuts off the records below an offset. Neighbours of one type are sorted, since many are in
// the order of a hash table.
func before(records []written, end int64) (texts []string, rest []written) {
	for len(records) > 0 && records[0].offset < end {
		texts = append(texts, records[0].text)
		records = records[1:]
	}
	for from := 0; from < len(texts); {
		to := from + 1
		for to < len(texts) && recordType(texts[to]) == recordType(texts[from]) {
			to++
		}
		slices.Sort(texts[from:to])
		from = to
	}
	return texts, records
}

var typeField = regexp.MustCompile(`"type":"(\w+)"`)

func recordType(text string) string { return typeField.FindString(text) }
