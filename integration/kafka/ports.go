package kafka

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// Ports are chosen below the kernel's ephemeral range, so that no outgoing connection can take one
// between its choice and its use, or while its server restarts.
const (
	portMin = 20000
	portMax = 32000
)

// FreePort reserves a loopback TCP port for the rest of the test, exclusively among the test
// processes on this machine.
func FreePort(t testing.TB) int {
	t.Helper()
	ports, release, err := freePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return ports[0]
}

// freePortsFor is FreePort, n times.
func freePortsFor(t testing.TB, n int) (ports []int) {
	t.Helper()
	for range n {
		ports = append(ports, FreePort(t))
	}
	return ports
}

func freePorts(n int) (ports []int, release func(), err error) {
	var held []*os.File
	release = func() {
		for _, f := range held {
			f.Close()
		}
	}
	for len(ports) < n {
		port, lock, err := freePort()
		if err != nil {
			release()
			return nil, nil, err
		}
		ports, held = append(ports, port), append(held, lock)
	}
	return ports, release, nil
}

func freePort() (int, *os.File, error) {
	dir := filepath.Join(os.TempDir(), "yakt-test-ports")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return 0, nil, err
	}
	first := rand.IntN(portMax - portMin)
	for i := range portMax - portMin {
		port := portMin + (first+i)%(portMax-portMin)
		if lock := lockPort(dir, port); lock != nil {
			return port, lock, nil
		}
	}
	return 0, nil, fmt.Errorf("no free port between %d and %d", portMin, portMax)
}

// lockPort returns the held lock of a port that is neither reserved nor in use, else nil.
func lockPort(dir string, port int) *os.File {
	f, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(port)), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil
	}
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		if l, err := net.Listen("tcp",
			net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			l.Close()
			return f
		}
	}
	f.Close()
	return nil
}
