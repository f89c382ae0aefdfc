package recordtest

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
)

// crcFrom is where what the CRC of a batch covers begins.
const crcFrom = 21

// Batch is a record batch of the newest versions as an earlier release may have written it: its
// records need not be ones that brokers accept. It has no position yet: base offset and leader
// epoch are 0.
func Batch(records ...record.Record) ([]byte, error) {
	var encoded []byte
	for i, r := range records {
		value, err := record.AppendHeld(nil, r, r.Type().MaxVersion())
		if err != nil {
			return nil, err
		}
		one := kmsg.Record{OffsetDelta: int32(i), Value: value}
		one.Length = int32(len(one.AppendTo(nil)) - 1) // the length itself, as yet 0, takes a byte
		encoded = one.AppendTo(encoded)
	}
	batch := kmsg.RecordBatch{
		Magic: 2, LastOffsetDelta: int32(len(records) - 1), ProducerID: -1, ProducerEpoch: -1,
		FirstSequence: -1, NumRecords: int32(len(records)), Records: encoded,
	}
	b := batch.AppendTo(nil)
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[crcFrom:], crc32.MakeTable(crc32.Castagnoli)))
	return b, nil
}
