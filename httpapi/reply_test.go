package httpapi

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestEveryRequestIsAnswered checks the answers to requests whose operations do not answer, or do
// not complete their answers.
func TestEveryRequestIsAnswered(t *testing.T) {
	t.Parallel()
	a := New(Config{Logger: slog.New(slog.DiscardHandler)})
	half := func(w http.ResponseWriter) {
		_, _ = io.WriteString(w, strings.Repeat("half", 4096))
		_ = http.NewResponseController(w).Flush()
	}
	type writer = http.ResponseWriter
	for name, c := range map[string]struct {
		kind   kind
		status int // 0 if the connection breaks
		serve  func(w writer)
	}{
		"a read without an answer":  {readKind, 500, func(writer) {}},
		"a write without an answer": {writeKind, 504, func(writer) {}},
		"only a header":             {readKind, 500, func(w writer) { w.Header().Set("A", "b") }},
		"no final status":           {readKind, 500, func(w writer) { w.WriteHeader(103) }},
		"a fault before the answer": {readKind, 500, func(writer) { panic("fault") }},
		"a fault of a write":        {writeKind, 504, func(writer) { panic("fault") }},
		"a fault in the answer":     {readKind, 0, func(w writer) { half(w); panic("fault") }},
		"an answer that breaks":     {readKind, 0, func(w writer) { half(w); panic(broken{io.EOF}) }},
		"one that cannot begin":     {readKind, 500, func(writer) { panic(broken{io.EOF}) }},
		"a proxy that gives up":     {writeKind, 0, func(writer) { panic(http.ErrAbortHandler) }},
		"a status without a body":   {readKind, 308, func(w writer) { w.WriteHeader(308) }},
		"a body without a status": {readKind, 200,
			func(w writer) { _, _ = io.WriteString(w, "{}") }},
	} {
		handler := func(below writer, r *http.Request) {
			w := &reply{ResponseWriter: below}
			defer a.finish(w, r, c.kind)
			c.serve(w)
		}
		s := httptest.NewUnstartedServer(http.HandlerFunc(handler))
		s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		s.Start()
		if status := statusOfWhole(s); status != c.status {
			t.Errorf("%s: status %d, want %d", name, status, c.status)
		}
		s.Close()
	}
}

// statusOfWhole is the status of an answer that arrived completely; 0 otherwise.
func statusOfWhole(s *httptest.Server) int {
	req, err := http.NewRequest(http.MethodGet, s.URL, nil)
	if err != nil {
		return 0
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err != nil {
		return 0
	}
	return resp.StatusCode
}

// TestCutOffEndsABlockedAnswer cuts off the answer to a client that does not read.
func TestCutOffEndsABlockedAnswer(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	s := httptest.NewServer(http.HandlerFunc(func(below http.ResponseWriter, _ *http.Request) {
		w := &reply{ResponseWriter: below}
		p := withDeadlines(w)
		var err error
		for n := 0; err == nil; n++ {
			if n == 1 {
				go w.cutOff()
			}
			_, err = p.Write(make([]byte, 1<<20))
		}
		ended <- err
	}))
	defer s.Close()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, errCut) && !isTimeout(err) {
		t.Errorf("ended by %v", err)
	}
}
