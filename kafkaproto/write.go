package kafkaproto

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/turns"
)

func (c *conn) write(correlationID int32, resp kmsg.Response) error {
	switch r := resp.(type) {
	case FromFile:
		return c.writeFromFile(correlationID, r)
	case Nested:
		return c.writeNested(correlationID, r)
	case InParts:
		return c.writeInParts(correlationID, r)
	}
	if done, err := c.writeLarge(correlationID, resp); done {
		return err
	}
	out := newBuffer()
	defer out.free()
	out.b = AppendResponse(append(out.b, 0, 0, 0, 0), correlationID, resp)
	return c.writeFrame(out.b)
}

// writeFrame sets the length in the first four bytes of a frame and writes the frame.
func (c *conn) writeFrame(frame []byte) error {
	if len(frame)-4 > math.MaxInt32 {
		return &frameError{closedFault,
			fmt.Errorf("a reply of %d bytes does not fit a frame", len(frame))}
	}
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	if extra := int64(len(frame)) - c.answerBytes; extra > uncountedBytes {
		c.in.account.force(extra)
	}
	return c.send(func() (int64, error) { return c.writePieces(frame) })
}

const (
	// writePieceBytes is the most that one call writes.
	writePieceBytes = 256 << 10
	// turnWriteBytes is the size from which a write takes a turn, since the kernel copies the
	// bytes.
	turnWriteBytes = 32 << 10
)

// writePieces writes b, in several calls if it is large, so that the budget sees how fast the
// client reads and others get their turn.
func (c *conn) writePieces(b []byte) (written int64, err error) {
	for len(b) > 0 {
		n, err := c.writePiece(b[:min(len(b), writePieceBytes)])
		written += int64(n)
		c.in.account.moving.bytes.Add(int64(n))
		if err != nil {
			return written, err
		}
		b = b[n:]
	}
	return written, nil
}

// writePiece writes, within the connection's turn, as much as the kernel accepts at once. It writes
// the rest outside it, because that waits for the client.
func (c *conn) writePiece(b []byte) (int, error) {
	if len(b) < turnWriteBytes {
		c.turn.Block()
		defer c.turn.Unblock()
		return c.nc.Write(b)
	}
	c.turn.Yield(turns.LargeSlice, c.ctx.Done())
	if c.tls != nil { // encrypting takes the processor, and cannot stop half-way
		c.turn.Block()
		defer c.turn.Unblock()
		return c.nc.Write(b)
	}
	n, err := writeNow(c.nc, b)
	if err != nil || n == len(b) {
		return n, err
	}
	c.turn.Drop()
	rest, err := c.nc.Write(b[n:])
	return n + rest, err
}

// send runs write, which writes a frame, under the write deadline, and counts the bytes that it
// returns.
func (c *conn) send(write func() (int64, error)) error {
	// As with reads, the deadline is renewed only when an eighth of it has passed.
	if now := time.Now(); now.Sub(c.writeSet) >= c.server.cfg.WriteTimeout/8 {
		c.writeSet = now
		if err := c.nc.SetWriteDeadline(now.Add(c.server.cfg.WriteTimeout)); err != nil {
			return &frameError{peerOrNetwork(err), err}
		}
	}
	if c.in.account.own > 0 {
		c.in.account.moving.begin(time.Now().Add(readGrace))
		defer c.in.account.moving.end()
	}
	n, err := write()
	c.server.count.bytesOut.Add(n)
	if _, known := errors.AsType[*frameError](err); err == nil || known {
		return err
	}
	switch {
	case isTimeout(err):
		return &frameError{closedWriteTimeout, err}
	case c.server.draining.Load():
		return &frameError{closedShutdown, err}
	default:
		return &frameError{peerOrNetwork(err), err}
	}
}

// buffer is memory for encoding a reply, shared by all connections, so that idle ones hold none.
type buffer struct{ b []byte }

// Buffers that grew beyond this are left to the garbage collector.
const maxPooledBytes = 256 << 10

var buffers = sync.Pool{New: func() any { return &buffer{b: make([]byte, 0, 1<<10)} }}

func newBuffer() *buffer { return buffers.Get().(*buffer) }

func (b *buffer) free() {
	if cap(b.b) <= maxPooledBytes {
		b.b = b.b[:0]
		buffers.Put(b)
	}
}
