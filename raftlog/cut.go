package raftlog

// CutBefore removes the log before an offset from this node, because observers fail on what it
// holds. A snapshot is made as soon as the App has a state that ends there or later; no log before
// it is kept for observers that lag a little, and all older snapshots are deleted. CutBefore
// returns at once, and any goroutine may call it. A restart forgets it: the caller repeats it then.
func (l *Log) CutBefore(offset int64) {
	l.input(func(c *core) { c.cut = max(c.cut, offset) })
	l.applier.cutting.Store(true)
	notify(l.applier.wake)
}

// mustCut reports whether a snapshot that ends at an offset takes the place of all before it.
func (c *core) mustCut(end int64) bool { return c.store.base.end < c.cut && c.cut <= end }

// keep is how much of the log stays behind a snapshot that ends at an offset.
func (c *core) keep(end int64) int64 {
	if c.mustCut(end) {
		return 0
	}
	return c.cfg.keepBytes
}

// cutDue reports whether the log starts before what must be cut off, and no snapshot there is can
// take its place. One that can does so now.
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

// deleteBefore deletes all snapshots older than one, those that somebody is downloading, too: who
// asks for the rest is told that there is no such snapshot, and begins with the newest.
func (s *snapshots) deleteBefore(id snapshotID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.known) > 0 && s.known[0].id.compare(id) < 0 && s.remove(0) {
	}
}
