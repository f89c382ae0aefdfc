package metadata

import (
	"errors"
	"fmt"
	"io"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol/batch"
)

// A snapshot is the image as records, in Kafka's checkpoint format, a sequence of record batches:
//
//	control batch  SnapshotHeader, KRaftVersion and Voters (from kraft.version 1 on)
//	data batches   the image's records, at most snapshotBatchRecords in each
//	control batch  SnapshotFooter
//
// Base offsets count from 0 and have no meaning; the leader epoch of every batch is the snapshot's.
// Images with the same content and position write the same bytes.
const snapshotBatchRecords = 1024

// WriteSnapshot writes the stable state of img, including poison: a node whose log is not healed
// must be able to restart, and to drop the log before a snapshot. Batches have the image's own
// timestamp, so that all nodes write equal files.
func WriteSnapshot(w io.Writer, img *Image) error {
	img = img.Stable()
	s := newSnapshotWriter(w, img.epoch, max(img.timestampMs, 0), img.Version())
	if img.PoisonCount() > 0 {
		s.encode = record.AppendHeld
	}
	s.control(snapshotHeader(img)...)
	img.passingRecords(func(r record.Record) bool {
		s.add(r)
		return s.err == nil
	})
	return s.close()
}

func snapshotHeader(img *Image) []record.Control {
	header := []record.Control{
		&record.SnapshotHeader{LastContainedLogTimestamp: max(img.timestampMs, 0)},
	}
	if img.kraftVersion > 0 {
		header = append(header, &record.KRaftVersion{Version: img.kraftVersion})
		if img.voters != nil {
			header = append(header, img.voters)
		}
	}
	return header
}

// WriteCheckpoint writes a checkpoint file that is no snapshot of an image: bootstrap.checkpoint,
// or the 0-0 checkpoint.
func WriteCheckpoint(
	w io.Writer, timestampMs int64, controls []record.Control, records []record.Record,
) error {
	s := newSnapshotWriter(w, 0, timestampMs, LatestVersion)
	s.control(append([]record.Control{&record.SnapshotHeader{}}, controls...)...)
	for _, r := range records {
		s.add(r)
	}
	return s.close()
}

type snapshotWriter struct {
	w           io.Writer
	epoch       int32
	offset      int64
	timestampMs int64
	version     Version
	encode      func(dst []byte, r record.Record, version int16) ([]byte, error)
	batch       *batch.Writer
	value       []byte
	err         error
}

func newSnapshotWriter(
	w io.Writer, epoch int32, timestampMs int64, version Version,
) *snapshotWriter {
	return &snapshotWriter{
		w: w, epoch: epoch, timestampMs: timestampMs, version: version, encode: record.Append,
		batch: batch.NewWriter(timestampMs),
	}
}

func (s *snapshotWriter) control(controls ...record.Control) {
	b, err := EncodeControl(s.timestampMs, controls...)
	s.write(b, err)
}

func (s *snapshotWriter) write(b batch.Batch, err error) {
	if s.err == nil {
		s.err = err
	}
	if s.err != nil {
		return
	}
	b.SetPosition(s.offset, s.epoch)
	s.offset = b.EndOffset()
	_, s.err = s.w.Write(b)
}

func (s *snapshotWriter) add(r record.Record) {
	value, err := s.encode(s.value[:0], r, s.version.RecordVersion(r))
	if err != nil {
		s.err = errors.Join(s.err, err)
		return
	}
	s.value = value
	full := s.batch.Bytes()+len(value)+64 > batch.MaxBytes
	if full || s.batch.Count() == snapshotBatchRecords {
		s.flush()
	}
	s.batch.Add(nil, value)
}

func (s *snapshotWriter) flush() {
	if s.batch.Count() == 0 {
		return
	}
	b, err := s.batch.Finish()
	s.write(b, err)
	s.batch.Reset()
}

func (s *snapshotWriter) close() error {
	s.flush()
	s.control(&record.SnapshotFooter{})
	return s.err
}

// Checkpoint is the decoded content of a checkpoint file.
type Checkpoint struct {
	Header  record.SnapshotHeader
	Control []record.Control // KRaftVersion and Voters, when present
	Records []record.Record
}

// ReadCheckpoint reads a whole checkpoint file into memory; it is meant for small ones, such as
// bootstrap.checkpoint.
func ReadCheckpoint(r io.Reader) (*Checkpoint, error) {
	c := new(Checkpoint)
	err := scanCheckpoint(r, record.Decode, func(ctl record.Control) {
		if h, ok := ctl.(*record.SnapshotHeader); ok {
			c.Header = *h
			return
		}
		c.Control = append(c.Control, ctl)
	}, func(rec record.Record) error {
		c.Records = append(c.Records, rec)
		return nil
	})
	return c, err
}

// ReadSnapshot loads the image from a snapshot; end offset and epoch are in the snapshot's name.
func ReadSnapshot(r io.Reader, endOffset int64, epoch int32) (*Image, error) {
	e := Empty().Edit()
	var timestampMs int64
	err := scanCheckpoint(r, new(record.Decoder).Decode, func(ctl record.Control) {
		if h, ok := ctl.(*record.SnapshotHeader); ok {
			timestampMs = h.LastContainedLogTimestamp
		}
		e.Control(ctl)
	}, func(rec record.Record) error { return e.Read(endOffset-1, rec) })
	if err != nil {
		return nil, err
	}
	return e.Done(endOffset, epoch, timestampMs), nil
}

// scanCheckpoint reads a checkpoint file from header to footer. A file that ends before its footer
// is refused, because it is incomplete.
func scanCheckpoint(
	r io.Reader, decode decodeFunc, control func(record.Control), data func(record.Record) error,
) error {
	s := checkpointScanner{decode: decode, control: control, data: data}
	batches := batch.NewReader(r)
	for {
		b, err := batches.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = b.CheckRecords()
		}
		if err == nil {
			err = s.batch(b)
		}
		if err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
	}
	if !s.footer {
		return errors.New("checkpoint: the file ends without its footer")
	}
	return nil
}

type decodeFunc = func([]byte) (record.Record, int16, error)

type checkpointScanner struct {
	decode         decodeFunc
	control        func(record.Control)
	data           func(record.Record) error
	header, footer bool
}

func (s *checkpointScanner) batch(b batch.Batch) error {
	return b.Each(func(_ int64, key, value []byte) error {
		if s.footer {
			return errors.New("records follow the footer")
		}
		if !b.IsControl() {
			if !s.header {
				return errors.New("the file does not begin with its header")
			}
			r, _, err := s.decode(value)
			if err != nil {
				return err
			}
			return s.data(r)
		}
		r, err := record.DecodeControl(key, value)
		if err != nil {
			return err
		}
		return s.controlRecord(r)
	})
}

func (s *checkpointScanner) controlRecord(r record.Control) error {
	switch r.(type) {
	case *record.SnapshotHeader:
		s.header = true
	case *record.SnapshotFooter:
		s.footer = true
	}
	if !s.header {
		return errors.New("the file does not begin with its header")
	}
	s.control(r)
	return nil
}
