package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/yakt/yakt/protocol"
)

// coder codes a record's fields in both directions, so that the layout of a record is in one place:
// with decoding set, fields are read from buf, otherwise they are appended to it. After the first
// error further calls do nothing. Appending never writes to a field, because records are shared
// with readers.
//
// All records are in Kafka's flexible format: compact lengths (uvarint n+1, 0 = null) and tagged
// fields at the end of every struct. A length is checked against the remaining bytes before memory
// is allocated for it.
type coder struct {
	buf      []byte
	decoding bool
	version  int16
	held     bool    // records that brokers refuse are written too
	shared   *shared // lists known already; may be nil
	err      error
}

var errShort = errors.New("the record ends too early")

func (c *coder) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// take returns the next n input bytes, or nil with the error set.
func (c *coder) take(n int) []byte {
	if c.err != nil {
		return nil
	}
	if n < 0 || n > len(c.buf) {
		c.fail(errShort)
		return nil
	}
	b := c.buf[:n:n]
	c.buf = c.buf[n:]
	return b
}

func (c *coder) int8(v *int8) {
	if !c.decoding {
		c.buf = append(c.buf, byte(*v))
	} else if b := c.take(1); b != nil {
		*v = int8(b[0])
	}
}

// bool is one byte; like Kafka, any byte but 0 reads as true.
func (c *coder) bool(v *bool) {
	var b int8
	if *v {
		b = 1
	}
	c.int8(&b)
	if c.decoding {
		*v = b != 0
	}
}

func (c *coder) int16(v *int16) {
	if !c.decoding {
		c.buf = binary.BigEndian.AppendUint16(c.buf, uint16(*v))
	} else if b := c.take(2); b != nil {
		*v = int16(binary.BigEndian.Uint16(b))
	}
}

func (c *coder) uint16(v *uint16) {
	s := int16(*v)
	c.int16(&s)
	if c.decoding {
		*v = uint16(s)
	}
}

func (c *coder) int32(v *int32) {
	if !c.decoding {
		c.buf = binary.BigEndian.AppendUint32(c.buf, uint32(*v))
	} else if b := c.take(4); b != nil {
		*v = int32(binary.BigEndian.Uint32(b))
	}
}

func (c *coder) int64(v *int64) {
	if !c.decoding {
		c.buf = binary.BigEndian.AppendUint64(c.buf, uint64(*v))
	} else if b := c.take(8); b != nil {
		*v = int64(binary.BigEndian.Uint64(b))
	}
}

func (c *coder) float64(v *float64) {
	bits := int64(math.Float64bits(*v))
	c.int64(&bits)
	if c.decoding {
		*v = math.Float64frombits(uint64(bits))
	}
}

func (c *coder) uuid(v *protocol.UUID) {
	if !c.decoding {
		c.buf = append(c.buf, v[:]...)
	} else if b := c.take(len(v)); b != nil {
		copy(v[:], b)
	}
}

// uvarint reads at most five bytes: every count, length, tag and frame number of the format fits 32
// bits.
func (c *coder) uvarint(v *uint32) {
	if !c.decoding {
		c.buf = binary.AppendUvarint(c.buf, uint64(*v))
		return
	}
	if c.err != nil {
		return
	}
	u, n := binary.Uvarint(c.buf[:min(len(c.buf), binary.MaxVarintLen32)])
	if n == 0 && len(c.buf) < binary.MaxVarintLen32 {
		c.fail(errShort)
		return
	}
	if n <= 0 || u > math.MaxUint32 {
		c.fail(errors.New("a variable-length number is longer than 32 bits"))
		return
	}
	*v = uint32(u)
	c.buf = c.buf[n:]
}

// length codes a compact length; -1 is null. An element takes at least minBytes of input.
func (c *coder) length(n int, minBytes int) int {
	u := uint32(n + 1)
	c.uvarint(&u)
	if c.err != nil || u == 0 {
		return -1
	}
	n = int(u) - 1
	if c.decoding && n > len(c.buf)/minBytes {
		c.fail(fmt.Errorf("a length of %d does not fit the %d bytes left", n, len(c.buf)))
		return -1
	}
	return n
}

var errNull = errors.New("null where the schema has no null")

// size is length for fields that cannot be null.
func (c *coder) size(n int, minBytes int) int {
	n = c.length(n, minBytes)
	if n < 0 {
		c.fail(errNull)
		return 0
	}
	return n
}

// string reads strings of any length, so that a log with strings that are too long can be healed,
// and writes only those that Kafka reads.
func (c *coder) string(v *string) {
	if !c.decoding {
		c.writeString(v)
	} else if b := c.take(c.size(0, 1)); b != nil {
		*v = string(b)
	}
}

func (c *coder) writeString(v *string) {
	if problem := stringProblem(*v); problem != "" && !c.held {
		c.fail(&fieldError{v, problem})
		return
	}
	c.length(len(*v), 1)
	c.buf = append(c.buf, *v...)
}

func (c *coder) nullableString(v **string) {
	if !c.decoding && *v == nil {
		c.length(-1, 1)
		return
	}
	if !c.decoding {
		c.string(*v)
		return
	}
	n := c.length(0, 1)
	if c.err != nil || n < 0 {
		*v = nil
		return
	}
	s := string(c.take(n))
	*v = &s
}

