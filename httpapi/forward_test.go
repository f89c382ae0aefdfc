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
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/logtest"
)

// wallClock is the machine's clock, for a controller that has nothing to do.
type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

func (wallClock) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d,
		f).Stop
}

// passTo returns transports that send every request to one address, whatever its host.
func passTo(t *testing.T, address string) func(int32) http.RoundTripper {
	to := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn,
		error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	t.Cleanup(to.CloseIdleConnections)
	return func(int32) http.RoundTripper { return to }
}

// standbyOf serves the API of a standby whose leader is at an address.
func standbyOf(t *testing.T, address string, logger *slog.Logger) *httptest.Server {
	t.Helper()
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

// leaders are leaders that treat a connection in different ways.
var leaders = map[string]struct {
	meet        func(c net.Conn) // nil if it does not listen
	write, read int              // status at the standby; 0 if the connection breaks
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

// TestAStandbyAnswersWhatItKnows forwards to leaders of every kind, for clients that have closed
// their side of the connection and for others. The answer says that nothing was done (503) or that
// the outcome is unknown (504); if a part of it was sent, the connection breaks.
func TestAStandbyAnswersWhatItKnows(t *testing.T) {
	t.Parallel()
	for name, leader := range leaders {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := standbyOf(t, listenAs(t, leader.meet), slog.New(slog.DiscardHandler))
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

// TestTheProxyLogsToTheNode checks that the error of an interrupted answer goes to the node's log.
func TestTheProxyLogsToTheNode(t *testing.T) {
	t.Parallel()
	var log logtest.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := standbyOf(t, listenAs(t, leaders["breaks off"].meet), logger)
	wholeAnswer(t, s, "POST /v1/create_topic", `{"name":"a"}`, false)
	if text := log.String(); !strings.Contains(text, "level=DEBUG msg=\"httputil: ReverseProxy") {
		t.Errorf("logged %q", text)
	}
}

// listenAs accepts connections until the test ends, and calls meet for each.
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

// wholeAnswer is the status of an answer that arrived completely and has a body; 0 otherwise.
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
