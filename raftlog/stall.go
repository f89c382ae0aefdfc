package raftlog

import (
	"sync/atomic"
	"time"
)

// stallWatch times the write under way. The writer marks when one begins and ends; the clock's
// goroutine looks.
type stallWatch struct{ began atomic.Int64 } // unix ns; 0: no write is under way

func (s *stallWatch) begin(now time.Time) { s.began.Store(now.UnixNano()) }
func (s *stallWatch) end()                { s.began.Store(0) }

// lasts is for how long the write under way has lasted.
func (s *stallWatch) lasts(now time.Time) time.Duration {
	began := s.began.Load()
	if began == 0 {
		return 0
	}
	return now.Sub(time.Unix(0, began))
}

// watchDisk gives leadership away while the disk does not answer: a leader that can write nothing
// itself only delays what the others could do. It is asked at every tick. Until the disk answers
// this node starts no election either.
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
