package raftlog

import (
	"slices"
	"sort"
	"sync"
	"weak"
)

const (
	// windowBytes is how much of the log is joined to one piece.
	windowBytes = 1 << 20
	// windowsKept is how many of the pieces are kept that nobody is reading.
	windowsKept = 16
)

// joinedReads are reads of several batches, joined. The log is divided into windows by position,
// and a read of several batches is a part of a window: so observers that are far behind share the
// memory of what they read, from wherever they read it, and all reads together take no more than
// the log, however many readers hold theirs. The zero value is empty; it is safe for concurrent
// use.
type joinedReads struct {
	mu   sync.Mutex
	kept []*window // the oldest first
	// open are the windows that somebody holds: of a window there is never a second copy.
	open map[int64]weak.Pointer[window]
}

// window is a piece of the log. Bytes that were given out are not written again.
type window struct {
	number int64
	next   int64 // position of the first batch that has not been copied yet
	bytes  [windowBytes]byte
}

// windowOf is the window that holds a batch, or ok is false if it reaches beyond one.
func windowOf(b fetchable) (number int64, ok bool) {
	number = b.position / windowBytes
	return number, (b.position+int64(len(b.bytes))-1)/windowBytes == number
}

// joinable is how many of batches, which are in order, one read may return: at least the first.
func joinable(batches []fetchable, maxBytes int) int {
	number, ok := windowOf(batches[0])
	n, size := 1, len(batches[0].bytes)
	for ; ok && n < len(batches); n++ {
		size += len(batches[n].bytes)
		if other, fits := windowOf(batches[n]); size > maxBytes || !fits || other != number {
			break
		}
	}
	return n
}

// join returns n batches of a log from the one at index from on, as one piece that is not to be
// changed.
func (j *joinedReads) join(log []fetchable, from, n int) []byte {
	first, last := log[from], log[from+n-1]
	if n == 1 {
		return first.bytes
	}
	number, _ := windowOf(first)
	j.mu.Lock()
	defer j.mu.Unlock()
	w := j.window(number)
	w.fill(log)
	begin := first.position - number*windowBytes
	end := last.position - number*windowBytes + int64(len(last.bytes))
	return w.bytes[begin:end:end]
}

// fill copies the batches of a log that have come since.
func (w *window) fill(log []fetchable) {
	i := sort.Search(len(log), func(i int) bool { return log[i].position >= w.next })
	for ; i < len(log); i++ {
		b := log[i]
		if number, fits := windowOf(b); number != w.number || !fits {
			return
		}
		at := b.position - w.number*windowBytes
		copy(w.bytes[at:], b.bytes)
		w.next = b.position + int64(len(b.bytes))
	}
}

// window finds or makes a window, and keeps it. The caller holds the lock.
func (j *joinedReads) window(number int64) *window {
	w := j.open[number].Value()
	if w == nil {
		w = &window{number: number, next: number * windowBytes}
		j.note(w)
	}
	if slices.Contains(j.kept, w) {
		return w
	}
	if len(j.kept) == windowsKept {
		j.kept = slices.Delete(j.kept, 0, 1)
	}
	j.kept = append(j.kept, w)
	return w
}

// note makes a window known, and forgets those that are gone.
func (j *joinedReads) note(w *window) {
	if j.open == nil {
		j.open = make(map[int64]weak.Pointer[window])
	}
	for number, p := range j.open {
		if p.Value() == nil {
			delete(j.open, number)
		}
	}
	j.open[w.number] = weak.Make(w)
}

// forget keeps nothing more of what was read so far.
func (j *joinedReads) forget() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.kept = nil
}
