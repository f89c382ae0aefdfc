package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/yakt/yakt/protocol"
)

// golden returns the batches of a file that Kafka wrote.
func golden(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "metadata", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// reseal sets the CRC of a changed batch.
func reseal(b []byte) []byte {
	binary.BigEndian.PutUint32(b[crcAt:], protocol.Checksum(b[attributesAt:]))
	return b
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	good := golden(t, "batch-bootstrap-records-tx.bin")
	change := func(f func(b []byte)) []byte {
		b := slices.Clone(good)
		f(b)
		return reseal(b)
	}
	counts := func(records, lastDelta uint32) []byte {
		return change(func(b []byte) {
			binary.BigEndian.PutUint32(b[recordCountAt:], records)
			binary.BigEndian.PutUint32(b[lastDeltaAt:], lastDelta)
		})
	}
	for name, test := range map[string]struct {
		batch []byte
		want  string
	}{
		"short":           {good[:60], "less than its header"},
		"cut":             {good[:len(good)-1], "does not fit"},
		"format":          {change(func(b []byte) { b[magicAt] = 1 }), "format 1"},
		"crc":             {append(slices.Clone(good[:len(good)-1]), good[len(good)-1]+1), "damaged"},
		"compressed":      {change(func(b []byte) { b[attributesAt+1] = 1 }), "compressed"},
		"no records":      {counts(0, 0xffffffff), "do not go together"},
		"too many":        {counts(1<<30, 1<<30-1), "do not go together"},
		"last delta":      {counts(uint32(Batch(good).Count()), 3), "do not go together"},
		"negative offset": {change(func(b []byte) { b[0] = 0x80 }), "out of range"},
	} {
		_, _, err := Parse(test.batch)
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if err := Check(append(slices.Clone(good), 0)); !errors.Is(err, ErrInvalid) {
		t.Errorf("a byte behind the batch: %v", err)
	}
}

// TestEachRefuses: every record layout that a broker refuses is refused here.
func TestEachRefuses(t *testing.T) {
	t.Parallel()
	value := "\x01\x14\x00\x00"
	for name, body := range map[string]string{
		"timestamp delta": "\x00\x02\x00\x01\x08" + value + "\x00",
		"offset delta":    "\x00\x00\x02\x01\x08" + value + "\x00",
		"headers":         "\x00\x00\x00\x01\x08" + value + "\x02",
		"no headers":      "\x00\x00\x00\x01\x08" + value,
		"long value":      "\x00\x00\x00\x01\x0a" + value + "\x00",
		"key length":      "\x00\x00\x00\x03\x08" + value + "\x00",
		"empty":           "",
	} {
		w := NewWriter(0)
		w.buf = binary.AppendVarint(w.buf, int64(len(body)))
		w.buf = append(w.buf, body...)
		w.count = 1
		b, err := w.Finish()
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Each(func(int64, []byte, []byte) error { return nil }); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestWriterRemovesAndResets: a removed record leaves no trace, and a Writer can be used again.
func TestWriterRemovesAndResets(t *testing.T) {
	t.Parallel()
	build := func(w *Writer) []byte {
		w.Add(nil, []byte("one"))
		w.Add([]byte("key"), []byte("two"))
		b, err := w.Finish()
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Clone(b)
	}
	want := build(NewWriter(7))
	w := NewWriter(7)
	w.Add(nil, make([]byte, 1000))
	w.RemoveLast()
	if got := build(w); !bytes.Equal(got, want) {
		t.Errorf("after a removal:\n got %x\nwant %x", got, want)
	}
	w.Reset()
	if _, err := w.Finish(); !errors.Is(err, ErrInvalid) {
		t.Errorf("a batch without records: %v", err)
	}
	if got := build(w); !bytes.Equal(got, want) {
		t.Errorf("after a reset:\n got %x\nwant %x", got, want)
	}
}

// TestReader: batches come back one by one however the bytes arrive, and an end or a fault within a
// batch is not taken for the end.
func TestReader(t *testing.T) {
	t.Parallel()
	file := golden(t, "00000000000000000676-0000000003.checkpoint")
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(file), "by bytes": iotest.OneByteReader(bytes.NewReader(file)),
	} {
		var got []byte
		in := NewReader(r)
		b, err := in.Next()
		for ; err == nil; b, err = in.Next() {
			got = append(got, b...)
		}
		if !errors.Is(err, io.EOF) || !bytes.Equal(got, file) {
			t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(file), err)
		}
	}
	size := int(Batch(file).size())
	for _, cut := range []int{1, HeaderBytes - 1, HeaderBytes, size - 1} {
		_, err := NewReader(bytes.NewReader(file[:cut])).Next()
		if !errors.Is(err, ErrInvalid) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut after %d bytes: %v", cut, err)
		}
		broken := io.MultiReader(bytes.NewReader(file[:cut]), iotest.ErrReader(os.ErrClosed))
		if _, err := NewReader(broken).Next(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("a fault after %d bytes: %v", cut, err)
		}
	}
}
