package httpapi

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// slowBodies are requests whose bodies stop after these bytes.
var slowBodies = map[string]string{
	"a body that stops":           "POST /v1/create_topic HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"name\"",
	"a body that never begins":    "POST /v1/create_topic HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
	"a chunk that stops":          "POST /v1/create_topic HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{\"name\"",
	"chunks without an end":       "POST /v1/create_topic HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
	"GET with a body":             "GET /docs HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
	"a path that is not there":    "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
	"a page of another site":      "POST /v1/create_topic HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: cross-site\r\nContent-Length: 9\r\n\r\n{",
	"a query that is refused":     "POST /v1/create_topic?a=&a= HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
	"a method that is not served": "PUT /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
	"expects to be asked for it":  "POST /v1/create_topic HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
	"a body larger than a share":  "POST /v1/create_topic HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n" + fmt.Sprintf("%5000d", 0),
}

// slowServer serves an API with this time for a body.
func slowServer(t *testing.T, bodyTimeout time.Duration) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(New(Config{BodyTimeout: bodyTimeout, Logger: slog.New(slog.DiscardHandler)}))
	t.Cleanup(s.Close)
	return s
}

// TestSlowBodiesEnd checks that a body that does not arrive is answered 408, on every path, and
// that the connection is closed behind the answer although its client would go on.
func TestSlowBodiesEnd(t *testing.T) {
	t.Parallel()
	s := slowServer(t, 100*time.Millisecond)
	for name, text := range slowBodies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := net.Dial("tcp", s.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, _ = io.WriteString(c, text)
			if err := timedOut(c); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestATrickleIsNoProgress sends a body of which a byte comes now and then: the time is for the
// whole.
func TestATrickleIsNoProgress(t *testing.T) {
	t.Parallel()
	s := slowServer(t, 200*time.Millisecond)
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() {
		_, err := io.WriteString(c, "POST /v1/create_topic HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
		pace := time.NewTicker(20 * time.Millisecond)
		defer pace.Stop()
		for ; err == nil; <-pace.C {
			_, err = c.Write([]byte(" "))
		}
	}()
	if err := timedOut(c); err != nil {
		t.Error(err)
	}
}

// TestManySlowBodies holds up many connections at once: every one is closed, and others are
// served meanwhile.
func TestManySlowBodies(t *testing.T) {
	t.Parallel()
	s := slowServer(t, time.Second)
	var wg sync.WaitGroup
	for range 20 {
		for name, text := range slowBodies {
			c, err := net.Dial("tcp", s.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(c, text)
			wg.Go(func() {
				defer c.Close()
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
	if err != nil || resp.StatusCode != http.StatusRequestTimeout || len(answer) == 0 || !resp.Close {
		return fmt.Errorf("status %d, close %t: %q, %v", resp.StatusCode, resp.Close, answer, err)
	}
	if n, err := in.Read(make([]byte, 1)); n != 0 || isTimeout(err) {
		return fmt.Errorf("the connection is still open behind the answer: %d bytes, %v", n, err)
	}
	return nil
}

func isTimeout(err error) bool {
	slow, ok := err.(net.Error)
	return ok && slow.Timeout()
}
