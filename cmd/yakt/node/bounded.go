package node

import (
	"container/list"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// boundedListener keeps connections within the limits: a new one takes the place of the one that
// has been without a request for longest, so that a crowd that asks for nothing cannot keep a
// question out. While all others are served it is closed at once. Accept ends with the listener
// and for no other reason: errors such as too many open files pass.
type boundedListener struct {
	net.Listener
	most   int
	open   *atomic.Int64
	files  *descriptors
	idle   *idleConns
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
		admitted := l.admit(c)
		if admitted == nil && l.idle.closeOldest() {
			admitted = l.admit(c)
		}
		if admitted != nil {
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

// idleConns are the connections that wait for a request, the one that has waited for longest
// first. It is safe for concurrent use.
type idleConns struct {
	mu    sync.Mutex
	order list.List // of net.Conn
	place map[net.Conn]*list.Element
}

func newIdleConns() *idleConns { return &idleConns{place: make(map[net.Conn]*list.Element)} }

// note follows a connection; it is an http.Server's ConnState.
func (i *idleConns) note(c net.Conn, state http.ConnState) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.forget(c)
	if state == http.StateNew || state == http.StateIdle {
		i.place[c] = i.order.PushBack(c)
	}
}

// forget drops a connection. The caller holds the lock.
func (i *idleConns) forget(c net.Conn) {
	if at, ok := i.place[c]; ok {
		i.order.Remove(at)
		delete(i.place, c)
	}
}

// closeOldest closes the connection that has waited for longest; false when none waits.
func (i *idleConns) closeOldest() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	oldest := i.order.Front()
	if oldest == nil {
		return false
	}
	c := oldest.Value.(net.Conn)
	i.forget(c)
	c.Close()
	return true
}
