package kafkaproto

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/turns"
)

// InParts is a response with one array that is not in memory: its elements are made as they are
// written, so that a client that does not read holds one piece and not the whole.
type InParts interface {
	kmsg.Response // all other fields; that array is empty and not null

	// Parts begins to make the elements; count is their number. Each call of next replaces the
	// array's contents by the next 1 to 255 elements; after the last it empties the array and
	// returns false. Parts may be called more than once (to measure, then to write) and yields the
	// same elements each time. One goroutine makes all calls.
	Parts() (count int, next func() bool)
}

// pieceBytes is the approximate size of the pieces in which a response in parts is encoded and
// written.
const pieceBytes = 64 << 10

// inPartsBytes is the memory for writing a response of more than one piece: a piece that waits to
// be written, and a part that is being encoded.
const inPartsBytes = 2 * pieceBytes

// While a response is measured, up to keptBytes of its elements are kept, so that a small response
// is encoded only once.
const keptBytes = pieceBytes

// writeInParts writes a response in parts. It encodes the response once to measure it, because a
// frame begins with its size, and a second time to write it, unless it is small. Other connections
// get their turn between the pieces.
func (c *conn) writeInParts(correlationID int32, resp InParts) error {
	p := newPartEncoder(resp, correlationID, c.pause)
	defer p.free()
	size, err := p.measure()
	if err != nil {
		return err
	}
	return c.writeMeasured(size, func(out *pieceWriter) error { return p.write(out, size) })
}

// writeMeasured sends the output of write. size is the number of its bytes that are in parts.
func (c *conn) writeMeasured(size int64, write func(*pieceWriter) error) error {
	piece := newBuffer()
	defer piece.free()
	if size > pieceBytes {
		if err := c.charge(inPartsBytes); err != nil {
			return err
		}
	}
	return c.send(func() (int64, error) {
		out := &pieceWriter{conn: c, buf: piece}
		if err := write(out); err != nil {
			return out.written, err
		}
		err := out.flush()
		return out.written, err
	})
}

// pause gives others their turn, and fails if the client is gone, so that the rest need not be
// made.
func (c *conn) pause() error {
	c.turn.Yield(turns.LargeSlice, c.ctx.Done())
	if cause := context.Cause(c.ctx); cause != nil {
		return &frameError{closedNetworkError, cause}
	}
	// A client that has only closed its sending side looks gone as long as nothing is written to
	// it.
	if gone, closedSide := hungUp(c.raw); gone || closedSide {
		return &frameError{closedByPeer, errHungUp}
	}
	return nil
}

// partEncoder cuts the elements out of encoded responses, since kmsg encodes whole responses only:
// the first difference between the response with an empty array and the response with a part in it
// is the array's count.
type partEncoder struct {
	resp          InParts
	correlationID int32
	pause         func() error // called between pieces
	buf           *buffer
	kept          *buffer // the elements so far; all of them, if whole
	whole         bool

	count int
	// The encodings before and after the elements, without the frame's length; set by the first
	// part.
	head, tail []byte
}

func newPartEncoder(resp InParts, correlationID int32, pause func() error) *partEncoder {
	return &partEncoder{
		resp: resp, correlationID: correlationID, pause: pause, buf: newBuffer(), kept: newBuffer(),
	}
}

func (p *partEncoder) free() {
	p.buf.free()
	p.kept.free()
}