func (c *coder) bytes(v *[]byte) {
	n := c.size(len(*v), 1)
	if !c.decoding {
		c.buf = append(c.buf, *v...)
	} else if b := c.take(n); len(b) > 0 {
		*v = append([]byte(nil), b...)
	}
}

// nullableLength is length for a list that may be null (nil), which is not the same as an empty
// one.
func nullableLength[T any](c *coder, v *[]T, minBytes int) int {
	n := len(*v)
	if *v == nil {
		n = -1
	}
	n = c.length(n, minBytes)
	if c.decoding && c.err == nil && n == 0 {
		*v = []T{}
	}
	return n
}

// array codes a list that cannot be null; an empty one decodes as nil.
func array[T any](c *coder, v *[]T, minBytes int, elem func(*coder, *T)) {
	n := c.size(len(*v), minBytes)
	if c.err != nil || n <= 0 {
		return
	}
	if c.decoding {
		*v = make([]T, n)
	}
	for i := range *v {
		elem(c, &(*v)[i])
	}
}

func stringElem(c *coder, v *string) { c.string(v) }

func (c *coder) int32s(v *[]int32)         { c.int32Elems(v, c.size(len(*v), 4)) }
func (c *coder) nullableInt32s(v *[]int32) { c.int32Elems(v, nullableLength(c, v, 4)) }
func (c *coder) uuids(v *[]protocol.UUID)  { c.uuidElems(v, c.size(len(*v), len(protocol.UUID{}))) }
func (c *coder) nullableUUIDs(v *[]protocol.UUID) {
	c.uuidElems(v, nullableLength(c, v, len(protocol.UUID{})))
}

// int32Elems and uuidElems code all elements of a list at once, because every one
// of a million partitions has lists of these two types.
func (c *coder) int32Elems(v *[]int32, n int) {
	if c.err != nil || n <= 0 {
		return
	}
	if !c.decoding {
		for _, x := range *v {
			c.buf = binary.BigEndian.AppendUint32(c.buf, uint32(x))
		}
		return
	}
	*v = c.shared.int32List(c.take(4 * n))
}

func (c *coder) uuidElems(v *[]protocol.UUID, n int) {
	if c.err != nil || n <= 0 {
		return
	}
	if !c.decoding {
		for _, u := range *v {
			c.buf = append(c.buf, u[:]...)
		}
		return
	}
	*v = c.shared.uuidList(c.take(len(protocol.UUID{}) * n))
}

// tagged is one optional field at the end of a struct. It is written only if set, which means that
// it differs from its default.
type tagged struct {
	tag   uint32
	since int16
	set   bool
	code  func(*coder)
}

// tags codes the tagged fields of a struct, given in ascending order. Unknown tags are skipped when
// reading, because a newer writer of the same version may add one. A field that is set and that the
// version does not have is an error when writing.
func (c *coder) tags(fields ...tagged) {
	if c.decoding {
		c.readTags(fields)
		return
	}
	var n uint32
	for _, f := range fields {
		if f.set && f.since > c.version {
			c.fail(fmt.Errorf(
				"tagged field %d needs version %d, the record is written in version %d", f.tag,
				f.since, c.version,
			))
			return
		}
		if f.set {
			n++
		}
	}
	c.uvarint(&n)
	for _, f := range fields {
		if f.set {
			c.writeTag(f)
		}
	}
}

// writeTag appends the field after a gap of one byte for its size, and widens the gap if the size
// needs more.
func (c *coder) writeTag(f tagged) {
	c.uvarint(&f.tag)
	at := len(c.buf)
	c.buf = append(c.buf, 0)
	f.code(c)
	size := len(c.buf) - at - 1
	var prefix [binary.MaxVarintLen32]byte
	n := binary.PutUvarint(prefix[:], uint64(size))
	if n > 1 {
		c.buf = append(c.buf, prefix[:n-1]...)
		copy(c.buf[at+n:], c.buf[at+1:at+1+size])
	}
	copy(c.buf[at:], prefix[:n])
}

func (c *coder) readTags(fields []tagged) {
	var count, tag, size uint32
	last := -1
	for c.uvarint(&count); count > 0 && c.err == nil; count-- {
		c.uvarint(&tag)
		c.uvarint(&size)
		body := c.take(int(size))
		if c.err != nil {
			return
		}
		if int(tag) <= last {
			c.fail(fmt.Errorf("tagged field %d comes after %d", tag, last))
			return
		}
		last = int(tag)
		c.readTag(fields, tag, body)
	}
}

func (c *coder) readTag(fields []tagged, tag uint32, body []byte) {
	for _, f := range fields {
		if f.tag != tag || f.since > c.version {
			continue
		}
		rest := c.buf
		c.buf = body
		f.code(c)
		if c.err == nil && len(c.buf) != 0 {
			c.fail(fmt.Errorf("tagged field %d has %d bytes too many", tag, len(c.buf)))
		}
		c.buf = rest
		return
	}
}

// noTags codes the empty tag section of a struct without tagged fields.
func (c *coder) noTags() { c.tags() }

// since reports whether the record's version has a field; when writing, a field that is set but
// missing is an error.
func (c *coder) since(version int16, set bool) bool {
	if c.version >= version {
		return true
	}
	if set && !c.decoding {
		c.fail(
			fmt.Errorf("a field needs version %d, the record is written in version %d", version, c.version),
		)
	}
	return false
}
