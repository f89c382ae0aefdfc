package raftlog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/yakt/yakt/raftlog/wal"
	"github.com/yakt/yakt/vfs"
)

// ErrSnapshotNotFound reports that a snapshot does not exist, no longer exists, or cannot be
// verified. An observer then returns to FETCH, whose response names a newer one.
var ErrSnapshotNotFound = errors.New("raftlog: no such snapshot")

const (
	checkpointSuffix = ".checkpoint"
	partSuffix       = ".part"
	badSuffix        = ".bad" // renames a checkpoint that was found damaged
	// downloadIdle is how long a snapshot is kept after it was last read from.
	downloadIdle = time.Minute
)

// String is the name of its checkpoint file without the suffix, as Kafka writes it.
func (id snapshotID) String() string { return fmt.Sprintf("%020d-%010d", id.end, id.epoch) }

func (id snapshotID) file() string { return id.String() + checkpointSuffix }

func (id snapshotID) compare(other snapshotID) int {
	return cmp.Or(cmp.Compare(id.end, other.end), cmp.Compare(id.epoch, other.epoch))
}

// parseCheckpoint reads a checkpoint file name. The 0-0 checkpoint (bootstrap records, written when
// the directory was formatted) is no snapshot of the log and is never touched.
func parseCheckpoint(name string) (id snapshotID, ok bool) {
	stem, found := strings.CutSuffix(name, checkpointSuffix)
	if n, err := fmt.Sscanf(stem, "%d-%d", &id.end, &id.epoch); !found || n != 2 || err != nil {
		return snapshotID{}, false
	}
	return id, id.file() == name && id.end > 0 && id.epoch >= 0
}

// checkpoint is a durable snapshot file in the log's directory. The mutex of its snapshots guards
// it.
type checkpoint struct {
	id  snapshotID
	sum wal.FileSum // zero: not known, as of older files after a restart; those are never served

	read     time.Time // last, zero if never
	checked  time.Time // when it was last found whole before it was served
	scrubbed time.Time // when the last scrub began
	check    *check    // under way, or nil
}

// snapshots is the store of checkpoint files in the log's directory. Safe for concurrent use.
type snapshots struct {
	dir   string
	fs    vfs.FS
	clock Clock
	keep  int // newest snapshots that tidy leaves; at least 1
	log   *slog.Logger
	// foundBad is called, without a lock held, after a known snapshot was found damaged and set
	// aside.
	foundBad func(id snapshotID)

	mu      sync.Mutex
	known   []*checkpoint       // ascending; the last one is the log's mark
	writing map[snapshotID]bool // files being made
}

func (s *snapshots) path(id snapshotID) string { return filepath.Join(s.dir, id.file()) }

// openSnapshots lists the checkpoint files in cfg.Dir and removes unfinished ones.
func openSnapshots(cfg Config) (*snapshots, error) {
	s := &snapshots{
		dir: cfg.Dir, fs: cfg.FS, clock: cfg.Clock, keep: cfg.SnapshotsKept, log: cfg.Logger,
		foundBad: func(snapshotID) {}, writing: map[snapshotID]bool{},
	}
	names, err := s.fs.List(s.dir)
	if err != nil {
		return nil, fmt.Errorf("raftlog: listing snapshots: %w", err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, checkpointSuffix+partSuffix) {
			if err := s.fs.Remove(filepath.Join(s.dir, name)); err != nil {
				return nil, fmt.Errorf("raftlog: removing an unfinished snapshot: %w", err)
			}
		}
		if id, ok := parseCheckpoint(name); ok {
			s.known = append(s.known, &checkpoint{id: id})
		}
	}
	s.sort()
	return s, nil
}

func (s *snapshots) sort() {
	slices.SortFunc(s.known, func(a, b *checkpoint) int { return a.id.compare(b.id) })
}

// find returns a known snapshot, or nil. The caller holds the lock.
func (s *snapshots) find(id snapshotID) *checkpoint {
	i := slices.IndexFunc(s.known, func(c *checkpoint) bool { return c.id == id })
	if i < 0 {
		return nil
	}
	return s.known[i]
}

func (s *snapshots) knows(id snapshotID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(id) != nil
}

func (s *snapshots) opener(id snapshotID) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return openReader(s.fs, s.path(id), 0) }
}

// write makes a checkpoint file and returns its size and CRC. The file has a temporary name until
// it is complete, durable and verified by reading it back. Its sum must equal want unless want is
// zero.
func (s *snapshots) write(
	id snapshotID, want wal.FileSum, fill func(io.Writer) error,
) (wal.FileSum, error) {
	if err := s.beginWriting(id); err != nil {
		return wal.FileSum{}, err
	}
	defer s.endWriting(id)
	part := s.path(id) + partSuffix
	sum, err := fillFile(s.fs, part, fill)
	if err == nil {
		err = compareSums(sum, want)
	}
	if err == nil {
		_, err = s.verifyFile(part, sum)
	}
	if err == nil {
		err = s.fs.Rename(part, s.path(id))
	}
	if err == nil {
		err = s.fs.SyncDir(s.dir)
	}
	if err != nil {
		_ = s.fs.Remove(part)
	}
	return sum, err
}

