package wal

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	// markDelay bounds how long the mark trails a log that is not busy enough to
	// reach MarkEvery syncs.
	markDelay = 250 * time.Millisecond
	// markIdle is how often a log is checked while the mark trails it: if there was no sync since
	// the last check, the log is idle and the mark is written. It is many times the interval
	// between the syncs of a busy log.
	markIdle = 5 * time.Millisecond
)

// marker advances the durable mark in the background, so that a Sync never waits for it.
type marker struct {
	mark  *durableMark
	every int
	log   *slog.Logger

	mu      sync.Mutex // locked after mark.mu where both are
	latest  position
	syncs   uint64
	pending int    // syncs since the mark was last written
	note    []byte // replaced, never changed
	noted   bool   // note is not in the mark yet
	behind  bool   // the last write found no space
	err     error  // final
	closed  bool

	begin, now, stop chan struct{} // signals: something is pending; write now; end
	done             chan struct{} // nil when the marker runs within the calls
}

func newMarker(mark *durableMark, every int, inline bool, log *slog.Logger) *marker {
	m := &marker{mark: mark, every: every, log: log, note: mark.note}
	if inline {
		return m
	}
	m.begin, m.now = make(chan struct{}, 1), make(chan struct{}, 1)
	m.stop, m.done = make(chan struct{}), make(chan struct{})
	go m.run()
	return m
}

// synced reports that the log is synced up to p. If it is urgent, the mark is written without
// waiting for further syncs. An error is final.
func (m *marker) synced(p position, urgent bool) error {
	m.mu.Lock()
	m.latest = p
	m.syncs++
	m.pending++
	first, full := m.pending == 1, urgent || m.pending >= m.every
	err := m.err
	m.mu.Unlock()
	switch {
	case m.done == nil && full:
		if err = m.flush(); errors.Is(err, ErrRetry) {
			return nil
		}
		return err
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

// failure returns the error that has made the log unusable, or nil.
func (m *marker) failure() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

func (m *marker) setNote(note []byte, sync bool) error {
	if len(note) > MaxNoteBytes {
		return fmt.Errorf("wal: a note of %d bytes, where there is room for %d", len(note), MaxNoteBytes)
	}
	m.mu.Lock()
	if m.err == nil && !m.closed && !bytes.Equal(m.note, note) {
		m.note, m.noted = bytes.Clone(note), true
	}
	err, closed := m.err, m.closed
	m.mu.Unlock()
	switch {
	case err != nil:
		return err
	case closed:
		return ErrClosed
	case sync:
		return m.flush()
	case m.done != nil:
		signal(m.begin)
	}
	return nil
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (m *marker) run() {
	defer close(m.done)
	limit, look := time.NewTimer(markDelay), time.NewTicker(markIdle)
	defer limit.Stop()
	defer look.Stop()
	for {
		look.Stop()
		select {
		case <-m.begin:
		case <-m.stop:
			return
		}
		limit.Reset(markDelay)
		look.Reset(markIdle)
		for m.await(limit, look) {
			if err := m.flush(); !errors.Is(err, ErrRetry) {
				break
			}
			limit.Reset(markDelay)
			look.Stop() // no other try before markDelay, unless one is requested
		}
		if m.stopped() {
			return
		}
	}
}

// await returns true when the mark is due, false when the marker must end.
func (m *marker) await(limit *time.Timer, look *time.Ticker) bool {
	for seen := m.synceds(); ; {
		select {
		case <-m.now:
			return true
		case <-limit.C:
			return true
		case <-m.stop:
			return false
		case <-look.C:
			n := m.synceds()
			if n == seen {
				return true
			}
			seen = n
		}
	}
}

func (m *marker) synceds() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.syncs
}

func (m *marker) stopped() bool {
	select {
	case <-m.stop:
		return true
	default:
		return false
	}
}

// flush makes everything that is pending durable. If nothing is pending, it has waited for the
// flush that wrote it. After ErrRetry it is pending again.
func (m *marker) flush() error {
	m.mark.mu.Lock()
	defer m.mark.mu.Unlock()
	m.mu.Lock()
	p, note, err := m.latest, m.note, m.err
	pending, noted := m.pending, m.noted
	closed := m.closed
	if err == nil && !closed {
		m.pending, m.noted = 0, false
	}
	m.mu.Unlock()
	switch {
	case err != nil:
		return err
	case closed && noted:
		return ErrClosed
	case closed || pending == 0 && !noted:
		return nil
	}
	err = m.mark.advance(p, note)
	m.mu.Lock()
	defer m.mu.Unlock()
	again := errors.Is(err, ErrRetry)
	switch {
	case again:
		m.pending, m.noted = m.pending+pending, m.noted || noted
		if !m.behind {
			m.log.Warn("wal: the durable mark cannot be written now; it trails the log until it can",
				"error", err)
		}
	case err != nil:
		m.err = err
	}
	m.behind = again
	return err
}

// close writes the mark once more, so that after a clean stop it is exact.
func (m *marker) close(write bool) error {
	if m.done != nil {
		close(m.stop)
		<-m.done
	}
	var err error
	if write {
		err = m.flush()
	}
	m.mark.mu.Lock()
	defer m.mark.mu.Unlock()
	m.mu.Lock()
	m.closed = true
	if err == nil {
		err = m.err
	}
	m.mu.Unlock()
	if err = errors.Join(err, m.mark.file.Close()); err != nil {
		return fmt.Errorf("wal: closing the durable mark: %w", err)
	}
	return nil
}
