package batch

import (
	"encoding/binary"
	"slices"

	"github.com/yakt/yakt/protocol"
)

// Writer builds one batch after another. It is not safe for concurrent use.
type Writer struct {
	buf         []byte // room for the header, then the records
	last        int    // where the last record begins in buf
	count       int
	timestampMs int64
	attributes  byte
}

// NewWriter returns a Writer of data batches. All records have the timestamp, in milliseconds since
// 1970.
func NewWriter(timestampMs int64) *Writer {
	return &Writer{buf: make([]byte, HeaderBytes, 256), timestampMs: timestampMs}
}

// NewControlWriter returns a Writer of control batches.
func NewControlWriter(timestampMs int64) *Writer {
	w := NewWriter(timestampMs)
	w.attributes = attributeControl
	return w
}

// Add appends a record; a nil key is null.
func (w *Writer) Add(key, value []byte) {
	var head [2 + 2*binary.MaxVarintLen32]byte // attributes, timestamp and offset delta, key length
	h := binary.AppendVarint(head[:2], int64(w.count))
	keyLength := int64(len(key))
	if key == nil {
		keyLength = -1
	}
	h = binary.AppendVarint(h, keyLength)
	var mid [binary.MaxVarintLen32]byte
	m := binary.AppendVarint(mid[:0], int64(len(value)))
	w.last = len(w.buf)
	w.buf = binary.AppendVarint(w.buf, int64(len(h)+len(key)+len(m)+len(value)+1))
	w.buf = append(w.buf, h...)
	w.buf = append(w.buf, key...)
	w.buf = append(w.buf, m...)
	w.buf = append(w.buf, value...)
	w.buf = append(w.buf, 0)
	w.count++
}

// Count is the number of records added.
func (w *Writer) Count() int { return w.count }

// Bytes is the size of the batch with the records added.
func (w *Writer) Bytes() int { return len(w.buf) }

// Grow makes room for n further bytes, so that adding them does not reallocate.
func (w *Writer) Grow(n int) { w.buf = slices.Grow(w.buf, n) }

// RemoveLast removes the record that was added last. It may be called once after each Add.
func (w *Writer) RemoveLast() { w.buf, w.count = w.buf[:w.last], w.count-1 }

// Finish returns the batch, at offset 0 and in epoch 0. It shares memory with the Writer: it is
// valid until Reset. A batch without records or of more than MaxBytes is an error.
func (w *Writer) Finish() (Batch, error) {
	if w.count == 0 {
		return nil, invalid("it needs at least one record")
	}
	if len(w.buf) > MaxBytes {
		return nil, invalid("%d bytes are over the limit of %d", len(w.buf), MaxBytes)
	}
	b := w.buf
	binary.BigEndian.PutUint32(b[lengthAt:], uint32(len(b)-lengthFrom))
	b[magicAt] = magic
	b[attributesAt+1] = w.attributes
	binary.BigEndian.PutUint32(b[lastDeltaAt:], uint32(w.count-1))
	binary.BigEndian.PutUint64(b[timestampAt:], uint64(w.timestampMs))
	binary.BigEndian.PutUint64(b[maxTimeAt:], uint64(w.timestampMs))
	for i := producerAt; i < recordCountAt; i++ { // producer id, its epoch and base sequence: none
		b[i] = 0xff
	}
	binary.BigEndian.PutUint32(b[recordCountAt:], uint32(w.count))
	binary.BigEndian.PutUint32(b[crcAt:], protocol.Checksum(b[attributesAt:]))
	return b, nil
}

// Reset removes all records and keeps the memory for the next batch.
func (w *Writer) Reset() {
	w.buf, w.count = w.buf[:HeaderBytes], 0
	clear(w.buf)
}
