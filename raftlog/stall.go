package raftlog

import (
	"sync/atomic"
	"time"
)

// stallWatch measures how long the current write takes. The writer calls begin and end; the clock's
// goroutine calls lasts.
type stallWatch struct{ began atomic.Int64 } // unix ns; 0: no write is under way

func (s *stallWatch) begin(now time.Time) { s.began.Store(now.UnixNano()) }
func (s *stallWatch) end()                { s.began.Store(0) }

// lasts returns the duration of the current write so far, 0 if there is none.
func (s *stallWatch) lasts(now time.Time) time.Duration {
	began := s.began.Load()
	if began == 0 {
		return 0
	}
	return now.Sub(time.Unix(0, began))
}

// watchDisk hands leadership over when the disk does not answer: a leader that cannot write only
// delays the others. It is called at every tick. Until the disk answers, this node starts no
// election.
func (l *Log) watchDisk() {
	timeout := time.Duration(l.cfg.ElectionTicks) * l.cfg.Tick
	lasts := l.writer.watch.lasts(l.now())
	stalled, was := lasts >= timeout, false
	l.input(func(c *core) {
		was, c.stalled = c.stalled, stalled
		if stalled && c.ticks%int64(c.cfg.electionTicks) == 0 || stalled && !was {
			c.handOver()
		}
	})
	switch {
	case stalled && !was:
		l.log.Error("the disk does not answer: this node does not lead until it does",
			"waiting", lasts.Round(time.Millisecond))
	case was && !stalled:
		l.log.Info("the disk answers again")
	}
}
