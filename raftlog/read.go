package raftlog

import "sort"

// ReadCommitted returns whole committed batches, beginning with the one that contains offset: at
// least one if there is any, otherwise at most maxBytes. It also returns where this replica's log
// starts and ends (its high watermark). Unlike Fetch it works on any member and compares no epochs:
// it is meant for people. The records are shared and must not be changed.
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
