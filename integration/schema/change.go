package schema

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Change is one modification of a value, which a server should mostly refuse.
type Change struct {
	Name  string
	Apply func(*Value)
}

// Longest is the longest string of Kafka's protocol, in bytes.
const Longest = math.MaxInt16

// Changes returns the modifications that a value's type allows: lengths and counts at every bound,
// null, numbers at the ends of their range, and tagged fields that are unknown, duplicate, out of
// order or of another size than declared.
func Changes(v *Value) []Change {
	switch {
	case v.Type == "":
		return nil
	case v.Type == "string":
		return append(stringChanges, lengthChanges...)
	case v.Type == "bytes":
		return append(bytesChanges, lengthChanges...)
	case v.IsArray():
		return append(arrayChanges, lengthChanges...)
	case fixed(v.Type) > 0:
		return fixedChanges
	case v.Optional:
		return append(tagChanges, optionalChanges...)
	default:
		return tagChanges
	}
}

func text(name string, content string) Change {
	return Change{name, func(v *Value) { v.Null, v.Content = false, []byte(content) }}
}

func length(name string, change func(n int64) int64) Change {
	return Change{name, func(v *Value) {
		n := change(int64(max(len(v.Content), len(v.Items))))
		v.Length = &n
	}}
}

func number(name string, first, rest byte) Change {
	return Change{name, func(v *Value) {
		for i := range v.Content {
			v.Content[i] = rest
		}
		v.Content[0] = first
	}}
}

// count resizes an array to n elements, copies of those it has.
func count(n int) Change {
	return Change{"count " + strconv.Itoa(n), func(v *Value) {
		has := v.Items
		if len(has) == 0 && n > 0 {
			return
		}
		v.Null, v.Items = false, make([]*Value, n)
		for i := range n {
			v.Items[i] = has[i%len(has)]
		}
	}}
}

// distinct resizes an array to n elements that differ, where their strings or numbers can.
func distinct(n int) Change {
	return Change{"distinct " + strconv.Itoa(n), func(v *Value) {
		has := v.Items
		if len(has) == 0 {
			return
		}
		v.Items = make([]*Value, n)
		for i := range n {
			v.Items[i] = has[i%len(has)].Clone()
			v.Items[i].number(i)
		}
	}}
}

// number sets the strings and numbers of a value for its i-th copy; inner arrays stay unchanged.
func (v *Value) number(i int) {
	switch {
	case v.IsArray():
	case v.Type == "string":
		v.Content = append(bytes.Clone(v.Content), strconv.Itoa(i)...)
	case v.Type == "int32" || v.Type == "uuid":
		n := len(v.Content)
		v.Content[n-1] += byte(i)
		v.Content[n-2] += byte(i >> 8)
	}
	for _, item := range v.Items {
		if !v.IsArray() {
			item.number(i)
		}
	}
}

