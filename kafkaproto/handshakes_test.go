package kafkaproto

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/yakt/yakt/security"
	"github.com/yakt/yakt/turns"
)

// hello returns the first flight of a client.
func hello(t testing.TB) []byte {
	t.Helper()
	one, two := net.Pipe()
	defer two.Close()
	go func() {
		defer one.Close()
		tls.Client(one, &tls.Config{ServerName: "localhost"}).Handshake()
	}()
	buf := make([]byte, 4<<10)
	n, err := two.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

// A client that sends its first flight byte by byte has as long as any other.
func TestSlowHandshake(t *testing.T) {
	t.Parallel()
	r, flight := newRealm(t), hello(t)
	for name, n := range map[string]int{"silent": 0, "slow": len(flight)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg, _ := testConfig(respond)
				cfg = r.secure(cfg)
				s := bubbleServer(t, cfg)
				c := connectTo(t, s, cfg, "10.0.0.1")
				began := time.Now()
				wrote := make(chan struct{})
				go func() {
					defer close(wrote)
					for i := range n {
						time.Sleep(time.Second / 10) // on the bubble's clock
						if _, err := c.Write(flight[i : i+1]); err != nil {
							return
						}
					}
				}()
				io.ReadAll(c)
				if took := time.Since(began); took != 10*time.Second {
					t.Errorf("closed after %v", took)
				}
				<-wrote
				synctest.Wait()
				if n := s.Stats().Closed[closedHandshakeTimeout.String()]; n != 1 {
					t.Errorf("%v", s.Stats().Closed)
				}
			})
		})
	}
}

// Handshakes are few, in all and of one address; a new one gets in, and a good client is served.
func TestHandshakesGiveWay(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	synctest.Test(t, func(t *testing.T) {
		cfg, logs := testConfig(respond)
		cfg.MaxHandshakes, cfg.MaxHandshakesPerIP = 20, 10
		cfg = r.secure(cfg)
		s := bubbleServer(t, cfg)
		good := func() {
			t.Helper()
			plain := connectTo(t, s, cfg, "10.0.0.1")
			c := client{tls.Client(plain.Conn, &tls.Config{InsecureSkipVerify: true}), t}
			c.send(heartbeat(7))
			c.receive()
		}
		for range 100 {
			connectTo(t, s, cfg, "10.0.0.66")
			synctest.Wait()
		}
		if n := s.Stats().Handshakes; n != 10 {
			t.Errorf("%d handshakes of one address", n)
		}
		good()
		for i := range 100 {
			connectTo(t, s, cfg, fmt.Sprint("10.0.1.", i))
			synctest.Wait()
		}
		if n := s.Stats().Handshakes; n != 20 {
			t.Errorf("%d handshakes", n)
		}
		good()
		synctest.Wait()
		refused := s.Stats().Refused
		perIP, all := refused["tls.handshakes.per.ip"], refused["tls.handshakes"]
		if perIP != 90 || all != 91 { // the last good one, too, needed room
			t.Errorf("%d gave way to others of their address and %d to others", perIP, all)
		}
		if n := strings.Count(logs.String(), "a limit refuses requests"); n != 2 {
			t.Errorf("%d lines about limits", n)
		}
	})
}

// Who has authenticated already, as a broker that opens another connection, does not give way to
// strangers, however many addresses they have.
func TestHandshakesOfKnownClientsStay(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := testConfig(respond)
		cfg.MaxHandshakes, cfg.MaxHandshakesPerIP = 20, 10
		cfg = r.secure(cfg)
		cfg.Listeners[0].Principal = func(tls.ConnectionState) (security.Identity, error) {
			return security.Identity{Principal: "User:broker"}, nil
		}
		s := bubbleServer(t, cfg)
		served := func(plain client) {
			t.Helper()
			c := client{tls.Client(plain.Conn, &tls.Config{InsecureSkipVerify: true}), t}
			c.send(heartbeat(7))
			c.receive()
		}
		known := connectTo(t, s, cfg, "10.0.0.1")
		served(known)
		begun := connectTo(t, s, cfg, "10.0.0.1")
		synctest.Wait()
		flood := func(net int) {
			for i := range 100 {
				connectTo(t, s, cfg, fmt.Sprintf("10.0.%d.%d", net, i))
				synctest.Wait()
			}
		}
		flood(1)
		served(begun)
		known.Close()
		begun.Close()
		synctest.Wait()
		stranger := connectTo(t, s, cfg, "10.0.0.1")
		synctest.Wait()
		flood(2)
		if _, err := stranger.Read(make([]byte, 1)); err == nil {
			t.Error("an address stays known after its last connection")
		}
	})
}

