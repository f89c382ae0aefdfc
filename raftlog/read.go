package raftlog

import "sort"

// ReadCommitted returns whole committed batches from the one that contains offset on, of at most
// maxBytes bytes but at least one if there is one, and where the log starts and ends (high
// watermark) here. Unlike Fetch it asks for no agreement and any member answers: it is for people.
// The records are shared and not to be changed.
func (l *Log) ReadCommitted(offset int64, maxBytes int) (records []byte, start, end int64) {
	v := l.view
	v.mu.RLock()
	defer v.mu.RUnlock()
	if offset < v.start || offset >= v.end {
		return nil, v.start, v.end
	}
	i := sort.Search(len(v.batches), func(i int) bool { return v.batches[i].base > offset }) - 1
	return v.records(v.batches[max(i, 0)].base, maxBytes), v.start, v.end
}
