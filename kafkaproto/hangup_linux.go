package kafkaproto

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// hungUp reports whether the other end has closed the connection, or only its sending side, as far
// as the kernel knows. Data from it may still be unread.
func hungUp(nc net.Conn) (gone, closedSide bool) {
	s, ok := nc.(syscall.Conn)
	if !ok {
		return false, false
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return true, false
	}
	var events int16
	err = raw.Control(func(fd uintptr) {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		if n, pollErr := unix.Poll(poll, 0); pollErr == nil && n > 0 {
			events = poll[0].Revents
		}
	})
	gone = err != nil || events&(unix.POLLHUP|unix.POLLERR) != 0
	return gone, events&unix.POLLRDHUP != 0
}
