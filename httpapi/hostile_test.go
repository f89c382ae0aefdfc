package httpapi_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestHostileBodies(t *testing.T) {
	s := startOne(t)
	for what, body := range map[string]string{
		"nothing":         "",
		"no JSON":         "brokerId=1",
		"half":            `{"brokerId": 1`,
		"two values":      `{} {}`,
		"NaN":             `{"brokerId": NaN}`,
		"Infinity":        `{"brokerId": 1e999}`,
		"a fraction":      `{"brokerId": 1.5}`,
		"too large":       `{"brokerId": 99999999999}`,
		"null":            `{"brokerId": null}`,
		"null itself":     `null`,
		"an array":        `[1]`,
		"a string":        `"x"`,
		"twice":           `{"brokerId": 1, "brokerId": 2}`,
		"other case":      `{"BrokerID": 1}`,
		"unknown":         `{"brokerId": 1, "x": 2}`,
		"__proto__":       `{"brokerId": 1, "__proto__": {}}`,
		"deep arrays":     strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000),
		"deep objects":    strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000),
		"a bad escape":    `{"brokerId": "\ud8"}`,
		"many values":     "[" + strings.Repeat("0,", 300_000) + "0]",
		"nothing but NUL": "\x00\x00\x00",
	} {
		p := s.badRequest("/v1/unregister_broker", body)
		if detail := p["detail"].(string); len(detail) > 2000 {
			t.Errorf("%s: an answer of %d bytes", what, len(detail))
		}
	}
}

// TestEveryNameOfJSONIsLimited sends many values under each content type that huma decodes as JSON.
func TestEveryNameOfJSONIsLimited(t *testing.T) {
	t.Parallel()
	s := startOne(t)
	body := "[" + strings.Repeat("0,", 100_000) + "0]"
	for _, kind := range []string{
		"application/json", "application/json; charset=utf-8", " application/json", "json",
		"application/problem+json",
	} {
		status, answer := s.raw(fmt.Sprintf("POST /v1/unregister_broker HTTP/1.1\r\nHost: x\r\n"+
			"Content-Type: %s\r\nContent-Length: %d\r\n\r\n%s", kind, len(body), body))
		if status != http.StatusBadRequest || !strings.Contains(answer,
			"values; split the request") {
			t.Errorf("%s: %d %s", kind, status, answer)
		}
	}
}

func TestHostileRequests(t *testing.T) {
	s := startOne(t)
	for _, c := range []struct {
		status       int
		method, path string
	}{
		{404, "GET", "/v1/../../etc/passwd"}, {404, "GET", "/v1/%2e%2e/%2e%2e/etc/passwd"},
		{404, "GET", "/docs/..%2f..%2fetc%2fpasswd"},
		{404, "GET", "/v1/get_broker_by_id/"}, {404, "POST", "/v1/v1/register"},
		{404, "GET", "/register/x"}, {404, "GET", "/V1/status"},
		{405, "GET", "/v1/register"}, {405, "DELETE", "/v1/status"},
		{405, "TRACE", "/v1/create_topic"},
		{400, "GET", "/v1/get_broker_by_id"}, {400, "GET", "/v1/get_broker_by_id?brokerId=1&x=2"},
		{400, "GET", "/v1/get_broker_by_id?brokerId=99999999999999999999"},
		{400, "GET", "/v1/get_broker_by_id?brokerId=0x10"},
		{400, "GET", "/v1/client_mgmt?wait=1h"}, {400, "GET", "/v1/client_mgmt?wait=-1s"},
		{400, "GET", "/v1/client_mgmt?offset=-5"}, {400, "GET",
			"/v1/client_mgmt?timestamp=yesterday"}, {400, "GET", "/v1/records?limit=0"},
		{400, "GET", "/v1/get_topic_by_name?name=a&consistency=maybe"},
		{400, "GET", "/v1/client_mgmt?wait="}, {400, "GET", "/v1/records?from=1&from=2"},
		{400, "GET", "/v1/records?from=%zz"},
	} {
		status, body := s.raw(fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
			c.method, c.path))
		if status != c.status {
			t.Errorf("%s %s: %d %s, want %d", c.method, c.path, status, body, c.status)
		}
	}
	for header, want := range map[string]int{"Sec-Fetch-Site: cross-site": 403,
		"Origin: http://evil.example": 403, "Content-Type: text/xml": 415,
		"Sec-Fetch-Site: same-origin": 404} {
		if status, body := s.raw("POST /v1/unregister_broker HTTP/1.1\r\nHost: x\r\n" + header +
			"\r\nContent-Length: 14\r\n\r\n" + `{"brokerId":1}`); status != want {
			t.Errorf("%s: %d %s, want %d", header, status, body, want)
		}
	}
}

// connect opens a connection with the time limit of a test.
func (s *server) connect() *net.TCPConn {
	s.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(waitMax))
	return c.(*net.TCPConn)
}

// raw sends the bytes of a request and returns the first answer.
func (s *server) raw(request string) (status int, body string) {
	s.t.Helper()
	c := s.connect()
	defer c.Close()
	if _, err := io.WriteString(c, request); err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		s.t.Fatalf("%.60q: %v", request, err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

// zeros is an endless body.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = '0'
	}
	return len(b), nil
}

func TestMemoryStaysFlatUnderLargeBodies(t *testing.T) {
	s := startOne(t)
	before := heap()
	for _, size := range []int64{1 << 30, -1} { // a gigabyte, with and without Content-Length
		req, _ := http.NewRequest(http.MethodPost, s.url+"/v1/create_topic",
			io.LimitReader(zeros{}, 1<<30))
		req.ContentLength = size
		resp, err := client.Do(req)
		if err != nil {
			continue // the server may close the connection of a client that is still writing
		}
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("a gigabyte of body: %d", resp.StatusCode)
		}
		resp.Body.Close()
	}
	for range 50 {
		s.badRequest("/v1/create_topic", "["+strings.Repeat("[],", 300_000)+"0]")
	}
	if grown := heap() - before; grown > 32<<20 {
		t.Errorf("the heap has grown by %d MiB", grown>>20)
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
