package schema

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Value is one value of a request: a field, an element of an array, or the whole body. Its contents
// depend on its type; writing does not check them.
type Value struct {
	Name     string // the field's; an element has its array's
	Type     string // Kafka's type; "" for an unknown tagged field
	Nullable bool   // in the version that it was decoded or made for
	Optional bool   // a nullable struct, preceded by a marker byte
	Null     bool
	Content  []byte   // bytes of a fixed type, string, bytes or unknown tagged field
	Items    []*Value // elements of an array, or fields of a struct in wire order
	Tags     []Tagged // tagged fields of a flexible struct, in wire order
	Length   *int64   // replaces the true length when written (null is -1)
	Marker   *byte    // replaces the marker byte of an optional struct when written
}

// Tagged is one tagged field. Its true size is written unless Size replaces it.
type Tagged struct {
	Tag  Tag
	Of   *Value
	Size *int64
}

var errShort = errors.New("the body ends early")

// Decode decodes a well-formed body.
func (m *Message) Decode(version int16, body []byte) (*Value, error) {
	d := decoder{src: body, version: version, flexible: m.Flexible.Contain(version)}
	v := d.structure(m.Fields)
	v.Name, v.Type = m.Name, m.Name
	if d.err == nil && len(d.src) > 0 {
		d.err = fmt.Errorf("%d bytes are left", len(d.src))
	}
	if d.err != nil {
		return nil, fmt.Errorf("%s version %d: %w: %x", m.Name, version, d.err, body)
	}
	return v, nil
}

type decoder struct {
	src      []byte
	version  int16
	flexible bool
	err      error
}

func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.src) {
		d.err = errors.Join(d.err, errShort)
		d.src = nil
		return make([]byte, max(0, min(n, 16)))
	}
	b := d.src[:n:n]
	d.src = d.src[n:]
	return b
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.src)
	if n <= 0 {
		d.err = errors.Join(d.err, errShort)
		d.src = nil
		return 0
	}
	d.src = d.src[n:]
	return v
}

func (d *decoder) length(kind string) int {
	switch {
	case d.flexible:
		return int(d.uvarint()) - 1
	case kind == "string":
		return int(int16(binary.BigEndian.Uint16(d.take(2))))
	default:
		return int(int32(binary.BigEndian.Uint32(d.take(4))))
	}
}

func (d *decoder) structure(fields []*Field) *Value {
	v := &Value{}
	for _, f := range fields {
		if f.Versions.Contain(d.version) && !f.Tagged.Contain(d.version) {
			v.Items = append(v.Items, d.field(f))
		}
	}
	if d.flexible {
		for range d.uvarint() {
			v.Tags = append(v.Tags, d.tag(fields))
		}
	}
	return v
}

func (d *decoder) tag(fields []*Field) Tagged {
	number := Tag(d.uvarint())
	content := d.take(int(d.uvarint()))
	for _, f := range fields {
		if f.Tagged.Contain(d.version) && f.Tag == number {
			inner := decoder{src: content, version: d.version, flexible: true}
			v := inner.field(f)
			d.err = errors.Join(d.err, inner.err)
			return Tagged{Tag: number, Of: v}
		}
	}
	return Tagged{Tag: number, Of: &Value{Name: "unknown", Content: content}}
}

func (d *decoder) field(f *Field) *Value {
	v := d.value(f, f.Type, f.Nullable.Contain(d.version))
	v.Name = f.Name
	return v
}

func (d *decoder) value(f *Field, kind string, nullable bool) *Value {
	elem, isArray := strings.CutPrefix(kind, "[]")
	size := fixed(kind)
	v := &Value{}
	switch {
	case size > 0:
		v.Content = d.take(size)
	case isArray:
		n := d.length(kind)
		v.Null = n < 0
		for range min(n, len(d.src)) {
			item := d.value(f, elem, false)
			item.Name = f.Name
			v.Items = append(v.Items, item)
		}
	case kind == "string" || kind == "bytes" || kind == "records":
		n := d.length(kind)
		if v.Null = n < 0; !v.Null {
			v.Content = d.take(n)
		}
	case nullable && int8(d.take(1)[0]) < 0:
		v.Optional, v.Null = true, true
	default:
		v = d.structure(f.Fields)
		v.Optional = nullable
	}
	v.Type, v.Nullable = kind, nullable
	return v
}

