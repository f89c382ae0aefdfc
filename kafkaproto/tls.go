package kafkaproto

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/turns"
)

// TLS of listeners SSL and SASL_SSL. The handshake runs at the start of the connection's own
// goroutine; handshakes.go bounds how many there are, and wire bounds what each may take.

const (
	// handshakeMaxBytes is how much a client may send before its handshake is complete: many times
	// what a chain of certificates takes.
	handshakeMaxBytes = 64 << 10
	// recordMaxBytes is how much a client may send after the handshake without any data in it: more
	// than one record. TLS would collect a further message of the handshake up to 64 KiB.
	recordMaxBytes = 32 << 10
	// handshakeWork is what one handshake takes of the processor at most, for its turn. It is too
	// long for the place of short work, so that handshakes never use every processor.
	handshakeWork = 3 * time.Millisecond
)

var errNoData = fmt.Errorf("the client sent more than %d bytes of TLS without any data",
	recordMaxBytes)

var errHandshakeBytes = fmt.Errorf("the client sent more than %d bytes without completing the "+
	"handshake", handshakeMaxBytes)

// secured is a connection under TLS.
type secured struct {
	*tls.Conn
	wire *wire
}

func newSecured(nc net.Conn, cfg *tls.Config, writeTimeout time.Duration) *secured {
	w := &wire{Conn: nc, left: handshakeMaxBytes, answerTimeout: writeTimeout}
	return &secured{tls.Server(w, cfg), w}
}

// Read reads like tls.Conn.
func (s *secured) Read(p []byte) (int, error) {
	s.wire.reading = true
	n, err := s.Conn.Read(p)
	s.wire.reading = false
	if n > 0 {
		s.wire.left = recordMaxBytes
	}
	return n, err
}

// readAhead reads what can be had without waiting: 0 bytes if that is nothing, or only a part of a
// record.
func (s *secured) readAhead(p []byte) int {
	s.wire.ahead = true
	n, _ := s.Read(p) // a lasting error is returned by the next Read
	s.wire.ahead = false
	return n
}

// goodbye tells the client that nothing follows, if the kernel takes that at once. The connection's
// goroutine calls it last; others, which must not wait for a lock of TLS, only close the socket.
func (s *secured) goodbye() {
	s.wire.closing = true
	_ = s.CloseWrite()
}

// wire is the connection below TLS. Its goroutine makes all calls, except for Close and the
// deadlines.
type wire struct {
	net.Conn

	// During the handshake:
	turn     *turns.Turn // taken while TLS computes, not while it waits; nil: it is over
	gone     <-chan struct{}
	left     int         // bytes that the client may still send; after the handshake: before some data
	received bool        // the client has sent something
	waits    atomic.Bool // for the client; others read it

	// After it:
	ahead         bool // do not wait
	full          bool // the last read filled its buffer, so that the kernel may have more
	reading       bool // TLS is reading: what it writes then is an answer of its own
	closing       bool // write what the kernel takes
	answerTimeout time.Duration
}

func (w *wire) Read(p []byte) (n int, err error) {
	switch {
	case w.turn != nil:
		return w.readHandshake(p)
	case w.left <= 0:
		return 0, errNoData
	case !w.ahead:
		n, err = w.Conn.Read(p)
	case w.full:
		n, err = readNow(w.Conn, p)
	default:
		return 0, os.ErrDeadlineExceeded
	}
	w.full = n == len(p)
	w.left -= n
	return n, err
}

// readHandshake reads outside the turn, and takes it again for what TLS computes from the bytes.
func (w *wire) readHandshake(p []byte) (int, error) {
	if w.left == 0 {
		return 0, errHandshakeBytes
	}
	w.turn.Drop()
	w.waits.Store(true)
	n, err := w.Conn.Read(p[:min(len(p), w.left)])
	w.waits.Store(false)
	w.received = w.received || n > 0
	w.left -= n
	w.turn.Expect(handshakeWork)
	w.turn.Take(w.gone)
	return n, err
}

// Write writes like the connection. What TLS itself answers while it reads gets a deadline of its
// own, since that of the last response may have passed, and TLS ends after a write that fails.
func (w *wire) Write(p []byte) (int, error) {
	switch {
	case w.closing:
		_, err := writeNow(w.Conn, p)
		return len(p), err
	case w.reading:
		if err := w.SetWriteDeadline(time.Now().Add(w.answerTimeout)); err != nil {
			return 0, err
		}
	}
	return w.Conn.Write(p)
}

