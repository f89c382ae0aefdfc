package raftlog

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// A tunnel is a stream of bytes between two members. A node uses it to forward requests of its own
// clients to the leader. It needs no port of its own and uses the handshake of peers. It consists
// of two connections that the same side dials, because replies arrive in the order of requests: on
// one it requests what the other side has written (pull), on the other it sends (push). Raft's
// messages use other connections and never wait behind a tunnel.
const (
	tunnelBytes = 32 << 10 // in one frame
	// unacknowledged at a time, so that a link with a long delay is kept busy
	tunnelPulls = 8
	// each side sends a frame at least this often, an empty one if there is nothing to send
	tunnelQuiet   = 3 * time.Second
	tunnelTimeout = 15 * time.Second // for the other side to send or to accept something
	tunnelsMax    = 8                // from one member at a time
)

var errTunnelClosed = errors.New("raftlog: the tunnel is closed")

// tunnels are the ends at this node of the tunnels that other members have opened. It is safe for
// concurrent use.
type tunnels struct {
	mu   sync.Mutex
	open map[[tokenLen]byte]*tunnelEnd
}

// tunnelEnd is the end of a tunnel at the node that was dialled: bytes that arrive are written to
// near, and bytes read from near are sent back.
type tunnelEnd struct {
	node int32
	near net.Conn
	stop func() bool // forgets to close it with the log
}

// add registers an end under a new token, unless its member has enough of them.
func (ts *tunnels) add(e *tunnelEnd) (token [tokenLen]byte, err error) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	count := 0
	for _, other := range ts.open {
		if other.node == e.node {
			count++
		}
	}
	if count >= tunnelsMax {
		return token, fmt.Errorf("node %d has %d tunnels open already", e.node, count)
	}
	if ts.open == nil {
		ts.open = map[[tokenLen]byte]*tunnelEnd{}
	}
	token = newToken()
	ts.open[token] = e
	return token, nil
}

func (ts *tunnels) get(token [tokenLen]byte, node int32) *tunnelEnd {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if e := ts.open[token]; e != nil && e.node == node {
		return e
	}
	return nil
}

// drop closes an end for good.
func (ts *tunnels) drop(e *tunnelEnd) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for token, other := range ts.open {
		if other == e {
			delete(ts.open, token)
		}
	}
	e.stop()
	_ = e.near.Close()
}

// openTunnel answers a peer's request for a tunnel with the token that its pushes must carry.
func (in *inbound) openTunnel() []byte {
	if in.l.cfg.Tunnelled == nil {
		return refusal(errors.New("this node takes no tunnels"))
	}
	near, far := net.Pipe()
	end := &tunnelEnd{node: in.peer.node, near: near}
	end.stop = context.AfterFunc(in.l.ctx, func() { _ = near.Close() })
	token, err := in.l.tunnels.add(end)
	if err != nil {
		in.l.tunnels.drop(end)
		return refusal(err)
	}
	in.pulled = end
	in.l.cfg.Tunnelled(in.peer.node, &tunnelConn{Conn: far, remote: in.remote})
	return append([]byte{verdictOK}, token[:]...)
}

// pull returns bytes that were written to the tunnel, or none after a while without any.
func (in *inbound) pull() ([]byte, error) {
	if in.pulled == nil {
		return nil, fmt.Errorf("%w: a pull without a tunnel from node %d", errMalformed, in.peer.node)
	}
	b := make([]byte, tunnelBytes)
	_ = in.pulled.near.SetReadDeadline(time.Now().Add(tunnelQuiet))
	n, err := in.pulled.near.Read(b)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, errTunnelClosed
	}
	return b[:n], nil
}

// push receives bytes that a peer sends through a tunnel.
func (in *inbound) push(b []byte) error {
	r := frameCursor{b: b}
	var token [tokenLen]byte
	copy(token[:], r.take(tokenLen))
	if in.pushed = in.l.tunnels.get(token, in.peer.node); r.bad || in.pushed == nil {
		return errTunnelClosed
	}
	if len(r.b) == 0 {
		return nil
	}
	_ = in.pushed.near.SetWriteDeadline(time.Now().Add(tunnelTimeout))
	if _, err := in.pushed.near.Write(r.b); err != nil {
		return errTunnelClosed
	}
	return nil
}

