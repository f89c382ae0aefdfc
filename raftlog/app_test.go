package raftlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/protocol/batch"
)

// dataBatch is a finished batch of n records, whose bytes after the header are body.
func dataBatch(n int, body string) []byte { return rawBatch(n, 0, []byte(body)) }

func rawBatch(n int, attributes uint16, body []byte) []byte {
	b := make([]byte, batch.HeaderBytes, batch.HeaderBytes+len(body))
	b = append(b, body...)
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	b[16] = 2
	binary.BigEndian.PutUint16(b[21:], attributes)
	binary.BigEndian.PutUint32(b[23:], uint32(n-1))
	binary.BigEndian.PutUint32(b[57:], uint32(n))
	binary.BigEndian.PutUint32(b[17:], protocol.Checksum(b[21:]))
	return b
}

// controlBatch is a batch of n control records, of which the first has the given type.
func controlBatch(n, typ int) []byte {
	body := []byte{0x1a, 0, 0, 0, 8, 0, 0, 0, byte(typ), 6, 0, 0, 0, 0}
	return rawBatch(n, 0x20, body)
}

const controlLeaderChange = 2

// appState is the test application: every batch that was committed, in order, and all reports of
// leaders.
type appState struct {
	mu      sync.Mutex
	changed chan struct{}
	batches [][]byte
	end     int64
	epoch   int32
	leaders []leadership
	loads   int
	err     error // the first broken promise
}

func newAppState() *appState { return &appState{changed: make(chan struct{})} }

func (a *appState) update(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
	close(a.changed)
	a.changed = make(chan struct{})
}

func (a *appState) Committed(batches [][]byte) {
	a.update(func() {
		for _, b := range batches {
			a.add(b)
		}
	})
}

func (a *appState) add(b []byte) {
	if batch.Batch(b).BaseOffset() != a.end || batch.Batch(b).Epoch() < a.epoch {
		a.err = errors.Join(
			a.err,
			fmt.Errorf(
				"batch at offset %d, epoch %d after offset %d, epoch %d",
				batch.Batch(b).BaseOffset(), batch.Batch(b).Epoch(), a.end, a.epoch,
			),
		)
	}
	if err := batch.Check(b); err != nil {
		a.err = errors.Join(a.err, err)
	}
	a.batches = append(a.batches, b)
	a.end, a.epoch = batch.Batch(b).BaseOffset()+batch.Batch(b).Offsets(), batch.Batch(b).Epoch()
}

func (a *appState) LeaderChanged(leader, epoch int32) {
	a.update(func() { a.leaders = append(a.leaders, leadership{leader, epoch, false}) })
}

func (a *appState) EpochStart(epoch int32, first bool) []byte {
	if first {
		return controlBatch(3, controlLeaderChange)
	}
	return controlBatch(1, controlLeaderChange)
}

func (a *appState) Snapshot() (int64, int32, func(io.Writer) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	batches := slices.Clone(a.batches)
	return a.end, a.epoch, func(w io.Writer) error {
		_, err := w.Write(checkpointOf(batches))
		return err
	}
}

func checkpointOf(batches [][]byte) []byte {
	b := controlBatch(1, batch.ControlSnapshotHeader)
	for _, batch := range batches {
		b = append(b, batch...)
	}
	return append(b, controlBatch(1, batch.ControlSnapshotFooter)...)
}

func (a *appState) LoadSnapshot(end int64, epoch int32, open func() (io.ReadCloser, error)) error {
	f, err := open()
	if err != nil {
		return err
	}
	defer f.Close()
	all, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	a.update(func() {
		a.loads++
		a.batches, a.end, a.epoch = nil, 0, 0
		for r := batch.NewReader(bytes.NewReader(all)); err == nil; {
			var b batch.Batch
			if b, err = r.Next(); err != nil {
				break
			}
			t := b.ControlType()
			if t != batch.ControlSnapshotHeader && t != batch.ControlSnapshotFooter {
				a.add(slices.Clone(b))
			}
		}
	})
	if !errors.Is(err, io.EOF) {
		return err
	}
	if a.end != end || a.epoch != epoch {
		return fmt.Errorf("snapshot ends at %d-%d, named %d-%d", a.end, a.epoch, end, epoch)
	}
	return nil
}

// await waits until ok holds of the state.
func (a *appState) await(done <-chan struct{}, ok func() bool) error {
	for {
		a.mu.Lock()
		good, changed, err := ok(), a.changed, a.err
		a.mu.Unlock()
		switch {
		case err != nil:
			return err
		case good:
			return nil
		}
		select {
		case <-changed:
		case <-done:
			return errors.New("it did not come about in time")
		}
	}
}
