package kafkaproto

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func (c *conn) write(correlationID int32, resp kmsg.Response) error {
	switch r := resp.(type) {
	case FromFile:
		return c.writeFromFile(correlationID, r)
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

// writeFrame writes a frame, whose first four bytes are left for its length, in one call.
func (c *conn) writeFrame(frame []byte) error {
	if len(frame)-4 > math.MaxInt32 {
		return &frameError{closedFault, fmt.Errorf("a reply of %d bytes does not fit a frame", len(frame))}
	}
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	return c.send(func() (int64, error) {
		n, err := c.nc.Write(frame)
		return int64(n), err
	})
}

// send lets write write a frame, and tells how many bytes it wrote.
func (c *conn) send(write func() (int64, error)) error {
	// As with reads, the deadline is only set again when an eighth of it is gone.
	if now := time.Now(); now.Sub(c.writeSet) >= c.server.cfg.WriteTimeout/8 {
		c.writeSet = now
		if err := c.nc.SetWriteDeadline(now.Add(c.server.cfg.WriteTimeout)); err != nil {
			return &frameError{peerOrNetwork(err), err}
		}
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

// buffer is memory to encode a reply in, shared by all connections, so that idle ones hold none.
type buffer struct{ b []byte }

// Buffers that grew beyond this are left to the garbage collector.
const maxPooledBytes = 2 << 20

var buffers = sync.Pool{New: func() any { return &buffer{b: make([]byte, 0, 1<<10)} }}

func newBuffer() *buffer { return buffers.Get().(*buffer) }

func (b *buffer) free() {
	if cap(b.b) <= maxPooledBytes {
		b.b = b.b[:0]
		buffers.Put(b)
	}
}
