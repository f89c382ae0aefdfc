package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/realm"
)

// Frame encodes a request as it is sent, with its length in front. The caller sets the request's
// version.
func Frame(req kmsg.Request) []byte {
	formatter := kmsg.NewRequestFormatter(kmsg.FormatterClientID("frames"))
	return formatter.AppendRequest(nil, req, 1)
}

// WithVersion sets the version of a request.
func WithVersion[R kmsg.Request](req R, version int16) R {
	req.SetVersion(version)
	return req
}

// socketBytes bounds the kernel's buffers for an attacker's sockets: larger ones would exhaust this
// machine's memory, and delay all of its connections, instead of testing the server.
const socketBytes = 64 << 10

func small(_, _ string, raw syscall.RawConn) error {
	var err1, err2 error
	err := raw.Control(func(fd uintptr) {
		err1 = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, socketBytes)
		err2 = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, socketBytes)
	})
	return errors.Join(err, err1, err2)
}

// Dial opens a plain connection with small buffers. from is the number of the local loopback
// address, counted from 127.0.1.0, or 0 for any; systems other than Linux have only one.
func Dial(ctx context.Context, addr string, from int) (net.Conn, error) {
	dialer := net.Dialer{Timeout: Patience, Control: small}
	if from > 0 && runtime.GOOS == "linux" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, byte(1+from>>8), byte(from))}
	}
	return dialer.DialContext(ctx, "tcp", addr)
}

// ReadFrame reads one response and returns its bytes without the length.
func ReadFrame(nc net.Conn) ([]byte, error) {
	n, err := readLength(nc)
	if err != nil {
		return nil, err
	}
	frame := make([]byte, n)
	_, err = io.ReadFull(nc, frame)
	return frame, err
}

// SkipFrame reads one response of any length and returns how many bytes it had.
func SkipFrame(nc net.Conn) (int64, error) {
	n, err := readLength(nc)
	if err != nil {
		return 0, err
	}
	return io.CopyN(io.Discard, nc, n)
}

func readLength(nc net.Conn) (int64, error) {
	var length [4]byte
	if _, err := io.ReadFull(nc, length[:]); err != nil {
		return 0, err
	}
	return int64(binary.BigEndian.Uint32(length[:])), nil
}

// Exchange sends a request and decodes its response; no other request may be outstanding on the
// connection.
func Exchange(nc net.Conn, req kmsg.Request, within time.Duration) (kmsg.Response, error) {
	if err := nc.SetDeadline(time.Now().Add(within)); err != nil {
		return nil, err
	}
	return realm.Ask(nc, req, req.GetVersion())
}

// RawFrame is a frame with a request header of version 2, without tags, and a body.
func RawFrame(key, version int16, body []byte) []byte {
	b := []byte{0, 0, 0, 0}
	b = binary.BigEndian.AppendUint16(b, uint16(key))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	b = append(b, 0, 0, 0, 7, 0, 1, 'c', 0)
	b = append(b, body...)
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}
