package raftlog

import (
	"fmt"
	"io"
	"time"
)

// OpenSnapshot opens a snapshot's file at a position and tells its total size; ErrSnapshotNotFound
// if this node has no such snapshot (the 0-0 checkpoint is none), or its file is damaged. Unless
// that was done within the last seconds the file is read through first, at the speed of the disk.
// The file never changes and can be read to its end even if it is deleted meanwhile; the caller
// closes it. Being opened keeps a snapshot for at least a minute more.
func (l *Log) OpenSnapshot(
	endOffset int64, epoch int32, position int64,
) (file io.ReadCloser, size int64, err error) {
	f, size, err := l.snaps.open(l.ctx, snapshotID{endOffset, epoch}, position, l.now())
	if err != nil {
		return nil, size, err
	}
	return f, size, nil
}

// LatestSnapshot names the newest durable snapshot. ok is false when there is none, or it was found
// damaged and the next one is being written.
func (l *Log) LatestSnapshot() (endOffset int64, epoch int32, ok bool) {
	id := l.view.latest()
	return id.end, id.epoch, id != snapshotID{}
}

func (v *view) latest() snapshotID {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.snapshot
}

// makeSnapshot writes a snapshot in the background and has it marked in the write-ahead log. It
// reports whether that is done, or needless. A failure to write the file costs nothing but disk:
// the log is still whole.
func (l *Log) makeSnapshot(m mark, fill func(io.Writer) error) (done bool) {
	id := snapshotID{m.EndOffset, m.Epoch}
	began := l.now()
	sum, err := l.snaps.write(id, m.File, func(w io.Writer) error {
		return fill(newPacedWriter(l.ctx, l.cfg.Clock, w))
	})
	if err != nil {
		l.log.Error("cannot write a snapshot; the log keeps growing until one succeeds",
			"snapshot", id.file(), "error", err, "retryIn", snapshotRetry)
		return false
	}
	m.File = sum
	marked := make(chan struct{})
	l.input(func(c *core) {
		if !c.supersedes(m) {
			l.snaps.discard(id)
			close(marked)
			return
		}
		// Queued under the lock, so that no later mark can come before it.
		l.writer.addMark(m, func() { defer close(marked); l.snapshotMarked(m) })
	})
	select {
	case <-marked:
		took := l.now().Sub(began).Round(time.Millisecond)
		l.log.Info("snapshot done", "snapshot", id.file(), "took", took)
	case <-l.ctx.Done():
	}
	return true
}

// snapshotMarked drops what the snapshot makes superfluous. It runs on the writer's goroutine.
func (l *Log) snapshotMarked(m mark) {
	id := snapshotID{m.EndOffset, m.Epoch}
	l.snaps.add(id, m.File, l.now()) // before anybody is told to read it
	cut := false
	l.input(func(c *core) {
		cut = c.mustCut(m.EndOffset)
		if c.marked(m) {
			l.view.publish(id, c.store.base)
		}
	})
	if !l.stillKnown(id) {
		return // the log is needed until another snapshot is marked
	}
	// What memory keeps for those a little behind is not needed on disk.
	compact := func() error { return l.writer.disk.Compact(m.Index + 1) }
	if err := l.writer.withSpace(compact); err != nil {
		l.fail(fmt.Errorf("raftlog: dropping old segments: %w", err))
		return
	}
	if cut {
		l.snaps.deleteBefore(id)
	}
	l.snaps.tidy(l.now())
}

// stillKnown reports whether a snapshot that has just been published was not found damaged at the
// same time.
func (l *Log) stillKnown(id snapshotID) bool {
	if l.snaps.knows(id) {
		return true
	}
	l.snapshotFoundBad(id)
	return false
}

// snapshotFoundBad withdraws a damaged snapshot, and has another one made at once if it was the
// newest.
func (l *Log) snapshotFoundBad(id snapshotID) {
	l.input(func(c *core) {
		if c.withhold(id) {
			l.view.withdraw(id)
			l.applier.owe()
		}
	})
}

// withhold stops offering a snapshot, whose file was found damaged, to followers. It reports
// whether it is the one that the log starts from.
func (c *core) withhold(id snapshotID) bool {
	m := c.store.mark
	if m.Index == 0 || id != (snapshotID{m.EndOffset, m.Epoch}) {
		return false
	}
	c.store.withheld = true
	return true
}
