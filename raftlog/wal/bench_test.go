package wal

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/vfs"
)

func benchmarkBatch(n, size int) (batch []*raftpb.Entry, renumber func(first uint64)) {
	data := string(make([]byte, size))
	for i := range n {
		batch = append(batch, entry(uint64(i+1), 1, data))
	}
	return batch, func(first uint64) {
		for i, e := range batch {
			*e.Index = first + uint64(i)
		}
	}
}

// cachedFS is the operating system's file system without direct writes.
type cachedFS struct{ vfs.OS }

func (cachedFS) OpenDirect(string) (vfs.DirectFile, error) { return nil, errors.ErrUnsupported }

// BenchmarkAppendSync is durable appending of 1 KiB entries to a real disk, round the page cache and through it.
func BenchmarkAppendSync(b *testing.B) {
	b.Run("direct", func(b *testing.B) { benchmarkAppendSync(b, vfs.OS{}) })
	b.Run("cached", func(b *testing.B) { benchmarkAppendSync(b, cachedFS{}) })
}

func benchmarkAppendSync(b *testing.B, fsys vfs.FS) {
	for _, n := range []int{1, 64} {
		b.Run(fmt.Sprintf("batch=%d", n), func(b *testing.B) {
			w, _ := mustOpen(b, b.TempDir(), Options{FS: fsys})
			batch, renumber := benchmarkBatch(n, 1024)
			next := uint64(1)
			slowest := time.Duration(0)
			b.ReportAllocs()
			for b.Loop() {
				start := time.Now()
				renumber(next)
				next += uint64(n)
				ok(b, w.Append(nil, batch))
				ok(b, w.Sync())
				slowest = max(slowest, time.Since(start))
				if w.next%8192 < uint64(n) {
					ok(b, w.SetMark(mark(next-1, 1)))
					ok(b, w.Compact(next))
				}
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "entries/s")
			b.ReportMetric(float64(slowest.Microseconds()), "max-µs")
			ok(b, w.Close())
		})
	}
}

// BenchmarkOpen reads a full 64 MiB log of 1 KiB entries.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	w, _ := mustOpen(b, dir, Options{})
	batch, renumber := benchmarkBatch(64, 1024)
	for next := uint64(1); next < 60_000; next += 64 {
		renumber(next)
		ok(b, w.Append(nil, batch))
	}
	ok(b, w.Close())
	b.ReportAllocs()
	b.SetBytes(defaultSegmentBytes)
	for b.Loop() {
		w, st := mustOpen(b, dir, Options{})
		if len(st.Entries) < 59_000 {
			b.Fatal(len(st.Entries))
		}
		b.StopTimer()
		ok(b, w.Close())
		b.StartTimer()
	}
}