// measure returns the frame's size without its length.
func (p *partEncoder) measure() (int64, error) {
	elements := int64(0)
	err := p.each(func(part []byte) error {
		if elements += int64(len(part)); elements <= keptBytes {
			p.kept.b = append(p.kept.b, part...)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	p.whole = elements <= keptBytes
	size := int64(len(p.head)) + elements + int64(len(p.tail))
	if size > math.MaxInt32 {
		return 0, &frameError{closedFault,
			fmt.Errorf("a reply of %d bytes does not fit a frame", size)}
	}
	return size, nil
}

// write writes the frame after measure.
func (p *partEncoder) write(out *pieceWriter, size int64) error {
	begin := binary.BigEndian.AppendUint32(nil, uint32(size))
	if err := out.add(begin); err != nil {
		return err
	}
	return p.writeBody(out, size)
}

// writeBody is write without the frame's length.
func (p *partEncoder) writeBody(out *pieceWriter, size int64) error {
	if err := out.add(p.head); err != nil {
		return err
	}
	if p.whole {
		if err := out.add(p.kept.b); err != nil {
			return err
		}
		return out.add(p.tail)
	}
	left := size - int64(len(p.head)) - int64(len(p.tail))
	err := p.each(func(part []byte) error {
		if left -= int64(len(part)); left < 0 {
			return p.differs()
		}
		return out.add(part)
	})
	if err == nil && left != 0 {
		err = p.differs()
	}
	if err != nil {
		return err
	}
	return out.add(p.tail)
}

// differs is the fault that the second pass made another size: the frame cannot be completed.
func (p *partEncoder) differs() error {
	return &frameError{closedFault, fmt.Errorf(
		"a reply in parts to key %d is not the same when it is made again", p.resp.Key())}
}

// each calls f with the encoded elements of each part, in order.
func (p *partEncoder) each(f func(elements []byte) error) error {
	count, next := p.resp.Parts()
	p.count = count
	empty := AppendResponse(nil, p.correlationID, p.resp)
	p.head, p.tail = empty, nil
	at, made, encoded := -1, 0, 0
	for next() {
		p.buf.b = AppendResponse(p.buf.b[:0], p.correlationID, p.resp)
		if at < 0 {
			at = p.cut(empty)
		}
		elements, n := p.elements(at)
		made += n
		if encoded += len(elements); encoded > pieceBytes {
			encoded = 0
			if err := p.pause(); err != nil {
				return err
			}
		}
		if err := f(elements); err != nil {
			return err
		}
	}
	if made != count {
		return &frameError{closedFault, fmt.Errorf(
			"a reply in parts to key %d has %d elements, not the %d announced",
			p.resp.Key(), made, count)}
	}
	return nil
}

// cut finds the position of the array's count, and sets head and tail.
func (p *partEncoder) cut(empty []byte) (at int) {
	for empty[at] == p.buf.b[at] {
		at++
	}
	p.tail = empty[at+1:]
	if p.resp.IsFlexible() {
		p.head = binary.AppendUvarint(empty[:at:at], uint64(p.count)+1)
	} else {
		p.head = binary.BigEndian.AppendUint32(empty[:at-3:at-3], uint32(p.count))
	}
	return at
}

// elements returns the encoded elements of the part in buf, and their number. at is the position of
// the last byte of a four-byte count, or of the first byte of a varint.
func (p *partEncoder) elements(at int) (elements []byte, n int) {
	counted := 1
	n = int(p.buf.b[at])
	if p.resp.IsFlexible() {
		var v uint64
		v, counted = binary.Uvarint(p.buf.b[at:])
		n = int(v) - 1
	}
	return p.buf.b[at+counted : len(p.buf.b)-len(p.tail)], n
}

// pieceWriter collects bytes and writes them to a connection in pieces.
type pieceWriter struct {
	conn    *conn
	buf     *buffer
	written int64
}

func (w *pieceWriter) add(b []byte) error {
	if len(b) >= pieceBytes {
		if err := w.flush(); err != nil {
			return err
		}
		return w.write(b)
	}
	w.buf.b = append(w.buf.b, b...)
	if len(w.buf.b) < pieceBytes {
		return nil
	}
	return w.flush()
}

func (w *pieceWriter) flush() error {
	err := w.write(w.buf.b)
	w.buf.b = w.buf.b[:0]
	return err
}

func (w *pieceWriter) write(b []byte) error {
	n, err := w.conn.writePieces(b)
	w.written += n
	return err
}
