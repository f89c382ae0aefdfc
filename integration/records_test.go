package integration

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/metadata/record/recordtest"
	"github.com/yakt/yakt/protocol"
)

const recordsPerVersion = 100

// TestRecordsAgainstKafka passes metadata and control records of every type and version through
// Kafka's own codec, in both directions.
func TestRecordsAgainstKafka(t *testing.T) {
	t.Parallel()
	program := compileRecords(t, kafka.Newest)
	t.Run("FromKafka", func(t *testing.T) { readKafkasRecords(t, program) })
	t.Run("ToKafka", func(t *testing.T) { echoOurRecords(t, program) })
}

// recordsProgram is testdata/java/Records.java.
type recordsProgram struct{ kafka.JavaProgram }

func compileRecords(t *testing.T, release string) recordsProgram {
	t.Helper()
	return recordsProgram{kafka.CompileJava(t, release,
		filepath.Join("testdata", "java", "Records.java"), "Records")}
}

func (p recordsProgram) run(t *testing.T, stdin []byte, args ...string) []string {
	t.Helper()
	out := p.Run(t, stdin, []string{"-Xmx256m", "-XX:TieredStopAtLevel=1"}, args...)
	var lines []string
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		lines = append(lines, s.Text())
	}
	return lines
}

// readKafkasRecords decodes records written by Kafka, compares each field with Kafka's JSON, and
// encodes the same bytes.
func readKafkasRecords(t *testing.T, program recordsProgram) {
	seen := make(map[string]int)
	for _, line := range program.run(t, nil, "generate", "42", strconv.Itoa(recordsPerVersion)) {
		f := strings.SplitN(line, " ", 5)
		kind := strings.Join(f[:3], " ")
		seen[kind]++
		value, err := hex.DecodeString(f[3])
		if err != nil {
			t.Fatal(err)
		}
		r, again, err := recode(f[0], f[1], value)
		if isInvalid(err) {
			again, err = value, nil // invalid, which Kafka's codec permits; reading it was the test
		}
		if err != nil || !bytes.Equal(again, value) {
			t.Fatalf("%s: %v\n got %x\nwant %x\n%s", kind, err, again, value, f[4])
		}
		var fields map[string]any
		if err := json.Unmarshal([]byte(f[4]), &fields); err != nil {
			t.Fatal(err)
		}
		if f[0] == "control" {
			continue
		}
		if err := sameFields(reflect.ValueOf(r).Elem(), fields); err != nil {
			t.Fatalf("%s: %v\n%s\n%+v", kind, err, f[4], r)
		}
	}
	want := make(map[string]int)
	for _, kind := range record.Types() {
		for v := range kind.MaxVersion() + 1 {
			want[fmt.Sprintf("record %d %d", kind, v)] = recordsPerVersion
		}
	}
	for c := 2; c <= 6; c++ {
		want[fmt.Sprintf("control %d 0", c)] = recordsPerVersion
	}
	if !maps.Equal(seen, want) {
		t.Errorf("Kafka has %v\nwe have %v", slices.Sorted(maps.Keys(seen)),
			slices.Sorted(maps.Keys(want)))
	}
}

func isInvalid(err error) bool {
	return err != nil && strings.Contains(err.Error(), " is invalid: ")
}

func recode(kind, controlType string, value []byte) (r any, again []byte, err error) {
	if kind == "record" {
		r, version, err := record.Decode(value)
		if err != nil {
			return nil, nil, err
		}
		again, err = record.Append(nil, r, version)
		return r, again, err
	}
	n, err := strconv.Atoi(controlType)
	if err != nil {
		return nil, nil, err
	}
	c, err := record.DecodeControl(record.AppendControlKey(nil, record.ControlType(n)), value)
	if err != nil {
		return nil, nil, err
	}
	again, err = record.AppendControl(nil, c)
	return c, again, err
}

// fieldNames maps our shorter field names to Kafka's.
var fieldNames = map[string]string{
	"minsupportedversion": "min", "maxsupportedversion": "max", "entitytype": "type",
	"entityname":   "name",
	"featurelevel": "level", "zkmigrationstate": "state",
}

// sameFields compares a struct with Kafka's JSON of the same message. Fields that the JSON omits
// have their defaults.
func sameFields(v reflect.Value, fields map[string]any) error {
	for key, want := range fields {
		name := strings.ToLower(key)
		if ours, ok := fieldNames[name]; ok {
			name = ours
		}
		f := v.FieldByNameFunc(func(s string) bool { return strings.ToLower(s) == name })
		if !f.IsValid() {
			return fmt.Errorf("no field for %s", key)
		}
		if err := sameValue(f, want); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

func sameValue(v reflect.Value, want any) error {
	if u, ok := v.Interface().(protocol.UUID); ok {
		return sameText(u.String(), want)
	}
	if b, ok := v.Interface().([]byte); ok {
		return sameText(base64.StdEncoding.EncodeToString(b), want)
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || want == nil {
			return sameText(fmt.Sprint(v.IsNil()), fmt.Sprint(want == nil))
		}
		return sameValue(v.Elem(), want)
	case reflect.Slice:
		return sameList(v, want)
	case reflect.Struct:
		fields, ok := want.(map[string]any)
		if !ok {
			return fmt.Errorf("%v is no struct", want)
		}
		return sameFields(v, fields)
	case reflect.String:
		return sameText(v.String(), want)
	case reflect.Bool:
		return sameText(fmt.Sprint(v.Bool()), fmt.Sprint(want))
	}
	number, ok := want.(float64)
	if !ok || v.Convert(reflect.TypeFor[float64]()).Float() != number {
		return fmt.Errorf("%v is not %v", v, want)
	}
	return nil
}

func sameList(v reflect.Value, want any) error {
	list, ok := want.([]any)
	if !ok || len(list) != v.Len() {
		if want == nil && v.IsNil() {
			return nil
		}
		return fmt.Errorf("%v is not %v", v, want)
	}
	for i := range list {
		if err := sameValue(v.Index(i), list[i]); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return nil
}

func sameText(got string, want any) error {
	if got != want {
		return fmt.Errorf("%q is not %q", got, want)
	}
	return nil
}

// echoOurRecords has Kafka read our records and write them again.
func echoOurRecords(t *testing.T, program recordsProgram) {
	var ours []string
	var stdin strings.Builder
	add := func(kind string, value []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		ours = append(ours, hex.EncodeToString(value))
		fmt.Fprintf(&stdin, "%s %x\n", kind, value)
	}
	rng := rand.New(rand.NewPCG(4, 2))
	for _, kind := range record.Types() {
		for version := range kind.MaxVersion() + 1 {
			for range recordsPerVersion {
				value, err := record.Append(nil, recordtest.Random(rng, kind, version), version)
				add("record", value, err)
			}
		}
	}
	for range recordsPerVersion {
		for _, c := range []record.Control{new(record.LeaderChange), new(record.SnapshotHeader),
			new(record.SnapshotFooter), new(record.KRaftVersion), new(record.Voters)} {
			recordtest.Fill(rng, c)
			value, err := record.AppendControl(nil, c)
			add(fmt.Sprintf("control %d", c.ControlType()), value, err)
		}
	}
	echoed := program.run(t, []byte(stdin.String()), "echo")
	if len(echoed) != len(ours) {
		t.Fatalf("%d of %d lines came back", len(echoed), len(ours))
	}
	for i := range ours {
		if echoed[i] != ours[i] {
			t.Errorf("ours   %s\nKafka's %s", ours[i], echoed[i])
		}
	}
}
