// Package kafkaproto is the network side of a Kafka server: listeners, connections, frames, request
// and response headers, and the checks that keep unknown keys, unsupported versions and hostile
// lengths away from the decoder. The caller gives requests their meaning (Config.Handle); messages
// are kmsg's.
//
// A connection has one goroutine, which reads a frame, decodes it, calls Config.Handle, waits for
// the reply, writes it with one system call and only then reads the next frame, as Kafka's servers
// do. Nothing else is queued or passed on, so an immediate answer costs no switch of goroutine.
//
// Memory follows bytes that have arrived, not bytes announced: see frameReader for frames, shape
// and walker for their contents, and budget for the sum over all connections. Connections that use
// the processor without a pause take turns.
package kafkaproto

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/yakt/yakt/limits"
)

// Server accepts connections on its listeners and serves them. Its methods may be called from any
// goroutine.
type Server struct {
	cfg       Config
	log       *slog.Logger
	listeners []net.Listener // in the order of cfg.Listeners
	budget    *budget        // for clients
	// peerBudget is the memory of confirmed peers: the log must never wait for clients.
	peerBudget *budget
	strangers  *budget // of connections that are not authenticated yet
	count      counters
	refused    refused
	handshakes handshakes
	closings   [closeReasons]limits.Pace // paces the log
	// misplacedSASL paces the log of clients that speak SASL on a listener without it.
	misplacedSASL limits.Pace

	draining  atomic.Bool
	stop      chan struct{}  // closed when draining begins
	accepting sync.WaitGroup // accept loops, and the sweeper
	serving   sync.WaitGroup // one for each connection

	mu       sync.Mutex
	conns    map[*conn]struct{}
	perIP    map[string]int // connections by address, without guests
	guests   int            // part of conns
	roomMade time.Time      // when idle connections were last closed

	freed chan struct{} // signals the end of a connection

	refusals quiet // paces the log of failed accepts
}

// Listen checks cfg and opens its listeners. Connections are accepted once Serve is called.
func Listen(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("kafkaproto: %w", err)
	}
	s := newServer(cfg)
	for _, l := range cfg.Listeners {
		nl, err := listen(l)
		if err != nil {
			s.closeListeners()
			return nil, err
		}
		s.listeners = append(s.listeners, nl)
	}
	return s, nil
}

func newServer(cfg Config) *Server {
	return &Server{
		cfg:    cfg,
		log:    cfg.Logger,
		budget: cfg.clientBudget(), peerBudget: cfg.peerBudget(),
		strangers: cfg.strangerBudget(),
		refused:   newRefused(cfg.Logger),
		stop:      make(chan struct{}),
		freed:     make(chan struct{}, 1),
		conns:     map[*conn]struct{}{},
		perIP:     map[string]int{},
		handshakes: handshakes{
			most: cfg.MaxHandshakes, mostPerIP: cfg.MaxHandshakesPerIP,
			known: map[string]int{},
			perIP: map[string]*greeted{},
		},
	}
}

// listen opens plain TCP, instead of Multipath TCP, Go's default where the kernel supports it.
// Accepted connections get TCP_NODELAY and keepalives after 15 s, which are Go's defaults.
func listen(l Listener) (net.Listener, error) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	nl, err := lc.Listen(context.Background(), "tcp", l.Address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listener %s: %s is in use by another process: stop that, or "+
			"choose another port: %w", l.Name, l.Address, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("listener %s: %s is not an address of this machine: bind an "+
			"address it has, or 0.0.0.0, and advertise the other: %w",
			l.Name, l.Address, err)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("listener %s: not allowed to open %s: choose a port above 1023, "+
			"or grant the right: %w", l.Name, l.Address, err)
	case err != nil:
		return nil, fmt.Errorf("listener %s: cannot listen on %q: %w", l.Name, l.Address, err)
	}
	return nl, nil
}

// Addrs returns the bound address of each listener by name, with the real port in place of port 0.
func (s *Server) Addrs() map[string]net.Addr {
	addrs := make(map[string]net.Addr, len(s.listeners))
	for i, nl := range s.listeners {
		addrs[s.cfg.Listeners[i].Name] = nl.Addr()
	}
	return addrs
}

// Serve accepts connections, and returns after Shutdown was called. It is called once.
func (s *Server) Serve() {
	if !s.begin() {
		return
	}
	for i, nl := range s.listeners {
		go func() {
			defer s.accepting.Done()
			s.accept(s.cfg.Listeners[i], nl)
		}()
	}
	go func() {
		defer s.accepting.Done()
		(&sweeper{server: s}).run()
	}()
	s.accepting.Wait()
}

// begin counts the accept loops, unless draining has begun: Shutdown must not wait before they are
// counted.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining.Load() {
		return false
	}
	s.accepting.Add(len(s.listeners) + 1)
	return true
}

func (s *Server) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.draining.Swap(true) {
		close(s.stop)
		s.closeListeners()
	}
}

