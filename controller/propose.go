package controller

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/protocol/batch"
)

// ErrTooManyPending is the error of Log.Propose when too much is proposed and not committed. Any
// other error of it means that this node does not lead the epoch any more.
var ErrTooManyPending = errors.New("too much is proposed and not committed yet")

// errRefused wraps the errors of Propose. It is no reason to renounce: the log reports a loss of
// leadership by LeaderChanged, and until then the working image is valid.
var errRefused = errors.New("the log refused a batch")

// append proposes the records of r and makes their state the working one. A *protocol.Error is an
// answer, any other error a fault; after both, nothing has changed. An error that wraps errRefused
// means that the log refused a batch: the batches before it are proposed, the refused one changed
// nothing. The batches of atomic records are accepted together or not at all.
func (c *core) append(now time.Time, r result) error {
	batches, images, err := c.batches(now, r)
	if err != nil {
		return err
	}
	for len(batches) > 0 {
		n := 1
		if r.atomic && !batches[0].IsControl() {
			// the control batch is not part of a transaction
			n = len(batches) - min(1, len(r.controls))
		}
		if err := c.propose(batches[:n], images[:n]); err != nil {
			return err
		}
		batches, images = batches[n:], images[n:]
	}
	if r.keep != nil {
		r.keep()
	}
	if r.then != nil {
		r.then(c.working.EndOffset())
	}
	c.countParts(&r)
	return nil
}

// propose passes batches to the log, which accepts all or none, and makes the last of their images
// the working one.
func (c *core) propose(batches []batch.Batch, images []*metadata.Image) error {
	want := batches[0].BaseOffset() // the log may patch the headers
	raw := make([][]byte, len(batches))
	for i, b := range batches {
		raw[i] = b
	}
	offset, err := c.cfg.Log.Propose(c.epoch, raw...)
	if err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	if offset != want {
		err := fmt.Errorf("the log gave offset %d to a batch made for %d", offset, want)
		c.cfg.Stop(err)
		return err
	}
	c.working = images[len(images)-1]
	c.pending = append(c.pending, images...)
	c.show()
	return nil
}

// batches encodes the records and computes the images after each batch. It changes nothing.
func (c *core) batches(
	now time.Time, r result,
) (batches []batch.Batch, images []*metadata.Image, err error) {
	records, batches, err := c.encode(now, r)
	if err != nil {
		return nil, nil, err
	}
	img := c.working
	for _, b := range batches {
		n := b.Count()
		b.SetPosition(img.EndOffset(), c.epoch)
		edit := img.Edit()
		for i, rec := range records[:n] {
			if err := edit.Replay(img.EndOffset()+int64(i), rec); err != nil {
				return nil, nil, err
			}
		}
		img = edit.Done(b.EndOffset(), c.epoch, b.TimestampMs())
		images, records = append(images, img), records[n:]
	}
	if len(r.controls) > 0 {
		b, err := metadata.EncodeControl(now.UnixMilli(), r.controls...)
		if err != nil {
			return nil, nil, err
		}
		b.SetPosition(img.EndOffset(), c.epoch)
		if img, err = img.ReplayBatch(b); err != nil {
			return nil, nil, err
		}
		batches, images = append(batches, b), append(images, img)
	}
	return batches, images, nil
}

// encode returns the records of r in the form in which they are written, and their batches. Atomic
// records that exceed one batch become a metadata transaction (KIP-868), where the metadata.version
// has them; all of its batches are proposed at once.
func (c *core) encode(now time.Time, r result) ([]record.Record, []batch.Batch, error) {
	v := c.versionFor(c.working, r.records)
	if !r.atomic {
		batches, err := cut(r.records, v, now, recordsPerBatch, c.batchMax)
		return r.records, batches, err
	}
	if len(r.records) > recordsPerUserOp {
		return nil, nil, errTooLarge
	}
	batches, err := cut(r.records, v, now, recordsPerUserOp, c.batchMax)
	switch {
	case err != nil || len(batches) <= 1:
		return r.records, batches, err
	case !v.HasTransactions():
		return nil, nil, errTooLarge
	}
	name := "Controller operation"
	if r.response != nil {
		name = kmsg.NameForKey(r.response.Key())
	}
	records := slices.Concat([]record.Record{&record.BeginTransaction{Name: &name}}, r.records,
		[]record.Record{&record.EndTransaction{}})
	batches, err = cut(records, v, now, recordsPerUserOp, c.batchMax)
	return records, batches, err
}

// cut encodes records as batches of at most maxRecords and maxBytes each. Together they must not
// exceed ProposalMaxBytes.
func cut(
	records []record.Record, v metadata.Version, now time.Time, maxRecords, maxBytes int,
) (batches []batch.Batch, err error) {
	for total := 0; len(records) > 0; {
		b, err := metadata.EncodeSome(
			records[:min(maxRecords, len(records))], v, now.UnixMilli(), maxBytes)
		if err != nil {
			return nil, err
		}
		if total += len(b); total > ProposalMaxBytes {
			return nil, errTooLarge
		}
		batches, records = append(batches, b), records[b.Count():]
	}
	return batches, nil
}

// versionFor is the metadata.version in which records are written: that of the image, or for
// bootstrap records the one that they set.
func (c *core) versionFor(img *metadata.Image, records []record.Record) metadata.Version {
	if v := img.Version(); v != 0 {
		return v
	}
	for _, r := range records {
		if f, ok := r.(*record.FeatureLevel); ok && f.Name == metadata.FeatureMetadata {
			return metadata.Version(f.Level)
		}
	}
	return metadata.MinVersion
}

// explain is the answer for an error of append.
func (c *core) explain(err error) *protocol.Error {
	var known *protocol.Error
	switch {
	case errors.Is(err, ErrTooManyPending):
		return errBusy
	case errors.Is(err, errRefused):
		return errNotController
	case errors.As(err, &known):
		return known
	}
	if refused := invalidRecord(err); refused != nil {
		return refused
	}
	c.cfg.Logger.Error("an operation's records cannot be written", "err", err)
	return errFault
}

// preview is the image after some records, for computing further records of the same operation.
func preview(img *metadata.Image, records []record.Record) *metadata.Image {
	e := img.Edit()
	for i, r := range records {
		if err := e.Replay(img.EndOffset()+int64(i), r); err != nil {
			panic(err)
		}
	}
	return e.Done(img.EndOffset()+int64(len(records)), img.Epoch(), img.TimestampMs())
}
