package kafkaproto

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// park answers a request when its context ends.
func park(ctx context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
	<-ctx.Done()
	reply(req.ResponseKind())
}

// parkedServer is a server on loopback whose sweeps the test runs itself, with one client whose
// request is parked.
func parkedServer(t *testing.T, handle handleFunc) (*Server, *sweeper, client) {
	began := make(chan struct{}, 1)
	cfg, _ := testConfig(
		func(ctx context.Context, caller Caller, req kmsg.Request, reply replyFunc) {
			began <- struct{}{}
			handle(ctx, caller, req, reply)
		})
	s, addr := start(t, cfg)
	c := dial(t, addr)
	c.send(heartbeat(1))
	<-began
	return s, &sweeper{server: s}, c
}

// sweepUntil sweeps, as the clock would, until the server has closed a connection for the given
// reason.
func sweepUntil(t *testing.T, w *sweeper, reason closeReason) {
	t.Helper()
	eventually(t, func() string {
		w.sweep()
		if w.server.Stats().Closed[reason.String()] == 0 {
			return "not closed: " + reason.String()
		}
		return ""
	})
}

// TestClientThatHasGoneEndsItsParkedRequest: the request ends when the client closes or resets the
// connection, even with unread data from it.
func TestClientThatHasGoneEndsItsParkedRequest(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(c client){
		"closed":    func(c client) { c.Close() },
		"pipelined": func(c client) { c.send(heartbeat(2)); c.Close() },
		"reset": func(c client) {
			c.Conn.(*net.TCPConn).SetLinger(0)
			c.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, w, c := parkedServer(t, park)
			w.sweep()
			w.sweep()
			if n := s.Stats().Connections; n != 1 {
				t.Fatalf("%d connections while the client is there", n)
			}
			leave(c)
			eventually(t, func() string {
				w.sweep()
				if s.Stats().Connections != 0 {
					return "it is still parked"
				}
				return ""
			})
		})
	}
}

// TestHalfClosedClientGetsItsAnswer: a client that has closed its sending side is answered at once.
func TestHalfClosedClientGetsItsAnswer(t *testing.T) {
	t.Parallel()
	_, w, c := parkedServer(t, park)
	c.Conn.(*net.TCPConn).CloseWrite()
	sweeping := make(chan struct{})
	go func() {
		defer close(sweeping)
		sweepUntil(t, w, closedByPeer)
	}()
	c.receive()
	c.expectClose()
	<-sweeping
}

// TestHalfClosedClientOfTheCore: such a client also gets an answer that does not depend on the
// context.
func TestHalfClosedClientOfTheCore(t *testing.T) {
	t.Parallel()
	answer := make(chan func(), 1)
	s, w, c := parkedServer(t,
		func(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
			answer <- func() { reply(req.ResponseKind()) }
		})
	c.Conn.(*net.TCPConn).CloseWrite()
	for range 5 {
		w.sweep()
	}
	(<-answer)()
	c.receive()
	c.expectClose()
	expectClosed(t, s, closedByPeer, 1)
}

// TestParkedRequestsAreBounded: the number of parked requests, of an address and in all, and their
// time are bounded. Requests beyond a bound are answered, and their connections stay open.
func TestParkedRequestsAreBounded(t *testing.T) {
	t.Parallel()
	for limit, change := range map[string]func(*Config){
		"yakt.max.parked.requests":        func(c *Config) { c.MaxParked = 3 },
		"yakt.max.parked.requests.per.ip": func(c *Config) { c.MaxParkedPerIP = 3 },
		"yakt.max.wait.ms":                func(c *Config) { c.MaxWait = 2 * time.Second },
	} {
		t.Run(limit, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				cfg, _ := testConfig(park)
				change(&cfg)
				s := bubbleServer(t, cfg)
				w := &sweeper{server: s}
				answered := make(chan struct{}, 10)
				for range 5 {
					c := connectTo(t, s, cfg, "10.0.0.1")
					c.send(heartbeat(1))
					go func() {
						if _, err := c.Read(make([]byte, 100)); err == nil {
							answered <- struct{}{}
						}
					}()
				}
				synctest.Wait()
				w.sweep()
				synctest.Wait()
				if len(answered) != 0 {
					t.Error("answered at the first sweep")
				}
				for range 3 {
					w.sweep()
					synctest.Wait()
				}
				want := 2
				if limit == "yakt.max.wait.ms" {
					want = 5
				}
				if len(answered) != want || s.Stats().Refused[limit] == 0 {
					t.Errorf("%d answered; refused %v", len(answered), s.Stats().Refused)
				}
			})
		})
	}
}

// TestConnectionGoesOnAfterAnEndedWait: the next request may be parked again.
func TestConnectionGoesOnAfterAnEndedWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := testConfig(park)
		cfg.MaxWait = time.Second
		s := bubbleServer(t, cfg)
		w := &sweeper{server: s}
		c := connectTo(t, s, cfg, "10.0.0.1")
		for i := range int32(3) {
			c.send(heartbeat(i))
			synctest.Wait()
			w.sweep()
			w.sweep()
			c.receive()
		}
	})
}

// TestServerSweeps: the server sweeps by itself, once a second.
func TestServerSweeps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := testConfig(park)
		cfg.MaxWait = 3 * time.Second
		s := bubbleServer(t, cfg)
		go (&sweeper{server: s}).run()
		c := connectTo(t, s, cfg, "10.0.0.1")
		began := time.Now()
		c.send(heartbeat(1))
		c.receive()
		if took := time.Since(began); took < cfg.MaxWait || took > cfg.MaxWait+2*sweepInterval {
			t.Errorf("answered after %v", took)
		}
	})
}
