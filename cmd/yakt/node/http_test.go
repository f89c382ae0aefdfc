package node

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/httpapi"
)

// serveHTTP serves an API without a controller, which is enough for its description.
func serveHTTP(t *testing.T, limits httpLimits, files *descriptors) *httpServer {
	t.Helper()
	s := bindHTTP(t, limits, files)
	s.use(httpapi.New(httpapi.Config{Logger: slog.New(slog.DiscardHandler)}))
	s.serve()
	return s
}

func bindHTTP(t *testing.T, limits httpLimits, files *descriptors) *httpServer {
	t.Helper()
	at := []config.HostPort{{Host: "127.0.0.1"}}
	s, err := listenHTTP(at, nil, limits, files, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// connect opens a connection that lasts for as long as a test may take.
func connect(t *testing.T, s *httpServer) net.Conn {
	t.Helper()
	return connectFrom(t, s, "127.0.0.1")
}

// connectFrom connects from one of the loopback addresses, of which some systems have one.
func connectFrom(t *testing.T, s *httpServer, ip string) net.Conn {
	t.Helper()
	var d net.Dialer
	if runtime.GOOS == "linux" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(ip)}
	}
	c, err := d.DialContext(t.Context(), "tcp", s.listeners[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

// patience is more than anything here takes.
const patience = 20 * time.Second

const docsRequest = "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"

// answered sends a request and reads its answer.
func answered(c net.Conn) error {
	if _, err := io.WriteString(c, docsRequest); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// ends reads what is left on a connection; an error that is not its end means that it is still
// open.
func ends(c net.Conn) error {
	if _, err := io.Copy(io.Discard, c); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		return err
	}
	return nil
}

// TestSlowAndSilentHTTPConnectionsEnd stalls connections before, within and after a request.
func TestSlowAndSilentHTTPConnectionsEnd(t *testing.T) {
	t.Parallel()
	const brief = 100 * time.Millisecond
	limits := httpLimits{connections: 100, headerTimeout: brief, idleTimeout: brief}
	s := serveHTTP(t, limits, newDescriptors(1024))
	for name, before := range map[string]func(c net.Conn) error{
		"says nothing":           func(net.Conn) error { return nil },
		"half a header":          half,
		"idle behind an answer":  answered,
		"half a further request": func(c net.Conn) error { return errors.Join(answered(c), half(c)) },
	} {
		c := connect(t, s)
		if err := errors.Join(before(c), ends(c)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func half(c net.Conn) error { _, err := io.WriteString(c, docsRequest[:30]); return err }

// TestHTTPConnectionsAreBounded opens as many connections as the limit, or the descriptors, allow
// one address. Another address has its own half.
// A further one takes the place of the one that has been without a request for longest.
func TestHTTPConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ connections, files int }{
		"by number": {8, 1024}, "by descriptors": {100, 32},
	} {
		limits := httpLimits{connections: c.connections, headerTimeout: patience, idleTimeout: patience}
		s := serveHTTP(t, limits, newDescriptors(c.files))
		silent := connect(t, s)
		open := []net.Conn{connect(t, s), connect(t, s), connect(t, s)}
		for _, c := range open {
			if err := answered(c); err != nil {
				t.Fatal(name, err)
			}
		}
		late := connect(t, s)
		if err := errors.Join(answered(late), ends(silent), answered(open[0]),
			answered(late)); err != nil {
			t.Errorf("%s: beyond the limit: %v", name, err)
		}
		if err := errors.Join(answered(connectFrom(t, s, "127.0.0.2")), answered(open[1])); err != nil {
			t.Errorf("%s: from another address: %v", name, err)
		}
	}
}

// TestNobodyWhoIsServedMakesRoom fills the limit with requests that are being served.
func TestNobodyWhoIsServedMakesRoom(t *testing.T) {
	t.Parallel()
	const served = 3
	limits := httpLimits{connections: 2 * served, headerTimeout: patience, idleTimeout: patience}
	entered, leave := make(chan struct{}), make(chan struct{})
	s := bindHTTP(t, limits, newDescriptors(1024))
	s.server.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-leave
	})
	s.serve()
	done := make(chan error, served)
	for range served {
		c := connect(t, s)
		go func() { done <- answered(c) }()
		<-entered
	}
	if err := ends(connect(t, s)); err != nil {
		t.Errorf("beyond the limit: %v", err)
	}
	close(leave)
	for range served {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// failingListener fails to accept so many times.
type failingListener struct {
	net.Listener
	err   error
	times atomic.Int64
}

func (l *failingListener) Accept() (net.Conn, error) {
	if l.times.Add(-1) >= 0 {
		return nil, l.err
	}
	return l.Listener.Accept()
}

// TestHTTPAcceptsAgain has accepting fail for reasons that pass.
func TestHTTPAcceptsAgain(t *testing.T) {
	t.Parallel()
	for _, reason := range []error{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, errors.New("anything"),
	} {
		s := serveHTTP(t, httpLimitsOf(&config.Config{HTTP: config.HTTP{MaxConnections: 100}}),
			newDescriptors(1024))
		below, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		failing := &failingListener{Listener: below, err: reason}
		failing.times.Store(4)
		s.listeners[0].(*boundedListener).Close()
		bounded := *s.listeners[0].(*boundedListener)
		bounded.Listener = failing
		s.listeners = []net.Listener{&bounded}
		s.serve()
		began := time.Now()
		if err := answered(connect(t, s)); err != nil {
			t.Errorf("%v: %v", reason, err)
		}
		if took := time.Since(began); took < acceptPauseMin {
			t.Errorf("%v: tried again without a pause", reason)
		}
	}
}

func TestCrowdsAreAcceptedAtAPace(t *testing.T) {
	t.Parallel()
	var p acceptPace
	now := time.Unix(1, 0)
	for i := range 3 * acceptBurst {
		want := time.Duration(i+1-acceptBurst) * acceptInterval
		if early := p.next(now); early != want {
			t.Fatalf("connection %d is early by %v, want %v", i, early, want)
		}
	}
	if early := p.next(now.Add(time.Minute)); early > 0 {
		t.Errorf("one a minute later is early by %v", early)
	}
}
