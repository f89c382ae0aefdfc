package wal

// MaxNoteBytes bounds a note.
const MaxNoteBytes = 2 << 10

// SetNote keeps an opaque note of at most MaxNoteBytes bytes in the durable mark, in place of
// the one before; an empty one removes it. SetNote takes a copy. The note becomes durable with
// the mark's next write, which is at most a quarter of a second away; with sync it is durable
// when SetNote returns nil. It may be called from any goroutine, during Close too.
//
// An error with ErrRetry leaves the note to be written with the next mark; any other one but
// that of a note too large is final and fails the log.
func (w *WAL) SetNote(note []byte, sync bool) error { return w.marker.setNote(note, sync) }
