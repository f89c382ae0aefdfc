package httpapi

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// slowBodies are requests whose bodies stop: a request line, further headers, and the part of the
// body that is sent.
var slowBodies = map[string][3]string{
	"a body that stops":           {createTopic, length, `{"name"`},
	"a body that never begins":    {createTopic, length, ""},
	"a chunk that stops":          {createTopic, chunked, "20\r\n{"},
	"chunks without an end":       {createTopic, chunked, "2\r\n{}\r\n"},
	"GET with a body":             {"GET /docs", length, "{"},
	"a path that is not there":    {"POST /nowhere", length, "{"},
	"a page of another site":      {createTopic, "Sec-Fetch-Site: cross-site\r\n" + length, "{"},
	"a query that is refused":     {createTopic + "?a=&a=", length, "{"},
	"a method that is not served": {"PUT /livez", length, ""},
	"expects to be asked for it":  {createTopic, "Expect: 100-continue\r\n" + length, ""},
	"a body larger than a share":  {createTopic, length, strings.Repeat(" ", bodySmall+1)},
}

const (
	createTopic = "POST /v1/create_topic"
	length      = "Content-Length: 100000\r\n"
	chunked     = "Transfer-Encoding: chunked\r\n"
)

// begin opens a connection and sends the beginning of a request.
func begin(t *testing.T, s *httptest.Server, request [3]string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: x\r\n%s\r\n%s", request[0], request[1], request[2])
	return c
}

// slowServer serves an API with a time limit for bodies.
func slowServer(t *testing.T, bodyTimeout time.Duration) *httptest.Server {
	t.Helper()
	cfg := Config{BodyTimeout: bodyTimeout, Logger: slog.New(slog.DiscardHandler)}
	s := httptest.NewServer(New(cfg))
	t.Cleanup(s.Close)
	return s
}

// TestSlowBodiesEnd checks that a request whose body does not arrive is answered 408, on every
// path, and that its connection is closed after the answer, although the client would continue.
func TestSlowBodiesEnd(t *testing.T) {
	t.Parallel()
	s := slowServer(t, 100*time.Millisecond)
	for name, request := range slowBodies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := timedOut(begin(t, s, request)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestATrickleIsNoProgress sends a body byte by byte: the time limit is for the whole body.
func TestATrickleIsNoProgress(t *testing.T) {
	t.Parallel()
	s := slowServer(t, 200*time.Millisecond)
	c := begin(t, s, [3]string{createTopic, length, ""})
	go func() {
		pace := time.NewTicker(20 * time.Millisecond)
		defer pace.Stop()
		for range pace.C {
			if _, err := c.Write([]byte(" ")); err != nil {
				return
			}
		}
	}()
	if err := timedOut(c); err != nil {
		t.Error(err)
	}
}

// TestManySlowBodies sends many slow bodies at once: each connection is closed, and other requests
// are served meanwhile.
func TestManySlowBodies(t *testing.T) {
	t.Parallel()
	s := slowServer(t, time.Second)
	var wg sync.WaitGroup
	for range clientShares { // more large bodies than one address may send at a time
		for name, request := range slowBodies {
			c := begin(t, s, request)
			wg.Go(func() {
				if err := timedOut(c); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
	}
	resp, err := http.Get(s.URL + "/openapi.json")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("meanwhile: %v, %v", resp, err)
	} else {
		resp.Body.Close()
	}
	wg.Wait()
}

// timedOut reads an answer of 408 and the end of the connection.
func timedOut(c net.Conn) error {
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil)
	for err == nil && resp.StatusCode == http.StatusContinue {
		resp, err = http.ReadResponse(in, nil)
	}
	if err != nil {
		return fmt.Errorf("no answer: %w", err)
	}
	answer, err := io.ReadAll(resp.Body)
	ok := err == nil && resp.StatusCode == http.StatusRequestTimeout && len(answer) > 0
	if !ok || !resp.Close {
		return fmt.Errorf("status %d, close %t: %q, %w", resp.StatusCode, resp.Close, answer, err)
	}
	if n, err := in.Read(make([]byte, 1)); n != 0 || isTimeout(err) {
		return fmt.Errorf("the connection is still open after the answer: %d bytes, %w", n, err)
	}
	return nil
}

// TestProblemsOfBodies checks the answers to bodies that could not be read.
func TestProblemsOfBodies(t *testing.T) {
	t.Parallel()
	a := New(Config{Logger: slog.New(slog.DiscardHandler)})
	for name, c := range map[string]struct {
		err    error
		cut    bool
		status int
	}{
		"too large": {&http.MaxBytesError{Limit: bodyMax}, false, http.StatusRequestEntityTooLarge},
		"too slow":  {os.ErrDeadlineExceeded, false, http.StatusRequestTimeout},
		"cut off":   {os.ErrDeadlineExceeded, true, http.StatusServiceUnavailable},
		"malformed": {io.ErrUnexpectedEOF, false, http.StatusBadRequest},
	} {
		w := &reply{}
		w.cut.Store(c.cut)
		if p := a.bodyProblem(w, c.err); p.Status != c.status {
			t.Errorf("%s: %d, want %d", name, p.Status, c.status)
		}
	}
}

func isTimeout(err error) bool {
	var slow net.Error
	ok := errors.As(err, &slow)
	return ok && slow.Timeout()
}

// TestARefusedBodyDoesNotEndATunnel checks that a request whose body is refused does not end the
// HTTP/2 connection that it shares with other requests, as those that a standby forwards do.
func TestARefusedBodyDoesNotEndATunnel(t *testing.T) {
	t.Parallel()
	cfg := Config{Logger: slog.New(slog.DiscardHandler)}
	s := httptest.NewUnstartedServer(New(cfg))
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	s.Config.Protocols = protocols
	s.Start()
	t.Cleanup(s.Close)
	transport := &http.Transport{Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	conn, err := transport.NewClientConn(t.Context(), "http", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	for range 2 {
		body := strings.NewReader(strings.Repeat(" ", bodyMax+1))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
			s.URL+"/v1/create_topic", body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := conn.RoundTrip(r)
		if err != nil {
			t.Fatalf("the connection is of no more use: %v", err)
		}
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("status %d, want 413", resp.StatusCode)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}
