package kafkaproto

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A shape is the wire layout of one struct of a request at one version: just enough to walk over
// the bytes and check every length in them before kmsg decodes. It is needed because kmsg, written
// for clients, trusts lengths: an array is allocated at once for as many elements as there are
// bytes left (up to some 200 times the input), and a count of tagged fields is looped over up to
// four thousand million times, whether or not there is input. It also reads null as empty where
// Kafka's schemas do not allow null, and strings of any length; Kafka refuses both.
//
// Shapes are learned from kmsg's own encoder rather than written down, so that they cannot become
// outdated: set one field of a default request at a time, encode, and compare. This relies on kmsg
// generating struct fields in wire order, which the tests check for every key and version by
// walking over randomly filled requests. The integration tests compare the shapes with Kafka's own
// schemas and parsers.
type shape struct {
	fields   []field
	flexible bool              // tagged fields follow
	tagged   map[uint32]*field // the known tagged fields, by tag
	goBytes  int               // size of the Go struct
	min      int               // least size on the wire
	aliases  bool              // the decoded struct keeps slices of the input
}

type kind uint8

const (
	kindFixed    kind = iota // field.size bytes
	kindString               // int16 or uvarint length
	kindBytes                // int32 or uvarint length
	kindArray                // int32 or uvarint length, then elem
	kindStruct               // elem.of
	kindNullable             // int8, -1 for null, then elem.of
)

type field struct {
	kind     kind
	nullable bool   // kindString, kindBytes, kindArray: may be null
	since    int16  // tagged: the first version that has the field
	size     int    // kindFixed
	elem     *field // kindArray
	of       *shape // kindStruct, kindNullable
	goBytes  int    // memory of one value as an array element, or behind a pointer
	name     string // the field's name in kmsg
}

// taggedSince lists the tagged fields that Kafka's schemas add in a later version than the first
// flexible one. kmsg encodes and decodes them at any version; Kafka refuses them in earlier ones.
var taggedSince = map[string]int16{
	"BrokerHeartbeatRequest.OfflineLogDirs":                 1,
	"BrokerHeartbeatRequest.CordonedLogDirs":                2,
	"FetchRequest.ReplicaState":                             15,
	"FetchRequestTopicPartition.ReplicaDirectoryID":         17,
	"FetchRequestTopicPartition.HighWatermark":              18,
	"FetchSnapshotRequestTopicPartition.ReplicaDirectoryID": 1,
}

// maxTag is the highest tag of a known field: the walker records in one word which tags it has met.
const maxTag = 63

func (f *field) min(flexible bool) int {
	length := func(classic int) int {
		if flexible {
			return 1
		}
		return classic
	}
	switch f.kind {
	case kindString:
		return length(2)
	case kindBytes, kindArray:
		return length(4)
	case kindStruct:
		return f.of.min
	case kindNullable:
		return 1
	default:
		return f.size
	}
}

func (f *field) aliases() bool {
	switch f.kind {
	case kindBytes:
		return true
	case kindArray:
		return f.elem.aliases()
	case kindStruct, kindNullable:
		return f.of.aliases
	default:
		return false
	}
}

func (s *shape) add(f field) {
	s.min += f.min(s.flexible)
	s.aliases = s.aliases || f.aliases()
	if n := len(s.fields); n > 0 && f.kind == kindFixed && s.fields[n-1].kind == kindFixed {
		s.fields[n-1].size += f.size
		return
	}
	s.fields = append(s.fields, f)
}

var (
	shapeCache    sync.Map // int16 -> []*shape by version
	tagsType      = reflect.TypeFor[kmsg.Tags]()
	byteSliceType = reflect.TypeFor[[]byte]()
)

// shapesOf returns the shapes of a key's requests, by version from 0. The key must be known to
// kmsg.
func shapesOf(key int16) ([]*shape, error) {
	if s, ok := shapeCache.Load(key); ok {
		return s.([]*shape), nil
	}
	s, err := learn(key)
	if err != nil {
		return nil, fmt.Errorf("%s (%d): %w", kmsg.NameForKey(key), key, err)
	}
	shapeCache.Store(key, s)
	return s, nil
}

// learner learns all versions of one key together: kmsg decodes a known tag at any version, also
// before the one that introduced it, so tags found at one version are known at all versions.
type learner struct {
	req    kmsg.Request
	tagged map[reflect.Type]map[uint32]*field
	err    error
}

