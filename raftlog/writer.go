package raftlog

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/raftlog/wal"
)

// writer owns the write-ahead log. It writes all tasks that are queued and syncs once for all of
// them; tasks that arrive during a sync share the next one.
type writer struct {
	l    *Log
	disk disk

	mu    sync.Mutex
	queue []writerTask
	wake  chan struct{}

	hard  *raftpb.HardState // last written
	watch stallWatch
}

// writerTask is either a raft append, or a snapshot of this node's own that must be marked.
type writerTask struct {
	write  *writeTask
	mark   *mark
	marked func() // after mark is durable, on the writer's goroutine
}

func newWriter(l *Log, d disk) *writer {
	return &writer{l: l, disk: d, wake: make(chan struct{}, 1), hard: l.core.store.hard}
}

func (w *writer) add(tasks ...*writeTask) {
	if len(tasks) == 0 {
		return
	}
	w.mu.Lock()
	for _, t := range tasks {
		w.queue = append(w.queue, writerTask{write: t})
	}
	w.mu.Unlock()
	notify(w.wake)
}

func (w *writer) addMark(m mark, marked func()) {
	w.mu.Lock()
	w.queue = append(w.queue, writerTask{mark: &m, marked: marked})
	w.mu.Unlock()
	notify(w.wake)
}

// notify wakes the one goroutine that waits on ch, now or when it next looks.
func notify(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

func (w *writer) run() {
	for {
		select {
		case <-w.wake:
		case <-w.l.ctx.Done():
			return
		}
		// Yield first, so that messages queued for the peers at the same time are sent before the
		// sync, which holds this thread for long.
		runtime.Gosched()
		w.mu.Lock()
		tasks := w.queue
		w.queue = nil
		w.mu.Unlock()
		w.watch.begin(w.l.now())
		err := w.write(tasks)
		w.watch.end()
		if err != nil {
			if w.l.ctx.Err() != nil {
				return // stopped while waiting for space
			}
			w.l.fail(fmt.Errorf("raftlog: writing the log: %w", err))
			return
		}
	}
}

// write makes tasks durable in order, then reports all of them to raft.
func (w *writer) write(tasks []writerTask) error {
	dirty := false
	for _, t := range tasks {
		needsSync, err := w.put(t)
		if err != nil {
			return err
		}
		dirty = dirty || needsSync
	}
	if dirty {
		if err := w.withSpace(w.disk.Sync); err != nil {
			return err
		}
	}
	w.l.input(func(c *core) {
		for _, t := range tasks {
			if t.write != nil {
				c.written(t.write)
			}
		}
	})
	return w.finish(tasks)
}

// finish removes files that snapshots have made superfluous; no reply waits for it.
func (w *writer) finish(tasks []writerTask) error {
	for _, t := range tasks {
		if t.marked != nil {
			t.marked()
		}
		if t.write != nil && t.write.install != nil {
			compact := func() error { return w.disk.Compact(t.write.install.Index + 1) }
			if err := w.withSpace(compact); err != nil {
				return err
			}
		}
	}
	return nil
}

// spaceRetry is the interval at which a write is retried while there is no space or no descriptor
// for it.
const spaceRetry = 500 * time.Millisecond

// shortage describes what a retryable write lacks.
type shortage struct{ lacks, back string }

var (
	diskFull      = shortage{"the disk is full", "there is space on the disk again"}
	noDescriptors = shortage{"no file descriptor is left", "there are file descriptors again"}
)

// shortageOf returns what a failed write lacked, nil if the failure is final.
func shortageOf(err error) *shortage {
	switch {
	case !errors.Is(err, wal.ErrRetry):
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return &diskFull
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return &noDescriptors
	}
	return nil
}

// withSpace repeats a write while there is no space or no descriptor for it. Such a write has
// changed nothing, and nothing is acknowledged in the meantime. A leader in that state hands over,
// because it could not apply what others commit.
func (w *writer) withSpace(write func() error) error {
	err := write()
	missing := shortageOf(err)
	if missing == nil {
		return err
	}
	w.l.full.Store(true)
	defer w.l.full.Store(false)
	w.l.log.Error(missing.lacks+": this replica takes no further entries until that has changed",
		"error", err)
	w.l.input(func(c *core) { c.handOver() })
	for shortageOf(err) != nil && w.rest(spaceRetry) {
		err = write()
	}
	if err == nil {
		w.l.log.Info(missing.back)
	}
	return err
}

// rest waits before the next attempt and reports whether to make it: false when the log closes. The
// wait does not count as a stall of the disk.
func (w *writer) rest(d time.Duration) bool {
	w.watch.end()
	defer func() { w.watch.begin(w.l.now()) }()
	pause := time.NewTimer(d)
	defer pause.Stop()
	select {
	case <-pause.C:
		return true
	case <-w.l.ctx.Done():
		return false
	}
}

// put writes one task and reports whether a sync must precede its responses. A commit index alone
// needs no sync: it is only a hint for the next start.
func (w *writer) put(t writerTask) (needsSync bool, err error) {
	if t.mark != nil {
		return false, w.withSpace(func() error { return w.disk.SetMark(*t.mark) })
	}
	hard := t.write.hard
	if hard != nil {
		needsSync = hard.GetTerm() != w.hard.GetTerm() || hard.GetVote() != w.hard.GetVote()
		w.hard = hard
	}
	if m := t.write.install; m != nil {
		// The mark comes first: the commit index of the hard state relies on it.
		if err := w.withSpace(func() error { return w.disk.SetMark(*m) }); err != nil {
			return false, err
		}
	}
	if hard == nil && len(t.write.entries) == 0 {
		return needsSync, nil
	}
	err = w.withSpace(func() error { return w.disk.Append(hard, t.write.entries) })
	return needsSync || len(t.write.entries) > 0, err
}

// close closes the write-ahead log. It is called after run has returned, or if run was never
// started.
func (w *writer) close() error { return w.disk.Close() }
