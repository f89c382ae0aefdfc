package sidebyside

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/protocol"
)

const textMax = 300 // longer strings are shown as their hash

// names replaces what differs between two runs.
type names struct {
	replace *strings.Replacer // addresses and directories
	port    int64
	uuids   map[protocol.UUID]string // of topics
}

func newNames(q *kafka.Controllers) names {
	id := q.Nodes()[0]
	_, port, _ := strings.Cut(q.Endpoint(id), ":")
	n := names{uuids: map[protocol.UUID]string{}}
	fmt.Sscan(port, &n.port)
	n.replace = strings.NewReplacer(q.Endpoint(id), "$endpoint", q.Dir(id), "$dir",
		q.ClusterID(), "$cluster", port, "$port")
	return n
}

// uuid is a name for a random id; those that the script or Kafka chose are shown as numbers.
func (n names) uuid(id protocol.UUID) string {
	if fixed := binary.BigEndian.Uint64(id[:]); fixed == 0 {
		return fmt.Sprint(binary.BigEndian.Uint64(id[8:]))
	}
	if name, ok := n.uuids[id]; ok {
		return name
	}
	return "#id"
}

func (n names) nameTopic(id, topic string) {
	if parsed, err := protocol.ParseUUID(id); err == nil {
		n.uuids[parsed] = "#id(" + topic + ")"
	}
}

// directoryText is how Java's ReplicaKey shows a directory's id.
var directoryText = regexp.MustCompile(`directoryId=[A-Za-z0-9_-]{22}`)

var uuidText = regexp.MustCompile(`[A-Za-z0-9_-]{22}`)

// needsPermission is how a refusal names the request: Apache by its connection, ours by its name.
var needsPermission = regexp.MustCompile(`^Request .* needs `)

// clean replaces what differs in a text.
func (n names) clean(text string) string {
	text = needsPermission.ReplaceAllString(text, "Request #request needs ")
	text = directoryText.ReplaceAllString(n.replace.Replace(text), "directoryId=#id")
	return uuidText.ReplaceAllStringFunc(text, func(m string) string {
		id, err := protocol.ParseUUID(m)
		if name, ok := n.uuids[id]; ok && err == nil {
			return name
		}
		return m
	})
}

// text shows a response without the fields that have their default.
func (s *side) text(resp kmsg.Response) string {
	return s.show(reflect.ValueOf(resp).Elem(), place{key: resp.Key()})
}

// place is where a value is: the response's key and the field's name.
type place struct {
	key   int16
	field string
}

func (s *side) show(v reflect.Value, at place) string {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return "null"
		}
		return s.show(v.Elem(), at)
	case reflect.Struct:
		return s.showFields(v, at)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return s.showBytes(v.Bytes(), at)
		}
		return s.showList(v, at)
	case reflect.Array:
		return s.uuid(v.Interface().([16]byte))
	case reflect.String:
		return s.showString(v.String(), at)
	case reflect.Int16:
		if at.field == "ErrorCode" || at.field == "ConfigErrorCode" {
			return showCode(int16(v.Int()))
		}
	case reflect.Int64, reflect.Int32:
		return s.showNumber(v.Int(), at)
	case reflect.Uint16:
		return s.showNumber(int64(v.Uint()), at)
	}
	return fmt.Sprint(v.Interface())
}

func showCode(code int16) string {
	if err := (*kerr.Error)(nil); errors.As(kerr.ErrorForCode(code), &err) {
		return fmt.Sprintf("%d %s", code, err.Message)
	}
	return fmt.Sprint(code)
}

func (s *side) showString(text string, at place) string {
	if at.field == "TokenID" && text != "" {
		if id, err := protocol.ParseUUID(text); err == nil {
			return s.uuid(id)
		}
	}
	if at.field == "Documentation" && text != "" {
		return "documented"
	}
	if strings.Contains(text, "epoch") {
		text = s.cleanEpochs(text)
	}
	return fmt.Sprintf("%q", shortened(s.clean(text)))
}

func shortened(text string) string {
	if len(text) <= textMax {
		return text
	}
	h := fnv.New32a()
	h.Write([]byte(text))
	return fmt.Sprintf("%s...(%d bytes, %08x)", text[:40], len(text), h.Sum32())
}

var digits = regexp.MustCompile(`\d+`)

func (s *side) cleanEpochs(text string) string {
	return digits.ReplaceAllStringFunc(text, func(m string) string {
		var n int64
		fmt.Sscan(m, &n)
		return s.named(n, m)
	})
}

// named is a value's name in the script, else other.
func (s *side) named(n int64, other string) string {
	var found []string
	for name, x := range s.vars {
		if value, ok := x.(int64); ok && value == n {
			found = append(found, name)
		}
	}
	if len(found) == 0 {
		return other
	}
	return "$" + slices.Min(found)
}

func (s *side) showNumber(n int64, at place) string {
	quorum := slices.Contains([]int16{1, 52, 53, 54, 55, 59, 82}, at.key)
	switch {
	case at.field == "BrokerEpoch" && n > 0:
		return s.named(n, "#epoch")
	case strings.HasSuffix(at.field, "Epoch") && quorum && n > 0:
		return "#epoch"
	case (strings.HasSuffix(at.field, "Offset") || at.field == "HighWatermark" ||
		at.field == "FinalizedFeaturesEpoch") && n > 0:
		return "#offset"
	case n > 1e12 && n < 1e13:
		return "#time"
	case at.field == "Port" && n == s.port:
		return "$port"
	}
	return fmt.Sprint(n)
}

func (s *side) showBytes(b []byte, at place) string {
	switch {
	case b == nil:
		return "null"
	case at.field == "HMAC" && len(b) > 0:
		return fmt.Sprintf("#secret(%d bytes)", len(b))
	case at.field == "RecordBatches" && len(b) > 0:
		return "#records"
	}
	return fmt.Sprintf("%q", b)
}

func (s *side) showFields(v reflect.Value, at place) string {
	usual := reflect.New(v.Type())
	if d, ok := usual.Interface().(interface{ Default() }); ok {
		d.Default()
	}
	s.learnTopic(v)
	var parts []string
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		f := v.Field(i)
		if name == "Version" || f.Kind() == reflect.Bool && !f.Bool() || f.Kind() != reflect.Bool &&
			reflect.DeepEqual(f.Interface(), usual.Elem().Field(i).Interface()) {
			continue
		}
		parts = append(parts, name+": "+s.show(f, place{at.key, name}))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// learnTopic names a topic's id after the topic.
func (s *side) learnTopic(v reflect.Value) {
	id, topic := v.FieldByName("TopicID"), reflect.Indirect(v.FieldByName("Topic"))
	if id.IsValid() && !id.IsZero() && topic.IsValid() && topic.Len() > 0 {
		s.nameTopic(protocol.UUID(id.Interface().([16]byte)).String(), topic.String())
	}
}

// ordered are the lists of structs whose order means something; others come from hash tables.
func ordered(at place) bool {
	return at.field == "ConfigSynonyms" || at.field == "Configs" && at.key == int16(kmsg.CreateTopics)
}

func (s *side) showList(v reflect.Value, at place) string {
	if v.IsNil() {
		return "null"
	}
	items := make([]string, v.Len())
	for i := range items {
		items[i] = s.show(v.Index(i), at)
	}
	if v.Type().Elem().Kind() == reflect.Struct && !ordered(at) {
		slices.Sort(items)
	}
	if at.field == "Configs" && len(items) > 10 {
		return "[\n  " + strings.Join(items, "\n  ") + "\n]"
	}
	return "[" + strings.Join(items, ", ") + "]"
}
