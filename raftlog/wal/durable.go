package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"

	"github.com/yakt/yakt/vfs"
)

// The durable mark is a lower bound of the synced part of the log: damage below it is never
// mistaken for a torn write, and segments that it names cannot vanish unnoticed. It names the owner
// of the log and contains a note. Its two slots are written alternately, each synced before the
// other is written, so that a crash can spoil only one. The note is opaque here; raftlog stores its
// memory of the other voters' logs in it.
//
// All integers are little-endian; positions are bytes in a segment's file:
//
//	0     | "YAKTMARK" | counter 8 | first segment 8 | segment 8 | position 8 |
//	40    | version 4 | zero 4 | first segment with an owner 8 | owner (identity.go) |
//	352   | length of the note 4 | note | zero                            checksum 4 |
//	4096  | the same, the other slot                                                |
//
// In version 1 everything from byte 40 up to the checksum is zero. Opening the log for writing
// converts such a mark to this version.
const (
	durableName   = "durable.mark"
	slotBytes     = 4096
	slotOwner     = 56
	slotNote      = 352
	slotNoteBytes = slotNote + 4
)

// Compile-time checks of the layout: a negative constant does not fit a uint.
const (
	// The owner ends before the note begins.
	_ uint = slotNote - (slotOwner + ownerBytes)
	// The longest note ends before the checksum.
	_ uint = slotBytes - 4 - (slotNoteBytes + MaxNoteBytes)
)

var slotMagic = []byte("YAKTMARK")

// position is a segment and an offset in its file, in bytes.
type position struct {
	seq    uint64
	offset int64
}

func (p position) less(q position) bool {
	return p.seq < q.seq || p.seq == q.seq && p.offset < q.offset
}

// durableMark is the durable mark's file. Once the log is open, its methods may be called from
// several goroutines.
type durableMark struct {
	file vfs.File
	path string

	mu      sync.Mutex // held while writing: one slot at a time
	counter uint64
	slot    [slotBytes]byte
	slotState
	dirty bool // something differs from the newest slot
}

// slotState is the content of a slot.
type slotState struct {
	version   uint32
	firstSeq  uint64   // older segments were dropped
	synced    position // never moves back
	ownedFrom uint64   // older segments may be of version 1, which names no owner
	owner     Owner
	note      []byte // replaced, never changed
}

func createDurableMark(fsys vfs.FS, dir string, first position, owner Owner) (*durableMark, error) {
	path := filepath.Join(dir, durableName)
	tmp := path + temporarySuffix
	f, err := fsys.Create(tmp)
	if err != nil {
		return nil, explain(err, "creating", tmp)
	}
	d := &durableMark{file: f, path: path, slotState: slotState{
		version: formatVersion, firstSeq: first.seq, synced: first, ownedFrom: first.seq,
		owner: owner,
	}}
	err = errors.Join(d.writeSlot(), d.writeSlot())
	if err == nil {
		err = fsys.Rename(tmp, path)
	}
	if err == nil {
		err = fsys.SyncDir(dir)
	}
	if err != nil {
		return nil, explain(errors.Join(err, f.Close()), "creating", path)
	}
	return d, nil
}

// openDurableMark reads the mark and changes nothing.
func openDurableMark(fsys vfs.FS, dir string, log *slog.Logger) (*durableMark, error) {
	path := filepath.Join(dir, durableName)
	f, err := fsys.Open(path)
	if err != nil {
		return nil, explain(err, "opening", path)
	}
	d := &durableMark{file: f, path: path}
	b := make([]byte, 2*slotBytes)
	n, _ := f.ReadAt(b, 0)
	good, err := d.parse(b[:n])
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if good == 1 {
		log.Warn("wal: one slot of the durable mark does not verify "+
			"(a crash while it was written, or damage); using the other", "file", path)
	}
	return d, nil
}

