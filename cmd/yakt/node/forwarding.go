package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/yakt/yakt/httpapi"
)

// A standby forwards HTTP requests that only the leader can answer through a tunnel between peers
// (raftlog.Log.Tunnel). One HTTP/2 connection in the tunnel carries all of them as streams. So any
// node accepts any operation, whether or not the others have an HTTP port.
const (
	forwardedMax         = 1000     // requests in flight to one node
	forwardedWindowBytes = 32 << 10 // per answer that its client does not read
	forwardedPing        = 10 * time.Second
)

// tunnelProtocols is HTTP/2 without TLS: encryption is up to the tunnel.
func tunnelProtocols() *http.Protocols {
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	return p
}

// forwarder sends requests to other nodes. It is safe for concurrent use.
type forwarder struct {
	// tunnel opens a connection to a node's API through the connections of the quorum.
	tunnel func(ctx context.Context, node int32) (net.Conn, error)

	dials singleflight.Group // by node: requests that need a connection at once share one dial
	mu    sync.Mutex
	conns map[int32]*http.ClientConn // by node; each carries many requests at once
}

// to returns the transport to a node. If its error is a *net.OpError of a dial, nothing was sent.
func (p *forwarder) to(node int32) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		conn, err := p.reserve(node)
		if err != nil {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
		}
		return conn.RoundTrip(r)
	})
}

// roundTripper makes a function an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// reserve returns a connection on which it has reserved a stream for one request.
func (p *forwarder) reserve(node int32) (*http.ClientConn, error) {
	for range 2 { // a connection may break in between
		conn, err := p.conn(node)
		if err != nil {
			return nil, err
		}
		if err = conn.Reserve(); err == nil {
			return conn, nil
		}
		if conn.Err() == nil {
			return nil, fmt.Errorf("%d requests to it are in flight already", conn.InFlight())
		}
	}
	return nil, errors.New("its connections break off")
}

// conn returns the connection to a node, which concurrent callers dial only once. It closes idle
// connections to other nodes: only one of them is the leader.
func (p *forwarder) conn(node int32) (*http.ClientConn, error) {
	p.mu.Lock()
	for id, c := range p.conns {
		if id != node && c.InFlight() == 0 {
			c.Close()
			delete(p.conns, id)
		}
	}
	conn := p.conns[node]
	p.mu.Unlock()
	if conn != nil && conn.Err() == nil {
		return conn, nil
	}
	dialled, err, _ := p.dials.Do(fmt.Sprint(node), func() (any, error) { return p.dial(node) })
	if err != nil {
		return nil, err
	}
	return dialled.(*http.ClientConn), nil
}

func (p *forwarder) dial(node int32) (*http.ClientConn, error) {
	transport := &http.Transport{
		Protocols: tunnelProtocols(), DisableCompression: true,
		HTTP2: &http.HTTP2Config{
			MaxReceiveBufferPerStream: forwardedWindowBytes, SendPingTimeout: forwardedPing,
			PingTimeout: forwardedPing,
		},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return p.tunnel(ctx, node)
		},
	}
	conn, err := transport.NewClientConn(context.Background(), "http", httpapi.HostOf(node)+":80")
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns == nil {
		p.conns = map[int32]*http.ClientConn{}
	}
	if old := p.conns[node]; old != nil {
		old.Close()
	}
	p.conns[node] = conn
	return conn, nil
}

// close closes all connections.
func (p *forwarder) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

// tunnelServer answers the requests that other nodes forward. It is its HTTP server's listener:
// Accept returns the tunnels that the quorum's connections hand over.
type tunnelServer struct {
	server *http.Server
	conns  chan net.Conn // unbuffered: a tunnel is accepted or its sender still owns it
	ended  chan struct{} // closed by Close
	once   sync.Once
}

func newTunnelServer(api http.Handler, logger *slog.Logger) *tunnelServer {
	return &tunnelServer{
		server: &http.Server{
			Handler: api, Protocols: tunnelProtocols(), MaxHeaderBytes: httpHeaderBytes,
			HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: forwardedMax},
			ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
		},
		conns: make(chan net.Conn), ended: make(chan struct{}),
	}
}

// take passes a tunnel to the server. It does not block for long: the server does nothing but
// accept.
func (s *tunnelServer) take(_ int32, conn net.Conn) {
	select {
	case s.conns <- conn:
	case <-s.ended:
		_ = conn.Close()
	}
}

// Accept, Close and Addr make tunnelServer the listener of its own server.
func (s *tunnelServer) Accept() (net.Conn, error) {
	select {
	case c := <-s.conns:
		return c, nil
	case <-s.ended:
		return nil, net.ErrClosed
	}
}

func (s *tunnelServer) Close() error {
	s.once.Do(func() { close(s.ended) })
	return nil
}

func (s *tunnelServer) Addr() net.Addr { return tunnelAddr{} }

// tunnelAddr stands for the listener of tunnels, which has no address of its own.
type tunnelAddr struct{}

func (tunnelAddr) Network() string { return "tcp" }
func (tunnelAddr) String() string  { return "the controller listener" }

// drain waits until all answers have been sent or ctx is done, and closes.
func (s *tunnelServer) drain(ctx context.Context) {
	_ = s.server.Shutdown(ctx)
	_ = s.Close()
	_ = s.server.Close()
}