// beginWriting prevents that a file is written twice at the same time, and that a known snapshot is
// replaced.
func (s *snapshots) beginWriting(id snapshotID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writing[id] || s.find(id) != nil {
		return fmt.Errorf("raftlog: snapshot %s is here or being written already", id)
	}
	s.writing[id] = true
	return nil
}

func (s *snapshots) endWriting(id snapshotID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.writing, id)
}

// fillFile writes a new file, makes it durable, and returns the size and CRC of what was written.
func fillFile(fsys vfs.FS, path string, fill func(io.Writer) error) (wal.FileSum, error) {
	f, err := fsys.Create(path)
	if err != nil {
		return wal.FileSum{}, err
	}
	w := &summingFile{File: f}
	err = fill(w)
	if err == nil {
		err = f.Datasync()
	}
	return w.sum, errors.Join(err, f.Close())
}

// openReader opens a file for reading from position to its end.
func openReader(fsys vfs.FS, path string, position int64) (io.ReadCloser, error) {
	f, err := fsys.OpenRead(path)
	if err != nil {
		return nil, err
	}
	r, err := vfs.NewReader(f, position)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

// holds reports whether an offered snapshot is here already: a known one, or a complete file that
// was not marked before a restart.
func (s *snapshots) holds(id snapshotID, sum wal.FileSum) bool {
	if s.knows(id) {
		return true
	}
	_, err := s.verifyFile(s.path(id), sum)
	return err == nil
}

// add adds a snapshot that is durable and marked, and whose file was just verified, to the known
// ones.
func (s *snapshots) add(id snapshotID, sum wal.FileSum, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.find(id) == nil {
		s.known = append(s.known, &checkpoint{id: id, sum: sum, checked: now, scrubbed: now})
		s.sort()
	}
}

// discard deletes a snapshot that never became known.
func (s *snapshots) discard(id snapshotID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.find(id) == nil {
		_ = s.fs.Remove(s.path(id))
	}
}

// tidy deletes old snapshots. It keeps the newest ones and those being downloaded.
func (s *snapshots) tidy(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 0; i < len(s.known)-s.keep; {
		c := s.known[i]
		if !c.read.IsZero() && now.Sub(c.read) < downloadIdle {
			i++
			continue
		}
		if !s.remove(i) {
			i++
		}
	}
}

// remove deletes a known snapshot and reports whether its file could be deleted. The caller holds
// the lock.
func (s *snapshots) remove(i int) bool {
	id := s.known[i].id
	if err := s.fs.Remove(s.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.Warn("cannot delete an old snapshot", "snapshot", id.file(), "error", err)
		return false
	}
	s.known = slices.Delete(s.known, i, i+1)
	return true
}

func notFound(id snapshotID) error { return fmt.Errorf("%w: %s", ErrSnapshotNotFound, id) }

// open opens a known snapshot at a position and returns its size. If its file was not verified
// recently, open verifies it first, until ctx ends.
func (s *snapshots) open(
	ctx context.Context, id snapshotID, position int64, now time.Time,
) (io.ReadCloser, int64, error) {
	if err := s.vouch(ctx, id, now); err != nil {
		return nil, 0, err
	}
	s.mu.Lock()
	if s.find(id) == nil {
		s.mu.Unlock()
		return nil, 0, notFound(id)
	}
	f, err := s.fs.OpenRead(s.path(id))
	s.mu.Unlock()
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrSnapshotNotFound, err)
	}
	r, size, err := readWithin(f, position)
	if err != nil {
		return nil, size, errors.Join(fmt.Errorf("raftlog: snapshot %s: %w", id, err), f.Close())
	}
	return r, size, nil
}

// readWithin returns a reader from a position inside a file, which it owns from then on, and the
// file's size.
func readWithin(f vfs.File, position int64) (r io.ReadCloser, size int64, err error) {
	if size, err = f.Size(); err != nil {
		return nil, 0, err
	}
	if position < 0 || position > size {
		return nil, size, fmt.Errorf("position %d is outside its %d bytes", position, size)
	}
	r, err = vfs.NewReader(f, position)
	return r, size, err
}

// readAt returns up to maxBytes bytes of a known snapshot from position on, and its size. Errors
// and waiting as in open.
func (s *snapshots) readAt(
	ctx context.Context, id snapshotID, position int64, maxBytes int, now time.Time,
) ([]byte, int64, error) {
	f, size, err := s.open(ctx, id, position, now)
	if err != nil {
		return nil, size, err
	}
	defer f.Close()
	chunk := make([]byte, min(int64(max(maxBytes, 0)), size-position))
	if _, err = io.ReadFull(f, chunk); err != nil {
		s.doubt(now)
		return nil, size, fmt.Errorf("%w: reading %s: %w", ErrSnapshotNotFound, id, err)
	}
	return chunk, size, nil
}