// Shutdown stops accepting, closes the connections without an outstanding request (private streams
// too), and lets the others send their outstanding reply. When ctx ends it closes those as well and
// returns ctx's error, otherwise nil. After Shutdown Config.Handle is not called again, except that
// an earlier call may still be blocking.
func (s *Server) Shutdown(ctx context.Context) error {
	s.drain()
	for _, c := range s.snapshot() {
		// wakes connections that are reading; see readDeadline.arm
		c.raw.SetReadDeadline(time.Unix(1, 0))
	}
	drained := make(chan struct{})
	go func() {
		s.accepting.Wait()
		s.serving.Wait()
		close(drained)
	}()
	select {
	case <-drained:
		return nil
	case <-ctx.Done():
	}
	for _, c := range s.snapshot() {
		c.close(errShutdown)
	}
	select {
	case <-drained:
	case <-time.After(time.Second): // do not wait for a Handle that blocks
	}
	return ctx.Err()
}

func (s *Server) closeListeners() {
	for _, nl := range s.listeners {
		nl.Close()
	}
}

func (s *Server) snapshot() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	conns := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	return conns
}

// accept accepts the connections of one listener. Errors such as too many open files are transient:
// it retries at increasing intervals.
func (s *Server) accept(l Listener, nl net.Listener) {
	const minDelay, maxDelay = 5 * time.Millisecond, time.Second
	delay := minDelay
	for {
		nc, err := nl.Accept()
		switch {
		case err == nil:
			delay = minDelay
			s.admit(l, nc)
			continue
		case s.draining.Load():
			return
		case errors.Is(err, net.ErrClosed):
			s.log.Error("listener closed", "listener", l.Name, "err", err)
			return
		}
		if s.refusals.now() {
			s.log.Warn("cannot accept connections; trying again", "listener", l.Name, "err", err)
		}
		select {
		case <-s.stop:
			return
		case <-time.After(delay):
			delay = min(2*delay, maxDelay)
		}
	}
}

// admit serves an accepted connection, or closes it if there are too many.
func (s *Server) admit(l Listener, nc net.Conn) {
	c := newConn(s, l, nc)
	reason, ok := s.register(c, false)
	if !ok && reason != closedShutdown && s.makeRoom(reason, c.caller.ClientAddr) {
		reason, ok = s.register(c, false)
	}
	if !ok {
		reason, ok = s.register(c, true)
	}
	if !ok {
		c.end(&frameError{reason, errors.New(reason.String())})
		return
	}
	limitBuffer(nc)
	go func() {
		defer s.serving.Done()
		defer s.unregister(c)
		c.serve()
	}()
}

// sendBufferBytes bounds the responses that the kernel holds for a client that does not read; the
// system's default could be megabytes for each.
const sendBufferBytes = 256 << 10

func limitBuffer(nc net.Conn) {
	if tcp, ok := nc.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(sendBufferBytes)
	}
}

// register registers a connection if there is room for it, or as a guest if a slot is free.
func (s *Server) register(c *conn, guest bool) (closeReason, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	reason, ok := s.admits(c)
	switch {
	case ok:
		s.perIP[c.caller.ClientAddr]++
	case !guest || reason == closedShutdown || s.cfg.Stream == nil || s.guests >= s.cfg.StreamSlots:
		return reason, false
	default:
		s.guests++
		c.beGuest(reason)
	}
	s.conns[c] = struct{}{}
	s.serving.Add(1)
	s.count.accepted.Add(1)
	s.count.connections.Add(1)
	return 0, true
}

// admits reports whether there is room for a connection, or which limit is reached. The caller
// holds the lock.
func (s *Server) admits(c *conn) (closeReason, bool) {
	switch {
	case s.draining.Load():
		return closedShutdown, false
	case len(s.conns)-s.guests >= s.cfg.MaxConnections:
		return refusedConnections, false
	case s.perIP[c.caller.ClientAddr] >= s.cfg.connectionsOf(c.caller.ClientAddr):
		return refusedConnectionsPerIP, false
	case s.cfg.Admit == nil:
		return 0, true
	}
	release, ok := s.cfg.Admit()
	c.release = release
	return refusedConnections, ok
}

func (s *Server) unregister(c *conn) {
	if c.release != nil {
		c.release()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if c.guest {
		s.guests--
	} else if s.perIP[c.caller.ClientAddr]--; s.perIP[c.caller.ClientAddr] == 0 {
		delete(s.perIP, c.caller.ClientAddr)
	}
	s.count.connections.Add(-1)
	select {
	case s.freed <- struct{}{}:
	default:
	}
}

// quiet allows one message per second.
type quiet struct{ last atomic.Int64 }

func (q *quiet) now() bool {
	now, last := time.Now().UnixNano(), q.last.Load()
	return now-last >= int64(time.Second) && q.last.CompareAndSwap(last, now)
}
