package node

import (
	"container/list"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/yakt/yakt/limits"
)

// boundedListener keeps connections within the limits of a crowd. Accept ends with the listener
// and for no other reason: errors such as too many open files pass.
type boundedListener struct {
	net.Listener
	crowd      *crowd
	foreigners *foreigners
	logger     *slog.Logger
	pace       acceptPace
}

const (
	// acceptInterval is between two connections, in the mean of acceptBurst: each costs more to
	// accept than most requests, and a crowd that comes at once is not to have all processors.
	acceptInterval = time.Second / 2000
	acceptBurst    = 100
	// acceptEarlyMax is worth no pause.
	acceptEarlyMax = time.Millisecond
)

// acceptPace keeps connections apart. It is for one goroutine.
type acceptPace struct {
	due time.Time // of the next connection
}

// next counts a connection and returns by how much it is early.
func (p *acceptPace) next(now time.Time) (early time.Duration) {
	if first := now.Add(-acceptBurst * acceptInterval); p.due.Before(first) {
		p.due = first
	}
	p.due = p.due.Add(acceptInterval)
	return p.due.Sub(now)
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
		if early := l.pace.next(time.Now()); early > acceptEarlyMax {
			time.Sleep(early)
		}
		if admitted := l.crowd.admit(c); admitted != nil {
			limitBuffers(c)
			return l.foreigners.guard(admitted), nil
		}
		c.Close()
	}
}

// What the kernel may hold for a connection, in and out, where it could be megabytes: a crowd that
// does not read what it asks for must not take the machine's memory.
const (
	receiveBytes = 64 << 10
	sendBytes    = 256 << 10
)

func limitBuffers(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(receiveBytes)
		_ = tcp.SetWriteBuffer(sendBytes)
	}
}

// httpConnectionsLimit is the name of the limit of connections: the key that sets it.
const httpConnectionsLimit = "yakt.http.max.connections"

// crowd are the connections of all HTTP listeners. A new one takes the place of the one that has
// been without a request for longest, so that those that ask for nothing cannot keep a question
// out; where an address has its half of all, of one of its own. While all others are served it is
// refused. It is safe for concurrent use.
type crowd struct {
	most     int
	files    *descriptors
	idle     *idleConns
	refusals *limits.Refusals

	mu   sync.Mutex
	open int
	of   map[string]int // by client address
}

func newCrowd(most int, files *descriptors, logger *slog.Logger) *crowd {
	return &crowd{
		most: most, files: files, idle: newIdleConns(),
		refusals: limits.NewRefusals(httpConnectionsLimit, logger), of: map[string]int{},
	}
}

// admit counts a connection; nil when there is no room for it.
func (c *crowd) admit(nc net.Conn) net.Conn {
	client := clientOf(nc)
	for range 2 {
		full, crowded := c.enter(client)
		if !full && !crowded {
			if release, ok := c.files.admit(httpDoor); ok {
				return &admittedConn{Conn: nc, release: sync.OnceFunc(func() {
					release()
					c.leave(client)
				})}
			}
			c.leave(client)
		}
		whose := ""
		if crowded {
			whose = client
		}
		if !c.idle.closeOldest(whose) {
			break
		}
	}
	c.refusals.Note("client", nc.RemoteAddr())
	return nil
}

// enter counts a connection of an address, unless there are as many as may be (full), or the
// address has its half of them (crowded).
func (c *crowd) enter(client string) (full, crowded bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	most := min(c.most, c.files.most(httpDoor))
	if full, crowded = c.open >= c.most, c.of[client] >= max(most/2, 1); full || crowded {
		return full, crowded
	}
	c.open++
	c.of[client]++
	return false, false
}

func (c *crowd) leave(client string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
	if c.of[client]--; c.of[client] == 0 {
		delete(c.of, client)
	}
}

func clientOf(nc net.Conn) string {
	host, _, err := net.SplitHostPort(nc.RemoteAddr().String())
	if err != nil {
		return nc.RemoteAddr().String()
	}
	return host
}

// idleConns are the connections that wait for a request, the one that has waited for longest
// first. It is safe for concurrent use.
type idleConns struct {
	mu    sync.Mutex
	order list.List // of idleConn
	place map[net.Conn]*list.Element
}

type idleConn struct {
	net.Conn
	client string // its address
}

func newIdleConns() *idleConns { return &idleConns{place: make(map[net.Conn]*list.Element)} }

// note follows a connection; it is an http.Server's ConnState.
func (i *idleConns) note(c net.Conn, state http.ConnState) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.forget(c)
	if state == http.StateNew || state == http.StateIdle {
		i.place[c] = i.order.PushBack(idleConn{c, clientOf(c)})
	}
}

// forget drops a connection. The caller holds the lock.
func (i *idleConns) forget(c net.Conn) {
	if at, ok := i.place[c]; ok {
		i.order.Remove(at)
		delete(i.place, c)
	}
}

// closeOldest closes the connection that has waited for longest, of all or of one address; false
// when none waits.
func (i *idleConns) closeOldest(client string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for at := i.order.Front(); at != nil; at = at.Next() {
		if c := at.Value.(idleConn); client == "" || c.client == client {
			i.forget(c.Conn)
			c.Close()
			return true
		}
	}
	return false
}
