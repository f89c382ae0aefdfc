package kafkaproto

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

var errShutdown = errors.New("the server is shutting down")

// conn is one accepted connection. Everything happens on its one goroutine (serve): read a frame, hand it over,
// wait for the reply, write it. Other goroutines only call pending.reply and close.
type conn struct {
	server *Server
	nc     net.Conn
	caller Caller
	remote string // "ip:port"
	ctx    context.Context
	cancel context.CancelCauseFunc

	in       frameReader
	replies  chan kmsg.Response // holds the one reply that may be outstanding
	writeSet time.Time          // when the write deadline was set
	stream   FrameFunc          // nil until the first frame of the private stream
	closed   func()             // of the stream; may be nil

	guest   bool        // let in beyond the limits, for the private stream alone
	refused closeReason // of a guest: the limit that a client meets
	release func()      // gives back what Config.Admit gave; may be nil

	key, version int16 // of the request in hand, for the log
}

func newConn(s *Server, l Listener, nc net.Conn) *conn {
	c := &conn{server: s, nc: nc, remote: nc.RemoteAddr().String(), replies: make(chan kmsg.Response, 1)}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	c.caller = Caller{
		Listener:         l.Name,
		Principal:        anonymous,
		ClientAddr:       clientIP(nc.RemoteAddr()),
		LocalAddr:        nc.LocalAddr().String(),
		SecurityProtocol: l.SecurityProtocol,
	}
	c.in = frameReader{
		nc:       nc,
		buf:      make([]byte, readBufferBytes),
		maxBytes: s.cfg.MaxFrameBytes,
		budget:   &s.budget,
		deadline: readDeadline{idleTimeout: s.cfg.IdleTimeout, frameTimeout: s.cfg.FrameTimeout, stopped: s.draining.Load},
	}
	return c
}

// serve handles frames until the connection ends. What its functions return as an error says why it ends.
func (c *conn) serve() {
	var err error
	defer func() {
		if p := recover(); p != nil {
			c.server.log.Error("handling a request panicked; the connection is closed", "panic", p, "client", c.remote,
				"key", c.key, "version", c.version, "stack", string(debug.Stack()))
			err = &frameError{closedPanic, fmt.Errorf("panic: %v", p)}
		}
		c.end(err)
	}()
	for err == nil {
		if c.server.draining.Load() {
			err = &frameError{closedShutdown, errShutdown}
			break
		}
		err = c.frame()
	}
}

// end closes the connection, tells everyone, and logs why, once.
func (c *conn) end(err error) {
	reason := closedFault
	if e, ok := errors.AsType[*frameError](err); ok {
		reason = e.reason
	}
	c.close(err)
	c.dropReply()
	if c.closed != nil {
		c.closed()
	}
	c.server.count.closed[reason].Add(1)
	level := slog.LevelInfo
	switch reason {
	case closedByPeer, closedIdle, closedShutdown, closedPanic: // ordinary, or logged already
		level = slog.LevelDebug
	case refusedConnections, refusedConnectionsPerIP:
		level = slog.LevelDebug
		if c.server.refusals.now() {
			level = slog.LevelWarn
		}
	case closedFault:
		level = slog.LevelError
	}
	c.server.log.Log(context.Background(), level, "connection closed", "reason", reason, "client", c.remote,
		"listener", c.caller.Listener, "key", c.key, "version", c.version, "err", err)
}

// close breaks the connection from any goroutine; serve then ends by itself.
func (c *conn) close(cause error) {
	c.cancel(cause)
	c.nc.Close()
}

// frame handles one frame.
func (c *conn) frame() error {
	data, owned, charged, err := c.in.next(c.ctx)
	if err != nil {
		return c.unproven(err)
	}
	defer func() { c.in.budget.release(charged) }()
	c.server.count.bytesIn.Add(int64(4 + len(data)))
	if c.server.cfg.Stream != nil && len(data) >= 2 && int16(binary.BigEndian.Uint16(data)) == c.server.cfg.StreamKey {
		return c.streamFrame(data, owned)
	}
	if c.guest {
		return &frameError{c.refused, errNotAPeer}
	}
	h, req, err := readHeader(c.server.cfg.Versions, data)
	c.key, c.version = h.key, h.version
	if err != nil {
		return c.refuse(h, err)
	}
	facts, err := inspectBody(req, h.body)
	if err != nil {
		return &frameError{closedMalformed, err}
	}
	if !owned && facts.keeps {
		facts.cost += len(h.body)
		h.body = bytes.Clone(h.body)
	}
	if len(data)+facts.cost > uncountedBytes {
		if err := c.in.budget.acquire(c.ctx, int64(facts.cost), time.Now().Add(c.server.cfg.FrameTimeout)); err != nil {
			return &frameError{closedMemory, err}
		}
		charged += int64(facts.cost)
	}
	if err := readBody(req, h.body); err != nil {
		return &frameError{closedMalformed, err}
	}
	cost, err := c.charge(req)
	if err != nil {
		return err
	}
	charged += cost
	return c.request(h, req)
}

