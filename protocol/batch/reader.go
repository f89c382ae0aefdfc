package batch

import (
	"errors"
	"io"
	"slices"
)

// readStepBytes bounds the memory allocated in advance for bytes that a header promises and that may
// never arrive.
const readStepBytes = 64 << 10

// Reader reads batches that follow one another. It is not safe for concurrent use.
type Reader struct {
	r   io.Reader
	buf []byte
}

// NewReader returns a Reader of batches from r, which it reads without a buffer.
func NewReader(r io.Reader) *Reader { return &Reader{r: r} }

// Next returns the next batch, checked as by Check; it is valid until the following call. io.EOF
// means that none follows; r ending within a batch is an ErrInvalid and io.ErrUnexpectedEOF.
func (b *Reader) Next() (Batch, error) {
	b.buf = b.buf[:0]
	if err := b.fill(HeaderBytes); err != nil {
		if len(b.buf) == 0 {
			return nil, err
		}
		return nil, invalid("%d bytes of a header: %w", len(b.buf), noEOF(err))
	}
	if err := checkHeader(b.buf); err != nil {
		return nil, err
	}
	if err := b.fill(int(Batch(b.buf).size())); err != nil {
		return nil, invalid("cut short: %w", noEOF(err))
	}
	return b.buf, Batch(b.buf).checkCRC()
}

// noEOF keeps the end of the input within a batch from being taken for its regular end.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// fill reads until the buffer holds n bytes.
func (b *Reader) fill(n int) error {
	for len(b.buf) < n {
		from := len(b.buf)
		to := min(n, max(cap(b.buf), from+readStepBytes))
		b.buf = slices.Grow(b.buf, to-from)[:to]
		read, err := io.ReadFull(b.r, b.buf[from:])
		b.buf = b.buf[:from+read]
		if err != nil {
			return err
		}
	}
	return nil
}
