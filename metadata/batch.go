package metadata

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"

	"github.com/yakt/yakt/metadata/record"
)

// Batch is one whole record batch in Kafka's format 2, big-endian:
//
//	 0 baseOffset i64          | 8 batchLength i32 (of what follows) | 12 partitionLeaderEpoch i32 | 16 magic i8 = 2
//	17 crc u32 (CRC32C of 21…) | 21 attributes i16                   | 23 lastOffsetDelta i32
//	27 baseTimestamp i64       | 35 maxTimestamp i64                 | 43 producerId i64 = -1
//	51 producerEpoch i16 = -1  | 53 baseSequence i32 = -1            | 57 recordCount i32          | 61 records
//
// Base offset and leader epoch lie outside the CRC, so they are set when the log assigns them. A batch from ParseBatch is
// checked; its bytes are shared and are not changed.
type Batch []byte

const (
	batchHeaderBytes  = 61
	batchLengthOffset = 12 // where batchLength starts to count
	crcFrom           = 21
	attributeControl  = 0x20
	attributeCodec    = 0x07
	batchMagic        = 2
	recordMinBytes    = 7

	// BatchMaxBytes is the most that one batch of the metadata log may take (KafkaRaftClient.MAX_BATCH_SIZE_BYTES).
	BatchMaxBytes = 8 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (b Batch) BaseOffset() int64  { return int64(binary.BigEndian.Uint64(b)) }
func (b Batch) Epoch() int32       { return int32(binary.BigEndian.Uint32(b[12:])) }
func (b Batch) IsControl() bool    { return b[22]&attributeControl != 0 }
func (b Batch) TimestampMs() int64 { return int64(binary.BigEndian.Uint64(b[35:])) }
func (b Batch) Count() int         { return int(int32(binary.BigEndian.Uint32(b[57:]))) }

// EndOffset is the offset after the batch's last record.
func (b Batch) EndOffset() int64 { return b.BaseOffset() + int64(b.lastOffsetDelta()) + 1 }

func (b Batch) lastOffsetDelta() int32 { return int32(binary.BigEndian.Uint32(b[23:])) }

// SetPosition writes the two header fields that the log assigns. Only the owner of the bytes may do so.
func (b Batch) SetPosition(baseOffset int64, epoch int32) {
	binary.BigEndian.PutUint64(b, uint64(baseOffset))
	binary.BigEndian.PutUint32(b[12:], uint32(epoch))
}

// ParseBatch checks the first batch of b and returns it with the bytes behind it.
func ParseBatch(b []byte) (batch Batch, rest []byte, err error) {
	if len(b) < batchHeaderBytes {
		return nil, nil, fmt.Errorf("record batch: %d bytes are less than its header of %d", len(b), batchHeaderBytes)
	}
	length := int64(int32(binary.BigEndian.Uint32(b[8:]))) + batchLengthOffset
	if length < batchHeaderBytes || length > int64(len(b)) {
		return nil, nil, fmt.Errorf("record batch: a length of %d does not fit the %d bytes there are", length, len(b))
	}
	batch, rest = Batch(b[:length:length]), b[length:]
	if err := batch.check(); err != nil {
		return nil, nil, fmt.Errorf("record batch at offset %d: %w", batch.BaseOffset(), err)
	}
	return batch, rest, nil
}

func (b Batch) check() error {
	if b[16] != batchMagic {
		return fmt.Errorf("format %d is not 2", b[16])
	}
	if want, got := binary.BigEndian.Uint32(b[17:]), crc32.Checksum(b[crcFrom:], castagnoli); want != got {
		return fmt.Errorf("damaged: CRC32C is %08x, the header says %08x", got, want)
	}
	if b.BaseOffset() < 0 || b.BaseOffset() > math.MaxInt64-math.MaxInt32 {
		return errors.New("the offset is out of range")
	}
	if b[22]&attributeCodec != 0 {
		return errors.New("compressed, which the metadata log never is")
	}
	if n := b.Count(); n <= 0 || n != int(b.lastOffsetDelta())+1 || n > (len(b)-batchHeaderBytes)/recordMinBytes {
		return fmt.Errorf("%d records, last offset delta %d and %d bytes do not go together", n, b.lastOffsetDelta(), len(b))
	}
	return nil
}

// Each calls f for every record; key and value are shared with the batch. It stops at f's first error.
func (b Batch) Each(f func(offset int64, key, value []byte) error) error {
	rest := []byte(b[batchHeaderBytes:])
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
		return fmt.Errorf("record batch at offset %d: %d bytes follow its records", b.BaseOffset(), len(rest))
	}
	return nil
}

var errRecord = errors.New("malformed record")

