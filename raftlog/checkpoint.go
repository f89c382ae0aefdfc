package raftlog

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/yakt/yakt/protocol/batch"
	"github.com/yakt/yakt/raftlog/wal"
	"github.com/yakt/yakt/vfs"
)

var (
	// errOtherSum: a file does not have the size and CRC that it should have.
	errOtherSum = errors.New("not the file that the log vouches for")

	errNoHeader = errors.New("the file does not begin with a snapshot header")
	errNoFooter = errors.New("the file does not end with a snapshot footer")
)

// verifyCheckpoint reads a checkpoint file through and returns its size and CRC-32C, which must be
// want unless that is zero. The file must be record batches v2 with good CRCs from the first byte
// to the last, a snapshot header in the first, a snapshot footer in the last. All of it is read in
// any case, so that an error names both sums.
func verifyCheckpoint(file io.Reader, want wal.FileSum) (wal.FileSum, error) {
	var sum wal.FileSum
	r := bufio.NewReaderSize(io.TeeReader(file, &sum), 1<<20)
	batches, err := verifyCheckpointBytes(r)
	if err != nil {
		err = fmt.Errorf("after %d batches: %w", batches, err)
		if _, unread := io.Copy(io.Discard, r); unread != nil {
			return sum, fmt.Errorf("%w: %w", err, unread)
		}
	}
	other := compareSums(sum, want)
	switch {
	case other != nil && err != nil:
		err = fmt.Errorf("%w (%w)", other, err)
	case other != nil:
		err = other
	}
	return sum, err
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

// summingFile appends to a new file and sums up what was written so far.
type summingFile struct {
	vfs.File
	sum wal.FileSum
}

func (f *summingFile) Write(b []byte) (int, error) {
	n, err := f.WriteAt(b, f.sum.Bytes)
	_, _ = f.sum.Write(b[:n])
	return n, err
}

// verifyCheckpointBytes returns the number of batches that are valid.
func verifyCheckpointBytes(r io.Reader) (batches int, err error) {
	in := batch.NewReader(r)
	lastType := -1
	for {
		b, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return batches, fmt.Errorf("batch %d: %w", batches, err)
		}
		lastType = b.ControlType()
		if batches == 0 && lastType != batch.ControlSnapshotHeader {
			return 0, errNoHeader
		}
		batches++
	}
	if lastType != batch.ControlSnapshotFooter {
		return batches, errNoFooter
	}
	return batches, nil
}
