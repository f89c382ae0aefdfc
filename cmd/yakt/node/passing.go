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

// A standby passes HTTP requests that the leader has to answer through a tunnel of the peers
// (raftlog.Log.Tunnel), which carries all of them as streams of one HTTP/2 connection. So any node
// takes any operation, wherever the others serve HTTP, if they do at all.
const (
	passedMax         = 1000     // requests under way to one node at once
	passedWindowBytes = 32 << 10 // of an answer that its client does not take
	passedPing        = 10 * time.Second
)

// passedProtocols is HTTP/2 without TLS: whether a tunnel is encrypted is the peers' matter.
func passedProtocols() *http.Protocols {
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	return p
}

// passage takes requests to other nodes. It is safe for concurrent use.
type passage struct {
	tunnel func(ctx context.Context, node int32) (net.Conn, error)

	dials singleflight.Group
	mu    sync.Mutex
	conns map[int32]*http.ClientConn
}

// to is the way to a node. An error of it that is a *net.OpError of a dial says that nothing was
// sent.
func (p *passage) to(node int32) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		conn, err := p.reserve(node)
		if err != nil {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
		}
		return conn.RoundTrip(r)
	})
}

// roundTripper is an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// reserve returns a connection with room for one more request, which it is kept for.
func (p *passage) reserve(node int32) (*http.ClientConn, error) {
	for range 2 { // a connection may break in between
		conn, err := p.conn(node)
		if err != nil {
			return nil, err
		}
		if err = conn.Reserve(); err == nil {
			return conn, nil
		}
		if conn.Err() == nil {
			return nil, fmt.Errorf("%d requests are under way to it already", conn.InFlight())
		}
	}
	return nil, errors.New("its connections break off")
}

// conn is the connection to a node, which is dialled once for all who want it. Those to other nodes
// that nothing is asked of are closed: only one leads.
func (p *passage) conn(node int32) (*http.ClientConn, error) {
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

func (p *passage) dial(node int32) (*http.ClientConn, error) {
	transport := &http.Transport{
		Protocols: passedProtocols(), DisableCompression: true,
		HTTP2: &http.HTTP2Config{
			MaxReceiveBufferPerStream: passedWindowBytes, SendPingTimeout: passedPing,
			PingTimeout: passedPing,
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

// close ends all connections.
func (p *passage) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

// passedServer answers the requests that other nodes have passed on.
type passedServer struct {
	server *http.Server
	conns  chan net.Conn
	ended  chan struct{}
	once   sync.Once
}

func newPassedServer(api http.Handler, logger *slog.Logger) *passedServer {
	return &passedServer{
		server: &http.Server{
			Handler: api, Protocols: passedProtocols(), MaxHeaderBytes: httpHeaderBytes,
			HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: passedMax},
			ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
		},
		conns: make(chan net.Conn), ended: make(chan struct{}),
	}
}

// take has a tunnel served. It does not block for long: the server does nothing but accept.
func (s *passedServer) take(_ int32, conn net.Conn) {
	select {
	case s.conns <- conn:
	case <-s.ended:
		_ = conn.Close()
	}
}

// Accept, Close and Addr make it the server's listener.
func (s *passedServer) Accept() (net.Conn, error) {
	select {
	case c := <-s.conns:
		return c, nil
	case <-s.ended:
		return nil, net.ErrClosed
	}
}

func (s *passedServer) Close() error {
	s.once.Do(func() { close(s.ended) })
	return nil
}

func (s *passedServer) Addr() net.Addr { return passedAddr{} }

// passedAddr stands for the listener of tunnels, which has no address of its own.
type passedAddr struct{}

func (passedAddr) Network() string { return "tcp" }
func (passedAddr) String() string  { return "the controller listener" }

// drain lets answers go out until ctx is done, and closes.
func (s *passedServer) drain(ctx context.Context) {
	_ = s.server.Shutdown(ctx)
	_ = s.Close()
	_ = s.server.Close()
}
