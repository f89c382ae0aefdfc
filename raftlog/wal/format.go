package wal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A log directory holds one durable mark (durable.go) and segments named by
// their sequence number, without a gap. Integers are little endian; checksums
// are CRC32C.
//
//	durable.mark
//	0000000000000007.wal   sealed
//	0000000000000008.wal   active: appended to
//	0000000000000009.wal   spare: header written, records all zero
//
// A segment is preallocated, zeroed and synced with its header before it gets
// its name, so that appending changes no metadata:
//
//	0        +------------------------------------------------------------+
//	         | "YAKTWAL\n" | version 4 | zero 4 | sequence 8 | salt 8 |    |
//	         | size 8 | owner (identity.go) | zero ...      | checksum 4  |
//	4096     +------------------------------------------------------------+
//	         | head record      next index, checksum of the last segment  |
//	         | hard state       repeated, so that older segments can go   |
//	         | snapshot mark    repeated for the same reason    batch end |
//	         +------------------------------------------------------------+
//	         | hard state, entry, entry, ...                    batch end |  one Append
//	         | snapshot mark                                    batch end |  one SetMark
//	         | ...                                                        |
//	         +------------------------------------------------------------+
//	         | seal             record count, highest index     batch end |  sealed only
//	         +------------------------------------------------------------+
//	         | zero                                                       |
//	size     +------------------------------------------------------------+
//
// A record is 48 bytes of header and a payload padded with zeros to 8 bytes:
//
//	 0  header checksum  4   of bytes 4..48
//	 4  payload checksum 4   of the payload with its padding
//	 8  payload length   4   without padding
//	12  type             1
//	13  flags            1   1 batch end, 2 reset (snapshot mark)
//	14  entry type       1   raftpb.EntryType
//	15  zero             1
//	16  index            8   entry, mark: its own; hard state: commit; head: next; seal: highest
//	24  term             8
//	32  salt             8   the segment's: old bytes of another segment never verify
//	40  synced           4   the segment was durable up to here when this was written
//	44  chain            4   header checksum of the record before (first: of the segment header)
//
// The chain makes each header checksum cover everything before it in the
// segment; a head record carries the last one of the segment before, so it runs
// through the whole log. Payloads: hard state: vote 8; snapshot mark: end offset 8,
// epoch 4, CRC of its file 4, bytes of its file 8, hash chain 8, hash sum 8,
// raftpb.ConfState; head: chain 4; seal: record count 8; entry: its data.
//
// Version 1 has no owner in its headers and durable mark, and of a snapshot mark only
// end offset, epoch and configuration. A release reads the format of the release
// before it, writes only its own, and refuses a later one (doc.go).
const (
	formatVersion     = 2
	versionBefore     = 1
	headerBytes       = 4096
	recordHeaderBytes = 48
	recordSaltOffset  = 32
	recordAlign       = 8
	maxSegmentBytes   = 1 << 31 // positions in a record are 32 bits
	sectorBytes       = 512     // what a disk writes whole or not at all
)

var (
	segmentMagic = []byte("YAKTWAL\n")
	castagnoli   = crc32.MakeTable(crc32.Castagnoli)
	zeros        [64 << 10]byte
)

type recordType uint8

const (
	typeHead recordType = iota + 1
	typeHardState
	typeMark
	typeEntry
	typeSeal
)

const (
	flagBatchEnd = 1 << iota
	flagReset    // the snapshot replaces the log: entries before the mark record are void
	flagsKnown   = flagBatchEnd | flagReset
)

type record struct {
	typ         recordType
	flags       uint8
	entryType   uint8
	index, term uint64
	synced      uint32
	chain       uint32
	payload     []byte // aliases the segment's buffer when read
}

func padded(n int) int                { return (n + recordAlign - 1) &^ (recordAlign - 1) }
func recordBytes(payload int) int64   { return int64(recordHeaderBytes + padded(payload)) }
func checksum(b []byte) uint32        { return crc32.Checksum(b, castagnoli) }
func segmentName(seq uint64) string   { return fmt.Sprintf("%016x%s", seq, segmentSuffix) }
func (r *record) has(flag uint8) bool { return r.flags&flag != 0 }

// appendRecord encodes r and returns its header checksum, the chain of the next record.
func appendRecord(dst []byte, r *record, salt uint64) ([]byte, uint32) {
	start := len(dst)
	dst = append(dst, zeros[:recordHeaderBytes]...)
	dst = append(dst, r.payload...)
	dst = append(dst, zeros[:padded(len(r.payload))-len(r.payload)]...)
	h := dst[start : start+recordHeaderBytes]
	le := binary.LittleEndian
	le.PutUint32(h[4:], checksum(dst[start+recordHeaderBytes:]))
	le.PutUint32(h[8:], uint32(len(r.payload)))
	h[12], h[13], h[14] = byte(r.typ), r.flags, r.entryType
	le.PutUint64(h[16:], r.index)
	le.PutUint64(h[24:], r.term)
	le.PutUint64(h[32:], salt)
	le.PutUint32(h[40:], r.synced)
	le.PutUint32(h[44:], r.chain)
	sum := checksum(h[4:])
	le.PutUint32(h, sum)
	return dst, sum
}

