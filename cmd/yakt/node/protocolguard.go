package node

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/yakt/yakt/limits"
)

// protocolGuard closes connections to the HTTP listeners whose clients speak another protocol, such
// as Kafka's, or HTTP where HTTPS is served. They would otherwise wait for an answer that never
// comes: Go's server reads a request up to the end of its first line. It is safe for concurrent
// use.
type protocolGuard struct {
	tls    bool // the listeners serve HTTPS
	logger *slog.Logger
	paces  [4]limits.Pace // of the log's lines, by what the client speaks
}

var errOtherProtocol = errors.New("the first byte is not of this listener's protocol")

// watch returns the connection with a check of its first byte.
func (g *protocolGuard) watch(c net.Conn) net.Conn { return &guardedConn{Conn: c, guard: g} }

// speech is what a client speaks, by its first byte.
type speech int

const (
	speaksUnknown speech = iota
	speaksHTTP
	speaksKafka
	speaksTLS
)

func (s speech) String() string { return [...]string{"unknown", "HTTP", "Kafka", "TLS"}[s] }

// speechOf guesses a client's protocol from its first byte: the letter of a method or an empty line
// before it, the type of a TLS record, or the length of a frame of less than 16 MiB.
func speechOf(first byte) speech {
	letter := first | 0x20
	switch {
	case letter >= 'a' && letter <= 'z' || first == '\r' || first == '\n':
		return speaksHTTP
	case first == 0x16:
		return speaksTLS
	case first == 0:
		return speaksKafka
	}
	return speaksUnknown
}

// wanted is what the listeners serve.
func (g *protocolGuard) wanted() speech {
	if g.tls {
		return speaksTLS
	}
	return speaksHTTP
}

// Answers to clients that use HTTP where HTTPS is served, and the reverse. The second is no TLS,
// but programs that get it say so, which is more than they say when a connection ends.
const (
	useHTTPS = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n" +
		"Connection: close\r\n\r\nThis listener serves HTTPS: use https:// URLs.\n"
	useHTTP = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n" +
		"Connection: close\r\n\r\nThis listener serves HTTP without TLS: use http:// URLs.\n"
	// answerWithin bounds the time in which a client must take such an answer.
	answerWithin = time.Second
)

// refuse answers and logs a connection that begins with a byte of another protocol; the log at most
// once a minute for each protocol.
func (g *protocolGuard) refuse(c net.Conn, first byte) {
	speaks := speechOf(first)
	answer, advice := "", "give Kafka clients the address of a controller listener"
	switch {
	case g.tls && speaks == speaksHTTP:
		answer, advice = useHTTPS, "the listener serves HTTPS (yakt.http.security.protocol), and the "+
			"client uses http:// URLs"
	case speaks == speaksTLS:
		answer, advice = useHTTP, "the listener serves HTTP without TLS "+
			"(yakt.http.security.protocol), and the client uses https:// URLs"
	}
	if answer != "" {
		_ = c.SetWriteDeadline(time.Now().Add(answerWithin))
		_, _ = io.WriteString(c, answer)
	}
	if since, count, due := g.paces[speaks].Add(); due {
		g.logger.Warn("closed a connection to the HTTP listener that does not speak its protocol: "+
			advice, "client", c.RemoteAddr(), "listener", c.LocalAddr(),
			"speaks", speaks, "closed", since, "in_all", count)
	}
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
	if first := b[0]; speechOf(first) != c.guard.wanted() {
		c.guard.refuse(c.Conn, first)
		c.Close()
		return 0, errOtherProtocol
	}
	return n, err
}
