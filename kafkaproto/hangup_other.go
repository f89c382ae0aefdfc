//go:build !linux

package kafkaproto

import "net"

// hungUp is not implemented on this system: Config.MaxWait ends the requests of clients that are
// gone.
func hungUp(net.Conn) (gone, closedSide bool) { return false, false }
