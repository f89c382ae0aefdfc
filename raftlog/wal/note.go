package wal

// MaxNoteBytes bounds a note.
const MaxNoteBytes = 2 << 10

// SetNote keeps an opaque note of at most MaxNoteBytes bytes, which replaces the one before, in the durable mark. It is
// durable with the mark's next write; with sync it is when SetNote returns nil. It may be called from any goroutine. An
// error is final.
func (w *WAL) SetNote(note []byte, sync bool) error { return nil }
