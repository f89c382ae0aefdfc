package node

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/yakt/yakt/config"
)

// TestATakenHTTPPort starts a node whose HTTP address is taken: an address that the operator chose
// is an error, the default is not.
func TestATakenHTTPPort(t *testing.T) {
	t.Parallel()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	port := other.Addr().(*net.TCPAddr).Port
	for _, byDefault := range []bool{false, true} {
		cfg := configFor(t, 1, t.TempDir()+"/data", staticOne)
		cfg.HTTP.Listeners = []config.HostPort{{Host: "127.0.0.1", Port: port}}
		cfg.HTTP.Default = byDefault
		format(t, cfg, Format{})
		var log bytes.Buffer
		err := openOnce(cfg, slog.New(slog.NewTextHandler(&log, nil)))
		if !byDefault {
			says(t, err, "yakt.http.listeners", "address already in use", "name another one")
			continue
		}
		if err != nil {
			t.Errorf("the default stopped the node: %v", err)
		}
		if n := strings.Count(log.String(), "set yakt.http.listeners"); n != 1 {
			t.Errorf("said %d times what to set:\n%s", n, &log)
		}
	}
}
