package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/yakt/yakt/kafkaproto"
	"github.com/yakt/yakt/security"
)

// closeNotifyTimeout bounds how long closing a connection waits to tell the other end.
const closeNotifyTimeout = 100 * time.Millisecond

// peerDialer opens connections to other controllers as Kafka's do: with the protocol of the first
// controller listener, TLS before SASL. The zero value dials in plaintext. It is safe for
// concurrent use.
type peerDialer struct {
	clientID string
	tls      func(host string) *tls.Config // nil: no TLS
	dialogue func() security.Dialogue      // nil: no SASL
	refusal  error                         // why this node cannot authenticate; nil if it can
}

// dial opens a connection to "host:port". It returns once this node has authenticated, and the
// other end has proved to be that host if the configuration asks for that.
func (d peerDialer) dial(ctx context.Context, address string) (net.Conn, error) {
	if d.refusal != nil {
		return nil, d.refusal
	}
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	conn, err := d.secure(ctx, raw, address)
	if err != nil {
		_ = raw.Close()
		if ctx.Err() != nil {
			err = fmt.Errorf("%w (%w)", err, ctx.Err())
		}
		return nil, err
	}
	return conn, nil
}

// secure does what follows the connection of TCP. When ctx ends it returns an error.
func (d peerDialer) secure(ctx context.Context, raw net.Conn, address string) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	conn := raw
	if d.tls != nil {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		t := tls.Client(raw, d.tls(host))
		if err := t.HandshakeContext(ctx); err != nil {
			return nil, explainTLS(err)
		}
		conn = &tlsConn{t, raw}
	}
	if d.dialogue != nil {
		if _, err := kafkaproto.Authenticate(conn, d.clientID, d.dialogue()); err != nil {
			return nil, err
		}
	}
	if !stop() {
		return nil, ctx.Err()
	}
	return conn, nil
}

// explainTLS adds to an error of a handshake what this node's operator can do.
func explainTLS(err error) error {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return fmt.Errorf("the other end does not speak TLS, and this node's listener does: give both "+
			"one protocol in listener.security.protocol.map: %w", err)
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("the other end has ended the TLS handshake: its log says why, and if it says "+
			"nothing its listener is not for TLS: %w", err)
	}
	return fmt.Errorf("TLS: %w", err)
}

// tlsConn is a TLS connection whose Close does not wait for a peer that does not read.
type tlsConn struct {
	*tls.Conn
	raw net.Conn
}

func (c *tlsConn) Close() error {
	cut := time.AfterFunc(closeNotifyTimeout, func() { _ = c.raw.Close() })
	defer cut.Stop()
	return c.Conn.Close()
}