// parsed is a record found in a buffer; bytes 0 means that not even its header verifies.
type parsed struct {
	record
	sum       uint32
	bytes     int64
	payloadOK bool
}

// parseRecord reads the record at off. It never trusts a length before the header's checksum is
// verified, and rejects a record that extends beyond b.
func parseRecord(b []byte, off int64, salt uint64) parsed {
	if off < 0 || off > int64(len(b))-recordHeaderBytes {
		return parsed{}
	}
	le := binary.LittleEndian
	h := b[off : off+recordHeaderBytes]
	sum := le.Uint32(h)
	if le.Uint64(h[32:]) != salt || checksum(h[4:]) != sum {
		return parsed{}
	}
	length := int64(le.Uint32(h[8:]))
	total := recordHeaderBytes + (length+recordAlign-1)&^(recordAlign-1)
	if total > int64(len(b))-off {
		return parsed{}
	}
	body := b[off+recordHeaderBytes : off+total]
	p := parsed{sum: sum, bytes: total, payloadOK: checksum(body) == le.Uint32(h[4:])}
	p.record = record{
		typ: recordType(h[12]), flags: h[13], entryType: h[14],
		index: le.Uint64(h[16:]), term: le.Uint64(h[24:]),
		synced: le.Uint32(h[40:]), chain: le.Uint32(h[44:]),
		payload: body[:length:length],
	}
	return p
}

type segmentHeader struct {
	version   uint32
	seq, salt uint64
	size      int64
	owner     Owner // zero in version 1
}

func (h segmentHeader) encode() []byte {
	b := make([]byte, headerBytes)
	copy(b, segmentMagic)
	le := binary.LittleEndian
	le.PutUint32(b[8:], h.version)
	le.PutUint64(b[16:], h.seq)
	le.PutUint64(b[24:], h.salt)
	le.PutUint64(b[32:], uint64(h.size))
	if h.version != versionBefore {
		h.owner.put(b[40:])
	}
	putBlockChecksum(b)
	return b
}

func parseSegmentHeader(path string, b []byte) (segmentHeader, error) {
	switch {
	case len(b) < headerBytes:
		return segmentHeader{}, corrupt(path, 0, "the file ends within its header")
	case !bytes.Equal(b[:len(segmentMagic)], segmentMagic):
		return segmentHeader{}, corrupt(path, 0, "the header does not begin with the log's magic bytes")
	case !blockChecksumOK(b[:headerBytes]):
		return segmentHeader{}, corrupt(path, 0, "the header's checksum does not match")
	}
	le := binary.LittleEndian
	h := segmentHeader{
		version: le.Uint32(b[8:]),
		seq:     le.Uint64(b[16:]), salt: le.Uint64(b[24:]), size: int64(le.Uint64(b[32:])),
	}
	switch h.version {
	case versionBefore:
	case formatVersion:
		h.owner = parseOwner(b[40:])
	default:
		return segmentHeader{}, &VersionError{Path: path, Version: h.version}
	}
	return h, nil
}

// chainStart ties the first record to the header it follows.
func chainStart(header []byte) uint32 { return binary.LittleEndian.Uint32(header[headerBytes-4:]) }

func putBlockChecksum(b []byte) {
	n := len(b) - 4
	binary.LittleEndian.PutUint32(b[n:], checksum(b[:n]))
}

func blockChecksumOK(b []byte) bool {
	n := len(b) - 4
	return binary.LittleEndian.Uint32(b[n:]) == checksum(b[:n])
}

// firstNonZero returns the position of the first byte of b that is not zero, or -1.
func firstNonZero(b []byte) int {
	for off := 0; off < len(b); off += len(zeros) {
		chunk := b[off:min(off+len(zeros), len(b))]
		if bytes.Equal(chunk, zeros[:len(chunk)]) {
			continue
		}
		return off + len(chunk) - len(bytes.TrimLeft(chunk, "\x00"))
	}
	return -1
}

// lastNonZero returns the position of the last byte of b that is not zero, or -1.
func lastNonZero(b []byte) int {
	for end := len(b); end > 0; {
		start := max(0, end-len(zeros))
		chunk := b[start:end]
		if !bytes.Equal(chunk, zeros[:len(chunk)]) {
			return start + len(bytes.TrimRight(chunk, "\x00")) - 1
		}
		end = start
	}
	return -1
}
