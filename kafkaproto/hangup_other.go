//go:build !linux

package kafkaproto

import "net"

// hungUp is not known here: Config.MaxWait ends what a client that has gone leaves behind.
func hungUp(net.Conn) (gone, closedSide bool) { return false, false }
