package kafkaproto

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"time"
)

// readBufferBytes is the size of a connection's permanent buffer; frames that fit are read and
// decoded in place. A connection that carries the private stream gets the larger one.
const (
	readBufferBytes   = 4 << 10
	streamBufferBytes = 32 << 10
)

// frameError is the reason why no frame could be read.
type frameError struct {
	reason closeReason
	err    error
}

func (e *frameError) Error() string { return e.err.Error() }
func (e *frameError) Unwrap() error { return e.err }

// frameReader reads frames
//
//	length int32, then length bytes
//
// from a connection. Memory grows with what has arrived, whatever length says.
type frameReader struct {
	nc       net.Conn
	tls      *secured // nc, if it is TLS
	buf      []byte   // buf[r:w] was read ahead
	r, w     int
	maxBytes int
	account  *account // memory of frames; the caller releases it after each frame
	deadline readDeadline
}

// next returns the next frame without its length. A frame that is not owned is in the read buffer
// and valid until the next call.
func (f *frameReader) next(ctx context.Context) (frame []byte, owned bool, err error) {
	for f.w-f.r < 4 {
		if err := f.fill(); err != nil {
			return nil, false, err
		}
	}
	size := int(int32(binary.BigEndian.Uint32(f.buf[f.r:])))
	if size < 0 || size > f.maxBytes {
		return nil, false, f.badLength(size)
	}
	if 4+size > len(f.buf) {
		frame, err = f.large(ctx, size)
		return frame, true, err
	}
	for f.w-f.r < 4+size {
		if err := f.fill(); err != nil {
			return nil, false, err
		}
	}
	frame = f.buf[f.r+4 : f.r+4+size]
	f.r += 4 + size
	f.deadline.frameEnd()
	return frame, false, nil
}

func (f *frameReader) badLength(size int) error {
	if err := f.wrongProtocol(); err != nil {
		return &frameError{closedWrongProtocol, err}
	}
	return &frameError{closedFrameLength, fmt.Errorf("frame length %d is not within 0-%d: not a "+
		"Kafka client, or a request beyond socket.request.max.bytes", size, f.maxBytes)}
}

// fill reads more into the buffer, which holds less than a frame.
func (f *frameReader) fill() error {
	f.compact()
	n, err := f.read(f.buf[f.w:])
	f.w += n
	return err
}

// compact moves what was read ahead to the start of the buffer.
func (f *frameReader) compact() {
	if f.r > 0 {
		f.w = copy(f.buf, f.buf[f.r:f.w])
		f.r = 0
	}
}

// lookAhead reads into the buffer what TLS has received already: it returns one record at a time,
// and a client may put each request into one of its own.
func (f *frameReader) lookAhead() {
	f.compact()
	for f.w < len(f.buf) {
		n := f.tls.readAhead(f.buf[f.w:])
		if n == 0 {
			return
		}
		f.w += n
	}
}

func (f *frameReader) read(p []byte) (int, error) {
	if err := f.deadline.arm(f.nc, f.w > f.r); err != nil {
		return 0, f.failed(err)
	}
	n, err := f.nc.Read(p)
	if n == 0 && err != nil {
		return 0, f.failed(err)
	}
	return n, nil // the next read returns the error again
}

func (f *frameReader) failed(err error) error {
	return &frameError{f.deadline.reason(err, f.w > f.r), err}
}

// large reads a frame that does not fit the read buffer, into memory of its own that grows as it
// fills.
func (f *frameReader) large(ctx context.Context, size int) (frame []byte, err error) {
	if err := f.deadline.arm(f.nc, true); err != nil {
		return nil, f.failed(err)
	}
	for f.w-f.r < len(f.buf) {
		if err := f.fill(); err != nil {
			return nil, err
		}
	}
	f.account.moving.begin(time.Now())
	defer f.account.moving.end()
	if frame, err = f.collect(ctx, f.buf[4:f.w], size); err != nil {
		f.recycle(frame)
		return nil, err
	}
	f.r, f.w = 0, 0
	f.deadline.frameEnd()
	return frame[:size:size], nil
}

