package metadata

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"slices"
	"testing"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/protocol/batch"
)

// reseal sets the CRC of a changed batch.
func reseal(b []byte) []byte {
	binary.BigEndian.PutUint32(b[17:], protocol.Checksum(b[21:]))
	return b
}

func TestBatchOfManyRecords(t *testing.T) {
	records := make([]record.Record, 20_000)
	for i := range records {
		records[i] = new(record.NoOp)
	}
	b, err := EncodeData(records, LatestVersion, 5)
	if err != nil {
		t.Fatal(err)
	}
	b.SetPosition(1<<40, 9)
	parsed, rest, err := batch.Parse(append(slices.Clone(b), 7))
	if err != nil || !bytes.Equal(parsed, b) || len(rest) != 1 || parsed.BaseOffset() != 1<<40 ||
		parsed.EndOffset() != 1<<40+20_000 ||
		parsed.Epoch() != 9 ||
		parsed.TimestampMs() != 5 {
		t.Fatal(err, parsed.BaseOffset(), parsed.EndOffset())
	}
	next := int64(1 << 40)
	err = b.Each(func(offset int64, _, _ []byte) error {
		if offset != next {
			t.Fatalf("offset %d comes after %d", offset, next-1)
		}
		next++
		return nil
	})
	if err != nil || next != b.EndOffset() {
		t.Error(err, next)
	}
	stop := errors.New("stop")
	if err := b.Each(func(int64, []byte, []byte) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
}

func TestBatchLimits(t *testing.T) {
	if _, err := EncodeData(nil, LatestVersion, 0); err == nil {
		t.Error("a batch without records")
	}
	big := string(make([]byte, batch.MaxBytes))
	tooLarge := []record.Record{&record.Config{Value: &big}}
	if _, err := EncodeData(tooLarge, LatestVersion, 0); err == nil {
		t.Error("a batch over the limit")
	}
	if _, err := EncodeSome(tooLarge, LatestVersion, 0, batch.MaxBytes); err == nil {
		t.Error("a record over the limit")
	}
}

func TestEncodeSomeTakesWhatFits(t *testing.T) {
	records := slices.Repeat([]record.Record{&record.NoOp{}}, 100)
	for n := 1; n <= len(records); n++ {
		want, err := EncodeData(records[:n], LatestVersion, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, more := range []int{0, 1, 8} {
			b, err := EncodeSome(records[:min(n+2, len(records))], LatestVersion, 7, len(want)+more)
			if err != nil || n < len(records) && more < 8 && !bytes.Equal(b, want) ||
				len(b) > len(want)+more {
				t.Fatalf(
					"%d bytes, %d more than %d records take: %d records, %v", len(want)+more, more,
					n, b.Count(), err,
				)
			}
		}
	}
	if b, err := EncodeSome(records, LatestVersion, 7, 1); err != nil || b.Count() != 1 {
		t.Errorf("where nothing fits: %v", err)
	}
}

// allocated is how many bytes f allocates, about.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Decoding may allocate a fixed multiple of its input: the worst element is a string, of one byte
// on the wire.
const (
	allocFactor = 64
	allocBase   = 256 << 10
)

func FuzzParseBatch(f *testing.F) {
	for _, name := range goldenNames(f) {
		b := readTestdata(f, name)
		f.Add(b[:min(len(b), 4<<10)])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= batch.HeaderBytes {
			b = reseal(slices.Clone(b))
		}
		used := allocated(func() {
			first, rest, err := batch.Parse(b)
			if err != nil {
				return
			}
			if len(first)+len(rest) != len(b) {
				t.Errorf("%d and %d of %d bytes", len(first), len(rest), len(b))
			}
			n := 0
			err = first.Each(func(offset int64, key, value []byte) error {
				n++
				_, _, _ = offset, key, value
				return nil
			})
			if err == nil && n != first.Count() {
				t.Errorf("%d records of %d", n, first.Count())
			}
			_, _ = Empty().ReplayBatch(first)
		})
		if used > allocBase+allocFactor*uint64(len(b)) {
			t.Errorf("%d bytes allocated for %d", used, len(b))
		}
	})
}

// FuzzCheckpoint corrects the CRCs of the batches in a file, and reads it.
func FuzzCheckpoint(f *testing.F) {
	for _, name := range goldenNames(f) {
		b := readTestdata(f, name)
		f.Add(b[:min(len(b), 8<<10)])
	}
	h := newHistory(1, LatestVersion)
	_, images := h.log(f, 10, 8)
	f.Add(snapshotOf(f, images[len(images)-1]))
	f.Fuzz(func(t *testing.T, file []byte) {
		file = resealAll(slices.Clone(file))
		used := allocated(func() {
			img, err := ReadSnapshot(bytes.NewReader(file), 100, 1)
			if err != nil {
				return
			}
			if err := WriteSnapshot(io.Discard, img); err != nil {
				return // records that this metadata.version has no version for
			}
			for tp := range img.Imbalanced() {
				if tp.Partition == nil {
					t.Error("an index names a partition that is not there")
				}
			}
		})
		if used > 4*allocBase+4*allocFactor*uint64(len(file)) {
			t.Errorf("%d bytes allocated for %d", used, len(file))
		}
	})
}

func resealAll(file []byte) []byte {
	for rest := file; len(rest) >= batch.HeaderBytes; {
		length := int(int32(binary.BigEndian.Uint32(rest[8:]))) + 12
		if length < batch.HeaderBytes || length > len(rest) {
			break
		}
		reseal(rest[:length])
		rest = rest[length:]
	}
	return file
}
