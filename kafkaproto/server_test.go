package kafkaproto

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

func TestListenErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	tests := []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"no listener", func(c *Config) { c.Listeners = nil }, "at least one"},
		{"no name", func(c *Config) { c.Listeners[0].Name = "" }, "has no name"},
		{"same name", func(c *Config) { c.Listeners = append(c.Listeners, c.Listeners[0]) },
			"two listeners are named CONTROLLER"},
		{"protocol", func(c *Config) { c.Listeners[0].SecurityProtocol = 4 },
			"security protocol 4 is not known"},
		{"no SASL", func(c *Config) { c.Listeners[0].SecurityProtocol = 2 },
			"listener CONTROLLER is SASL_PLAINTEXT and has no SASL"},
		{"SSL without TLS", func(c *Config) { c.Listeners[0].SecurityProtocol = protocol.SSL },
			"listener CONTROLLER is SSL and has no TLS"},
		{"SSL without principals", func(c *Config) {
			c.Listeners[0].SecurityProtocol, c.Listeners[0].TLS = protocol.SSL, &tls.Config{}
		}, "listener CONTROLLER is SSL and has no Principal"},
		{"SASL_SSL without either", func(c *Config) {
			c.Listeners[0].SecurityProtocol = protocol.SASLSSL
		}, "listener CONTROLLER is SASL_SSL and has no TLS"},
		{"TLS that is not used", func(c *Config) { c.Listeners[0].TLS = &tls.Config{} },
			"listener CONTROLLER is PLAINTEXT and has TLS"},
		{"no handler", func(c *Config) { c.Handle = nil }, "set both"},
		{"negative limit", func(c *Config) { c.MaxConnections = -1 }, "negative"},
		{"negative timeout", func(c *Config) { c.IdleTimeout = -1 }, "negative"},
		{"budget", func(c *Config) { c.MaxInFlightBytes = 1000 }, "largest frame"},
		{"versions", func(c *Config) {
			c.Versions = func(k int16) (int16, int16, bool) { return 0, 99, k == 63 }
		}, "BrokerHeartbeat (63): versions 0-99 are not within the known 0-2"},
		{"in use", func(c *Config) { c.Listeners[0].Address = taken.Addr().String() },
			"listener CONTROLLER: " + taken.Addr().String() +
				" is in use by another process: stop that, or"},
		{"foreign address", func(c *Config) { c.Listeners[0].Address = "192.0.2.1:0" },
			"not an address of this machine"},
		{"second in use", func(c *Config) {
			c.Listeners = append(c.Listeners, Listener{Name: "B", Address: taken.Addr().String()})
		}, "listener B"},
		{"nonsense", func(c *Config) { c.Listeners[0].Address = "nonsense" },
			`cannot listen on "nonsense"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg, _ := testConfig(respond)
			test.change(&cfg)
			_, err := Listen(cfg)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if strings.Contains(test.name, "in use") && !errors.Is(err, syscall.EADDRINUSE) {
				t.Error("not EADDRINUSE")
			}
		})
	}
}

func TestTwoListeners(t *testing.T) {
	cfg, _ := testConfig(func(_ context.Context, caller Caller, req kmsg.Request, reply replyFunc) {
		resp := req.ResponseKind().(*kmsg.BrokerHeartbeatResponse)
		resp.IsFenced = caller.Listener == "SECOND"
		reply(resp)
	})
	cfg.Listeners = append(cfg.Listeners, Listener{Name: "SECOND", Address: "127.0.0.1:0"})
	s, addr := start(t, cfg)
	for name, addr := range map[string]string{"CONTROLLER": addr,
		"SECOND": s.Addrs()["SECOND"].String()} {
		c := dial(t, addr)
		c.send(heartbeat(1))
		resp := kmsg.NewPtrBrokerHeartbeatResponse()
		resp.Version = 1
		if err := resp.ReadFrom(c.receive()[5:]); err != nil ||
			resp.IsFenced != (name == "SECOND") {
			t.Errorf("%s: %+v, %v", name, resp, err)
		}
	}
}

func TestConnectionLimits(t *testing.T) {
	tests := []struct {
		reason closeReason
		change func(*Config)
	}{
		{refusedConnections, func(c *Config) { c.MaxConnections = 3 }},
		{refusedConnectionsPerIP, func(c *Config) { c.MaxConnectionsPerIP = 3 }},
		{refusedConnectionsPerIP, func(c *Config) {
			c.MaxConnectionsPerIP, c.MaxConnectionsOf = 3, map[string]int{"127.0.0.2": 9}
		}},
		{refusedConnectionsPerIP, func(c *Config) {
			c.MaxConnectionsPerIP, c.MaxConnectionsOf = -1, map[string]int{"127.0.0.1": 3}
		}},
	}
	for _, test := range tests {
		t.Run(test.reason.String(), func(t *testing.T) {
			cfg, logs := testConfig(respond)
			test.change(&cfg)
			s, addr := start(t, cfg)
			var conns []client
			for i := range int32(3) {
				c := dial(t, addr)
				c.send(heartbeat(i))
				c.receive()
				conns = append(conns, c)
			}
			for range 5 {
				dial(t, addr).expectClose()
			}
			expectClosed(t, s, test.reason, 5)
			if n := strings.Count(logs.String(), "a limit refuses"); n != 1 {
				t.Errorf("%d lines about 5 refused connections at once", n)
			}
			conns[0].Close()
			expectClosed(t, s, closedByPeer, 1)
			eventually(t, func() string {
				if s.Stats().Connections != 2 {
					return "the closed connection still counts"
				}
				return ""
			})
			c := dial(t, addr)
			c.send(heartbeat(9))
			c.receive()
		})
	}
}

// scriptedListener returns its errors, then its connections, and then blocks until it is closed.
type scriptedListener struct {
	net.Listener
	errs   []error
	conns  chan net.Conn
	closed chan struct{}
}

func (l *scriptedListener) Accept() (net.Conn, error) {
	if len(l.errs) > 0 {
		err := l.errs[0]
		l.errs = l.errs[1:]
		return nil, err
	}
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *scriptedListener) Close() error { close(l.closed); return nil }

func TestAcceptErrorsPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, logs := testConfig(respond)
		s := newServer(cfg.withDefaults())
		l := &scriptedListener{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
		for range 20 {
			l.errs = append(l.errs, &net.OpError{Op: "accept", Err: syscall.EMFILE})
		}
		s.listeners = []net.Listener{l}
		nc, server := net.Pipe()
		l.conns <- server
		begin := time.Now()
		go s.Serve()
		c := client{nc, t}
		c.send(heartbeat(1))
		c.receive()
		// 5 ms, doubled up to 1 s: 8 steps make 1.275 s, 12 more 12 s
		if took := time.Since(begin); took < 12*time.Second || took > 14*time.Second {
			t.Errorf("accepted after %v", took)
		}
		if n := strings.Count(logs.String(), "cannot accept"); n > 15 {
			t.Errorf("%d log lines", n)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		nc.Close()
	})
}

func TestShutdownDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		replies := make(chan func(), 2)
		cfg, _ := testConfig(func(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
			replies <- func() { reply(req.ResponseKind()) }
		})
		s := newServer(cfg.withDefaults())
		connect := func() client {
			nc, server := net.Pipe()
			s.admit(cfg.Listeners[0], server)
			t.Cleanup(func() { nc.Close() })
			return client{nc, t}
		}
		idle, partial, waiting := connect(), connect(), connect()
		partial.send(heartbeat(1)[:9])
		waiting.send(heartbeat(2))
		synctest.Wait()

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- s.Shutdown(ctx) }()
		idle.expectClose()
		partial.expectClose()
		synctest.Wait()
		if len(done) > 0 {
			t.Fatal("Shutdown did not wait for the reply")
		}
		late, server := net.Pipe()
		s.admit(cfg.Listeners[0], server)
		client{late, t}.expectClose()

		(<-replies)()
		waiting.receive()
		waiting.expectClose()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := s.Stats().Closed["shutdown"]; n != 4 {
			t.Errorf("%d connections closed for shutdown, want 4", n)
		}
	})
}

func TestShutdownGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctxs := make(chan context.Context, 1)
		cfg, _ := testConfig(func(ctx context.Context, _ Caller, _ kmsg.Request, _ replyFunc) {
			ctxs <- ctx
		})
		s, nc := pipe(t, cfg)
		client{nc, t}.send(heartbeat(1))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) ||
			time.Since(begin) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		client{nc, t}.expectClose()
		if (<-ctxs).Err() == nil {
			t.Error("the request's context does not end")
		}
	})
}

// Shutdown before, while and without Serve neither hangs nor leaks.
func TestShutdownRacesServe(t *testing.T) {
	for i := range 20 {
		cfg, _ := testConfig(respond)
		s, err := Listen(cfg)
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan struct{})
		if i > 0 {
			go func() { defer close(served); s.Serve() }()
		}
		nc, err := net.Dial("tcp", s.Addrs()["CONTROLLER"].String())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if i > 0 {
			<-served
		}
		nc.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.ReadAll(nc); isTimeout(err) {
			t.Error("connection left open")
		}
		nc.Close()
	}
}
