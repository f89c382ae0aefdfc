// Package batch reads and writes Kafka's record batches of format 2, which the metadata log, its
// snapshots and FETCH responses consist of. It knows the frame of a batch and of its records; what
// keys and values mean is for other packages.
package batch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/yakt/yakt/protocol"
)

// Batch is one record batch. Its integers are big-endian:
//
//	 0 baseOffset i64     |  8 batchLength i32 (of what follows) | 12 partitionLeaderEpoch i32
//	16 magic i8 = 2       | 17 crc u32 (CRC-32C of 21...)        | 21 attributes i16
//	23 lastOffsetDelta i32| 27 baseTimestamp i64                 | 35 maxTimestamp i64
//	43 producerId i64 = -1| 51 producerEpoch i16 = -1            | 53 baseSequence i32 = -1
//	57 recordCount i32    | 61 records
//
// Base offset and leader epoch are outside the CRC, so the log can set them when it assigns them.
// The methods expect bytes that Parse, Next or Check has accepted. The bytes are shared and must
// not be changed, except by their owner through SetPosition.
type Batch []byte

// Positions in a batch.
const (
	lengthAt      = 8
	epochAt       = 12
	magicAt       = 16
	crcAt         = 17
	attributesAt  = 21 // the CRC covers the batch from here on
	lastDeltaAt   = 23
	timestampAt   = 27
	maxTimeAt     = 35
	producerAt    = 43
	recordCountAt = 57
	// HeaderBytes is the size of the header; the records follow it.
	HeaderBytes = 61
)

const (
	lengthFrom       = 12 // batchLength counts the bytes from here on
	magic            = 2
	attributeControl = 0x20
	attributeCodec   = 0x07
	recordMinBytes   = 7

	// MaxBytes is the largest batch of the metadata log (KafkaRaftClient.MAX_BATCH_SIZE_BYTES).
	MaxBytes = 8 << 20
)

// ErrInvalid marks bytes that are not a valid record batch. Test with errors.Is.
var ErrInvalid = errors.New("not a valid record batch")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}

// BaseOffset is the offset of the first record.
func (b Batch) BaseOffset() int64 { return int64(binary.BigEndian.Uint64(b)) }

// Epoch is the leader epoch in which the batch was appended.
func (b Batch) Epoch() int32 { return int32(binary.BigEndian.Uint32(b[epochAt:])) }

// IsControl reports whether the records are control records.
func (b Batch) IsControl() bool { return b[attributesAt+1]&attributeControl != 0 }

// TimestampMs is the latest timestamp of the records, in milliseconds since 1970.
func (b Batch) TimestampMs() int64 { return int64(binary.BigEndian.Uint64(b[maxTimeAt:])) }

// Count is the number of records.
func (b Batch) Count() int { return int(int32(binary.BigEndian.Uint32(b[recordCountAt:]))) }

// Offsets is the number of offsets that the batch occupies, which Check makes equal to Count.
func (b Batch) Offsets() int64 { return int64(b.lastOffsetDelta()) + 1 }

// EndOffset is the offset after the last record.
func (b Batch) EndOffset() int64 { return b.BaseOffset() + b.Offsets() }

// CRC is the checksum that the header states.
func (b Batch) CRC() uint32 { return binary.BigEndian.Uint32(b[crcAt:]) }

func (b Batch) lastOffsetDelta() int32 { return int32(binary.BigEndian.Uint32(b[lastDeltaAt:])) }

// size is the length of the batch that the header states, in bytes.
func (b Batch) size() int64 {
	return int64(int32(binary.BigEndian.Uint32(b[lengthAt:]))) + lengthFrom
}

// SetPosition writes base offset and leader epoch. Only the owner of the bytes may call it.
func (b Batch) SetPosition(baseOffset int64, epoch int32) {
	binary.BigEndian.PutUint64(b, uint64(baseOffset))
	binary.BigEndian.PutUint32(b[epochAt:], uint32(epoch))
}

// At returns the batch with the given base offset and leader epoch: b itself if it has them, else a
// copy, so that b may be shared.
func (b Batch) At(baseOffset int64, epoch int32) Batch {
	if b.BaseOffset() == baseOffset && b.Epoch() == epoch {
		return b
	}
	b = append(Batch(nil), b...)
	b.SetPosition(baseOffset, epoch)
	return b
}

// Check reports, as an ErrInvalid, whether b is not exactly one batch with a valid header and CRC.
// The records are not looked at.
func Check(b []byte) error {
	if err := checkHeader(b); err != nil {
		return err
	}
	if n := Batch(b).size(); n != int64(len(b)) {
		return invalid("the header says %d bytes, there are %d", n, len(b))
	}
	return Batch(b).checkCRC()
}

// checkHeader checks the header that b begins with. A batch whose lastOffsetDelta is not
// recordCount-1 would stop brokers from fetching, so it must never enter the log.
func checkHeader(b Batch) error {
	if len(b) < HeaderBytes {
		return invalid("%d bytes are less than its header of %d", len(b), HeaderBytes)
	}
	if b[magicAt] != magic {
		return invalid("format %d is not %d", b[magicAt], magic)
	}
	if n := b.size(); n < HeaderBytes || n > MaxBytes {
		return invalid("a length of %d is not within %d to %d bytes", n, HeaderBytes, MaxBytes)
	}
	if n := int64(b.Count()); n < 1 || n != b.Offsets() {
		return invalid("%d records and offsets for %d do not go together", n, b.Offsets())
	}
	return nil
}

func (b Batch) checkCRC() error {
	if want, got := b.CRC(), protocol.Checksum(b[attributesAt:]); want != got {
		return invalid("damaged: CRC-32C is %08x, the header says %08x", got, want)
	}
	return nil
}

// Next splits the first batch off data, which may hold more. Only its header is checked, for bytes
// whose CRC was verified before.
func Next(data []byte) (first Batch, rest []byte, err error) {
	if err := checkHeader(data); err != nil {
		return nil, nil, err
	}
	n := Batch(data).size()
	if n > int64(len(data)) {
		return nil, nil, invalid("a length of %d does not fit the %d bytes there are", n, len(data))
	}
	return data[:n:n], data[n:], nil
}

// Parse splits the first batch off data and checks it: header, CRC, and whether Each can read the
// number of records. Errors are ErrInvalid.
func Parse(data []byte) (first Batch, rest []byte, err error) {
	if first, rest, err = Next(data); err != nil {
		return nil, nil, err
	}
	if err = first.checkCRC(); err == nil {
		err = first.CheckRecords()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("record batch at offset %d: %w", first.BaseOffset(), err)
	}
	return first, rest, nil
}

// CheckRecords reports, as an ErrInvalid, whether the header of a batch that passed Check
// contradicts its records. Each finds what is wrong within a record.
func (b Batch) CheckRecords() error {
	if b.BaseOffset() < 0 || b.BaseOffset() > math.MaxInt64-math.MaxInt32 {
		return invalid("the offset is out of range")
	}
	if b[attributesAt+1]&attributeCodec != 0 {
		return invalid("it is compressed, which the metadata log never is")
	}
	if n := b.Count(); n > (len(b)-HeaderBytes)/recordMinBytes {
		return invalid("%d records and %d bytes do not go together", n, len(b))
	}
	return nil
}
