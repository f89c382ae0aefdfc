package node

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"github.com/yakt/yakt/config"
)

// open lets every request through.
func open(next http.Handler) http.Handler { return next }

func TestDebugListenerServesProfilesAlone(t *testing.T) {
	s, err := listenDebug([]config.HostPort{{Host: "127.0.0.1"}}, nil, open, discard)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	url := "http://" + s.addrs[0].String()
	for path, want := range map[string]int{
		"/debug/pprof/heap?debug=1": http.StatusOK, "/debug/pprof/goroutine": http.StatusOK,
		"/": http.StatusNotFound,
	} {
		resp, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: status %d, want %d", path, resp.StatusCode, want)
		}
	}
	s.close()
	if c, err := net.Dial("tcp", s.addrs[0].String()); err == nil {
		c.Close()
		t.Error("still listens after close")
	}
}

func TestNoDebugListenerByDefault(t *testing.T) {
	s, err := listenDebug(nil, nil, open, slog.New(slog.DiscardHandler))
	if s != nil || err != nil {
		t.Fatal(s, err)
	}
	s.close()
}

func TestATakenDebugPort(t *testing.T) {
	t.Parallel()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	at := config.HostPort{Host: "127.0.0.1", Port: other.Addr().(*net.TCPAddr).Port}
	_, err = listenDebug([]config.HostPort{{Host: "127.0.0.1"}, at}, nil, open, discard)
	says(t, err, "yakt.debug.listeners: cannot listen on "+at.String(), "name another one")
}