// collect reads the rest of a frame. It returns the frame's memory also after an error.
func (f *frameReader) collect(ctx context.Context, frame []byte, size int) ([]byte, error) {
	for have := len(frame); have < size; {
		var err error
		if frame, err = f.grow(ctx, frame, size); err != nil {
			return frame, err
		}
		for most := min(size, len(frame)); have < most; {
			n, err := f.read(frame[have:most])
			if err != nil {
				return frame, err
			}
			have += n
			f.account.moving.bytes.Add(int64(n))
		}
	}
	return frame, nil
}

// Memory for a frame grows in few steps, since each step may have to wait.
const (
	firstRoomBytes = 64 << 10
	growFactor     = 4
)

// grow moves a full frame into memory several times as large, up to size, and charges the account
// for it. After an error it returns frame unchanged.
func (f *frameReader) grow(ctx context.Context, frame []byte, size int) ([]byte, error) {
	room := chunkSize(min(size, max(growFactor*len(frame), firstRoomBytes)))
	if room > uncountedBytes {
		f.account.moving.end() // the wait for memory is not the client's fault
		if err := f.account.acquire(ctx, int64(room)-f.account.own, f.deadline.frame); err != nil {
			return frame, &frameError{closedMemory, err}
		}
		f.account.moving.begin(time.Now())
	}
	bigger := f.account.budget.chunks.take(room)
	copy(bigger, frame)
	f.recycle(frame)
	return bigger, nil
}

// recycle returns the memory of a frame that is no longer needed, unless it is the read buffer.
func (f *frameReader) recycle(frame []byte) {
	if &frame[0] != &f.buf[4] {
		f.account.budget.chunks.put(frame)
	}
}

// pipelined reports whether bytes of a further frame have arrived, and whether all of it has. The
// last frame is not valid any more.
func (f *frameReader) pipelined() (begun, whole bool) {
	if f.tls != nil {
		f.lookAhead()
	}
	left := f.buf[f.r:f.w]
	if len(left) == 0 {
		return false, false
	}
	return true, len(left) >= 4 && uint64(len(left)-4) >= uint64(binary.BigEndian.Uint32(left))
}

// widen enlarges the read buffer. Frames returned earlier stay valid.
func (f *frameReader) widen(size int) {
	if size > len(f.buf) {
		bigger := make([]byte, size)
		f.w = copy(bigger, f.buf[f.r:f.w])
		f.buf, f.r = bigger, 0
	}
}

// readDeadline maintains a connection's read deadline: the idle timeout until a frame begins, then
// one deadline for the whole frame. The idle deadline is renewed only when an eighth of it has
// passed, since setting it costs as much as a small read.
type readDeadline struct {
	idleTimeout, frameTimeout time.Duration
	stopped                   func() bool // reports whether the server is draining

	idleSet time.Time // when the idle deadline was set; zero: it is not set
	frame   time.Time // deadline of the frame that has begun; zero: none has
	most    time.Time // no deadline is later; zero: any may be
}

// bound sets the time that no deadline may exceed; zero: there is none.
func (d *readDeadline) bound(most time.Time) {
	d.most = most
	d.idleSet, d.frame = time.Time{}, time.Time{}
}

// arm sets the deadline for the next read; begun reports that some bytes of a frame have arrived.
func (d *readDeadline) arm(nc net.Conn, begun bool) error {
	var until time.Time
	switch {
	case begun && !d.frame.IsZero():
		return nil
	case begun:
		d.frame = time.Now().Add(d.frameTimeout)
		d.idleSet = time.Time{}
		until = d.frame
	default:
		now := time.Now()
		if !d.idleSet.IsZero() && now.Sub(d.idleSet) < d.idleTimeout/8 {
			return nil
		}
		d.idleSet = now
		until = now.Add(d.idleTimeout)
	}
	if !d.most.IsZero() && d.most.Before(until) {
		until = d.most
	}
	if err := nc.SetReadDeadline(until); err != nil {
		return err
	}
	// Shutdown first sets stopped and then a deadline in the past, which the call above may have
	// replaced.
	if d.stopped() {
		return errShutdown
	}
	return nil
}

func (d *readDeadline) frameEnd() { d.frame = time.Time{} }

// reason classifies the error of a read.
func (d *readDeadline) reason(err error, begun bool) closeReason {
	switch {
	case d.stopped():
		return closedShutdown
	case isTimeout(err) && begun:
		return closedFrameTimeout
	case isTimeout(err):
		return closedIdle
	default:
		return peerOrNetwork(err)
	}
}
