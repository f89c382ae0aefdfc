package raftlog

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"
)

// growingLog is a log of random batches, of which few may be larger than a window.
type growingLog struct {
	r       *rand.Rand
	batches []fetchable
	whole   []byte
}

func (l *growingLog) grow() {
	size := 1 + l.r.IntN(windowBytes/5)
	if l.r.IntN(20) == 0 {
		size = 1 + l.r.IntN(2*windowBytes)
	}
	b := make([]byte, size)
	b[0], b[size/2] = byte(l.r.Uint32()), byte(len(l.batches))
	l.batches = append(l.batches, fetchable{int64(len(l.batches)), int64(len(l.whole)), b})
	l.whole = append(l.whole, b...)
}

// Reads of any part of a growing log return its batches within their bound, whatever was read
// before, and readers share the memory of windows.
func TestJoinedReads(t *testing.T) {
	t.Parallel()
	l := &growingLog{r: rand.New(rand.NewPCG(5, 6))}
	var j joinedReads
	var held [][]byte
	for i := range 1000 {
		if i%10 == 0 {
			l.grow()
		}
		if i%300 == 299 {
			j.forget()
		}
		first := l.r.IntN(len(l.batches))
		maxBytes := l.r.IntN(3 * windowBytes)
		n := joinable(l.batches[first:], maxBytes)
		got := j.join(l.batches, first, n)
		begin := int(l.batches[first].position)
		if n > 1 && len(got) > min(maxBytes, windowBytes) ||
			!bytes.Equal(got, l.whole[begin:begin+len(got)]) {
			t.Fatalf(
				"batches %d to %d of %d, %d bytes: something else", first, first+n, len(l.batches),
				len(got),
			)
		}
		held = append(held, got)
		if len(j.kept) > windowsKept {
			t.Fatalf("%d windows are kept", len(j.kept))
		}
	}
	if most := len(l.whole)/windowBytes + 1; len(j.open) > most {
		t.Errorf("%d windows of a log of %d", len(j.open), most)
	}
	for _, b := range held { // bytes that were returned have not changed
		if at := bytes.Index(l.whole, b); at < 0 {
			t.Fatal("a read has changed")
		}
	}
}

// Readers that keep their results share memory, even after the window is no longer kept and the log
// has grown.
func TestJoinedReadsShareMemory(t *testing.T) {
	t.Parallel()
	var log []fetchable
	for i := range int64(10) {
		log = append(log, fetchable{i, 100 * i, make([]byte, 100)})
	}
	var j joinedReads
	first := j.join(log[:5], 0, 5)
	j.forget()
	again, later := j.join(log, 0, 7), j.join(log, 3, 7)
	if &first[0] != &again[0] || &first[300] != &later[0] || len(again) != 700 ||
		len(later) != 700 {
		t.Error("there is a second copy")
	}
}

// TestJoinedReadsOfMany runs with the race detector: readers read while the log grows.
func TestJoinedReadsOfMany(t *testing.T) {
	t.Parallel()
	l := &growingLog{r: rand.New(rand.NewPCG(7, 8))}
	for range 50 {
		l.grow()
	}
	var j joinedReads
	var wg sync.WaitGroup
	for reader := range 8 {
		wg.Go(func() {
			for i := range 200 {
				log := l.batches[:10+(i+reader)%40]
				first := (i * 7) % len(log)
				got := j.join(log, first, joinable(log[first:], windowBytes))
				if begin := int(log[first].position); !bytes.Equal(
					got, l.whole[begin:begin+len(got)],
				) {
					t.Error("something else")
				}
			}
		})
	}
	wg.Wait()
}