// charge takes what answering a request costs beyond the request, and returns how much that is.
func (c *conn) charge(req kmsg.Request) (int64, error) {
	if c.server.cfg.Cost == nil {
		return 0, nil
	}
	cost := c.server.cfg.Cost(req)
	if cost <= uncountedBytes {
		return 0, nil
	}
	deadline := time.Now().Add(c.server.cfg.FrameTimeout)
	if err := c.in.budget.acquire(c.ctx, cost, deadline); err != nil {
		return 0, &frameError{closedMemory, err}
	}
	return cost, nil
}

// refuse answers an API_VERSIONS request of a version not served, and ends the connection for anything else without
// an answer, as Kafka's controller does.
func (c *conn) refuse(h header, err error) error {
	switch {
	case errors.Is(err, ErrUnsupportedVersion) && h.key == apiVersionsKey:
		low, high, _ := c.server.cfg.Versions(apiVersionsKey)
		c.server.count.requests.Add(1)
		return c.write(h.correlationID, unsupportedAPIVersions(low, high))
	case errors.Is(err, ErrUnsupportedVersion):
		return &frameError{closedUnsupportedVersion, err}
	case errors.Is(err, ErrUnknownKey):
		return &frameError{closedUnknownKey, err}
	default:
		return &frameError{closedMalformed, err}
	}
}

// request hands a decoded request over, waits for its reply and writes it.
func (c *conn) request(h header, req kmsg.Request) error {
	if string(h.clientID) != c.caller.ClientID {
		c.caller.ClientID = string(h.clientID)
	}
	c.server.count.requests.Add(1)
	p := &pending{conn: c, key: h.key}
	correlationID := h.correlationID // the frame may be gone when the reply comes
	c.server.cfg.Handle(c.ctx, c.caller, req, p.reply)
	resp, err := c.reply()
	if err != nil {
		return err
	}
	switch {
	case resp == nil:
		return &frameError{closedByHandler, errors.New("the handler ended the connection")}
	case resp.Key() != c.key || resp.GetVersion() != c.version:
		discard(resp)
		return &frameError{closedFault, fmt.Errorf("the reply to key %d version %d is one of key %d version %d",
			c.key, c.version, resp.Key(), resp.GetVersion())}
	}
	return c.write(correlationID, resp)
}

// reply waits for the reply to the request that Handle was just given.
func (c *conn) reply() (kmsg.Response, error) {
	select {
	case resp := <-c.replies:
		return resp, nil
	default:
	}
	select {
	case resp := <-c.replies:
		return resp, nil
	case <-c.ctx.Done():
		return nil, &frameError{closedShutdown, context.Cause(c.ctx)}
	}
}

// pending is one request whose reply is outstanding.
type pending struct {
	conn    *conn
	key     int16
	replied atomic.Bool
}

// reply passes the response to the connection's goroutine. It never blocks: there is room for the one reply that
// can be outstanding.
func (p *pending) reply(resp kmsg.Response) {
	if p.replied.Swap(true) {
		p.conn.server.log.Error("a request was answered twice; the second reply is ignored", "key", p.key,
			"client", p.conn.remote, "stack", string(debug.Stack()))
		discard(resp)
		return
	}
	p.conn.replies <- resp
	if p.conn.ctx.Err() != nil {
		p.conn.dropReply()
	}
}

// dropReply discards the reply that nobody waits for any more, if there is one.
func (c *conn) dropReply() {
	select {
	case resp := <-c.replies:
		discard(resp)
	default:
	}
}

// streamFrame passes a frame of the private stream on.
func (c *conn) streamFrame(data []byte, owned bool) error {
	h := header{key: c.server.cfg.StreamKey, version: -1}
	if len(data) >= 8 {
		h.version = int16(binary.BigEndian.Uint16(data[2:]))
		h.correlationID = int32(binary.BigEndian.Uint32(data[4:]))
	}
	c.key, c.version = h.key, h.version
	if h.version != 0 || !h.readRest(data[8:], false) {
		return &frameError{closedMalformed, fmt.Errorf("%w: frame of the private stream, version %d", ErrMalformed, h.version)}
	}
	first := c.stream == nil
	if first {
		c.stream, c.closed = c.server.cfg.Stream(c.remote)
	}
	body := h.body
	if !owned {
		body = append(make([]byte, 0, len(body)), body...) // not nil, even if empty
	}
	c.server.count.streamFrames.Add(1)
	reply, err := c.stream(body)
	if err != nil {
		return &frameError{closedStream, fmt.Errorf("private stream: %w", err)}
	}
	if first {
		c.in.widen(streamBufferBytes)
		c.welcome()
	}
	if reply == nil {
		return nil
	}
	out := newBuffer()
	defer out.free()
	out.b = binary.BigEndian.AppendUint32(append(out.b, 0, 0, 0, 0), uint32(h.correlationID))
	out.b = append(out.b, reply...)
	return c.writeFrame(out.b)
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

func peerOrNetwork(err error) closeReason {
	for _, e := range []error{io.EOF, io.ErrClosedPipe, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, e) {
			return closedByPeer
		}
	}
	return closedNetworkError
}

// clientIP is the textual IP of an address, IPv4 also where it is mapped into IPv6.
func clientIP(addr net.Addr) string {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("").String()
	}
	return addr.String()
}
