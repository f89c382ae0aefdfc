package kafkaproto

import "encoding/binary"

// What kmsg allocates for a tagged field it does not know: a map for the first of a struct, an entry for each.
const (
	unknownTagFirstBytes = 400
	unknownTagBytes      = 100
)

// walker goes over the body of a request as kmsg will, without allocating, and stops where a length does not fit
// what is left.
type walker struct {
	src     []byte
	cost    int  // bytes kmsg will allocate, about: never less than half of it (tested)
	unknown bool // there are tagged fields that kmsg keeps as slices of the input
}

// take skips n bytes.
func (w *walker) take(n int) bool {
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

// length reads the length of a string (classic 2 bytes), of bytes or of an array (4); negative is null.
func (w *walker) length(flexible bool, classic int) (int, bool) {
	switch {
	case flexible:
		v, ok := w.uvarint()
		return int(v) - 1, ok
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
		if f.kind == kindFixed {
			if !w.take(f.size) {
				return false
			}
			continue
		}
		if !w.field(f, s.flexible) {
			return false
		}
	}
	return !s.flexible || w.tags(s)
}

func (w *walker) field(f *field, flexible bool) bool {
	switch f.kind {
	case kindString:
		n, ok := w.length(flexible, 2)
		if n > 0 {
			w.cost += n + f.goBytes
			return ok && w.take(n)
		}
		return ok
	case kindBytes:
		n, ok := w.length(flexible, 4)
		return ok && w.take(max(n, 0))
	case kindArray:
		return w.array(f.elem, flexible)
	case kindStruct:
		return w.structure(f.of)
	case kindNullable:
		if len(w.src) == 0 {
			return false
		}
		present := int8(w.src[0]) != -1
		w.src = w.src[1:]
		if !present {
			return true
		}
		w.cost += f.goBytes
		return w.structure(f.of)
	default:
		return w.take(f.size)
	}
}

func (w *walker) array(elem *field, flexible bool) bool {
	n, ok := w.length(flexible, 4)
	if !ok || n <= 0 {
		return ok
	}
	// Every element takes at least elem.min bytes: claim no more memory than such elements could fill.
	if n > len(w.src)/max(elem.min(flexible), 1) {
		return false
	}
	w.cost += n * elem.goBytes
	if elem.kind == kindFixed {
		return w.take(n * elem.size)
	}
	for range n {
		if !w.field(elem, flexible) {
			return false
		}
	}
	return true
}

// tags skips a struct's tagged fields: {uvarint count, count times {uvarint tag, uvarint size, size bytes}}.
func (w *walker) tags(s *shape) bool {
	n, ok := w.uvarint()
	if !ok || n == 0 {
		return ok
	}
	if int(n) > len(w.src)/2 {
		return false
	}
	w.cost += unknownTagFirstBytes
	for range n {
		tag, ok1 := w.uvarint()
		size, ok2 := w.uvarint()
		if !ok1 || !ok2 || int(size) > len(w.src) {
			return false
		}
		content := w.src[:size]
		w.src = w.src[size:]
		if !w.tag(s, tag, content) {
			return false
		}
	}
	return true
}

// tag goes over the content of one tagged field; what follows the field in it is ignored, as kmsg does.
func (w *walker) tag(s *shape, tag uint32, content []byte) bool {
	f, known := s.tagged[tag]
	if !known {
		w.unknown = true
		w.cost += unknownTagBytes
		return true
	}
	w.unknown = w.unknown || f.aliases()
	rest := w.src
	w.src = content
	ok := w.field(&f, true)
	w.src = rest
	return ok
}
