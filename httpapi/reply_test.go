package httpapi

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestEveryRequestIsAnswered checks what becomes of operations that do not answer, or not to
// the end.
func TestEveryRequestIsAnswered(t *testing.T) {
	t.Parallel()
	a := New(Config{Logger: slog.New(slog.DiscardHandler)})
	half := func(w http.ResponseWriter) {
		_, _ = io.WriteString(w, strings.Repeat("half", 4096))
		_ = http.NewResponseController(w).Flush()
	}
	for name, c := range map[string]struct {
		kind   kind
		serve  func(w http.ResponseWriter)
		status int // 0: the connection is broken off
	}{
		"a read without an answer":       {readKind, func(http.ResponseWriter) {}, 500},
		"a write without an answer":      {writeKind, func(http.ResponseWriter) {}, 504},
		"only a header":                  {readKind, func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/event-stream") }, 500},
		"only an informational status":   {readKind, func(w http.ResponseWriter) { w.WriteHeader(http.StatusEarlyHints) }, 500},
		"a fault before the answer":      {readKind, func(http.ResponseWriter) { panic("fault") }, 500},
		"a fault of a write":             {writeKind, func(http.ResponseWriter) { panic("fault") }, 504},
		"a fault in the answer":          {readKind, func(w http.ResponseWriter) { half(w); panic("fault") }, 0},
		"an answer that breaks":          {readKind, func(w http.ResponseWriter) { half(w); panic(broken{errors.New("x")}) }, 0},
		"an answer that cannot begin":    {readKind, func(http.ResponseWriter) { panic(broken{errors.New("x")}) }, 500},
		"a proxy that gives up":          {writeKind, func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, 0},
		"a status without a body":        {readKind, func(w http.ResponseWriter) { w.WriteHeader(http.StatusPermanentRedirect) }, 308},
		"an answer without a status set": {readKind, func(w http.ResponseWriter) { _, _ = io.WriteString(w, "{}") }, 200},
	} {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(below http.ResponseWriter, r *http.Request) {
			w := &reply{ResponseWriter: below}
			defer a.settle(w, r, c.kind)
			c.serve(w)
		}))
		s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		s.Start()
		if status := statusOfWhole(s); status != c.status {
			t.Errorf("%s: status %d, want %d", name, status, c.status)
		}
		s.Close()
	}
}

// statusOfWhole is the status of an answer that arrived as a whole, 0 of one that did not.
func statusOfWhole(s *httptest.Server) int {
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(s.URL)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err != nil {
		return 0
	}
	return resp.StatusCode
}