// parse reads the newer of the valid slots in b and returns how many are valid.
func (d *durableMark) parse(b []byte) (good int, err error) {
	for ; len(b) >= slotBytes; b = b[slotBytes:] {
		slot := b[:slotBytes]
		counter := binary.LittleEndian.Uint64(slot[8:])
		s, ok := parseSlot(slot)
		if !ok {
			continue
		}
		if good++; counter >= d.counter {
			d.counter, d.slotState = counter, s
		}
	}
	switch {
	case good == 0:
		return 0, corrupt(d.path, 0, "neither slot of the durable mark verifies")
	case d.version > formatVersion:
		return 0, &VersionError{Path: d.path, Version: d.version}
	}
	return good, nil
}

func parseSlot(b []byte) (slotState, bool) {
	if !bytes.HasPrefix(b, slotMagic) || !blockChecksumOK(b) {
		return slotState{}, false
	}
	le := binary.LittleEndian
	s := slotState{
		version:  max(le.Uint32(b[40:]), versionBefore), // which wrote zero
		firstSeq: le.Uint64(b[16:]), synced: position{le.Uint64(b[24:]), int64(le.Uint64(b[32:]))},
	}
	if s.version != formatVersion {
		return s, true
	}
	n := le.Uint32(b[slotNote:])
	if n > MaxNoteBytes {
		return slotState{}, false
	}
	s.ownedFrom, s.owner = le.Uint64(b[48:]), parseOwner(b[slotOwner:])
	if n > 0 {
		s.note = bytes.Clone(b[slotNoteBytes : slotNoteBytes+n])
	}
	return s, true
}

// encode fills slot with the state and a counter.
func (d *durableMark) encode(counter uint64) {
	clear(d.slot[:])
	copy(d.slot[:], slotMagic)
	le := binary.LittleEndian
	le.PutUint64(d.slot[8:], counter)
	le.PutUint64(d.slot[16:], d.firstSeq)
	le.PutUint64(d.slot[24:], d.synced.seq)
	le.PutUint64(d.slot[32:], uint64(d.synced.offset))
	if d.version == formatVersion {
		le.PutUint32(d.slot[40:], d.version)
		le.PutUint64(d.slot[48:], d.ownedFrom)
		d.owner.put(d.slot[slotOwner:])
		le.PutUint32(d.slot[slotNote:], uint32(len(d.note)))
		copy(d.slot[slotNoteBytes:], d.note)
	}
	putBlockChecksum(d.slot[:])
}

// writeSlot writes the older slot. After ErrRetry nothing has changed: the slot that may be half
// written is the one that the next try writes.
func (d *durableMark) writeSlot() error {
	d.dirty = true
	d.encode(d.counter + 1)
	if _, err := d.file.WriteAt(d.slot[:], int64((d.counter+1)%2)*slotBytes); err != nil {
		return failed(err, "writing", d.path)
	}
	if err := d.file.Datasync(); err != nil {
		return final(err, "syncing", d.path)
	}
	d.counter, d.dirty = d.counter+1, false
	return nil
}

// secure rewrites the newest slot in place. It may have been read from a page cache whose sync had
// failed; after this it is on the disk before anything relies on it.
func (d *durableMark) secure() error {
	d.counter--
	return d.writeSlot()
}

// adopt converts a mark of version 1 to this version, in both slots. Segments from ownedFrom on
// name their owner.
func (d *durableMark) adopt(owner Owner, ownedFrom uint64) error {
	d.version, d.owner, d.ownedFrom = formatVersion, owner, ownedFrom
	if err := d.writeSlot(); err != nil {
		return err
	}
	return d.writeSlot()
}

// advance records that everything up to p is synced, and a note. The caller holds mu.
func (d *durableMark) advance(p position, note []byte) error {
	if d.synced.less(p) {
		d.synced, d.dirty = p, true
	}
	if !bytes.Equal(d.note, note) {
		d.note, d.dirty = note, true
	}
	if !d.dirty {
		return nil
	}
	return d.writeSlot()
}

// dropBefore records, in both slots, that segments before seq are about to be removed and that the
// log is synced up to p. If only one slot had it, losing that slot would make their absence look
// like damage. It may be tried again after ErrRetry.
func (d *durableMark) dropBefore(seq uint64, p position) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.firstSeq = seq
	if d.synced.less(p) {
		d.synced = p
	}
	if err := d.writeSlot(); err != nil {
		return err
	}
	return d.writeSlot()
}
