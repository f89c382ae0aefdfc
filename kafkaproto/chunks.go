package kafkaproto

import (
	"math/bits"
	"sync"
)

// chunks are pieces of memory that frames no longer need: of frames that grew, and of connections
// that were closed in the middle of one. Left to the garbage collector, what a crowd of slow senders
// goes through would be several times the budget. A frame that was decoded never comes back, for its
// request may keep it. A chunk holds what it last held.
type chunks struct {
	most int64 // bytes that may be free

	mu   sync.Mutex
	free [32][][]byte // by the logarithm of their capacity, which is a power of two
	held int64        // bytes that are free
	idle bool         // nothing was taken or put since the last rest
}

// chunkMaxBytes is the largest chunk; larger frames have memory of just their size.
const chunkMaxBytes = 8 << 20

// chunkSize is what n bytes take.
func chunkSize(n int) int {
	if n > chunkMaxBytes {
		return n
	}
	return 1 << bits.Len(uint(n-1))
}

// take returns size bytes, which chunkSize gave.
func (c *chunks) take(size int) []byte {
	if size <= chunkMaxBytes {
		class := bits.Len(uint(size)) - 1
		c.mu.Lock()
		defer c.mu.Unlock()
		c.idle = false
		if last := len(c.free[class]) - 1; last >= 0 {
			b := c.free[class][last]
			c.free[class][last], c.free[class] = nil, c.free[class][:last]
			c.held -= int64(size)
			return b
		}
	}
	return make([]byte, size)
}

// put gives back what take returned, which is not used any more.
func (c *chunks) put(b []byte) {
	size := len(b)
	if size > chunkMaxBytes {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = false
	if c.held+int64(size) > c.most {
		return
	}
	class := bits.Len(uint(size)) - 1
	c.free[class] = append(c.free[class], b)
	c.held += int64(size)
}

// rest leaves everything to the garbage collector when nothing was taken or put since the last call.
func (c *chunks) rest() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.idle {
		c.free, c.held = [32][][]byte{}, 0
	}
	c.idle = true
}
