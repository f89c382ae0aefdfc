package raftlog

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// tunnelCluster has nodes that give the ends of tunnels to the test.
func tunnelCluster(t *testing.T, n int) (*testCluster, chan net.Conn) {
	ends := make(chan net.Conn, 2*tunnelsMax)
	cl := newCluster(t, n, func(c *Config) {
		c.Tunnelled = func(_ int32, conn net.Conn) { ends <- conn }
	})
	cl.start()
	return cl, ends
}

// openTunnel opens a tunnel from one node of a cluster to another, once they know each other.
func openTunnel(t *testing.T, cl *testCluster, from, to int32) net.Conn {
	t.Helper()
	conn, err := cl.nodes[from].log.Tunnel(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn
}

func TestATunnelCarriesBytesBothWays(t *testing.T) {
	t.Parallel()
	cl, ends := tunnelCluster(t, 2)
	cl.leader()
	there := openTunnel(t, cl, 0, 1)
	here := <-ends
	_ = here.SetDeadline(time.Now().Add(20 * time.Second))
	if host, _, err := net.SplitHostPort(here.RemoteAddr().String()); host != "127.0.0.1" ||
		err != nil {
		t.Errorf("the other end is %v", here.RemoteAddr())
	}
	out, back := make([]byte, 1<<20), make([]byte, 1<<20)
	rand.Read(out)
	rand.Read(back)
	go there.Write(out) // nolint:errcheck // the other end checks what arrived
	go here.Write(back) //nolint:errcheck
	for what, c := range map[string]struct {
		conn net.Conn
		want []byte
	}{"out": {here, out}, "back": {there, back}} {
		got := make([]byte, len(c.want))
		if _, err := io.ReadFull(c.conn, got); err != nil || !bytes.Equal(got, c.want) {
			t.Errorf("%s: %v, equal %t", what, err, bytes.Equal(got, c.want))
		}
	}
}

func TestATunnelEndsWithEitherEnd(t *testing.T) {
	t.Parallel()
	cl, ends := tunnelCluster(t, 2)
	cl.leader()
	for _, first := range []int{0, 1} {
		conns := []net.Conn{openTunnel(t, cl, 0, 1), <-ends}
		go conns[0].Write([]byte("x")) //nolint:errcheck
		if _, err := io.ReadFull(conns[1], make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		conns[first].Close()
		other := conns[1-first]
		_ = other.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := other.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("end %d was closed, the other reads %v", first, err)
		}
	}
}

func TestATunnelEndsWithItsLog(t *testing.T) {
	t.Parallel()
	for stopped := range 2 {
		cl, ends := tunnelCluster(t, 2)
		cl.leader()
		there, here := openTunnel(t, cl, 0, 1), <-ends
		cl.nodes[stopped].kill()
		for end, conn := range []net.Conn{there, here} {
			_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
			if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("node %d stopped, end %d reads %v", stopped, end, err)
			}
		}
	}
}

func TestTunnelsOfAMemberAreFew(t *testing.T) {
	t.Parallel()
	cl, _ := tunnelCluster(t, 2)
	cl.leader()
	for range tunnelsMax {
		openTunnel(t, cl, 0, 1)
	}
	if _, err := cl.nodes[0].log.Tunnel(t.Context(), 1); err == nil {
		t.Error("a further tunnel was opened")
	}
}

// TestTunnelFramesOfStrangers: frames of a tunnel that nobody has opened end their connection.
func TestTunnelFramesOfStrangers(t *testing.T) {
	t.Parallel()
	cl, _ := tunnelCluster(t, 2)
	cl.leader()
	l := cl.nodes[0].log
	for what, frame := range map[string][]byte{
		"a pull":             {kindPull},
		"an unknown token":   append([]byte{kindPush}, make([]byte, tokenLen)...),
		"half a token":       {kindPush, 1, 2},
		"a push without any": {kindPush},
	} {
		in := &inbound{may: func() error { return nil }, l: l, remote: "127.0.0.1:1", peer: &hello{node: 1}}
		if _, err := in.frame(frame); err == nil {
			t.Errorf("%s was taken", what)
		}
		in.closed()
		stranger := &inbound{may: func() error { return nil }, l: l, remote: "127.0.0.1:1"}
		if _, err := stranger.frame([]byte{kindOpen}); err == nil {
			t.Error("a stranger opened a tunnel")
		}
	}
}
