package raftlog

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// applier makes all calls on the App. Batches become visible to fetchers after the App has them.
type applier struct {
	l *Log

	mu    sync.Mutex
	queue []*applyTask
	wake  chan struct{}

	// Snapshot policy, on the applier's goroutine only.
	sinceBytes int64     // bytes applied since the last snapshot
	sinceTime  time.Time // when the last snapshot, or this start, was
	// share is the part of the configured bytes and age after which the next snapshot is due; 0: not
	// computed yet
	share   float64
	writing chan struct{}
	leader  int32 // as reported last, -1 for none; on the applier's goroutine only

	// owed: a snapshot is due however little was applied, because the newest is damaged or could
	// not be written.
	owed atomic.Bool
	// failing: the last one could not be written, and the next is owed after snapshotRetry.
	failing atomic.Bool
	cutting atomic.Bool // CutBefore may still have to remove something
}

// snapshotRetry is the pause after a snapshot that could not be written, for instance because the
// disk is full.
const snapshotRetry = 10 * time.Second

func newApplier(l *Log) *applier {
	done := make(chan struct{})
	close(done)
	return &applier{
		l: l, wake: make(chan struct{}, 1), sinceTime: l.now(), writing: done,
		leader: -1,
	}
}

func (a *applier) add(tasks ...*applyTask) {
	if len(tasks) == 0 {
		return
	}
	a.mu.Lock()
	a.queue = append(a.queue, tasks...)
	a.mu.Unlock()
	notify(a.wake)
}

func (a *applier) run() {
	age := time.NewTicker(max(min(a.l.cfg.SnapshotInterval/4, time.Minute), time.Second))
	defer age.Stop()
	for {
		select {
		case <-a.wake:
		case <-age.C:
			a.l.snaps.tidy(a.l.now())
			a.maybeScrub()
			a.l.view.joined.forget()
		case <-a.l.ctx.Done():
			return
		}
		a.mu.Lock()
		tasks := a.queue
		a.queue = nil
		a.mu.Unlock()
		for _, t := range tasks {
			if err := a.apply(t); err != nil {
				a.l.fail(err)
				return
			}
			if a.l.ctx.Err() != nil {
				return
			}
		}
		a.maybeSnapshot()
	}
}

func (a *applier) apply(t *applyTask) error {
	switch {
	case t.lead != nil:
		a.reportLeader(t)
	case t.open != nil:
		batch := a.l.app.EpochStart(t.open.epoch, t.openAt == 0)
		a.l.input(func(c *core) { c.epochStart(t.open.epoch, batch) })
	case t.load != nil:
		return a.load(*t.load)
	default:
		return a.commit(t)
	}
	return nil
}

func (a *applier) commit(t *applyTask) error {
	if len(t.batches) > 0 {
		a.l.app.Committed(t.batches)
		for _, b := range t.batches {
			a.sinceBytes += int64(len(b))
		}
		if err := a.l.view.extend(t.batches); err != nil {
			return err
		}
	}
	a.l.input(func(c *core) { c.appliedTo(t) })
	return nil
}

func (a *applier) load(m mark) error {
	id := snapshotID{m.EndOffset, m.Epoch}
	a.l.log.Info("loading the leader's snapshot", "snapshot", id.String())
	if err := a.l.app.LoadSnapshot(m.EndOffset, m.Epoch, a.l.snaps.opener(id)); err != nil {
		return fmt.Errorf("raftlog: loading snapshot %s: %w", id, err)
	}
	a.l.snaps.add(id, m.File, a.l.now())
	base := markPosition(m)
	a.l.view.restart(base)
	a.l.view.publish(id, base)
	a.restartPolicy()
	if a.l.stillKnown(id) {
		a.l.snaps.tidy(a.l.now())
	}
	return nil
}

// restartPolicy counts towards the next snapshot from here on.
func (a *applier) restartPolicy() { a.sinceBytes, a.sinceTime, a.share = 0, a.l.now(), 0 }

// reportLeader logs a change of leader and reports it to the application. The loss of a leader is
// one warning, however many elections fail before the next leader.
func (a *applier) reportLeader(t *applyTask) {
	now := *t.lead
	if t.lost && now.leader < 0 && a.leader >= 0 {
		a.l.log.Warn("the quorum has lost its leader", "leader", a.leader, "epoch", now.epoch,
			"why", t.why)
	} else {
		a.l.log.Info("leadership changed", "leader", now.leader, "epoch", now.epoch, "why", t.why)
	}
	a.leader = now.leader
	a.l.app.LeaderChanged(now.leader, now.epoch)
}

// maybeSnapshot starts a snapshot in the background if one is due.
func (a *applier) maybeSnapshot() {
	select {
	case <-a.writing:
	default:
		return
	}
	if !a.snapshotDue() {
		return
	}
	end, epoch, write := a.l.app.Snapshot()
	if end <= a.l.view.latest().end || write == nil {
		return
	}
	var m mark
	var err error
	old := false // the application is about to load a snapshot of the leader
	a.l.input(func(c *core) {
		if old = end < c.store.base.end; !old {
			m, err = c.markFor(end, epoch)
		}
	})
	if old || a.l.ctx.Err() != nil {
		return
	}
	if err != nil || m.Index == 0 {
		a.l.fail(errors.Join(err, errors.New("raftlog: the application named an impossible snapshot")))
		return
	}
	a.restartPolicy()
	a.writing = make(chan struct{})
	done := a.writing
	a.l.goLoop(func() {
		ok := a.l.makeSnapshot(m, write)
		a.failing.Store(!ok)
		close(done)
		if !ok {
			time.AfterFunc(snapshotRetry, a.owe)
		}
		notify(a.wake) // the next one may be due already
	})
}

// owe requests a snapshot as soon as none is being written.
func (a *applier) owe() {
	a.owed.Store(true)
	notify(a.wake)
}

// maybeScrub starts to verify the newest snapshot in the background if that is due.
func (a *applier) maybeScrub() {
	if c := a.l.snaps.scrubDue(a.l.now()); c != nil {
		a.l.goLoop(func() { a.l.snaps.scrub(a.l.ctx, c) })
	}
}

func (a *applier) snapshotDue() bool {
	if a.cutDue() || a.owed.Swap(false) {
		return true
	}
	bytes := float64(a.sinceBytes) / float64(a.l.cfg.SnapshotBytes)
	age := float64(a.l.now().Sub(a.sinceTime)) / float64(a.l.cfg.SnapshotInterval)
	if bytes < shareLeast && (a.sinceBytes == 0 || age < shareLeast) {
		return false
	}
	if a.share == 0 {
		var place, n int
		a.l.input(func(c *core) { place, n = c.place() })
		a.share = snapshotShare(place, n, a.l.view.latest().end)
	}
	return bytes >= a.share || a.sinceBytes > 0 && age >= a.share
}