// A handshake that waits for this node, not for its client, does not give way.
func TestHandshakesThatDoNotGiveWay(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	cfg, _ := testConfig(respond)
	cfg.MaxHandshakes, cfg.MaxHandshakesPerIP = 2, 2
	cfg = r.secure(cfg).withDefaults()
	s := newServer(cfg)
	var conns []*conn
	for range 3 {
		one, two := net.Pipe()
		t.Cleanup(func() { one.Close(); two.Close() })
		conns = append(conns, newConn(s, cfg.Listeners[0],
			addressed{two, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1)}}))
	}
	for _, c := range conns[:2] {
		if _, err := s.handshakes.enter(c); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.handshakes.enter(conns[2]); err == nil {
		t.Error("a third handshake was let in")
	}
	conns[1].tls.wire.waits.Store(true)
	if _, err := s.handshakes.enter(conns[2]); err != nil {
		t.Error(err)
	}
	if conns[0].ctx.Err() != nil || conns[1].ctx.Err() == nil {
		t.Error("the wrong one was closed")
	}
	for _, c := range conns {
		s.handshakes.leave(c)
	}
	if s.handshakes.count() != 0 || len(s.handshakes.perIP) != 0 {
		t.Error("handshakes are left")
	}
}

// 10,000 clients from several addresses that begin a handshake and never end it cost what a few
// hundred do, for client and server together, and a good client is served all the while.
func TestTenThousandHandshakesThatNeverEnd(t *testing.T) {
	r, flight := newRealm(t), hello(t)
	cfg, _ := testConfig(respond)
	s, addr := start(t, r.secure(cfg))
	good := dialTLS(t, addr, r.client(t, ""))
	before := heapInUse()
	const clients = 10_000
	sent := [][]byte{nil, {0x16}, {0x16, 3, 1, 0x40, 0}, flight[:len(flight)/2],
		append([]byte{0x16, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc}, make([]byte, 1000)...)}
	for i := range clients {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+i%4))}}
		nc, err := d.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.Write(sent[i%len(sent)])
		if n := s.Stats().Handshakes; n > 512 {
			t.Fatalf("%d handshakes", n)
		}
		if i%100 == 0 {
			good.send(heartbeat(int32(i)))
			good.receive()
			late := dialTLS(t, addr, r.client(t, "")) // so is one that comes now
			late.send(heartbeat(1))
			late.receive()
			late.Close()
		}
	}
	eventually(t, func() string {
		if n := s.Stats().Accepted; n < clients {
			return fmt.Sprint("accepted: ", n)
		}
		return ""
	})
	grown := int64(heapInUse()) - int64(before)
	t.Logf("%d bytes for %d clients", grown, clients)
	if grown > 48<<20 {
		t.Errorf("%d bytes", grown)
	}
}

// No beginning of a handshake, and no damaged one, does more than end its connection.
func TestBrokenHandshakes(t *testing.T) {
	t.Parallel()
	r, flight := newRealm(t, "ssl.client.auth", "required"), hello(t)
	cfg, _ := testConfig(respond)
	s, addr := start(t, r.secure(cfg))
	n := int64(0)
	try := func(b []byte) {
		c := dial(t, addr)
		c.send(b)
		c.Conn.(*net.TCPConn).CloseWrite()
		io.ReadAll(c)
		c.Close()
		n++
	}
	for i := 0; i < len(flight); i += 7 {
		try(flight[:i])
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		damaged := bytes.Clone(flight)
		for range 1 + random.IntN(8) {
			damaged[random.IntN(len(damaged))] = byte(random.Uint32())
		}
		try(damaged)
	}
	try(append([]byte{0x16, 3, 1, 0xff, 0xff}, make([]byte, 70<<10)...))
	try(append([]byte{0x80, 0x2e, 1, 0, 2}, make([]byte, 50)...)) // as SSL 2
	try(bytes.Repeat([]byte{0x15, 3, 1, 0, 2, 1, 0}, 100))        // warnings
	try(bytes.Repeat([]byte{0x16, 3, 1, 0, 0}, 100))              // empty records
	eventually(t, func() string {
		stats := s.Stats()
		if stats.Connections > 0 || stats.Accepted != n || stats.Handshakes > 0 {
			return fmt.Sprintf("%+v", stats)
		}
		return ""
	})
	closed := s.Stats().Closed
	if closed[closedPanic.String()]+closed[closedFault.String()] > 0 {
		t.Error(closed)
	}
}

