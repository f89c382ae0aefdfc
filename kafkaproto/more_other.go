//go:build !linux

package kafkaproto

import "net"

// writeMore writes what more follows soon.
func writeMore(nc net.Conn, b []byte) (int, error) { return nc.Write(b) }
