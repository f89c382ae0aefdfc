package node

import (
	"errors"
	"log/slog"
	"net"

	"github.com/yakt/yakt/limits"
)

// protocolGuard closes connections to the HTTP listeners that do not begin with HTTP, such as those
// of Kafka clients. They would otherwise wait for an answer that never comes: Go's server reads a
// request up to the end of its first line. It is safe for concurrent use.
type protocolGuard struct {
	logger *slog.Logger
	pace   limits.Pace
}

var errNotHTTP = errors.New("the first byte is not of an HTTP request")

// watch returns the connection with a check of its first byte.
func (g *protocolGuard) watch(c net.Conn) net.Conn { return &guardedConn{Conn: c, guard: g} }

// refuse logs a connection that begins with a byte that is not HTTP, at most once a minute.
func (g *protocolGuard) refuse(c net.Conn, first byte) {
	if since, count, due := g.pace.Add(); due {
		g.logger.Warn(
			"closed a connection to the HTTP listener that does not speak HTTP: give Kafka clients "+
				"the address of a controller listener", "client", c.RemoteAddr(), "listener", c.LocalAddr(),
			"speaks", protocolOf(first), "closed", since, "in_all", count,
		)
	}
}

// protocolOf guesses a client's protocol from its first byte.
func protocolOf(first byte) string {
	switch first {
	case 0: // the length of a frame of less than 16 MiB
		return "Kafka"
	case 0x16: // the type of a handshake record
		return "TLS"
	}
	return "unknown"
}

// guardedConn checks the first byte that is read from a connection.
type guardedConn struct {
	net.Conn
	guard *protocolGuard
	begun bool // accessed by the one reader only
}

func (c *guardedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.begun || n == 0 {
		return n, err
	}
	c.begun = true
	if first := b[0]; !beginsHTTP(first) {
		c.guard.refuse(c.Conn, first)
		c.Close()
		return 0, errNotHTTP
	}
	return n, err
}

// beginsHTTP reports whether a request may begin with a byte: a letter of its method, or an empty
// line before it.
func beginsHTTP(b byte) bool {
	letter := b | 0x20
	return letter >= 'a' && letter <= 'z' || b == '\r' || b == '\n'
}
