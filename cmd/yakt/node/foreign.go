package node

import (
	"errors"
	"log/slog"
	"net"

	"github.com/yakt/yakt/limits"
)

// foreigners closes connections to the HTTP listeners that begin with something else than HTTP,
// such as a Kafka client's, which would wait for an answer that never comes: Go's server reads a
// request up to the end of its first line. It is safe for concurrent use.
type foreigners struct {
	logger *slog.Logger
	pace   limits.Pace
}

var errNotHTTP = errors.New("the first byte is not of an HTTP request")

// guard watches for the first byte of a connection.
func (f *foreigners) guard(c net.Conn) net.Conn { return &guardedConn{Conn: c, foreigners: f} }

// refuse logs a connection that begins with a byte, at most once a minute.
func (f *foreigners) refuse(c net.Conn, first byte) {
	if since, count, due := f.pace.Note(); due {
		f.logger.Warn(
			"closed a connection to the HTTP listener that does not speak HTTP: give Kafka clients "+
				"the address of a controller listener", "client", c.RemoteAddr(), "listener", c.LocalAddr(),
			"speaks", protocolOf(first), "closed", since, "in_all", count,
		)
	}
}

// protocolOf guesses what a client speaks from its first byte.
func protocolOf(first byte) string {
	switch first {
	case 0: // of the length of a frame below 16 MiB
		return "Kafka"
	case 0x16: // a handshake record
		return "TLS"
	}
	return "unknown"
}

// guardedConn is a connection whose first byte is looked at.
type guardedConn struct {
	net.Conn
	foreigners *foreigners
	begun      bool // belongs to the one reader
}

func (c *guardedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.begun || n == 0 {
		return n, err
	}
	c.begun = true
	if first := b[0]; !beginsHTTP(first) {
		c.foreigners.refuse(c.Conn, first)
		c.Close()
		return 0, errNotHTTP
	}
	return n, err
}

// beginsHTTP reports whether a request may begin with a byte: with a method, or an empty line
// before it.
func beginsHTTP(b byte) bool {
	letter := b | 0x20
	return letter >= 'a' && letter <= 'z' || b == '\r' || b == '\n'
}