func learn(key int16) ([]*shape, error) {
	l := learner{tagged: map[reflect.Type]map[uint32]*field{}}
	var shapes []*shape
	for version := range kmsg.RequestForKey(key).MaxVersion() + 1 {
		l.req = kmsg.RequestForKey(key)
		l.req.SetVersion(version)
		shapes = append(shapes, l.structure(reflect.ValueOf(l.req).Elem()))
	}
	return shapes, l.err
}

func (l *learner) encode() []byte { return l.req.AppendTo(nil) }

// structure learns the struct s, which must be part of l.req, so that changes to it show in the
// encoding.
func (l *learner) structure(s reflect.Value) *shape {
	sh := l.newShape(s.Type(), l.req.IsFlexible())
	for i := range s.NumField() {
		if f := s.Field(i); isWireField(s.Type(), i) {
			l.field(sh, f, s.Type(), i)
		}
	}
	return sh
}

func (l *learner) newShape(t reflect.Type, flexible bool) *shape {
	if l.tagged[t] == nil {
		l.tagged[t] = map[uint32]*field{}
	}
	sh := &shape{flexible: flexible, tagged: l.tagged[t], goBytes: int(t.Size())}
	if flexible {
		sh.min = 1
	}
	return sh
}

// isWireField reports whether a field is in the encoded message. kmsg's structs also have fields
// for unknown tags and for a request's version.
func isWireField(t reflect.Type, i int) bool {
	f := t.Field(i)
	isVersion := f.Name == "Version" &&
		reflect.PointerTo(t).Implements(reflect.TypeFor[kmsg.Request]())
	return f.Type != tagsType && !isVersion
}

// field sets f to one element or to a value other than its default, and adds it to sh according to
// the effect on the encoding: none (not in this version), a change in place or growth by the
// value's own bytes (a field), growth by more (a tagged field).
func (l *learner) field(sh *shape, f reflect.Value, in reflect.Type, index int) {
	was := reflect.New(f.Type()).Elem()
	was.Set(f)
	defer f.Set(was)

	before := l.encode()
	growth := l.set(f)
	after := l.encode()
	switch grown := len(after) - len(before); {
	case bytes.Equal(before, after):
	case grown == growth:
		learned := l.inPlace(f, sh.flexible)
		learned.setName(in.Field(index).Name)
		sh.add(learned)
	case sh.flexible && grown > growth:
		tag, ok := tagOf(before, after)
		if !ok || tag > maxTag {
			l.fail(f, "tag not found, or too high")
			return
		}
		learned := l.byType(f.Type())
		learned.nullable = l.nullable(f)
		learned.setName(in.Field(index).Name)
		learned.since = taggedSince[in.Name()+"."+learned.name]
		sh.tagged[tag] = &learned
	default:
		l.fail(f, "encoded in an unknown way")
	}
}

func (f *field) setName(name string) {
	f.name = name
	if f.elem != nil {
		f.elem.setName(name)
	}
}

// nullable reports whether null and empty have different encodings in f, which keeps its value.
func (l *learner) nullable(f reflect.Value) bool {
	var empty reflect.Value
	switch t := f.Type(); {
	case t.Kind() == reflect.Slice:
		empty = reflect.MakeSlice(t, 0, 0)
	case t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.String:
		empty = reflect.New(t.Elem())
	default:
		return false
	}
	was := reflect.New(f.Type()).Elem()
	was.Set(f)
	defer f.Set(was)
	f.SetZero()
	null := l.encode()
	f.Set(empty)
	return !bytes.Equal(null, l.encode())
}

func (l *learner) fail(f reflect.Value, what string) {
	l.err = fmt.Errorf("cannot learn the layout of version %d: field of type %s %s",
		l.req.GetVersion(), f.Type(), what)
}

// set gives f another value and returns by how many bytes an untagged field grows with it.
func (l *learner) set(f reflect.Value) (growth int) {
	switch t := f.Type(); {
	case t == byteSliceType:
		f.SetBytes(append(bytes.Clone(f.Bytes()), 1))
		return 1
	case t.Kind() == reflect.String:
		f.SetString(f.String() + "x")
		return 1
	case t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.String:
		x := "x"
		f.Set(reflect.ValueOf(&x))
		return 1
	case t.Kind() == reflect.Pointer:
		f.Set(newDefault(t.Elem()).Addr())
		return l.growthOfSecond(f)
	case t.Kind() == reflect.Slice:
		elem := newDefault(t.Elem())
		f.Set(reflect.Append(reflect.MakeSlice(t, 0, 1), elem))
		return l.growthOfSecond(f)
	case t.Kind() == reflect.Struct:
		return l.set(f.Field(0))
	default:
		flip(f)
		return 0
	}
}

