package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
)

const fuzzSalt = 0x1122334455667701

// fuzzImage puts records behind a valid header; signed: with valid checksums, so
// that what they say is what is tested.
func fuzzImage(records []byte, signed bool) *image {
	size := int64(headerBytes + len(records))
	h := segmentHeader{version: formatVersion, seq: 1, salt: fuzzSalt, size: size}
	m := &image{segmentHeader: h, path: "fuzz", buf: append(h.encode(), records...)}
	le, chain := binary.LittleEndian, chainStart(m.buf)
	for off := headerBytes; signed && off+recordHeaderBytes <= len(m.buf); {
		b := m.buf[off:]
		n := min(int(le.Uint32(b[8:])%4096), len(b)-recordHeaderBytes) &^ (recordAlign - 1)
		le.PutUint32(b[8:], uint32(n))
		le.PutUint64(b[recordSaltOffset:], fuzzSalt)
		le.PutUint32(b[40:], le.Uint32(b[40:])%uint32(off+1))
		le.PutUint32(b[44:], chain)
		le.PutUint32(b[4:], checksum(b[recordHeaderBytes:recordHeaderBytes+n]))
		chain = checksum(b[4:recordHeaderBytes])
		le.PutUint32(b, chain)
		off += recordHeaderBytes + n
	}
	return m
}

// FuzzSegment: reading any bytes never panics and fails only as corruption; what
// is read is a log; and its valid beginning alone reads as the same log, clean.
func FuzzSegment(f *testing.F) {
	for _, segments := range []bool{false, true} {
		f.Add(seedRecords(), segments)
		f.Add(seedRecords()[:300], segments)
	}
	f.Add(make([]byte, 600), false)
	f.Add([]byte{}, true)
	f.Fuzz(func(t *testing.T, records []byte, signed bool) {
		if len(records) > 1<<16 {
			return
		}
		m := fuzzImage(records, signed)
		st, s, ok := fuzzRead(t, m)
		if !ok {
			return
		}
		for i, e := range st.Entries {
			if e.GetIndex() != st.Entries[0].GetIndex()+uint64(i) {
				t.Fatalf("entry %d after %d", e.GetIndex(), st.Entries[0].GetIndex())
			}
		}
		for _, durable := range []int64{0, s.end, s.end + 1} {
			if _, err := m.judge(&s, durable); err != nil && !errors.Is(err, ErrCorrupt) ||
				err == nil && durable > s.end {
				t.Fatalf("judged with durable mark %d of %d: %v", durable, s.end, err)
			}
		}
		clean := &image{segmentHeader: m.segmentHeader, path: m.path, buf: bytes.Clone(m.buf)}
		clear(clean.buf[s.end:])
		again, s2, ok := fuzzRead(t, clean)
		if !ok || s2.end != s.end || stateString(again) != stateString(st) {
			t.Fatalf("the valid beginning reads differently: %v, %d of %d bytes", ok, s2.end, s.end)
		}
		if torn, err := clean.judge(&s2, s2.end); torn || err != nil {
			t.Fatalf("the valid beginning alone is not clean: %v %v", torn, err)
		}
	})
}

func fuzzRead(t *testing.T, m *image) (State, scan, bool) {
	var r replay
	r.begin(0, m.segmentHeader)
	s, err := m.scan(r.apply)
	if err != nil {
		if !errors.Is(err, ErrCorrupt) {
			t.Fatalf("unclear error %v", err)
		}
		return State{}, s, false
	}
	if s.end < headerBytes || s.end > m.size || s.bad < s.end || s.bad > m.size {
		t.Fatalf("end %d, bad %d of %d", s.end, s.bad, m.size)
	}
	return r.state(), s, true
}

// seedRecords is a short log with every type of record.
func seedRecords() []byte {
	h := segmentHeader{version: formatVersion, seq: 1, salt: fuzzSalt, size: minSegmentBytes}
	w := &WAL{
		next: 1,
		active: &segment{
			segmentHeader: h, off: headerBytes, synced: headerBytes,
			chain: chainStart(h.encode()),
		},
	}
	w.putHead(0)
	w.putHardState(hardState{term: 2, vote: 1}, false)
	w.putEntries([]*raftpb.Entry{entry(1, 1, "first"), entry(2, 2, "second, longer")})
	payload, _ := encodeMark(mark(1, 1))
	w.put(&record{typ: typeMark, flags: flagBatchEnd, index: 1, term: 1, payload: payload})
	w.put(
		&record{
			typ: typeMark, flags: flagBatchEnd | flagReset, index: 7, term: 3,
			payload: payload,
		},
	)
	w.putEntries([]*raftpb.Entry{entry(8, 3, "")})
	w.put(
		&record{
			typ: typeSeal, flags: flagBatchEnd, index: 8,
			payload: binary.LittleEndian.AppendUint64(nil, 10),
		},
	)
	return w.buf
}

// FuzzSlot: whatever a slot of the durable mark says under a valid checksum is read without a
// panic, and what is read is written back the same.
func FuzzSlot(f *testing.F) {
	d := durableMark{slotState: slotState{
		version: formatVersion, firstSeq: 3, synced: position{4, 5}, ownedFrom: 2,
		owner: newOwner(testIdentity), note: []byte("note"),
	}}
	d.encode(7)
	f.Add(bytes.Clone(d.slot[8 : slotNoteBytes+8]))
	f.Add(make([]byte, 100))
	f.Fuzz(func(t *testing.T, content []byte) {
		slot := make([]byte, slotBytes)
		copy(slot, slotMagic)
		copy(slot[len(slotMagic):slotBytes-4], content)
		putBlockChecksum(slot)
		s, ok := parseSlot(slot)
		if !ok || s.version > formatVersion {
			return
		}
		again := durableMark{slotState: s}
		again.encode(1)
		if back, ok := parseSlot(again.slot[:]); !ok || !reflect.DeepEqual(back, s) {
			t.Fatalf("read %+v, and written back %+v", s, back)
		}
	})
}
