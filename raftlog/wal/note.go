package wal

// MaxNoteBytes bounds a note.
const MaxNoteBytes = 2 << 10

// SetNote keeps an opaque note of at most MaxNoteBytes bytes in the durable mark, in place of
// the one before; an empty one removes it. SetNote takes a copy. The note becomes durable with
// the mark's next write, which is at most a quarter of a second away; with sync it is durable
// when SetNote returns nil. It may be called from any goroutine, during Close too.
//
// After an error with ErrRetry the note is written with the next mark. A note that is too large is
// an error without further effect; any other error is final and fails the log.
func (w *WAL) SetNote(note []byte, sync bool) error { return w.marker.setNote(note, sync) }
