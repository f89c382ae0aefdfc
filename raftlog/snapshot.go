package raftlog

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// ErrSnapshotNotFound says that there is no such snapshot, or no longer. A follower goes back to FETCH and is told a newer one.
var ErrSnapshotNotFound = errors.New("raftlog: no such snapshot")

const (
	checkpointSuffix = ".checkpoint"
	partSuffix       = ".part"
	// downloadIdle is how long a snapshot is kept after it was last read from.
	downloadIdle = time.Minute
)

// String is the name of its checkpoint file without the suffix, as Kafka writes it.
func (id snapshotID) String() string { return fmt.Sprintf("%020d-%010d", id.end, id.epoch) }

func (id snapshotID) file() string { return id.String() + checkpointSuffix }

func (id snapshotID) compare(other snapshotID) int {
	return cmp.Or(cmp.Compare(id.end, other.end), cmp.Compare(id.epoch, other.epoch))
}

// parseCheckpoint reads a checkpoint file name. The 0-0 checkpoint (bootstrap records, written when the directory was
// formatted) is no snapshot of the log and is never touched.
func parseCheckpoint(name string) (id snapshotID, ok bool) {
	stem, found := strings.CutSuffix(name, checkpointSuffix)
	if n, err := fmt.Sscanf(stem, "%d-%d", &id.end, &id.epoch); !found || n != 2 || err != nil {
		return snapshotID{}, false
	}
	return id, id.file() == name && id.end > 0 && id.epoch >= 0
}

// snapshots is the store of checkpoint files in the log's directory. Safe for concurrent use.
type snapshots struct {
	dir  string
	keep int
	log  *slog.Logger

	mu    sync.Mutex
	known []snapshotID             // ascending; the last one is the log's mark
	read  map[snapshotID]time.Time // last read, for those that are being downloaded
}

func (s *snapshots) path(id snapshotID) string { return filepath.Join(s.dir, id.file()) }

// openSnapshots lists the checkpoint files and removes unfinished ones.
func openSnapshots(dir string, keep int, log *slog.Logger) (*snapshots, error) {
	s := &snapshots{dir: dir, keep: keep, log: log, read: map[snapshotID]time.Time{}}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("raftlog: listing snapshots: %w", err)
	}
	for _, f := range files {
		if strings.HasSuffix(f.Name(), checkpointSuffix+partSuffix) {
			if err := os.Remove(filepath.Join(dir, f.Name())); err != nil {
				return nil, fmt.Errorf("raftlog: removing an unfinished snapshot: %w", err)
			}
		}
		if id, ok := parseCheckpoint(f.Name()); ok {
			s.known = append(s.known, id)
		}
	}
	slices.SortFunc(s.known, snapshotID.compare)
	return s, nil
}

// settle checks the snapshot the log starts from and forgets files the log does not vouch for: a newer one was not
// finished (its mark was never written) and is made or pulled again.
func (s *snapshots) settle(m mark) error {
	id := snapshotID{m.EndOffset, m.Epoch}
	if m.Index == 0 {
		if len(s.known) > 0 {
			return fmt.Errorf("raftlog: %s holds snapshot %s but no log: the log was removed or never belonged to this directory; "+
				"a node without its log must not vote. Put %s back, or remove the snapshots too and let the node join anew",
				s.dir, s.known[0].file(), walDir)
		}
		return nil
	}
	if !slices.Contains(s.known, id) {
		return fmt.Errorf("raftlog: the log in %s starts from snapshot %s, but that file is missing; put it back, or copy it from another node", s.dir, id.file())
	}
	if _, err := verifyCheckpoint(s.path(id)); err != nil {
		return fmt.Errorf("raftlog: the log in %s starts from snapshot %s, which is damaged (copy it from another node): %w", s.dir, id.file(), err)
	}
	s.known = slices.DeleteFunc(s.known, func(k snapshotID) bool { return k.compare(id) > 0 })
	return nil
}

func (s *snapshots) opener(id snapshotID) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return os.Open(s.path(id)) }
}

// write makes a checkpoint file: under another name until it is complete, durable and verified.
func (s *snapshots) write(id snapshotID, fill func(io.Writer) error) error {
	part := s.path(id) + partSuffix
	f, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = fill(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		_, err = verifyCheckpoint(part)
	}
	if err == nil {
		err = os.Rename(part, s.path(id))
	}
	if err == nil {
		err = syncDir(s.dir)
	}
	if err != nil {
		_ = os.Remove(part)
	}
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// has reports whether a checkpoint file is complete on disk, known to the log or not.
func (s *snapshots) has(id snapshotID) bool {
	_, err := verifyCheckpoint(s.path(id))
	return err == nil
}

// add makes a durable, marked snapshot known.
func (s *snapshots) add(id snapshotID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.known, id) {
		s.known = append(s.known, id)
		slices.SortFunc(s.known, snapshotID.compare)
	}
}

