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

// descriptorReserve is the number of file descriptors that connections of clients never get: they
// are for the log, its snapshots and their readers, for listeners and for connections with peers. A
// node that cannot open the next segment of its log accepts no writes, so clients are refused
// first.
const descriptorReserve = 128

// peerSlots is the number of connections that peers may open when clients hold all of theirs.
const peerSlots = 32

// connKind distinguishes connections of the Kafka listeners from those of the HTTP listeners.
type connKind int

const (
	kafkaConns connKind = iota
	httpConns
	connKinds
)

// descriptors divides the file descriptors beyond the reserve among the connections of clients.
// Each kind of connection has a part reserved, so that many of one kind do not lock out the other.
// It is safe for concurrent use.
type descriptors struct {
	total    int            // for all kinds
	reserved [connKinds]int // descriptors set aside for each kind

	mu   sync.Mutex
	used [connKinds]int // by open connections; the sum is at most total
}

// newDescriptors divides the descriptors of a process that may open limit files.
func newDescriptors(limit int) *descriptors {
	total := max(limit-descriptorReserve, limit/2)
	return &descriptors{
		total:    total,
		reserved: [connKinds]int{kafkaConns: total / 2, httpConns: total / 8},
	}
}

// admit takes a descriptor for a connection. release returns it and must be called once.
func (d *descriptors) admit(kind connKind) (release func(), ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	others := 0
	for other := range connKinds {
		if other != kind {
			others += max(d.used[other], d.reserved[other])
		}
	}
	if d.used[kind] >= d.total-others {
		return nil, false
	}
	d.used[kind]++
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.used[kind]--
	}, true
}

// most is the number of connections that a kind may have as long as the others have no more than
// their reserved part.
func (d *descriptors) most(kind connKind) int {
	others := 0
	for other := range connKinds {
		if other != kind {
			others += d.reserved[other]
		}
	}
	return d.total - others
}

// descriptorLimit is how many files this process may open. Go has raised the soft limit to the hard
// one.
func descriptorLimit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return math.MaxInt32
	}
	return int(min(limit.Cur, math.MaxInt32))
}

// warnIfFewer logs when fewer connections are possible than configured. That is only worth an INFO
// where the configured number is the default.
func (d *descriptors) warnIfFewer(configured int32, logger *slog.Logger) {
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

// admittedConn returns its descriptor when it is closed.
type admittedConn struct {
	net.Conn
	release func() // may be called repeatedly
}

func (c *admittedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}
