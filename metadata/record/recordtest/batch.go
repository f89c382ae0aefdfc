package recordtest

import (
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol/batch"
)

// Batch is a record batch of the newest versions as an earlier release may have written it: its
// records need not be ones that brokers accept. Base offset and leader epoch are 0.
func Batch(records ...record.Record) ([]byte, error) {
	w := batch.NewWriter(0)
	for _, r := range records {
		value, err := record.AppendHeld(nil, r, r.Type().MaxVersion())
		if err != nil {
			return nil, err
		}
		w.Add(nil, value)
	}
	return w.Finish()
}
