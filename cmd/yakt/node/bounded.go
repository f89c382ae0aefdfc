package node

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// boundedListener closes connections beyond the limits at once, so that they cost nothing.
// Accept ends with the listener and for no other reason: errors such as too many open files
// pass.
type boundedListener struct {
	net.Listener
	most   int
	open   *atomic.Int64
	files  *descriptors
	logger *slog.Logger
}

// Between two tries to accept a connection the pause grows, from one to the other.
const (
	acceptPauseMin = 5 * time.Millisecond
	acceptPauseMax = time.Second
)

func (l *boundedListener) Accept() (net.Conn, error) {
	for pause := acceptPauseMin; ; {
		c, err := l.Listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil, err
		case err != nil:
			l.logger.Warn("cannot accept HTTP connections; trying again", "listener", l.Addr(),
				"pause", pause, "err", err)
			time.Sleep(pause)
			pause = min(2*pause, acceptPauseMax)
			continue
		}
		pause = acceptPauseMin
		if admitted := l.admit(c); admitted != nil {
			return admitted, nil
		}
		c.Close()
	}
}

// admit counts a connection; nil when there is no room for it.
func (l *boundedListener) admit(c net.Conn) net.Conn {
	if l.open.Add(1) > int64(l.most) {
		l.open.Add(-1)
		return nil
	}
	release, ok := l.files.admit(httpDoor)
	if !ok {
		l.open.Add(-1)
		return nil
	}
	return &admittedConn{Conn: c, release: sync.OnceFunc(func() { release(); l.open.Add(-1) })}
}