// secure makes the handshake of a listener with TLS, and learns who the client is.
func (c *conn) secure() error {
	if c.tls == nil {
		return nil
	}
	turn, err := c.server.handshakes.enter(c)
	if err != nil {
		return err
	}
	err = c.handshake(turn)
	c.server.handshakes.leave(c)
	turn.Drop()
	if err != nil {
		return err
	}
	c.in.buf = make([]byte, readBufferBytes) // a client without a handshake has none
	if c.caller.SecurityProtocol != protocol.SSL {
		return nil // SASL says who it is
	}
	who, err := c.principal(c.tls.ConnectionState())
	if err != nil {
		return &frameError{closedHandshake, err}
	}
	c.caller.Principal = who.Principal
	if who.Principal != protocol.Anonymous {
		c.server.handshakes.meet(c)
	}
	return nil
}

func (c *conn) handshake(turn *turns.Turn) error {
	limit := c.server.cfg.HandshakeTimeout
	if c.guest {
		limit = min(limit, c.server.cfg.StreamTimeout)
	}
	if err := c.raw.SetDeadline(time.Now().Add(limit)); err != nil {
		return &frameError{peerOrNetwork(err), err}
	}
	if c.server.draining.Load() { // Shutdown's deadline may have been replaced
		return &frameError{closedShutdown, errShutdown}
	}
	w := c.tls.wire
	w.turn, w.gone = turn, c.ctx.Done()
	err := c.tls.Handshake()
	w.turn, w.left = nil, recordMaxBytes
	if err == nil {
		return nil
	}
	return c.handshakeError(err)
}

// handshakeError gives an error of the handshake its reason. A client that connects and leaves
// without a word is nothing to report: that is how ports are probed.
func (c *conn) handshakeError(err error) error {
	header, notTLS := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case c.server.draining.Load():
		return &frameError{closedShutdown, err}
	case notTLS && header.Conn != nil:
		return c.answerPlaintext(header.RecordHeader[:])
	case isTimeout(err):
		return &frameError{closedHandshakeTimeout, fmt.Errorf("TLS handshake: %w", err)}
	case !c.tls.wire.received:
		return &frameError{peerOrNetwork(err), err}
	case errors.Is(err, io.EOF) || peerOrNetwork(err) == closedByPeer:
		err = errors.New("the client ended it: does it trust this node's certificate?")
	}
	return &frameError{closedHandshake, fmt.Errorf("TLS handshake: %w", err)}
}

// internalError is the alert that Java sends to a client without TLS. Read as the length of a
// response it is 352518912, which tells those who know Kafka what is wrong.
var internalError = []byte{21, 3, 3, 0, 2, 2, 80}

// answerPlaintext answers a client that does not speak TLS as Kafka does.
func (c *conn) answerPlaintext(begin []byte) error {
	_, _ = writeNow(c.raw, internalError)
	protocolName := nameOfProtocol(c.caller.SecurityProtocol)
	err := fmt.Errorf("this listener is %s and the client speaks %s: set security.protocol=%s at "+
		"the client, or another protocol for the listener in listener.security.protocol.map",
		protocolName, speaks(begin), protocolName)
	return &frameError{closedWrongProtocol, err}
}

// speaks names the protocol whose first bytes these are; "" if they may be Kafka's.
func speaks(begin []byte) string {
	for _, method := range []string{"GET ", "HEAD", "POST", "PUT ", "DELE", "OPTI", "PATC", "CONN",
		"PRI "} {
		if bytes.HasPrefix(begin, []byte(method)) {
			return "HTTP"
		}
	}
	switch {
	case len(begin) >= 2 && begin[0] == 0x16 && begin[1] == 3:
		return "TLS"
	case len(begin) > 0 && begin[0] == 0:
		return "Kafka's protocol without TLS"
	}
	return "no TLS"
}

// wrongProtocol explains the first bytes of a connection, which are no length of a frame; nil if
// they say nothing.
func (f *frameReader) wrongProtocol() error {
	switch what := speaks(f.buf[f.r:f.w]); {
	case what == "TLS" && f.tls == nil:
		return errors.New("the client speaks TLS and this listener does not: set " +
			"security.protocol=PLAINTEXT or SASL_PLAINTEXT at the client, or SSL or SASL_SSL for " +
			"the listener in listener.security.protocol.map")
	case what == "HTTP":
		return errors.New("the client speaks HTTP and this is a port of Kafka's protocol: the " +
			"HTTP API has a listener of its own")
	}
	return nil
}
