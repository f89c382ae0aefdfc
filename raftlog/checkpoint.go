package raftlog

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/yakt/yakt/raftlog/wal"
	"github.com/yakt/yakt/vfs"
)

// Control record types that open and close a checkpoint file (KIP-630).
const (
	controlSnapshotHeader = 3
	controlSnapshotFooter = 4
)

// errOtherSum says that a file has not the size and CRC that it should have.
var errOtherSum = errors.New("not the file that the log vouches for")

// verifyCheckpoint reads a checkpoint file through and returns its size and CRC-32C, which must be
// want unless that is zero. The file must be record batches v2 with good CRCs from the first byte
// to the last, a snapshot header in the first, a snapshot footer in the last. All of it is read in
// any case, so that an error names both sums.
func verifyCheckpoint(file io.Reader, want wal.FileSum) (wal.FileSum, error) {
	var sum summing
	r := bufio.NewReaderSize(io.TeeReader(file, &sum), 1<<20)
	batches, err := verifyCheckpointBytes(r)
	if err != nil {
		err = fmt.Errorf("after %d batches: %w", batches, err)
		if _, unread := io.Copy(io.Discard, r); unread != nil {
			return wal.FileSum(sum), fmt.Errorf("%w: %w", err, unread)
		}
	}
	other := compareSums(wal.FileSum(sum), want)
	switch {
	case other != nil && err != nil:
		err = fmt.Errorf("%w (%w)", other, err)
	case other != nil:
		err = other
	}
	return wal.FileSum(sum), err
}

func (s *snapshots) verifyFile(path string, want wal.FileSum) (wal.FileSum, error) {
	f, err := openReader(s.fs, path, 0)
	if err != nil {
		return wal.FileSum{}, err
	}
	defer f.Close()
	sum, err := verifyCheckpoint(f, want)
	if err != nil {
		return sum, fmt.Errorf("%s: %w", path, err)
	}
	return sum, nil
}

// compareSums returns an errOtherSum if want is known and got is another one.
func compareSums(got, want wal.FileSum) error {
	if want.Bytes == 0 || got == want {
		return nil
	}
	return fmt.Errorf("%w: it has %d bytes with CRC-32C %08x, not %d bytes with CRC-32C %08x",
		errOtherSum, got.Bytes, got.CRC, want.Bytes, want.CRC)
}

// summing adds up what is written to it.
type summing wal.FileSum

func (s *summing) Write(b []byte) (int, error) {
	s.Bytes += int64(len(b))
	s.CRC = crc32.Update(s.CRC, castagnoli, b)
	return len(b), nil
}

// summingFile appends to a new file and sums up what was written so far.
type summingFile struct {
	vfs.File
	sum wal.FileSum
}

func (f *summingFile) Write(b []byte) (int, error) {
	n, err := f.WriteAt(b, f.sum.Bytes)
	_, _ = (*summing)(&f.sum).Write(b[:n])
	return n, err
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
