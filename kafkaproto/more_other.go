//go:build !linux

package kafkaproto

import (
	"net"
	"os"
)

// writeMore writes b; this system has no way to announce that more follows.
func writeMore(nc net.Conn, b []byte) (int, error) { return nc.Write(b) }

// readNow reads nothing: this system has no way to read without waiting.
func readNow(net.Conn, []byte) (int, error) { return 0, os.ErrDeadlineExceeded }

// writeNow writes nothing; the caller's blocking write does all.
func writeNow(net.Conn, []byte) (int, error) { return 0, nil }
