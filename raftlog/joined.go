package raftlog

import (
	"slices"
	"sort"
	"sync"
	"weak"
)

const (
	// windowBytes is the size of a window.
	windowBytes = 1 << 20
	// windowsKept is how many windows are kept although nobody is reading them.
	windowsKept = 16
)

// joinedReads returns several batches as one piece of memory. The log is divided into windows by
// position, and the piece is a slice of a window. So observers that lag share the memory of what
// they read, wherever each of them begins, and all pieces together need no more memory than the
// log, however many readers hold one. The zero value is empty; it is safe for concurrent use.
type joinedReads struct {
	mu   sync.Mutex
	kept []*window // the oldest first
	// open are the windows that somebody holds, so that there is never a second copy of one.
	open map[int64]weak.Pointer[window]
}

// window is a part of the log. Bytes that a read has returned are never written again.
type window struct {
	number int64
	next   int64 // position of the first batch that has not been copied yet
	bytes  [windowBytes]byte
}

// windowOf returns the window of a batch; ok is false if the batch extends beyond one.
func windowOf(b fetchable) (number int64, ok bool) {
	number = b.position / windowBytes
	return number, (b.position+int64(len(b.bytes))-1)/windowBytes == number
}

// joinable returns how many of the batches, which are in order, one read may return: at least one.
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

// join returns n batches of a log, beginning with that at index from, as one piece of memory, which
// must not be changed.
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

// fill copies the batches that were added to the log since the last call.
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

// window returns a window, made if necessary, and keeps it. The caller holds the lock.
func (j *joinedReads) window(number int64) *window {
	w := j.open[number].Value()
	if w == nil {
		w = &window{number: number, next: number * windowBytes}
		j.register(w)
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

// register adds a window to open, and removes those that have been collected.
func (j *joinedReads) register(w *window) {
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

// forget drops the windows that are kept.
func (j *joinedReads) forget() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.kept = nil
}