// The bytes of a handshake are bounded, however they are cut.
func TestHandshakeOfTooManyBytes(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	cfg, logs := testConfig(respond)
	s, addr := start(t, r.secure(cfg))
	c := dial(t, addr)
	// a message of 60,000 bytes, each in a record of its own
	flood := []byte{0x16, 3, 1, 0, 4, 1, 0, 0xea, 0x60}
	flood = append(flood, bytes.Repeat([]byte{0x16, 3, 1, 0, 1, 0}, 60_000)...)
	c.Write(flood) // which may end when the server has had enough
	c.Close()
	expectClosed(t, s, closedHandshake, 1)
	if !strings.Contains(logs.String(), "more than 65536 bytes") {
		t.Error(logs)
	}
}

// An address whose handshakes have used much of the processor waits for those of others.
func TestHandshakesOfAnotherAddressGoFirst(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := testConfig(respond)
		cfg.Turns = turns.New(2)
		cfg = r.secure(cfg).withDefaults()
		s := newServer(cfg)
		enter := func(ip byte) *turns.Turn {
			one, two := net.Pipe()
			t.Cleanup(func() { one.Close(); two.Close() })
			turn, err := s.handshakes.enter(newConn(s, cfg.Listeners[0],
				addressed{two, &net.TCPAddr{IP: net.IPv4(10, 0, 0, ip)}}))
			if err != nil {
				t.Fatal(err)
			}
			turn.Expect(handshakeWork)
			return turn
		}
		order := make(chan byte, 3)
		wait := func(ip byte) {
			turn := enter(ip)
			go func() {
				turn.Take(nil)
				order <- ip
				turn.Drop()
			}()
			synctest.Wait()
		}
		busy := enter(66)
		busy.Take(nil)
		time.Sleep(100 * time.Millisecond) // work, by the bubble's clock
		busy.Drop()
		busy.Take(nil)
		wait(66)
		wait(66)
		wait(1)
		busy.Drop()
		if first := <-order; first != 1 {
			t.Errorf("the first is of 10.0.0.%d", first)
		}
		<-order
		<-order
	})
}

func TestShutdownDuringHandshakes(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	cfg, _ := testConfig(respond)
	s, addr := start(t, r.secure(cfg))
	dial(t, addr).send(hello(t)[:20])
	idle := dialTLS(t, addr, r.client(t, ""))
	idle.send(heartbeat(1))
	idle.receive()
	eventually(t, func() string {
		if s.Stats().Handshakes != 1 {
			return "no handshake"
		}
		return ""
	})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if _, err := idle.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the connection ended with %v", err)
	}
}

// A peer gets in by TLS when clients hold every connection.
func TestPeerOfTLSBeyondTheLimits(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	cfg := r.secure(peersConfig())
	cfg.MaxConnections = 1
	_, addr := start(t, cfg)
	c := dialTLS(t, addr, r.client(t, ""))
	c.send(heartbeat(1))
	c.receive()
	peer := dialTLS(t, addr, r.client(t, ""))
	peer.send(streamFrame(0, 5, "hello"))
	if got := peer.receive(); !bytes.HasPrefix(got, []byte{0, 0, 0, 5}) {
		t.Errorf("got %q", got)
	}
}

// A client that asks for another handshake within the first is closed. openssl can ask for one.
func TestRenegotiation(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	cfg, _ := testConfig(respond)
	s, addr := start(t, r.secure(cfg))
	cmd := exec.CommandContext(t.Context(), "openssl", "s_client", "-tls1_2", "-connect", addr)
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal("this test needs openssl: ", err)
	}
	in.Write([]byte("R\n"))
	expectClosed(t, s, closedNetworkError, 1)
	in.Close()
	cmd.Wait()
	if n := s.Stats().Requests; n != 0 {
		t.Errorf("%d requests", n)
	}
}
