package realm

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// connectMax bounds a connection with its authentication.
const connectMax = 20 * time.Second

// Connect opens a connection for plain requests, and authenticates on it.
func (l *Login) Connect(ctx context.Context, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectMax)
	defer cancel()
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	secured, err := l.Secure(ctx, nc)
	if err != nil {
		nc.Close()
		return nil, err
	}
	return secured, nil
}

// Secure authenticates on an open connection.
func (l *Login) Secure(ctx context.Context, nc net.Conn) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	defer stop()
	if l.TLS != nil {
		secured := tls.Client(nc, l.TLS.Clone())
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		nc = secured
	}
	if l.SASL == nil {
		return nc, nil
	}
	return nc, l.authenticate(ctx, nc)
}

func (l *Login) authenticate(ctx context.Context, nc net.Conn) error {
	hello := kmsg.NewPtrSASLHandshakeRequest()
	hello.Mechanism = l.SASL.Name()
	resp, err := Ask(nc, hello, 1)
	if err == nil {
		err = kerr.ErrorForCode(resp.(*kmsg.SASLHandshakeResponse).ErrorCode)
	}
	if err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	session, message, err := l.SASL.Authenticate(ctx, nc.RemoteAddr().String())
	for done := false; err == nil && !done; {
		step := kmsg.NewPtrSASLAuthenticateRequest()
		step.SASLAuthBytes = message
		if resp, err = Ask(nc, step, 2); err != nil {
			break
		}
		answer := resp.(*kmsg.SASLAuthenticateResponse)
		if err = kerr.ErrorForCode(answer.ErrorCode); err != nil {
			return fmt.Errorf("%w: %s", err, *answer.ErrorMessage)
		}
		done, message, err = session.Challenge(answer.SASLAuthBytes)
	}
	return err
}

// Ask sends a request of a version and decodes the response. No other request may be outstanding.
func Ask(nc net.Conn, req kmsg.Request, version int16) (kmsg.Response, error) {
	req.SetVersion(version)
	formatter := kmsg.NewRequestFormatter(kmsg.FormatterClientID("realm"))
	if _, err := nc.Write(formatter.AppendRequest(nil, req, 1)); err != nil {
		return nil, err
	}
	frame, err := ReadFrame(nc)
	if err != nil {
		return nil, err
	}
	resp := req.ResponseKind()
	header := 4 // correlation id, then the tags of flexible versions
	if resp.IsFlexible() && resp.Key() != int16(kmsg.ApiVersions) {
		header++
	}
	if len(frame) < header {
		return nil, fmt.Errorf("a response of %d bytes", len(frame))
	}
	return resp, resp.ReadFrom(frame[header:])
}

// frameMax bounds a response: a larger length is no Kafka.
const frameMax = 64 << 20

// ReadFrame reads a response without its length.
func ReadFrame(nc io.Reader) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(nc, length[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > frameMax {
		return nil, fmt.Errorf("a response of %d bytes, % x", n, length)
	}
	frame := make([]byte, n)
	_, err := io.ReadFull(nc, frame)
	return frame, err
}
