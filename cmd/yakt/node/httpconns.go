package node

import (
	"cmp"
	"container/list"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/yakt/yakt/limits"
)

// boundedListener accepts HTTP connections at a bounded rate and up to a limit. Accept fails only
// when the listener is closed: other errors, such as too many open files, are logged and retried.
type boundedListener struct {
	net.Listener
	tls    *tls.Config // nil without TLS
	conns  *connLimiter
	guard  *protocolGuard
	logger *slog.Logger
	pace   acceptPace
}

const (
	// acceptInterval is the mean time between two connections after a burst of acceptBurst. Accepting
	// a connection costs more than most requests, and many at once must not take all processors.
	acceptInterval = time.Second / 2000
	acceptBurst    = 100
	// handshakeInterval is the same with TLS, where a handshake may take a millisecond of the
	// processor before its client has proved anything.
	handshakeInterval = time.Second / 300
	// acceptEarlyMax is too short to pause for.
	acceptEarlyMax = time.Millisecond
)

// acceptPace spreads connections over time. It belongs to one goroutine.
type acceptPace struct {
	interval time.Duration // 0: acceptInterval
	due      time.Time     // when the next connection may be accepted
}

// next counts a connection and returns how early it is.
func (p *acceptPace) next(now time.Time) (early time.Duration) {
	interval := cmp.Or(p.interval, acceptInterval)
	if first := now.Add(-acceptBurst * interval); p.due.Before(first) {
		p.due = first
	}
	p.due = p.due.Add(interval)
	return p.due.Sub(now)
}

// After errors, the pause before the next attempt to accept doubles from the first to the second.
const (
	acceptPauseMin = 5 * time.Millisecond
	acceptPauseMax = time.Second
)

func (l *boundedListener) Accept() (net.Conn, error) {
	for pause := acceptPauseMin; ; {
		c, err := l.Listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil, err
		case err != nil:
			l.logger.Warn("cannot accept HTTP connections; trying again", "listener", l.Addr(),
				"pause", pause, "err", err)
			time.Sleep(pause)
			pause = min(2*pause, acceptPauseMax)
			continue
		}
		pause = acceptPauseMin
		if early := l.pace.next(time.Now()); early > acceptEarlyMax {
			time.Sleep(early)
		}
		if admitted := l.conns.admit(c); admitted != nil {
			limitBuffers(c)
			if admitted = l.guard.watch(admitted); l.tls != nil {
				return tls.Server(admitted, l.tls), nil // the handshake is the server's, later
			}
			return admitted, nil
		}
		c.Close()
	}
}

// Socket buffers of a connection. The kernel's default may be megabytes, and clients that do not
// read what they ask for must not exhaust the machine's memory.
const (
	receiveBytes = 64 << 10
	sendBytes    = 256 << 10
)

func limitBuffers(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(receiveBytes)
		_ = tcp.SetWriteBuffer(sendBytes)
	}
}

// httpConnectionsLimit names the limit of connections by the key that sets it.
const httpConnectionsLimit = "yakt.http.max.connections"

// connLimiter limits the connections of all HTTP listeners together, and those of one address to
// half of that. At the limit a new connection replaces the one that has been idle for longest, so
// that idle clients cannot lock others out; at the limit of an address it replaces one of that
// address. A new connection is refused if none is idle. It is safe for concurrent use.
type connLimiter struct {
	most     int          // open connections, of all listeners
	files    *descriptors // each connection takes one
	idle     *idleConns
	refusals *limits.Refusals

	mu   sync.Mutex
	open int            // the sum of of
	of   map[string]int // open connections by client address; no entry is 0
}

func newConnLimiter(most int, files *descriptors, logger *slog.Logger) *connLimiter {
	return &connLimiter{
		most: most, files: files, idle: newIdleConns(),
		refusals: limits.NewRefusals(httpConnectionsLimit, logger), of: map[string]int{},
	}
}

// admit counts a connection and returns it wrapped, so that closing it ends its count; nil if there
// is no room.
func (c *connLimiter) admit(nc net.Conn) net.Conn {
	client := clientOf(nc)
	for range 2 {
		full, addressFull := c.enter(client)
		if !full && !addressFull {
			if release, ok := c.files.admit(httpConns); ok {
				return &admittedConn{Conn: nc, release: sync.OnceFunc(func() {
					release()
					c.leave(client)
				})}
			}
			c.leave(client)
		}
		whose := ""
		if addressFull {
			whose = client
		}
		if !c.idle.closeOldest(whose) {
			break
		}
	}
	c.refusals.Add("client", nc.RemoteAddr())
	return nil
}

// enter counts a connection of an address, unless all connections are taken (full) or half of them
// by this address (addressFull).
func (c *connLimiter) enter(client string) (full, addressFull bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	most := min(c.most, c.files.most(httpConns))
	if full, addressFull = c.open >= c.most, c.of[client] >= max(most/2, 1); full || addressFull {
		return full, addressFull
	}
	c.open++
	c.of[client]++
	return false, false
}

func (c *connLimiter) leave(client string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
	if c.of[client]--; c.of[client] == 0 {
		delete(c.of, client)
	}
}

func clientOf(nc net.Conn) string {
	host, _, err := net.SplitHostPort(nc.RemoteAddr().String())
	if err != nil {
		return nc.RemoteAddr().String()
	}
	return host
}

// idleConns holds the connections that wait for a request, the longest idle first. It is safe for
// concurrent use.
type idleConns struct {
	mu    sync.Mutex
	order list.List                  // holds idleConn values
	place map[net.Conn]*list.Element // where each is in order; both hold the same connections
}

type idleConn struct {
	net.Conn
	client string // its address
}

func newIdleConns() *idleConns { return &idleConns{place: make(map[net.Conn]*list.Element)} }

// observe tracks the state of a connection. It is an http.Server's ConnState.
func (i *idleConns) observe(c net.Conn, state http.ConnState) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.forget(c)
	if state == http.StateNew || state == http.StateIdle {
		i.place[c] = i.order.PushBack(idleConn{c, clientOf(c)})
	}
}

// forget removes a connection. The caller holds the lock.
func (i *idleConns) forget(c net.Conn) {
	if at, ok := i.place[c]; ok {
		i.order.Remove(at)
		delete(i.place, c)
	}
}

// closeOldest closes the connection that has been idle for longest, among those of client or, if
// that is "", among all. It reports false if none is idle.
func (i *idleConns) closeOldest(client string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for at := i.order.Front(); at != nil; at = at.Next() {
		if c := at.Value.(idleConn); client == "" || c.client == client {
			i.forget(c.Conn)
			closeAtOnce(c.Conn)
			return true
		}
	}
	return false
}

// closeAtOnce closes a connection without telling the other end, which may not read.
func closeAtOnce(c net.Conn) {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	_ = c.Close()
}