// Append encodes a value as the body of a version of m, or as a part of one.
func (m *Message) Append(dst []byte, version int16, v *Value) []byte {
	return v.append(dst, m.Flexible.Contain(version))
}

func (v *Value) append(dst []byte, flexible bool) []byte {
	switch {
	case v.Type == "" || fixed(v.Type) > 0:
		return append(dst, v.Content...)
	case v.Type == "string" || v.Type == "bytes" || v.Type == "records":
		dst = v.appendLength(dst, len(v.Content), flexible)
		if v.Null {
			return dst
		}
		return append(dst, v.Content...)
	case v.IsArray():
		dst = v.appendLength(dst, len(v.Items), flexible)
		for _, item := range v.Items {
			dst = item.append(dst, flexible)
		}
		return dst
	case v.Optional && v.Marker != nil:
		dst = append(dst, *v.Marker)
	case v.Optional && v.Null:
		return append(dst, 0xff)
	case v.Optional:
		dst = append(dst, 1)
	}
	for _, item := range v.Items {
		dst = item.append(dst, flexible)
	}
	if flexible {
		dst = binary.AppendUvarint(dst, uint64(len(v.Tags)))
		for _, t := range v.Tags {
			dst = t.append(dst)
		}
	}
	return dst
}

func (t *Tagged) append(dst []byte) []byte {
	content := t.Of.append(nil, true)
	size := uint64(len(content))
	if t.Size != nil {
		size = uint64(*t.Size)
	}
	dst = binary.AppendUvarint(dst, uint64(t.Tag))
	dst = binary.AppendUvarint(dst, size)
	return append(dst, content...)
}

func (v *Value) appendLength(dst []byte, n int, flexible bool) []byte {
	length := int64(n)
	if v.Null {
		length = -1
	}
	if v.Length != nil {
		length = *v.Length
	}
	switch {
	case flexible:
		return binary.AppendUvarint(dst, uint64(uint32(length+1)))
	case v.Type == "string":
		return binary.BigEndian.AppendUint16(dst, uint16(length))
	default:
		return binary.BigEndian.AppendUint32(dst, uint32(length))
	}
}

// IsArray reports whether the value is an array.
func (v *Value) IsArray() bool { return strings.HasPrefix(v.Type, "[]") }

// HasLength reports whether a length precedes the value: strings, bytes and arrays have one.
func (v *Value) HasLength() bool { return v.IsArray() || v.Type == "string" || v.Type == "bytes" }

// IsStruct reports whether the value is a struct or the whole body.
func (v *Value) IsStruct() bool { return v.Type != "" && fixed(v.Type) == 0 && !v.HasLength() }

// Walk calls visit for v and all values inside it, with the path of names to each.
func (v *Value) Walk(visit func(path string, v *Value)) { v.walk("", visit) }

func (v *Value) walk(path string, visit func(string, *Value)) {
	path += "." + v.Name
	visit(path, v)
	for _, item := range v.Items {
		item.walk(strings.TrimSuffix(path, "."+item.Name), visit)
	}
	for _, t := range v.Tags {
		t.Of.walk(path, visit)
	}
}

// Clone returns a deep copy.
func (v *Value) Clone() *Value {
	c := *v
	c.Content = append([]byte(nil), v.Content...)
	c.Items = make([]*Value, len(v.Items))
	for i, item := range v.Items {
		c.Items[i] = item.Clone()
	}
	c.Tags = make([]Tagged, len(v.Tags))
	for i, t := range v.Tags {
		c.Tags[i] = Tagged{t.Tag, t.Of.Clone(), t.Size}
	}
	return &c
}
