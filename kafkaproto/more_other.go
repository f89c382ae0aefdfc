//go:build !linux

package kafkaproto

import "net"

// writeMore writes what more follows soon.
func writeMore(nc net.Conn, b []byte) (int, error) { return nc.Write(b) }

// writeNow leaves everything to a write that waits.
func writeNow(net.Conn, []byte) (int, error) { return 0, nil }