// nextRecord splits off one record: varint length | attributes | varlong timestampDelta | varint offsetDelta |
// varint keyLength, key | varint valueLength, value | varint headers. Brokers demand no timestamp delta and no headers, so
// neither is taken here.
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

// EncodeData makes one batch of metadata records in the versions that the metadata.version asks for, without a position
// (offset 0, epoch 0). All records share the timestamp (ms since 1970).
func EncodeData(records []record.Record, mv Version, timestampMs int64) (Batch, error) {
	w := newBatchWriter(timestampMs, 0)
	var value []byte
	for _, r := range records {
		var err error
		if value, err = record.Append(value[:0], r, mv.RecordVersion(r)); err != nil {
			return nil, err
		}
		w.add(nil, value)
	}
	return w.finish()
}

// EncodeSome makes a batch of at most maxBytes, as EncodeData does, of as many of the first records as fit; Count says how many. A first
// record that is too large by itself is an error, as is one that cannot be written.
func EncodeSome(records []record.Record, mv Version, timestampMs int64, maxBytes int) (Batch, error) {
	w := newBatchWriter(timestampMs, 0)
	var value []byte
	for _, r := range records {
		var err error
		if value, err = record.Append(value[:0], r, mv.RecordVersion(r)); err != nil {
			return nil, err
		}
		before := len(w.buf)
		w.add(nil, value)
		if w.count == sampledRecords {
			w.expect(len(records), maxBytes)
		}
		if len(w.buf) > maxBytes && w.count > 1 {
			w.buf, w.count = w.buf[:before], w.count-1
			break
		}
	}
	return w.finish()
}

// sampledRecords are encoded before memory is taken for all records of a batch, as if those that
// follow were as long.
const sampledRecords = 16

// expect takes memory for so many records, and for no more than about maxBytes.
func (w *batchWriter) expect(records, maxBytes int) {
	rest := (len(w.buf) - batchHeaderBytes) / w.count * (records - w.count)
	if more := min(rest+rest/8, maxBytes-len(w.buf)); more > 0 {
		w.buf = slices.Grow(w.buf, more)
	}
}

// EncodeControl makes one control batch, without a position.
func EncodeControl(timestampMs int64, controls ...record.Control) (Batch, error) {
	w := newBatchWriter(timestampMs, attributeControl)
	var key, value []byte
	for _, r := range controls {
		var err error
		key = record.AppendControlKey(key[:0], r.ControlType())
		if value, err = record.AppendControl(value[:0], r); err != nil {
			return nil, err
		}
		w.add(key, value)
	}
	return w.finish()
}

// batchWriter appends records behind a header that finish fills in.
type batchWriter struct {
	buf         []byte
	count       int
	timestampMs int64
	attributes  byte
}

func newBatchWriter(timestampMs int64, attributes byte) *batchWriter {
	return &batchWriter{buf: make([]byte, batchHeaderBytes, 256), timestampMs: timestampMs, attributes: attributes}
}

// add appends a record; a nil key is null.
func (w *batchWriter) add(key, value []byte) {
	var head [2 + 2*binary.MaxVarintLen32]byte // attributes, timestamp delta, offset delta, key length
	h := binary.AppendVarint(head[:2], int64(w.count))
	keyLength := int64(len(key))
	if key == nil {
		keyLength = -1
	}
	h = binary.AppendVarint(h, keyLength)
	var mid [binary.MaxVarintLen32]byte
	m := binary.AppendVarint(mid[:0], int64(len(value)))
	w.buf = binary.AppendVarint(w.buf, int64(len(h)+len(key)+len(m)+len(value)+1))
	w.buf = append(w.buf, h...)
	w.buf = append(w.buf, key...)
	w.buf = append(w.buf, m...)
	w.buf = append(w.buf, value...)
	w.buf = append(w.buf, 0)
	w.count++
}

func (w *batchWriter) finish() (Batch, error) {
	if w.count == 0 {
		return nil, errors.New("a record batch needs at least one record")
	}
	if len(w.buf) > BatchMaxBytes {
		return nil, fmt.Errorf("a record batch of %d bytes is over the limit of %d", len(w.buf), BatchMaxBytes)
	}
	b := w.buf
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-batchLengthOffset))
	b[16] = batchMagic
	b[22] = w.attributes
	binary.BigEndian.PutUint32(b[23:], uint32(w.count-1))
	binary.BigEndian.PutUint64(b[27:], uint64(w.timestampMs))
	binary.BigEndian.PutUint64(b[35:], uint64(w.timestampMs))
	for i := 43; i < 57; i++ { // producer id, producer epoch and base sequence: none
		b[i] = 0xff
	}
	binary.BigEndian.PutUint32(b[57:], uint32(w.count))
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[crcFrom:], castagnoli))
	return b, nil
}
