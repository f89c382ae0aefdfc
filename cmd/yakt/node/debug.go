package node

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/controller/acls"
)

// debugServer serves Go's profiles (yakt.debug.listeners) and nothing else. Its clients are
// authenticated and authorized as those of the HTTP API; profiles are for who may ALTER the
// cluster. A nil one serves nothing.
type debugServer struct {
	http  http.Server
	addrs []net.Addr // as bound: a port 0 is replaced
}

// debugHeaderTimeout is how long a request's header may take to arrive.
const debugHeaderTimeout = 10 * time.Second

// listenDebug binds every address, which config has checked to be loopback, and serves until close.
// guard lets requests through; the listeners speak TLS unless secure is nil.
func listenDebug(
	addresses []config.HostPort, secure *tls.Config, guard func(http.Handler) http.Handler,
	logger *slog.Logger,
) (*debugServer, error) {
	if len(addresses) == 0 {
		return nil, nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	s := &debugServer{
		http: http.Server{
			Handler: guard(mux), ReadHeaderTimeout: debugHeaderTimeout,
			ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
		},
	}
	for _, a := range addresses {
		l, err := net.Listen("tcp", a.String())
		if err != nil {
			s.close()
			return nil, fmt.Errorf("yakt.debug.listeners: cannot listen on %v: %w; "+
				"free the port or name another one", a, err)
		}
		s.addrs = append(s.addrs, l.Addr())
		if secure != nil {
			l = tls.NewListener(l, secure)
		}
		logger.Info("debug listener", "addr", l.Addr())
		go func() {
			if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				logger.Warn("debug listener ended", "addr", l.Addr(), "err", err)
			}
		}()
	}
	return s, nil
}

// close stops serving at once and closes all connections.
func (s *debugServer) close() {
	if s != nil {
		_ = s.http.Close()
	}
}

// debugGuard passes on requests of who may ALTER the cluster.
func (n *Node) debugGuard(next http.Handler) http.Handler { return n.api.Guard(next, acls.Alter) }
