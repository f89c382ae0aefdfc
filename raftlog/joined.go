package raftlog

import "sync"

// joinedBytes bounds what is kept of joined reads.
const joinedBytes = 16 << 20

// joinedReads are the last reads of several batches, each joined to one piece. Observers that are far behind mostly come together, as
// after a restart of all brokers, and read the same: they are given the same bytes. What is committed does not change, so that a read is
// known by its first offset and its size. The zero value is empty; it is safe for concurrent use.
type joinedReads struct {
	mu    sync.Mutex
	reads []joinedRead // the oldest first
	bytes int          // of them
}

type joinedRead struct {
	base  int64
	bytes []byte
}

// join returns batches, of size bytes together, as one piece that is not to be changed.
func (j *joinedReads) join(batches []fetchable, size int) []byte {
	if len(batches) == 1 {
		return batches[0].bytes
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range j.reads {
		if r.base == batches[0].base && len(r.bytes) == size {
			return r.bytes
		}
	}
	joined := make([]byte, 0, size)
	for _, b := range batches {
		joined = append(joined, b.bytes...)
	}
	j.keep(joinedRead{batches[0].base, joined})
	return joined
}

func (j *joinedReads) keep(r joinedRead) {
	if len(r.bytes) > joinedBytes {
		return
	}
	j.reads, j.bytes = append(j.reads, r), j.bytes+len(r.bytes)
	for j.bytes > joinedBytes {
		j.bytes -= len(j.reads[0].bytes)
		j.reads[0] = joinedRead{} // its place may stay a while
		j.reads = j.reads[1:]
	}
}

// forget keeps nothing more of what was read so far.
func (j *joinedReads) forget() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.reads, j.bytes = nil, 0
}
