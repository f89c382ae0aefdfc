package controller

import (
	"encoding/binary"

	"github.com/yakt/yakt/protocol"
)

// newUUID returns a random id, as protocol.NewUUID does, from the controller's own randomness: a
// simulation draws the same ids again.
func newUUID(r Random) protocol.UUID {
	return protocol.DrawUUID(func() (b [16]byte) {
		binary.LittleEndian.PutUint64(b[:8], r.Uint64())
		binary.LittleEndian.PutUint64(b[8:], r.Uint64())
		return b
	})
}
