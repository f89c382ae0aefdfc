package kafkaproto

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// maxStringBytes is the length of the longest string in Kafka's protocol, also where the length is
// a varint.
const maxStringBytes = math.MaxInt16

// Memory that kmsg allocates for unknown tagged fields: a map for the first one of a struct, and an
// entry for each.
const (
	unknownTagFirstBytes = 400
	unknownTagBytes      = 100
)

// walker walks over the body of a request as kmsg will, without allocating, and stops at input that
// Kafka would refuse: a length that does not fit the bytes left, null where the schema does not
// allow it, a string longer than maxStringBytes, a tagged field in a version that does not have it.
//
// It also refuses input that Kafka reads but no client writes, and that kmsg would read
// differently: lengths and counts of more than 31 bits, a known tagged field that occurs twice or
// has another size than declared, markers of a nullable struct below -1. And it refuses strings
// that are not valid UTF-8: Kafka replaces their invalid bytes, so that two names here would be one
// name to a broker, and a string up to three times as long, which the broker may not be able to
// write into its own snapshot.
type walker struct {
	src     []byte
	version int16
	cost    int    // bytes kmsg will allocate, estimated: at least half of the true number (tested)
	unknown bool   // there are tagged fields that kmsg keeps as slices of the input
	problem string // why it stopped; "" if the input ended too early
	at      string // the field at which it stopped, if known
}

// refuse records why the walk stops, and returns false.
func (w *walker) refuse(f *field, problem string) bool {
	if w.problem == "" {
		w.problem, w.at = problem, f.name
	}
	return false
}

// skip skips n bytes.
func (w *walker) skip(n int) bool {
	if uint(n) > uint(len(w.src)) {
		return false
	}
	w.src = w.src[n:]
	return true
}

// uvarint reads an unsigned varint of at most 32 bits in at most 5 bytes.
func (w *walker) uvarint() (uint32, bool) {
	if len(w.src) > 0 && w.src[0] < 0x80 {
		v := w.src[0]
		w.src = w.src[1:]
		return uint32(v), true
	}
	v, n := binary.Uvarint(w.src[:min(5, len(w.src))])
	if n <= 0 || v > 1<<32-1 {
		return 0, false
	}
	w.src = w.src[n:]
	return uint32(v), true
}

// length reads the length of a string (classic 2 bytes), of bytes or of an array (4); negative is
// null.
func (w *walker) length(flexible bool, classic int) (int, bool) {
	switch {
	case flexible:
		v, ok := w.uvarint()
		return int(v) - 1, ok && v <= math.MaxInt32
	case len(w.src) < classic:
		return 0, false
	case classic == 2:
		v := int16(binary.BigEndian.Uint16(w.src))
		w.src = w.src[2:]
		return int(v), true
	default:
		v := int32(binary.BigEndian.Uint32(w.src))
		w.src = w.src[4:]
		return int(v), true
	}
}

func (w *walker) structure(s *shape) bool {
	for i := range s.fields {
		f := &s.fields[i]
		var ok bool
		switch f.kind { // most fields are of these kinds
		case kindFixed:
			ok = w.skip(f.size)
		case kindString:
			ok = w.text(f, s.flexible)
		default:
			ok = w.field(f, s.flexible)
		}
		if !ok {
			return false
		}
	}
	return !s.flexible || w.tags(s)
}

func (w *walker) field(f *field, flexible bool) bool {
	switch f.kind {
	case kindString:
		return w.text(f, flexible)
	case kindBytes:
		n, ok := w.length(flexible, 4)
		if n < 0 {
			return ok && (f.nullable || w.refuse(f, problemNull))
		}
		return ok && w.skip(n)
	case kindArray:
		return w.array(f, flexible)
	case kindStruct:
		return w.structure(f.of)
	case kindNullable:
		return w.maybe(f)
	default:
		return w.skip(f.size)
	}
}

// Reasons why a walk stops.
const (
	problemNull    = "is null"
	problemLong    = "is a string of more than 32767 bytes"
	problemUTF8    = "is not valid UTF-8"
	problemMarker  = "is neither there nor null"
	problemVersion = "is a tagged field of a later version"
	problemTwice   = "is a tagged field that comes twice"
	problemSize    = "is a tagged field of another size than is said"
)

// text walks over a string.
func (w *walker) text(f *field, flexible bool) bool {
	n, ok := w.length(flexible, 2)
	switch {
	case !ok:
		return false
	case n < 0:
		return f.nullable || w.refuse(f, problemNull)
	case n > maxStringBytes:
		return w.refuse(f, problemLong)
	case n > len(w.src):
		return false
	case n == 0:
		return true
	}
	s := w.src[:n]
	w.src = w.src[n:]
	w.cost += n + f.goBytes
	return utf8.Valid(s) || w.refuse(f, problemUTF8)
}

// maybe walks over a nullable struct.
func (w *walker) maybe(f *field) bool {
	if len(w.src) == 0 {
		return false
	}
	marker := int8(w.src[0])
	w.src = w.src[1:]
	switch {
	case marker == -1:
		return true
	case marker < -1:
		return w.refuse(f, problemMarker)
	}
	w.cost += f.goBytes
	return w.structure(f.of)
}

func (w *walker) array(f *field, flexible bool) bool {
	elem := f.elem
	n, ok := w.length(flexible, 4)
	if !ok || n <= 0 {
		return ok && (n == 0 || f.nullable || w.refuse(f, problemNull))
	}
	// Every element takes at least elem.min bytes: estimate no more memory than such elements could
	// need.
	if n > len(w.src)/max(elem.min(flexible), 1) {
		return false
	}
	w.cost += n * elem.goBytes
	if elem.kind == kindFixed {
		return w.skip(n * elem.size)
	}
	for range n {
		if !w.field(elem, flexible) {
			return false
		}
	}
	return true
}

// tags skips a struct's tagged fields: {uvarint count, count times {uvarint tag, uvarint size, size
// bytes}}.
func (w *walker) tags(s *shape) bool {
	n, ok := w.uvarint()
	if !ok || n == 0 {
		return ok
	}
	if int(n) > len(w.src)/2 {
		return false
	}
	w.cost += unknownTagFirstBytes
	var known uint64 // the known tags met so far, one bit for each
	for range n {
		tag, ok1 := w.uvarint()
		size, ok2 := w.uvarint()
		if !ok1 || !ok2 {
			return false
		}
		f, ok := s.tagged[tag]
		if int(size) > len(w.src) {
			return ok && w.refuse(f, problemSize)
		}
		content := w.src[:size]
		w.src = w.src[size:]
		switch {
		case !ok:
			w.unknown = true
			w.cost += unknownTagBytes
			continue
		case known&(1<<tag) != 0:
			return w.refuse(f, problemTwice)
		case !w.tag(f, content):
			return false
		}
		known |= 1 << tag
	}
	return true
}

// tag walks over the content of a tagged field, which must be exactly that long.
func (w *walker) tag(f *field, content []byte) bool {
	if w.version < f.since {
		return w.refuse(f, problemVersion)
	}
	w.unknown = w.unknown || f.aliases()
	rest := w.src
	w.src = content
	if !w.field(f, true) || len(w.src) > 0 {
		return w.refuse(f, problemSize) // unless there was another reason
	}
	w.src = rest
	return true
}
