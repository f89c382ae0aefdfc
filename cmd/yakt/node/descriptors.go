package node

import (
	"context"
	"log/slog"
	"math"
	"net"
	"sync"
	"syscall"

	"github.com/yakt/yakt/config"
)

// descriptorReserve is how many of the process's file descriptors connections of clients never
// get: the log, its snapshots and their readers, the listeners, and the connections from and to
// peers live on them. A node that cannot open the next segment of its log takes no writes, so
// clients are turned away first.
const descriptorReserve = 128

// peerSlots is how many connections peers may open when clients hold all that they may.
const peerSlots = 32

// door is where a connection comes in.
type door int

const (
	kafkaDoor door = iota
	httpDoor
	doors
)

// descriptors shares out, among the connections of clients, what the process may open beyond
// its reserve. Each door is sure of a part of it, so that a crowd at one does not close the
// other. It is safe for concurrent use.
type descriptors struct {
	total int        // for all doors
	sure  [doors]int // of each

	mu   sync.Mutex
	used [doors]int
}

// newDescriptors shares out what a process with so many descriptors has to share.
func newDescriptors(limit int) *descriptors {
	total := max(limit-descriptorReserve, limit/2)
	return &descriptors{total: total, sure: [doors]int{kafkaDoor: total / 2, httpDoor: total / 8}}
}

// admit takes a descriptor for a connection at a door; release, which may be called once, gives
// it back.
func (d *descriptors) admit(at door) (release func(), ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	others := 0
	for other := range doors {
		if other != at {
			others += max(d.used[other], d.sure[other])
		}
	}
	if d.used[at] >= d.total-others {
		return nil, false
	}
	d.used[at]++
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.used[at]--
	}, true
}

// most is how many connections a door may have, while the others have no more than they are sure
// of.
func (d *descriptors) most(at door) int {
	others := 0
	for other := range doors {
		if other != at {
			others += d.sure[other]
		}
	}
	return d.total - others
}

// descriptorLimit is how many descriptors this process may open. Go has raised the soft limit
// to the hard one.
func descriptorLimit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return math.MaxInt32
	}
	return int(min(limit.Cur, math.MaxInt32))
}

// note says when there are fewer connections to be had than are configured. The default may be more
// than a system has.
func (d *descriptors) note(configured int32, logger *slog.Logger) {
	if d.total >= int(configured) {
		return
	}
	level := slog.LevelWarn
	if configured == config.DefaultMaxConnections {
		level = slog.LevelInfo
	}
	logger.Log(context.Background(), level,
		"the limit of open files bounds the connections of clients: "+
			"raise it (ulimit -n, or LimitNOFILE of the service) for more", "connections", d.total,
		"reserved", descriptorReserve, "max.connections", configured)
}

// admittedConn gives its descriptor back when it is closed.
type admittedConn struct {
	net.Conn
	release func() // may be called again
}

func (c *admittedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}
