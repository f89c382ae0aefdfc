package kafkaproto

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/yakt/yakt/logtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// replyFunc answers a request.
type replyFunc = func(kmsg.Response)

type handleFunc = func(ctx context.Context, caller Caller, req kmsg.Request, reply replyFunc)

// testKeys are the test server's versions: the controller's versions of a few keys.
var testKeys = map[int16][2]int16{1: {4, 18}, 3: {0, 13}, 17: {0, 1}, 18: {0, 4}, 19: {2, 7},
	36: {0, 2}, 58: {0, 0},
	59: {0, 1}, 63: {0, 2}}

func testVersions(key int16) (low, high int16, ok bool) {
	v, ok := testKeys[key]
	return v[0], v[1], ok
}

// respond answers every request with the default response of its kind.
func respond(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
	reply(req.ResponseKind())
}

func testConfig(handle handleFunc) (Config, *logtest.Buffer) {
	logs := &logtest.Buffer{}
	return Config{
		Listeners: []Listener{{Name: "CONTROLLER", Address: "127.0.0.1:0"}},
		Versions:  testVersions,
		Handle:    handle,
		Logger: slog.New(slog.NewTextHandler(logs,
			&slog.HandlerOptions{Level: slog.LevelDebug})),
	}, logs
}

// start runs a server on loopback until the test ends.
func start(t testing.TB, cfg Config) (*Server, string) {
	t.Helper()
	s, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() { defer close(served); s.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // at once
		s.Shutdown(ctx)
		<-served
	})
	return s, s.Addrs()[cfg.Listeners[0].Name].String()
}

// pipe returns the client's end of an in-memory connection to a server without listeners, for tests
// in a synctest bubble.
func pipe(t testing.TB, cfg Config) (*Server, net.Conn) {
	t.Helper()
	s := newServer(cfg.withDefaults())
	client, server := net.Pipe()
	s.admit(cfg.Listeners[0], server)
	t.Cleanup(func() {
		client.Close()
		s.Shutdown(context.Background())
	})
	return s, client
}

// client is a raw connection; it fails its test after an unexpected error.
type client struct {
	net.Conn
	t testing.TB
}

func dial(t testing.TB, addr string) client {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(30 * time.Second))
	return client{nc, t}
}

func (c client) send(p []byte) {
	c.t.Helper()
	if _, err := c.Write(p); err != nil {
		c.t.Fatal(err)
	}
}

// receive reads one frame, without its length.
func (c client) receive() []byte {
	c.t.Helper()
	var length [4]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		c.t.Fatal("reading a frame:", err)
	}
	frame := make([]byte, binary.BigEndian.Uint32(length[:]))
	if _, err := io.ReadFull(c, frame); err != nil {
		c.t.Fatal("reading a frame:", err)
	}
	return frame
}

// expectClose waits until the server closes the connection, and requires that it sends nothing
// before.
func (c client) expectClose() {
	c.t.Helper()
	if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil {
		c.t.Fatal("the connection still gives data")
	} else if isTimeout(err) {
		c.t.Fatal("the connection was not closed")
	}
}

// expectClosed waits until the server has counted n connections closed for a reason.
func expectClosed(t testing.TB, s *Server, reason closeReason, n int64) {
	t.Helper()
	eventually(t, func() string {
		if got := s.Stats().Closed[reason.String()]; got != n {
			return fmt.Sprintf("closed for %s: %d, want %d; all: %v", reason, got, n,
				s.Stats().Closed)
		}
		return ""
	})
}

// eventually waits until check returns "".
func eventually(t testing.TB, check func() string) {
	t.Helper()
	deadline, ticker := time.After(10*time.Second), time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for {
		complaint := check()
		if complaint == "" {
			return
		}
		select {
		case <-deadline:
			t.Fatal(complaint)
		case <-ticker.C:
		}
	}
}

func request(req kmsg.Request, version int16, correlationID int32) []byte {
	req.SetVersion(version)
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("tester")).AppendRequest(nil, req,
		correlationID)
}

func heartbeat(correlationID int32) []byte {
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.BrokerID, req.BrokerEpoch, req.CurrentMetadataOffset = 1, 2, 3
	return request(req, 1, correlationID)
}

// frame prefixes data with its length.
func frame(data []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), data...)
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
