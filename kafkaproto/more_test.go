package kafkaproto

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"
)

// tcpPair returns the two ends of a connection; the first has small buffers.
func tcpPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	if err := a.(*net.TCPConn).SetWriteBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	return a, b
}

// A write larger than the socket's buffers, and the next one, arrive complete and in order.
func TestWriteMore(t *testing.T) {
	t.Parallel()
	long := make([]byte, 8<<20)
	rand.NewChaCha8([32]byte{1}).Read(long)
	tcp, peer := tcpPair(t)
	pipe, pipePeer := net.Pipe()
	for _, c := range []struct{ from, to net.Conn }{{tcp, peer}, {pipe, pipePeer}} {
		for _, b := range [][]byte{{}, {1}, long} {
			got := make(chan []byte, 1)
			go func() {
				all := make([]byte, len(b)+1)
				if _, err := io.ReadFull(c.to, all); err != nil {
					t.Error(err)
				}
				got <- all
			}()
			if n, err := writeMore(c.from, b); n != len(b) || err != nil {
				t.Fatalf("%T: %d of %d, %v", c.from, n, len(b), err)
			}
			if _, err := c.from.Write([]byte{7}); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(<-got, append(bytes.Clone(b), 7)) {
				t.Errorf("%T: something else arrives of %d bytes", c.from, len(b))
			}
		}
	}
}

func TestWriteMoreFails(t *testing.T) {
	t.Parallel()
	a, _ := tcpPair(t)
	a.SetWriteDeadline(time.Unix(1, 0))
	if n, err := writeMore(a, []byte{1}); n != 0 || !isTimeout(err) {
		t.Errorf("after its deadline: %d, %v", n, err)
	}
	a.Close()
	if n, err := writeMore(a, []byte{1}); n != 0 || err == nil {
		t.Errorf("closed: %d, %v", n, err)
	}
	a, b := tcpPair(t)
	b.(*net.TCPConn).SetLinger(0)
	b.Close()
	if _, err := io.ReadAll(a); err == nil {
		t.Fatal("the peer did not reset the connection")
	}
	if n, err := writeMore(a, []byte{1}); n != 0 || peerOrNetwork(err) != closedByPeer {
		t.Errorf("reset by the peer: %d, %v", n, err)
	}
}