// growthOfSecond returns the bytes that one more element of the slice f, or the struct that f
// points to, takes on the wire.
func (l *learner) growthOfSecond(f reflect.Value) int {
	one := len(l.encode())
	if f.Kind() == reflect.Pointer {
		// A nullable struct is never tagged in requests: its growth is its own size.
		value := reflect.ValueOf(f.Interface())
		f.SetZero()
		null := len(l.encode())
		f.Set(value)
		return one - null
	}
	first := reflect.ValueOf(f.Interface())
	f.Set(reflect.Append(first, newDefault(f.Type().Elem())))
	two := len(l.encode())
	f.Set(first)
	return two - one
}

func newDefault(t reflect.Type) reflect.Value {
	v := reflect.New(t)
	if d, ok := v.Interface().(interface{ Default() }); ok {
		d.Default()
	}
	return v.Elem()
}

func flip(f reflect.Value) {
	switch {
	case f.CanInt():
		f.SetInt(f.Int() ^ 1)
	case f.CanUint():
		f.SetUint(f.Uint() ^ 1)
	case f.CanFloat():
		f.SetFloat(f.Float() + 1)
	case f.Kind() == reflect.Bool:
		f.SetBool(!f.Bool())
	default: // a UUID
		flip(f.Index(0))
	}
}

// inPlace returns the layout of f, which is untagged and holds the value that set gave it.
func (l *learner) inPlace(f reflect.Value, flexible bool) field {
	switch t := f.Type(); {
	case t == byteSliceType:
		return field{kind: kindBytes, nullable: l.nullable(f), goBytes: int(t.Size())}
	case t.Kind() == reflect.Slice:
		nullable, elem := l.nullable(f), l.inPlace(f.Index(0), flexible)
		return field{kind: kindArray, nullable: nullable, elem: &elem, goBytes: int(t.Size())}
	case t.Kind() == reflect.Struct:
		f.Set(newDefault(t)) // set has changed one of the fields
		return field{kind: kindStruct, of: l.structure(f), goBytes: int(t.Size())}
	case t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct:
		return field{kind: kindNullable, of: l.structure(f.Elem()), goBytes: int(t.Elem().Size())}
	default:
		learned := l.byType(t)
		learned.nullable = l.nullable(f)
		return learned
	}
}

// byType returns the layout of a type at a flexible version if all its fields are present and none
// is tagged: this holds for tagged fields, whose content kmsg never restricts by version. Inside a
// tagged struct only strings behind a pointer may be null.
func (l *learner) byType(t reflect.Type) field {
	f := field{kind: kindFixed, size: int(t.Size()), goBytes: int(t.Size())}
	switch {
	case t == byteSliceType:
		f.kind = kindBytes
	case t.Kind() == reflect.String, t.Kind() == reflect.Pointer &&
		t.Elem().Kind() == reflect.String:
		f.kind, f.nullable = kindString, t.Kind() == reflect.Pointer
	case t.Kind() == reflect.Slice:
		elem := l.byType(t.Elem())
		f.kind, f.elem = kindArray, &elem
	case t.Kind() == reflect.Struct:
		sh := l.newShape(t, true)
		for i := range t.NumField() {
			if isWireField(t, i) {
				learned := l.byType(t.Field(i).Type)
				learned.setName(t.Field(i).Name)
				sh.add(learned)
			}
		}
		f.kind, f.of = kindStruct, sh
	}
	return f
}

// tagOf finds the number of the one tagged field that is in after and not in before: the first
// different byte is the count of tagged fields.
func tagOf(before, after []byte) (tag uint32, ok bool) {
	i := 0
	for i < len(before) && before[i] == after[i] {
		i++
	}
	if i == len(before) || before[i] != 0 || after[i] != 1 {
		return 0, false
	}
	n, size := binary.Uvarint(after[i+1:])
	return uint32(n), size > 0
}
