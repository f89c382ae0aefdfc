package kafkaproto

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// writeMore writes b and tells the kernel that more follows soon, so that both can travel in one
// packet and wake the peer once.
func writeMore(nc net.Conn, b []byte) (n int, err error) {
	s, ok := nc.(syscall.Conn)
	if !ok {
		return nc.Write(b)
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return 0, err
	}
	if waitErr := raw.Write(func(fd uintptr) bool {
		n, err = sendMore(int(fd), b)
		return !errors.Is(err, unix.EAGAIN)
	}); waitErr != nil {
		return 0, waitErr
	}
	if err != nil || n == len(b) {
		return n, err
	}
	rest, err := nc.Write(b[n:])
	return n + rest, err
}

// writeNow writes what the kernel accepts at once, which may be nothing.
func writeNow(nc net.Conn, b []byte) (n int, err error) {
	s, ok := nc.(syscall.Conn)
	if !ok {
		return 0, nil
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return 0, err
	}
	if closed := raw.Write(func(fd uintptr) bool {
		n, err = sendFlags(int(fd), b, 0)
		return true
	}); closed != nil {
		return 0, closed
	}
	if errors.Is(err, unix.EAGAIN) {
		err = nil
	}
	return n, err
}

// readNow reads what has arrived, without waiting for it: then the error is a timeout.
func readNow(nc net.Conn, b []byte) (n int, err error) {
	s, ok := nc.(syscall.Conn)
	if !ok {
		return 0, os.ErrDeadlineExceeded
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return 0, err
	}
	if closed := raw.Read(func(fd uintptr) bool {
		n, err = unix.Read(int(fd), b)
		return true
	}); closed != nil {
		return 0, closed
	}
	switch {
	case errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR):
		return 0, os.ErrDeadlineExceeded
	case err == nil && n == 0:
		return 0, io.EOF
	}
	return max(n, 0), err
}

func sendMore(fd int, b []byte) (n int, err error) { return sendFlags(fd, b, unix.MSG_MORE) }

func sendFlags(fd int, b []byte, flags int) (n int, err error) {
	for {
		n, err = unix.SendmsgN(fd, b, nil, nil, flags|unix.MSG_NOSIGNAL)
		if !errors.Is(err, unix.EINTR) {
			return max(n, 0), err
		}
	}
}