// closed is called when a connection has ended: a tunnel ends with either of its two.
func (in *inbound) closed() {
	for _, end := range []*tunnelEnd{in.pulled, in.pushed} {
		if end != nil {
			in.l.tunnels.drop(end)
		}
	}
}

// tunnelConn is an end of a tunnel as its user sees it.
type tunnelConn struct {
	net.Conn
	remote string
}

func (c *tunnelConn) RemoteAddr() net.Addr { return tunnelAddr(c.remote) }

// tunnelAddr is the "host:port" of the connection below a tunnel.
type tunnelAddr string

func (tunnelAddr) Network() string  { return "tcp" }
func (a tunnelAddr) String() string { return string(a) }

// Tunnel opens a stream of bytes to another member, which passes its end to Config.Tunnelled. The
// tunnel lasts until either end is closed, a connection breaks, or this log stops. ctx bounds only
// the opening.
func (l *Log) Tunnel(ctx context.Context, node int32) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.DialTimeout)
	defer cancel()
	down, err := l.dialNode(ctx, node)
	if err != nil {
		return nil, err
	}
	token, err := ask(ctx, down, append(beginFrame(nil, 0), kindOpen))
	if err == nil && len(token) != tokenLen {
		err = fmt.Errorf("%w: a token of %d bytes", errMalformed, len(token))
	}
	var up net.Conn
	if err == nil {
		up, err = l.dialNode(ctx, node)
	}
	if err != nil {
		_ = down.Close()
		return nil, err
	}
	near, far := net.Pipe()
	t := &tunnel{near: near, down: down, up: up, token: token}
	if !l.run(t) {
		t.close()
		return nil, ErrStopped
	}
	return &tunnelConn{Conn: far, remote: down.RemoteAddr().String()}, nil
}

// tunnel is the end of a tunnel at the node that has dialled.
type tunnel struct {
	near, down, up net.Conn
	token          []byte
}

func (t *tunnel) close() {
	for _, c := range []net.Conn{t.near, t.down, t.up} {
		_ = c.Close()
	}
}

// run moves a tunnel's bytes until it ends; false when the log has stopped.
func (l *Log) run(t *tunnel) bool {
	l.mu.Lock() // Stop locks it before it waits for all goroutines
	defer l.mu.Unlock()
	if l.ctx.Err() != nil {
		return false
	}
	stop := context.AfterFunc(l.ctx, t.close)
	end := func() { stop(); t.close() }
	l.goLoop(func() { defer end(); t.pushAll() })
	l.goLoop(func() { defer end(); t.pullAll() })
	return true
}

// pushAll sends what the user writes. It begins with an empty frame, and sends one whenever the
// user has written nothing for a while, so that the other side can identify the connection and
// knows that it is alive.
func (t *tunnel) pushAll() {
	b := make([]byte, tunnelBytes)
	var frame []byte
	for n := 0; ; {
		frame = append(append(beginFrame(frame[:0], 0), kindPush), t.token...)
		_ = t.up.SetWriteDeadline(time.Now().Add(tunnelTimeout))
		if _, err := t.up.Write(finishFrame(append(frame, b[:n]...))); err != nil {
			return
		}
		_ = t.near.SetReadDeadline(time.Now().Add(tunnelQuiet))
		var err error
		if n, err = t.near.Read(b); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
	}
}

func (t *tunnel) pullAll() {
	pull := finishFrame(append(beginFrame(nil, 0), kindPull))
	for range tunnelPulls - 1 {
		if _, err := t.down.Write(pull); err != nil {
			return
		}
	}
	for {
		_ = t.down.SetDeadline(time.Now().Add(tunnelTimeout))
		if _, err := t.down.Write(pull); err != nil {
			return
		}
		_, b, err := readReply(t.down, tunnelBytes)
		if err != nil {
			return
		}
		if len(b) == 0 {
			continue
		}
		_ = t.near.SetWriteDeadline(time.Now().Add(tunnelTimeout))
		if _, err := t.near.Write(b); err != nil {
			return
		}
	}
}
