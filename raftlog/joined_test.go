package raftlog

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// Reads of any part of a log are the batches that are there, whatever was read before; the same read has the same bytes in memory;
// what is kept stays within its bound.
func TestJoinedReads(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var log []fetchable
	var whole []byte
	for base := range int64(40) {
		b := make([]byte, 1+r.IntN(1<<20))
		b[0], b[len(b)/2] = byte(r.Uint32()), byte(base)
		log, whole = append(log, fetchable{base, b}), append(whole, b...)
	}
	var j joinedReads
	for range 300 {
		from := r.IntN(len(log))
		to := from + 1 + r.IntN(min(30, len(log)-from))
		start, size := 0, 0
		for i, b := range log[:to] {
			if i < from {
				start += len(b.bytes)
			} else {
				size += len(b.bytes)
			}
		}
		got := j.join(log[from:to], size)
		if !bytes.Equal(got, whole[start:start+size]) {
			t.Fatalf("batches %d to %d: something else", from, to)
		}
		if again := j.join(log[from:to], size); size <= joinedBytes && &again[0] != &got[0] {
			t.Fatalf("batches %d to %d are joined twice", from, to)
		}
		kept := 0
		for _, read := range j.reads {
			kept += len(read.bytes)
		}
		if kept != j.bytes || kept > joinedBytes {
			t.Fatalf("%d bytes are kept, counted as %d", kept, j.bytes)
		}
	}
	if j.forget(); len(j.reads) != 0 || j.bytes != 0 {
		t.Error("something is kept")
	}
}
