package node

import (
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/logtest"
)

// TestAKafkaClientAtTheHTTPPortIsClosed: it hears at once that nobody answers there, and the log
// says who it was and where it belongs.
func TestAKafkaClientAtTheHTTPPortIsClosed(t *testing.T) {
	t.Parallel()
	var log logtest.Buffer
	n := startLone(t, slog.New(slog.NewTextHandler(&log, nil)))
	for what, sends := range map[string]string{
		"Kafka": "\x00\x00\x00\x14\x00\x12\x00\x04\x00\x00\x00\x01\x00\x01a", // API_VERSIONS, cut short
		"TLS":   "\x16\x03\x01\x02\x00\x01",
		"noise": "\xff\xff\xff\xff",
	} {
		c, err := net.Dial("tcp", n.HTTPAddr())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(5 * time.Second)) // below the time for a header
		if _, err := io.WriteString(c, sends); err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(c); isTimeout(err) ||
			len(b) > 0 && what != "noise" && !strings.HasPrefix(string(b), "HTTP/1.1 400") {
			t.Errorf("%s: %q %v", what, b, err)
		}
		_ = c.Close()
	}
	if text := log.String(); strings.Count(text, "does not speak its protocol") != 3 ||
		!strings.Contains(text, "controller listener") ||
		!strings.Contains(text, "the client uses https:// URLs") {
		t.Errorf("logged: %s", text)
	}
	if status, _, err := ask(n, "GET", "/livez", ""); status != 200 {
		t.Errorf("HTTP: %d %v", status, err)
	}
}
