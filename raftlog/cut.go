package raftlog

// CutBefore removes the log before an offset from this node, because observers would fail on its
// records. A snapshot is made as soon as the App has a state that ends at the offset or later; then
// the log before it and all older snapshots are deleted, without the usual reserve for observers
// that lag. CutBefore returns at once and may be called from any goroutine. It does not survive a
// restart: the caller must call it again.
func (l *Log) CutBefore(offset int64) {
	l.input(func(c *core) { c.cut = max(c.cut, offset) })
	l.applier.cutting.Store(true)
	notify(l.applier.wake)
}

// mustCut reports whether a snapshot that ends at an offset lets CutBefore take effect.
func (c *core) mustCut(end int64) bool { return c.store.base.end < c.cut && c.cut <= end }

// keep is how many bytes of the log before a snapshot that ends at an offset are kept.
func (c *core) keep(end int64) int64 {
	if c.mustCut(end) {
		return 0
	}
	return c.cfg.keepBytes
}

// cutDue reports whether a snapshot has to be made so that CutBefore can take effect. If one exists
// already, it takes effect now.
func (a *applier) cutDue() bool {
	if !a.cutting.Load() {
		return false
	}
	l, due := a.l, false
	var cut snapshotID
	l.input(func(c *core) {
		m := c.store.mark
		switch {
		case c.store.base.end >= c.cut:
			a.cutting.Store(false)
		case !c.mustCut(m.EndOffset) || c.store.withheld:
			due = true
		default:
			cut = snapshotID{m.EndOffset, m.Epoch}
			c.store.trim(0)
			l.view.publish(cut, c.store.base)
		}
	})
	if cut.end > 0 {
		l.snaps.deleteBefore(cut)
	}
	return due && !a.failing.Load()
}

// deleteBefore deletes all snapshots older than one, including those being downloaded. A download
// fails at its next request, as if the snapshot had never existed, and starts over with the newest.
func (s *snapshots) deleteBefore(id snapshotID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.known) > 0 && s.known[0].id.compare(id) < 0 && s.remove(0) {
	}
}