// discard deletes a snapshot that never became known.
func (s *snapshots) discard(id snapshotID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.known, id) {
		_ = os.Remove(s.path(id))
	}
}

// tidy deletes all but the newest snapshots, and those that somebody is downloading.
func (s *snapshots) tidy(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 0; i < len(s.known)-s.keep; {
		id := s.known[i]
		if last, reading := s.read[id]; reading && now.Sub(last) < downloadIdle {
			i++
			continue
		}
		if err := os.Remove(s.path(id)); err != nil && !errors.Is(err, os.ErrNotExist) {
			s.log.Warn("cannot delete an old snapshot", "snapshot", id.file(), "error", err)
			i++
			continue
		}
		delete(s.read, id)
		s.known = slices.Delete(s.known, i, i+1)
	}
}

// open opens a known snapshot at a position, and tells its size.
func (s *snapshots) open(id snapshotID, position int64, now time.Time) (f *os.File, size int64, err error) {
	s.mu.Lock()
	if !slices.Contains(s.known, id) {
		s.mu.Unlock()
		return nil, 0, fmt.Errorf("%w: %s", ErrSnapshotNotFound, id)
	}
	s.read[id] = now
	f, err = os.Open(s.path(id))
	s.mu.Unlock()
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrSnapshotNotFound, err)
	}
	size, err = seekWithin(f, position)
	if err != nil {
		return nil, size, errors.Join(fmt.Errorf("raftlog: snapshot %s: %w", id, err), f.Close())
	}
	return f, size, nil
}

func seekWithin(f *os.File, position int64) (size int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if position < 0 || position > info.Size() {
		return info.Size(), fmt.Errorf("position %d is outside its %d bytes", position, info.Size())
	}
	_, err = f.Seek(position, io.SeekStart)
	return info.Size(), err
}

// readAt returns up to maxBytes bytes of a known snapshot from position on, and its size.
func (s *snapshots) readAt(id snapshotID, position int64, maxBytes int, now time.Time) ([]byte, int64, error) {
	f, size, err := s.open(id, position, now)
	if err != nil {
		return nil, size, err
	}
	defer f.Close()
	chunk := make([]byte, min(int64(max(maxBytes, 0)), size-position))
	_, err = io.ReadFull(f, chunk)
	return chunk, size, err
}

// OpenSnapshot opens a snapshot's file at a position and tells its total size; ErrSnapshotNotFound if this node has no such
// snapshot (the 0-0 checkpoint is none). The file never changes and can be read to its end even if it is deleted meanwhile; the caller
// closes it. Being opened keeps a snapshot for at least a minute more.
func (l *Log) OpenSnapshot(endOffset int64, epoch int32, position int64) (file io.ReadCloser, size int64, err error) {
	f, size, err := l.snaps.open(snapshotID{endOffset, epoch}, position, l.now())
	if err != nil {
		return nil, size, err
	}
	return f, size, nil
}

// LatestSnapshot names the newest durable snapshot.
func (l *Log) LatestSnapshot() (endOffset int64, epoch int32, ok bool) {
	id := l.view.latest()
	return id.end, id.epoch, id != snapshotID{}
}

func (v *view) latest() snapshotID {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.snapshot
}

// makeSnapshot writes a snapshot in the background and has it marked in the write-ahead log. A failure to write the
// file costs nothing but disk: the log is still whole, and the next snapshot is tried later.
func (l *Log) makeSnapshot(m mark, fill func(io.Writer) error) {
	id := snapshotID{m.EndOffset, m.Epoch}
	began := l.now()
	if err := l.snaps.write(id, func(w io.Writer) error { return fill(newPacedWriter(l.ctx, w)) }); err != nil {
		l.log.Error("cannot write a snapshot; the log keeps growing until one succeeds", "snapshot", id.file(), "error", err)
		return
	}
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
		l.log.Info("snapshot done", "snapshot", id.file(), "took", l.now().Sub(began).Round(time.Millisecond))
	case <-l.ctx.Done():
	}
}

// snapshotMarked drops what the snapshot makes superfluous. It runs on the writer's goroutine.
func (l *Log) snapshotMarked(m mark) {
	id := snapshotID{m.EndOffset, m.Epoch}
	l.snaps.add(id) // before anybody is told to read it
	l.input(func(c *core) {
		if c.marked(m) {
			l.view.publish(id, c.store.base)
		}
	})
	// What memory keeps for those a little behind is not needed on disk.
	if err := l.writer.withSpace(func() error { return l.writer.disk.Compact(m.Index + 1) }); err != nil {
		l.fail(fmt.Errorf("raftlog: dropping old segments: %w", err))
		return
	}
	l.snaps.tidy(l.now())
}
