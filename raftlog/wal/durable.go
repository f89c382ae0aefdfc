package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"
)

// The durable mark is a lower bound of what was synced: damage below it is never
// taken for a torn write, and segments it knows of cannot vanish unnoticed. Two
// slots are written in turn, each synced before the next, so that a crash spoils
// one at most:
//
//	0     | "YAKTMARK" | counter 8 | first segment 8 | segment 8 | position 8 | zero | checksum 4 |
//	4096  | the same, the other slot                                                             |
const (
	durableName = "durable.mark"
	slotBytes   = 4096
	// markDelay bounds how long the mark trails a log that is not busy enough to
	// reach MarkEvery syncs.
	markDelay = 250 * time.Millisecond
)

var slotMagic = []byte("YAKTMARK")

// position is a place in the log: bytes from the start of a segment's file.
type position struct {
	seq    uint64
	offset int64
}

func (p position) less(q position) bool {
	return p.seq < q.seq || p.seq == q.seq && p.offset < q.offset
}

// durableMark is the file. Its methods may be called from several goroutines.
type durableMark struct {
	file File
	path string

	mu       sync.Mutex // held while writing: one slot at a time
	counter  uint64
	firstSeq uint64   // older segments were dropped
	synced   position // never moves back
	slot     [slotBytes]byte
}

func createDurableMark(fsys FS, dir string, first position) (*durableMark, error) {
	path := filepath.Join(dir, durableName)
	tmp := path + temporarySuffix
	f, err := fsys.Create(tmp)
	if err != nil {
		return nil, explain(err, "creating", tmp)
	}
	d := &durableMark{file: f, path: path, firstSeq: first.seq, synced: first}
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

func openDurableMark(fsys FS, dir string, log *slog.Logger) (*durableMark, error) {
	path := filepath.Join(dir, durableName)
	f, err := fsys.Open(path)
	if err != nil {
		return nil, explain(err, "opening", path)
	}
	d := &durableMark{file: f, path: path}
	good := 0
	for slot := range int64(2) {
		b := make([]byte, slotBytes)
		if n, _ := f.ReadAt(b, slot*slotBytes); n == slotBytes && blockChecksumOK(b) && bytes.HasPrefix(b, slotMagic) {
			good++
			d.take(b)
		}
	}
	if good == 0 {
		return nil, errors.Join(corrupt(path, 0, "neither slot of the durable mark verifies"), f.Close())
	}
	if good == 1 {
		log.Warn("wal: one slot of the durable mark does not verify (a crash while it was written, or damage); using the other", "file", path)
	}
	// The slot may have been read from a page cache whose sync failed. Written again
	// as it is, in its place, it is on the disk before anything is done on its word.
	d.counter--
	if err := d.writeSlot(); err != nil {
		return nil, explain(errors.Join(err, f.Close()), "writing", path)
	}
	return d, nil
}

func (d *durableMark) take(slot []byte) {
	le := binary.LittleEndian
	if counter := le.Uint64(slot[8:]); counter >= d.counter {
		d.counter, d.firstSeq = counter, le.Uint64(slot[16:])
		d.synced = position{le.Uint64(slot[24:]), int64(le.Uint64(slot[32:]))}
	}
}

func (d *durableMark) writeSlot() error {
	d.counter++
	clear(d.slot[:])
	copy(d.slot[:], slotMagic)
	le := binary.LittleEndian
	le.PutUint64(d.slot[8:], d.counter)
	le.PutUint64(d.slot[16:], d.firstSeq)
	le.PutUint64(d.slot[24:], d.synced.seq)
	le.PutUint64(d.slot[32:], uint64(d.synced.offset))
	putBlockChecksum(d.slot[:])
	if _, err := d.file.WriteAt(d.slot[:], int64(d.counter%2)*slotBytes); err != nil {
		return err
	}
	return d.file.Datasync()
}

// advance records that everything up to p is synced.
func (d *durableMark) advance(p position) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.synced.less(p) {
		return nil
	}
	d.synced = p
	return d.writeSlot()
}

// dropBefore records that segments before seq are to go and that the log is synced
// up to p, in both slots: losing either must not make their absence look like damage.
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

// marker advances the durable mark behind the log's back, so that a Sync never
// waits for it.
type marker struct {
	mark  *durableMark
	every int

	mu      sync.Mutex
	latest  position
	pending int // syncs since the mark was last written
	err     error

	begin, now, stop chan struct{} // first pending sync; do not wait for more; end
	done             chan struct{} // nil when the marker runs within note
}

func newMarker(mark *durableMark, every int, inline bool) *marker {
	m := &marker{mark: mark, every: every}
	if inline {
		return m
	}
	m.begin, m.now = make(chan struct{}, 1), make(chan struct{}, 1)
	m.stop, m.done = make(chan struct{}), make(chan struct{})
	go m.run()
	return m
}

// note tells that the log is synced up to p; urgent: worth a write by itself.
func (m *marker) note(p position, urgent bool) error {
	m.mu.Lock()
	m.latest = p
	m.pending++
	first, full := m.pending == 1, urgent || m.pending >= m.every
	err := m.err
	m.mu.Unlock()
	switch {
	case m.done == nil && full:
		m.flush()
		return m.failed()
	case m.done == nil:
		return err
	}
	if first {
		signal(m.begin)
	}
	if full {
		signal(m.now)
	}
	return err
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (m *marker) run() {
	defer close(m.done)
	for {
		select {
		case <-m.begin:
		case <-m.stop:
			return
		}
		delay := time.NewTimer(markDelay)
		select {
		case <-m.now:
		case <-delay.C:
		case <-m.stop:
			delay.Stop()
			return
		}
		delay.Stop()
		m.flush()
	}
}

func (m *marker) flush() {
	m.mu.Lock()
	p, wanted := m.latest, m.pending > 0 && m.err == nil
	m.pending = 0
	m.mu.Unlock()
	if !wanted {
		return
	}
	if err := m.mark.advance(p); err != nil {
		m.mu.Lock()
		m.err = final(err, "writing the durable mark", m.mark.path)
		m.mu.Unlock()
	}
}

func (m *marker) failed() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// close writes the mark once more, so that after a clean stop it is exact.
func (m *marker) close(write bool) error {
	if m.done != nil {
		close(m.stop)
		<-m.done
	}
	if write {
		m.flush()
	}
	if err := errors.Join(m.failed(), m.mark.file.Close()); err != nil {
		return fmt.Errorf("wal: closing the durable mark: %w", err)
	}
	return nil
}
