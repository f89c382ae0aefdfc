package integration

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/schema"
	"github.com/yakt/yakt/kafkaproto"
)

// The number of random requests tried for each key and version; some of them also have each field
// changed in every way, and all have random bytes changed.
const (
	wireRequests    = 24
	wireChanged     = 2
	wireByteChanges = 8

	wireBodyBytesMax = 40_000 // room for a longest string
)

// TestWireAgainstKafka compares the request parser with Kafka's own, of the oldest and the newest
// release. Kafka reads whatever YAKt reads, with the same result, and YAKt reads whatever Kafka
// reads, except for named exceptions.
func TestWireAgainstKafka(t *testing.T) {
	t.Parallel()
	for _, release := range []string{kafka.V40, kafka.V44} {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			exceptions := stricter
			if release == kafka.V40 {
				// Kafka of that release does not have the field yet.
				exceptions = append(exceptions, "is a tagged field of a later version")
			}
			requests := wireRequestsOf(t, release)
			answers := parseByKafka(t, release, requests)
			read := 0
			for i, r := range requests {
				if err := compareParsers(r.data, answers[i], exceptions); err != nil {
					t.Errorf("%s: %v: %.200x", r.name, err, r.data)
				}
				if answers[i].kind != kafkaRefuses {
					read++
				}
			}
			kafka.Logf(t, "%d requests, of which Kafka %s reads %d", len(requests), release, read)
			if read < len(requests)/10 || read > len(requests)*9/10 {
				t.Error("too few are read, or too few refused: the comparison says little")
			}
		})
	}
}

// schemasOf are the schemas of a release's requests.
func schemasOf(t testing.TB, release string) map[int16]*schema.Message {
	t.Helper()
	jar := filepath.Join(kafka.Resolve(t, release).Dir, "kafka-clients-"+release+".jar")
	messages, err := schema.Requests(jar)
	if err != nil {
		t.Fatal(err)
	}
	return messages
}

// wireRequest is a request with its header, without its length.
type wireRequest struct {
	name string
	data []byte
}

func wireRequestsOf(t *testing.T, release string) []wireRequest {
	r := rand.New(rand.NewPCG(13, 1))
	var all []wireRequest
	messages, served := schemasOf(t, release), 0
	for key := range int16(kmsg.MaxKey + 1) {
		low, high, ok := controller.Versions(key)
		if !ok {
			continue
		}
		m := messages[key]
		if m == nil {
			continue // a request of a later release
		}
		for version := low; version <= high; version++ {
			if !m.Versions.Contain(version) {
				continue // belongs to a later release
			}
			served++
			all = append(all, changedHeaders(m, version)...)
			for i := range wireRequests {
				base := m.Random(r, version)
				all = append(all, changedBodies(r, m, version, base, i < wireChanged)...)
			}
		}
	}
	if served < 70 {
		t.Errorf("only %d versions of requests", served)
	}
	return all
}

// changedBodies are a request, copies of it with single bytes changed, and, if all is set, copies
// with each field changed in every way.
func changedBodies(
	r *rand.Rand, m *schema.Message, version int16, base *schema.Value, all bool,
) []wireRequest {
	name := fmt.Sprintf("%s %d", m.Name, version)
	header := requestHeader(m, version)
	body := m.Append(nil, version, base)
	add := func(requests []wireRequest, how string, body []byte) []wireRequest {
		return append(requests, wireRequest{name + how, append(bytes.Clone(header), body...)})
	}
	requests := add(nil, "", body)
	for range wireByteChanges {
		requests = add(requests, " byte changed", changeBytes(r, body))
	}
	if !all {
		return requests
	}
	for _, c := range changesOf(base) {
		if body := m.Append(nil, version, c.of(base)); len(body) <= wireBodyBytesMax {
			requests = add(requests, c.how, body)
		}
	}
	return requests
}

// fieldChange is one change of one field.
type fieldChange struct {
	how    string // field and change, for messages
	n      int    // position of the field in a walk
	change schema.Change
}

// changesOf applies schema.Changes to each field of base, in the first element for a field inside
// an array.
func changesOf(base *schema.Value) (all []fieldChange) {
	seen := make(map[string]bool)
	n := 0
	base.Walk(func(path string, v *schema.Value) {
		if where := path + " " + v.Type; !seen[where] {
			seen[where] = true
			for _, c := range schema.Changes(v) {
				all = append(all, fieldChange{path + ": " + c.Name, n, c})
			}
		}
		n++
	})
	return all
}

// of is a copy of a request with the change.
func (c fieldChange) of(base *schema.Value) *schema.Value {
	changed := base.Clone()
	c.change.Apply(nth(changed, c.n))
	return changed
}

// nth is the n-th value in v, in the order of a walk.
func nth(v *schema.Value, n int) (found *schema.Value) {
	v.Walk(func(_ string, at *schema.Value) {
		if n == 0 {
			found = at
		}
		n--
	})
	return found
}

// changeBytes changes, removes or adds one or a few bytes.
func changeBytes(r *rand.Rand, body []byte) []byte {
	b := bytes.Clone(body)
	for range 1 + r.IntN(3) {
		if len(b) == 0 {
			return []byte{byte(r.Uint32())}
		}
		i := r.IntN(len(b))
		switch r.IntN(6) {
		case 0:
			b = b[:i]
		case 1:
			b = append(b[:i:i], append([]byte{byte(r.Uint32())}, b[i:]...)...)
		case 2:
			b = append(b[:i:i], b[i+1:]...)
		case 3:
			b[i] = [...]byte{0, 1, 0x7f, 0x80, 0xfe, 0xff}[r.IntN(6)]
		default:
			b[i] ^= 1 << r.IntN(8)
		}
	}
	return b
}

