package httpapi

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/yakt/yakt/controller"
)

// wallClock is the machine's clock for a controller that does nothing.
type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

func (wallClock) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d,
		f).Stop
}

// passTo takes every request to an address, whatever its host.
func passTo(t *testing.T, address string) func(int32) http.RoundTripper {
	to := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn,
		error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	t.Cleanup(to.CloseIdleConnections)
	return func(int32) http.RoundTripper { return to }
}

// standbyOf serves the API of a standby whose leader is at an address.
func standbyOf(t *testing.T, address string) *httptest.Server {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	s := httptest.NewUnstartedServer(New(Config{
		NodeID: 1, Leader: func() (int32, string) { return 2, address }, Logger: logger,
		PassTo:           passTo(t, address),
		Controller:       controller.New(controller.Config{Clock: wallClock{}, Logger: logger}),
		OperationTimeout: 50 * time.Millisecond,
	}))
	s.Config.ErrorLog = slog.NewLogLogger(logger.Handler(), slog.LevelError)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// leaders are leaders by what becomes of a connection to them.
var leaders = map[string]struct {
	meet        func(c net.Conn) // nil: it does not listen
	write, read int              // status at the standby; 0: the connection is broken off
}{
	"does not listen": {nil, 503, 503},
	"never answers":   {func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, 504, 503},
	"hangs up":        {func(c net.Conn) { _, _ = http.ReadRequest(bufio.NewReader(c)) }, 504, 503},
	"speaks no HTTP":  {func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0\r\n\r\n") }, 504, 503},
	"breaks off": {func(c net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(c))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
	}, 0, 0},
	"answers": {func(c net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(c))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
	}, 200, 200},
}

// TestAStandbyTellsWhatItKnows forwards to leaders of every kind, for clients that have closed
// their side of the connection and for others: nothing was done (503), not known (504), or no
// answer that could be taken for one.
func TestAStandbyTellsWhatItKnows(t *testing.T) {
	t.Parallel()
	for name, leader := range leaders {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := standbyOf(t, listenAs(t, leader.meet))
			for _, closing := range []bool{false, true} {
				write := wholeAnswer(t, s, "POST /v1/create_topic", `{"name":"a"}`, closing)
				read := wholeAnswer(t, s, "GET /v1/get_topic_by_name?name=a&"+
					"consistency=linearizable", "", closing)
				if write != leader.write || read != leader.read {
					t.Errorf("half-closed %t: a write %d, want %d; a read %d, want %d",
						closing, write, leader.write, read, leader.read)
				}
			}
		})
	}
}

// listenAs accepts connections until the test ends and has each met.
func listenAs(t *testing.T, meet func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if meet == nil {
		l.Close()
		return l.Addr().String()
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				meet(c)
			}()
		}
	}()
	return l.Addr().String()
}

// wholeAnswer is the status of an answer with a body that arrived as a whole; 0 without one.
func wholeAnswer(t *testing.T, s *httptest.Server, line, body string, closing bool) int {
	t.Helper()
	header := fmt.Sprintf("Content-Length: %d\r\n", len(body))
	c := begin(t, s, [3]string{line, header, body}).(*net.TCPConn)
	if closing {
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
	}
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0
	}
	if len(answer) == 0 {
		t.Errorf("%s: %d without a body", line, resp.StatusCode)
	}
	return resp.StatusCode
}
