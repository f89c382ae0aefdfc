package controller

import (
	"github.com/yakt/yakt/protocol"
)

// newUUID returns a random id as Kafka's Uuid.randomUuid makes them: of version 4, and not
// beginning with a dash, which tools would take for an option.
func newUUID(r Random) protocol.UUID {
	for {
		var u protocol.UUID
		hi, lo := r.Uint64(), r.Uint64()
		for i := range 8 {
			u[i], u[8+i] = byte(hi>>(8*i)), byte(lo>>(8*i))
		}
		u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
		if u.String()[0] != '-' {
			return u
		}
	}
}