// requestHeader encodes a request header.
func requestHeader(m *schema.Message, version int16) []byte {
	return appendHeader(m, version, []byte{0, 1, 'c'}, []byte{0})
}

// appendHeader appends a client id with its length, and the tagged fields of a flexible version.
func appendHeader(m *schema.Message, version int16, clientID, tags []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(m.Key))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	b = append(b, 0, 0, 0, 7)
	b = append(b, clientID...)
	if m.Flexible.Contain(version) {
		b = append(b, tags...)
	}
	return b
}

// changedHeaders are requests with unusual or invalid headers.
func changedHeaders(m *schema.Message, version int16) (requests []wireRequest) {
	body := m.Append(nil, version, m.Random(rand.New(rand.NewPCG(1, 1)), version))
	long := append([]byte{0x7f, 0xff}, bytes.Repeat([]byte{'i'}, schema.Longest)...)
	for name, id := range map[string][]byte{
		"null": {0xff, 0xff}, "-2": {0xff, 0xfe}, "empty": {0, 0}, "longest": long,
		"too long": {0x7f, 0xff, 'x'}, "not UTF-8": {0, 1, 0xff},
	} {
		data := append(appendHeader(m, version, id, []byte{0}), body...)
		name = fmt.Sprintf("%s %d client id %s", m.Name, version, name)
		requests = append(requests, wireRequest{name, data})
	}
	for name, tags := range map[string][]byte{
		"unknown": {1, 5, 2, 'a', 'b'}, "twice": {2, 5, 0, 5, 1, 'z'},
		"out of order": {2, 5, 0, 4, 0},
		"too many":     {0xff, 0xff, 3}, "too long": {1, 5, 0xff, 0xff, 3},
	} {
		data := append(appendHeader(m, version, []byte{0, 0}, tags), body...)
		name = fmt.Sprintf("%s %d header tags %s", m.Name, version, name)
		requests = append(requests, wireRequest{name, data})
	}
	return requests
}

// The results of Kafka's parser for a request (testdata/java/Requests.java).
const (
	kafkaRefuses = iota
	kafkaReads
	kafkaReadsOnly // but cannot write it again
)

type kafkaAnswer struct {
	kind byte
	text []byte // reason of the refusal, or the body as Kafka writes it again
}

func parseByKafka(t *testing.T, release string, requests []wireRequest) []kafkaAnswer {
	t.Helper()
	var in bytes.Buffer
	for _, r := range requests {
		in.Write(binary.BigEndian.AppendUint32(nil, uint32(len(r.data))))
		in.Write(r.data)
	}
	source := filepath.Join("testdata", "java", "Requests.java")
	program := kafka.CompileJava(t, release, source, "Requests")
	out := program.Run(t, in.Bytes(), []string{"-Xmx512m", "-XX:TieredStopAtLevel=1"})
	var answers []kafkaAnswer
	for len(out) >= 5 {
		n := 5 + int(binary.BigEndian.Uint32(out[1:]))
		answers = append(answers, kafkaAnswer{out[0], out[5:n]})
		out = out[n:]
	}
	if len(answers) != len(requests) {
		t.Fatalf("%d answers to %d requests", len(answers), len(requests))
	}
	return answers
}

// compareParsers describes a difference between YAKt's parser and Kafka's.
func compareParsers(data []byte, theirs kafkaAnswer, exceptions []string) error {
	ours, err := kafkaproto.DecodeRequest(controller.Versions, data)
	switch {
	case err != nil && theirs.kind == kafkaRefuses:
		return nil
	case err != nil:
		return allowedRefusal(err, data, exceptions)
	case theirs.kind == kafkaRefuses:
		return fmt.Errorf("Kafka refuses what we read: %s", theirs.text)
	case theirs.kind == kafkaReadsOnly:
		return nil
	}
	again := kmsg.RequestForKey(ours.Key)
	again.SetVersion(ours.Version)
	if err := again.ReadFrom(theirs.text); err != nil {
		return fmt.Errorf("what Kafka wrote: %w", err)
	}
	if !reflect.DeepEqual(again, ours.Body) && !cmp.Equal(again, ours.Body, cmpopts.EquateNaNs(),
		cmp.AllowUnexported(kmsg.Tags{})) {
		return fmt.Errorf("read as\n %+v\nKafka reads\n %+v", ours.Body, again)
	}
	return nil
}

// stricter are YAKt's reasons to refuse input that Kafka reads and nobody writes
// (kafkaproto/walk.go).
var stricter = []string{
	"is not valid UTF-8", "is a tagged field that comes twice",
	"is a tagged field of another size than is said", "is neither there nor null",
	"too many unknown tagged fields",
}

// varint32 is a varint beyond 31 bits, which Kafka reads as negative: as null, or as no tagged
// fields.
var varint32 = regexp.MustCompile(`[\x80-\xff]{4}[\x08-\x7f]`)

func allowedRefusal(err error, data []byte, exceptions []string) error {
	for _, reason := range exceptions {
		if strings.Contains(err.Error(), reason) {
			return nil
		}
	}
	if varint32.MatchString(latin1(data)) {
		return nil
	}
	return errors.Join(errors.New("Kafka reads what we refuse"), err)
}

// latin1 has one character for each byte, for a regular expression over bytes.
func latin1(b []byte) string {
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}
