package raftlog

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// Control record types that open and close a checkpoint file (KIP-630).
const (
	controlSnapshotHeader = 3
	controlSnapshotFooter = 4
)

// verifyCheckpoint reads a checkpoint file through: record batches v2 with good CRCs from the first byte to the last,
// a snapshot header in the first, a snapshot footer in the last. It returns the number of batches.
func verifyCheckpoint(path string) (batches int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	batches, err = verifyCheckpointBytes(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		return batches, fmt.Errorf("%s: %w", path, err)
	}
	return batches, nil
}

func verifyCheckpointBytes(r io.Reader) (batches int, err error) {
	var batch []byte
	lastType := -1
	for {
		batch, err = readBatch(r, batch)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return batches, fmt.Errorf("batch %d: %w", batches, err)
		}
		lastType = controlType(batch)
		if batches == 0 && lastType != controlSnapshotHeader {
			return 0, fmt.Errorf("%w: the file does not begin with a snapshot header", ErrBadBatch)
		}
		batches++
	}
	if lastType != controlSnapshotFooter {
		return batches, fmt.Errorf("%w: the file does not end with a snapshot footer (%d batches)", ErrBadBatch, batches)
	}
	return batches, nil
}

// readBatch reads one batch into buf, growing it no faster than bytes arrive. io.EOF: none follows.
func readBatch(r io.Reader, buf []byte) ([]byte, error) {
	buf = append(buf[:0], make([]byte, batchHeaderLen)...)
	if n, err := io.ReadFull(r, buf); err != nil {
		if n == 0 && errors.Is(err, io.EOF) {
			return buf, io.EOF
		}
		return buf, fmt.Errorf("%w: %d bytes of a header: %w", ErrBadBatch, n, noEOF(err))
	}
	if err := checkBatchHeader(buf); err != nil {
		return buf, err
	}
	buf = append(buf, make([]byte, batchSize(buf)-batchHeaderLen)...)
	if _, err := io.ReadFull(r, buf[batchHeaderLen:]); err != nil {
		return buf, fmt.Errorf("%w: cut short: %w", ErrBadBatch, noEOF(err))
	}
	return buf, checkBatch(buf)
}

// noEOF keeps a short read from being taken for the regular end.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// controlType returns the type of the first record of a control batch, -1 for any other batch.
func controlType(batch []byte) int {
	if !batchIsControl(batch) {
		return -1
	}
	b := batch[batchHeaderLen:]
	skip := func() int64 {
		v, n := binary.Varint(b)
		if n <= 0 {
			b = nil
			return -1
		}
		b = b[n:]
		return v
	}
	skip() // length
	if len(b) == 0 {
		return -1
	}
	b = b[1:] // attributes
	skip()    // timestamp delta
	skip()    // offset delta
	if keyLen := skip(); keyLen < 4 || len(b) < 4 {
		return -1
	}
	return int(int16(binary.BigEndian.Uint16(b[2:])))
}
