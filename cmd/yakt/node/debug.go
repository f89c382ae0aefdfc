package node

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"

	"github.com/yakt/yakt/config"
)

// debugServer serves Go's profiles (yakt.debug.listeners) and nothing else. A nil one serves
// nothing.
type debugServer struct {
	http  http.Server
	addrs []net.Addr // as bound: a port 0 is replaced
}

// listenDebug binds every address, which config has checked to be loopback, and serves until close.
func listenDebug(addresses []config.HostPort, logger *slog.Logger) (*debugServer, error) {
	if len(addresses) == 0 {
		return nil, nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	s := &debugServer{
		http: http.Server{Handler: mux, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn)},
	}
	for _, a := range addresses {
		l, err := net.Listen("tcp", a.String())
		if err != nil {
			s.close()
			return nil, fmt.Errorf("yakt.debug.listeners: cannot listen on %v: %w; "+
				"free the port or name another one", a, err)
		}
		s.addrs = append(s.addrs, l.Addr())
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
