package kafkaproto

import (
	"math/bits"
	"sync"
)

// chunks recycles memory that frames no longer need: of frames that grew, and of connections that
// were closed in the middle of one. Without it, a crowd of slow senders would leave the garbage
// collector several times the budget. The memory of a decoded frame never comes back, since its
// request may keep it. A chunk holds its old contents.
type chunks struct {
	most int64 // limit of held

	mu   sync.Mutex
	free [32][][]byte // by the logarithm of their capacity, which is a power of two
	held int64        // bytes in free
	idle bool         // no call of take or put since the last rest
}

// chunkMaxBytes is the largest chunk; larger frames get memory of exactly their size.
const chunkMaxBytes = 8 << 20

// chunkSize returns the size of the chunk for n bytes.
func chunkSize(n int) int {
	if n > chunkMaxBytes {
		return n
	}
	return 1 << bits.Len(uint(n-1))
}

// take returns memory of a size that chunkSize returned.
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

// put recycles memory from take that is no longer in use.
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

// rest leaves all chunks to the garbage collector if take and put were not called since the last
// call.
func (c *chunks) rest() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.idle {
		c.free, c.held = [32][][]byte{}, 0
	}
	c.idle = true
}
