package kafkaproto

import (
	"container/list"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/security"
	"github.com/yakt/yakt/turns"
)

var errShutdown = errors.New("the server is shutting down")

// conn is one accepted connection. Its one goroutine (serve) does everything: read a frame, call
// Handle, wait for the reply, write it. Other goroutines only call pending.reply and close.
type conn struct {
	server *Server
	nc     net.Conn // raw, or TLS on it
	raw    net.Conn // the socket
	tls    *secured // nil without TLS
	caller Caller
	remote string // "ip:port"
	ctx    context.Context
	cancel context.CancelCauseFunc

	in       frameReader
	replies  chan kmsg.Response // capacity 1: at most one reply is outstanding
	writeSet time.Time          // when the write deadline was set
	stream   Stream             // Frame is nil before the first frame of the private stream

	guest   bool        // accepted beyond the limits, for the private stream only
	refused closeReason // set for a guest: the limit that it exceeds
	isPeer  atomic.Bool // the stream is confirmed
	release func()      // from Config.Admit; may be nil

	principal   func(tls.ConnectionState) (security.Identity, error)
	handshaking *list.Element // guarded by Server.handshakes
	known       bool          // the same: counted as a client that has authenticated

	turn        *turn
	patience    patience
	sasl        *saslState    // nil on a listener without SASL
	stranger    atomic.Bool   // not authenticated yet, on a listener with SASL
	asked       atomic.Uint64 // odd while a reply is outstanding
	accepted    time.Time
	still       still // the server's lock guards it
	answerBytes int64 // memory taken already for the present response

	key, version int16 // the present request's, for the log
}

func newConn(s *Server, l Listener, nc net.Conn) *conn {
	c := &conn{
		server: s, nc: nc, raw: nc, remote: nc.RemoteAddr().String(),
		replies: make(chan kmsg.Response, 1),
		turn:    newTurn(s.cfg.Turns), accepted: time.Now(),
	}
	c.ctx, c.cancel = context.WithCancelCause(
		turns.NewContext(context.Background(), c.turn.Turn))
	c.caller = Caller{
		Listener:         l.Name,
		Principal:        protocol.Anonymous,
		ClientAddr:       clientIP(nc.RemoteAddr()),
		LocalAddr:        nc.LocalAddr().String(),
		SecurityProtocol: l.SecurityProtocol,
	}
	if l.TLS != nil {
		c.tls, c.principal = newSecured(nc, l.TLS, s.cfg.WriteTimeout), l.Principal
		c.nc = c.tls
	}
	c.in = frameReader{
		nc:       c.nc,
		tls:      c.tls,
		maxBytes: s.cfg.MaxFrameBytes,
		account:  s.budget.open(c.caller.ClientAddr, c.close),
		deadline: readDeadline{idleTimeout: s.cfg.IdleTimeout, frameTimeout: s.cfg.FrameTimeout,
			stopped: s.draining.Load},
	}
	if c.tls == nil {
		c.in.buf = make([]byte, readBufferBytes)
	}
	c.beginSASL(l)
	return c
}

// serve handles frames until the connection ends. The error that its functions return is the reason
// for the end.
func (c *conn) serve() {
	var err error
	defer func() {
		if p := recover(); p != nil {
			c.server.log.Error("handling a request panicked; the connection is closed", "panic", p,
				"client", c.remote,
				"key", c.key, "version", c.version, "stack", string(debug.Stack()))
			err = &frameError{closedPanic, fmt.Errorf("panic: %v", p)}
		}
		c.end(err)
	}()
	err = c.secure()
	for err == nil {
		if c.server.draining.Load() {
			err = &frameError{closedShutdown, errShutdown}
			break
		}
		err = c.frame()
	}
}

// end closes the connection, releases what it holds, and logs the reason.
func (c *conn) end(err error) {
	reason := closedFault
	if e, ok := errors.AsType[*frameError](err); ok {
		reason = e.reason
	}
	switch cause := context.Cause(c.ctx); {
	case errors.Is(cause, errSlow):
		reason, err = closedSlow, cause
	case errors.Is(cause, errGaveWay):
		reason, err = closedForOthers, cause
	case errors.Is(cause, errHandshakes):
		reason, err = refusedHandshakes, cause
	case errors.Is(cause, errHandshakesPerIP):
		reason, err = refusedHandshakesPerIP, cause
	case errors.Is(cause, errHungUp):
		reason, err = closedByPeer, cause
	}
	if c.tls != nil {
		c.tls.goodbye()
	}
	c.server.handshakes.part(c)
	c.close(err)
	c.turn.Drop()
	c.dropReply()
	c.in.account.close()
	if c.stream.Closed != nil {
		c.stream.Closed()
	}
	c.server.count.closed[reason].Add(1)
	c.report(reason, err)
}

// close breaks the connection from any goroutine; serve then ends by itself.
func (c *conn) close(cause error) {
	c.cancel(cause)
	c.raw.Close()
}

// frame reads and handles one frame.
func (c *conn) frame() error {
	data, owned, err := c.in.next(c.ctx)
	if err != nil {
		return c.unproven(c.tooLate(err))
	}
	defer c.in.account.release()
	c.answerBytes = 0
	c.server.count.bytesIn.Add(int64(4 + len(data)))
	if done, err := c.authenticate(data); done {
		return err
	}
	if c.server.cfg.Stream != nil && len(data) >= 2 &&
		int16(binary.BigEndian.Uint16(data)) == c.server.cfg.StreamKey {
		return c.streamFrame(data, owned)
	}
	if c.guest {
		return &frameError{c.refused, errNotAPeer}
	}
	err = c.exchange(data, owned)
	if c.tls != nil { // which may have to answer the client before it reads on
		c.turn.Block()
	}
	begun, whole := c.in.pipelined()
	if c.tls != nil {
		c.turn.Unblock()
	}
	c.turn.answered(begun, whole, c.ctx.Done())
	return err
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

func peerOrNetwork(err error) closeReason {
	for _, e := range []error{
		io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, syscall.ECONNRESET, syscall.EPIPE,
	} {
		if errors.Is(err, e) {
			return closedByPeer
		}
	}
	return closedNetworkError
}

// clientIP is the textual IP of an address; IPv4-mapped addresses are IPv4.
func clientIP(addr net.Addr) string {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("").String()
	}
	return addr.String()
}
