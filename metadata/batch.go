package metadata

import (
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol/batch"
)

// EncodeData makes one batch of metadata records in the versions that the metadata.version calls
// for, at offset 0 and in epoch 0. All records have the timestamp (ms since 1970).
func EncodeData(records []record.Record, mv Version, timestampMs int64) (batch.Batch, error) {
	w := batch.NewWriter(timestampMs)
	var value []byte
	for _, r := range records {
		var err error
		if value, err = record.Append(value[:0], r, mv.RecordVersion(r)); err != nil {
			return nil, err
		}
		w.Add(nil, value)
	}
	return w.Finish()
}

// EncodeSome makes a batch of at most maxBytes of as many of the first records as fit, otherwise as
// EncodeData does; Count is their number. A first record that is larger than a batch may be is an
// error, and so is one that cannot be written.
func EncodeSome(
	records []record.Record, mv Version, timestampMs int64, maxBytes int,
) (batch.Batch, error) {
	w := batch.NewWriter(timestampMs)
	var value []byte
	for _, r := range records {
		var err error
		if value, err = record.Append(value[:0], r, mv.RecordVersion(r)); err != nil {
			return nil, err
		}
		w.Add(nil, value)
		if w.Count() == sampledRecords {
			expect(w, len(records), maxBytes)
		}
		if w.Bytes() > maxBytes && w.Count() > 1 {
			w.RemoveLast()
			break
		}
	}
	return w.Finish()
}

// sampledRecords are encoded before memory is allocated for all records of a batch, on the
// assumption that the others have the same average size.
const sampledRecords = 16

// expect allocates memory for a number of records, but not for much more than maxBytes.
func expect(w *batch.Writer, records, maxBytes int) {
	rest := (w.Bytes() - batch.HeaderBytes) / w.Count() * (records - w.Count())
	if more := min(rest+rest/8, maxBytes-w.Bytes()); more > 0 {
		w.Grow(more)
	}
}

// EncodeControl makes one control batch, at offset 0 and in epoch 0.
func EncodeControl(timestampMs int64, controls ...record.Control) (batch.Batch, error) {
	w := batch.NewControlWriter(timestampMs)
	var key, value []byte
	for _, r := range controls {
		var err error
		key = record.AppendControlKey(key[:0], r.ControlType())
		if value, err = record.AppendControl(value[:0], r); err != nil {
			return nil, err
		}
		w.Add(key, value)
	}
	return w.Finish()
}