var (
	stringChanges = []Change{
		text("length 0", ""),
		text("length 255", strings.Repeat("a", 255)),
		text("length 32767", strings.Repeat("b", Longest)),
		text("length 32768", strings.Repeat("c", Longest+1)),
		text("length 100000", strings.Repeat("d", 100_000)),
		text("UTF-16 units", strings.Repeat("€", 20_000)),
		text("not UTF-8", "x\xff\xfey"),
		text("surrogate", "\xed\xa0\x80"),
		text("NUL", "a\x00b"),
	}
	bytesChanges = []Change{
		text("length 0", ""), text("length 100000", strings.Repeat("\x00", 100_000)),
	}
	arrayChanges = []Change{
		count(0), count(1), count(2), count(255), count(10_001), distinct(255), distinct(1000),
	}
	fixedChanges = []Change{
		number("zero", 0, 0), number("one", 0, 1), number("ones", 0xff, 0xff),
		number("greatest", 0x7f, 0xff), number("least", 0x80, 0),
	}
	lengthChanges = []Change{
		{"null", func(v *Value) { v.Null = true }},
		length("length -2", func(int64) int64 { return -2 }),
		length("one less", func(n int64) int64 { return n - 1 }),
		length("one more", func(n int64) int64 { return n + 1 }),
		length("2^16-1", func(int64) int64 { return math.MaxUint16 }),
		length("2^31-1", func(int64) int64 { return math.MaxInt32 }),
		length("2^31-2", func(int64) int64 { return math.MaxInt32 - 1 }),
	}
	optionalChanges = []Change{
		{"null", func(v *Value) { v.Null = true }},
		marker(0), marker(2), marker(0x7f), marker(0x80), marker(0xfe),
	}
	tagChanges = []Change{
		{"unknown tag", func(v *Value) { v.Tags = append(v.Tags, unknown(77, 3)) }},
		{"unknown tags out of order", func(v *Value) {
			v.Tags = append(v.Tags, unknown(78, 0), unknown(77, 1))
		}},
		{"unknown tag twice", func(v *Value) {
			v.Tags = append(v.Tags, unknown(77, 1), unknown(77, 2))
		}},
		{"highest tag", func(v *Value) { v.Tags = append(v.Tags, unknown(math.MaxUint32, 1)) }},
		{"1000 unknown tags", func(v *Value) {
			for i := range 1000 {
				v.Tags = append(v.Tags, unknown(Tag(100+i), 1))
			}
		}},
		{"tags the other way round", func(v *Value) {
			for i := range len(v.Tags) / 2 {
				v.Tags[i], v.Tags[len(v.Tags)-1-i] = v.Tags[len(v.Tags)-1-i], v.Tags[i]
			}
		}},
		{"a tag twice", func(v *Value) { v.Tags = append(v.Tags, v.Tags...) }},
		{"no tags", func(v *Value) { v.Tags = nil }},
		sized("size one more", 1), sized("size one less", -1),
	}
)

func marker(b byte) Change {
	return Change{"marker " + strconv.Itoa(int(b)), func(v *Value) { v.Marker = &b }}
}

func unknown(tag Tag, size int) Tagged {
	return Tagged{Tag: tag, Of: &Value{Name: "unknown", Content: make([]byte, size)}}
}

func sized(name string, by int64) Change {
	return Change{name, func(v *Value) {
		for i := range v.Tags {
			size := int64(len(v.Tags[i].Of.append(nil, true))) + by
			v.Tags[i].Size = &size
		}
	}}
}

// Random makes a body of random values: arrays of up to 3 elements, short strings, null where
// allowed.
func (m *Message) Random(r *rand.Rand, version int16) *Value {
	g := generator{r, version, m.Flexible.Contain(version)}
	v := g.structure(m.Fields)
	v.Name, v.Type = m.Name, m.Name
	return v
}

type generator struct {
	r        *rand.Rand
	version  int16
	flexible bool
}

func (g *generator) structure(fields []*Field) *Value {
	v := &Value{}
	for _, f := range fields {
		switch {
		case g.flexible && f.Tagged.Contain(g.version):
			if g.r.IntN(2) == 0 {
				v.Tags = append(v.Tags, Tagged{Tag: f.Tag, Of: g.field(f)})
			}
		case f.Versions.Contain(g.version):
			v.Items = append(v.Items, g.field(f))
		}
	}
	return v
}

func (g *generator) field(f *Field) *Value {
	v := g.value(f, f.Type, f.Nullable.Contain(g.version))
	v.Name = f.Name
	return v
}

func (g *generator) value(f *Field, kind string, nullable bool) *Value {
	v := &Value{}
	elem, isArray := strings.CutPrefix(kind, "[]")
	null := nullable && g.r.IntN(4) == 0
	switch {
	case fixed(kind) > 0:
		v.Content = g.bytes(fixed(kind))
		if kind == "bool" {
			v.Content[0] &= 1
		}
	case isArray:
		for range g.r.IntN(4) {
			item := g.value(f, elem, false)
			item.Name = f.Name
			v.Items = append(v.Items, item)
		}
	case kind == "string":
		v.Content = []byte(strings.Repeat("é", g.r.IntN(80)))
	case kind == "bytes" || kind == "records":
		v.Content = g.bytes(g.r.IntN(200))
	default:
		v = g.structure(f.Fields)
		v.Optional = nullable
	}
	v.Type, v.Nullable, v.Null = kind, nullable, null
	return v
}

func (g *generator) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.r.Uint32())
	}
	return b
}
