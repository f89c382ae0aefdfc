package batch

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var errRecord = errors.New("malformed record")

// Each calls f for every record; key (nil: null) and value share the batch's bytes. It stops at the
// first error of f.
func (b Batch) Each(f func(offset int64, key, value []byte) error) error {
	rest := []byte(b[HeaderBytes:])
	for i := range b.Count() {
		offset := b.BaseOffset() + int64(i)
		key, value, after, err := nextRecord(rest, int64(i))
		if err == nil {
			err = f(offset, key, value)
		}
		if err != nil {
			return fmt.Errorf("record at offset %d: %w", offset, err)
		}
		rest = after
	}
	if len(rest) != 0 {
		return fmt.Errorf("record batch at offset %d: %d bytes follow its records",
			b.BaseOffset(), len(rest))
	}
	return nil
}

// Types of control records (KIP-595, KIP-630, KIP-853) that the log itself needs to know.
const (
	ControlSnapshotHeader = 3
	ControlSnapshotFooter = 4
)

// ControlType returns the type of the first record of a control batch, and -1 for any other batch.
func (b Batch) ControlType() int {
	if !b.IsControl() {
		return -1
	}
	key, _, _, err := nextRecord(b[HeaderBytes:], 0)
	if err != nil || len(key) < 4 {
		return -1
	}
	return int(int16(binary.BigEndian.Uint16(key[2:])))
}

// nextRecord splits off one record, whose offset delta must be delta: varint length | attributes |
// varlong timestampDelta | varint offsetDelta | varint keyLength, key | varint valueLength, value |
// varint headers. Brokers require that the timestamp delta is 0 and that there are no headers, so
// other records are malformed here.
func nextRecord(b []byte, delta int64) (key, value, rest []byte, err error) {
	length, n := binary.Varint(b)
	if n <= 0 || length < 0 || length > int64(len(b)-n) {
		return nil, nil, nil, errRecord
	}
	body, rest := b[n:n+int(length)], b[n+int(length):]
	if len(body) < 2 || body[1] != 0 {
		return nil, nil, nil, errRecord
	}
	body = body[2:]
	offsetDelta, n := binary.Varint(body)
	if n <= 0 || offsetDelta != delta {
		return nil, nil, nil, errRecord
	}
	key, body, ok := nextBytes(body[n:])
	if !ok {
		return nil, nil, nil, errRecord
	}
	value, body, ok = nextBytes(body)
	if !ok || len(body) != 1 || body[0] != 0 {
		return nil, nil, nil, errRecord
	}
	return key, value, rest, nil
}

// nextBytes splits off a length and that many bytes; a length of -1 is null.
func nextBytes(b []byte) (v, rest []byte, ok bool) {
	length, n := binary.Varint(b)
	if n <= 0 || length < -1 || length > int64(len(b)-n) {
		return nil, nil, false
	}
	if length < 0 {
		return nil, b[n:], true
	}
	return b[n : n+int(length) : n+int(length)], b[n+int(length):], true
}
