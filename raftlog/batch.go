package raftlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// Layout of a record batch v2 header (KIP-98); baseOffset, batchLength, leader epoch and magic lie outside the CRC.
const (
	batchHeaderLen     = 61
	batchLengthAt      = 8
	batchEpochAt       = 12
	batchMagicAt       = 16
	batchCRCAt         = 17
	batchAttributesAt  = 21
	batchLastDeltaAt   = 23
	batchRecordCountAt = 57

	batchLengthOverhead = 12 // bytes before batchLength starts counting
	batchControlBit     = 0x20

	// MaxBatchBytes is the largest batch the log takes, in bytes (KRaft's own limit).
	MaxBatchBytes = 8 << 20
	// MaxProposalBytes is the most that the batches of one proposal, which are one raft entry, take together.
	MaxProposalBytes = 4 * MaxBatchBytes
)

// ErrBadBatch marks bytes that are not one whole, valid record batch v2.
var ErrBadBatch = errors.New("raftlog: not a valid record batch")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// batchRecords returns how many offsets a batch takes: lastOffsetDelta+1.
func batchRecords(b []byte) int64 {
	return int64(int32(binary.BigEndian.Uint32(b[batchLastDeltaAt:]))) + 1
}

func batchBase(b []byte) int64  { return int64(binary.BigEndian.Uint64(b)) }
func batchEpoch(b []byte) int32 { return int32(binary.BigEndian.Uint32(b[batchEpochAt:])) }
func batchIsControl(b []byte) bool {
	return binary.BigEndian.Uint16(b[batchAttributesAt:])&batchControlBit != 0
}

// batchSize returns the total length of the batch that starts at b, in bytes; b must hold a whole header.
func batchSize(b []byte) int64 {
	return int64(int32(binary.BigEndian.Uint32(b[batchLengthAt:]))) + batchLengthOverhead
}

// patchBatch writes base offset and leader epoch, both outside the CRC.
func patchBatch(b []byte, base int64, epoch int32) {
	binary.BigEndian.PutUint64(b, uint64(base))
	binary.BigEndian.PutUint32(b[batchEpochAt:], uint32(epoch))
}

// patchedBatch returns b with the given base offset and epoch: b itself when it has them already, else a copy, since
// b may be shared with raft, the writer and the peers.
func patchedBatch(b []byte, base int64, epoch int32) []byte {
	if batchBase(b) == base && batchEpoch(b) == epoch {
		return b
	}
	b = append([]byte(nil), b...)
	patchBatch(b, base, epoch)
	return b
}

// checkBatch reports whether b is exactly one well-formed batch: magic, length, record count and CRC-32C.
// A batch whose lastOffsetDelta is not recordCount-1 stops brokers from fetching, so it must never enter the log.
func checkBatch(b []byte) error {
	if err := checkBatchHeader(b); err != nil {
		return err
	}
	if n := batchSize(b); n != int64(len(b)) {
		return fmt.Errorf("%w: header says %d bytes, got %d", ErrBadBatch, n, len(b))
	}
	if want, got := binary.BigEndian.Uint32(b[batchCRCAt:]), crc32.Checksum(b[batchAttributesAt:], castagnoli); want != got {
		return fmt.Errorf("%w: CRC-32C is %08x, header says %08x", ErrBadBatch, got, want)
	}
	return nil
}

// nextBatch splits the first batch off the batches of an entry. Its header is checked.
func nextBatch(data []byte) (batch, rest []byte, err error) {
	if err := checkBatchHeader(data); err != nil {
		return nil, nil, err
	}
	n := batchSize(data)
	if n > int64(len(data)) {
		return nil, nil, fmt.Errorf("%w: header says %d bytes, got %d", ErrBadBatch, n, len(data))
	}
	return data[:n:n], data[n:], nil
}

func checkBatchHeader(b []byte) error {
	if len(b) < batchHeaderLen {
		return fmt.Errorf("%w: %d bytes, a header alone has %d", ErrBadBatch, len(b), batchHeaderLen)
	}
	if b[batchMagicAt] != 2 {
		return fmt.Errorf("%w: magic %d, want 2", ErrBadBatch, b[batchMagicAt])
	}
	if n := batchSize(b); n < batchHeaderLen || n > MaxBatchBytes {
		return fmt.Errorf("%w: length %d, want %d to %d bytes", ErrBadBatch, n, batchHeaderLen, MaxBatchBytes)
	}
	count := int64(int32(binary.BigEndian.Uint32(b[batchRecordCountAt:])))
	if count < 1 || count != batchRecords(b) {
		return fmt.Errorf("%w: %d records but offsets for %d", ErrBadBatch, count, batchRecords(b))
	}
	return nil
}
