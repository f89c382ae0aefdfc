package raftlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/yakt/yakt/vfs"
)

const (
	// verifiedFor is how long a snapshot is served after its file was verified, so that observers
	// that download at the same time share one verification.
	verifiedFor = 10 * time.Second
	// doubtAfter is the age from which a follower's complaint invalidates a verification, so that
	// complaints cannot keep the disk busy.
	doubtAfter = time.Second
	// scrubInterval is how often the newest snapshot is read again even if nobody downloads it.
	scrubInterval = time.Hour
)

// check is one verification of a snapshot's file, shared by all downloads that begin in the
// meantime.
type check struct {
	done chan struct{} // closed once err is set
	err  error
}

// vouch returns nil once a snapshot's file is known to be whole: it was verified within
// verifiedFor, or is verified now. The first caller reads the file, without a lock held, and
// concurrent callers wait for its result. Every error is an ErrSnapshotNotFound. A damaged file is
// set aside.
//
// A broker abandons a request after 2 s. The verification continues without it, and its next
// request finds the result.
func (s *snapshots) vouch(ctx context.Context, id snapshotID, now time.Time) error {
	s.mu.Lock()
	c := s.find(id)
	if c == nil || c.sum.Bytes == 0 {
		s.mu.Unlock()
		return notFound(id)
	}
	c.read = now
	if now.Sub(c.checked) < verifiedFor {
		s.mu.Unlock()
		return nil
	}
	if k := c.check; k != nil {
		s.mu.Unlock()
		<-k.done
		return k.err
	}
	k := &check{done: make(chan struct{})}
	c.check = k
	s.mu.Unlock()

	k.err = s.examine(c, func(f vfs.File, r io.Reader) io.Reader { return cancellableReader{ctx, r} })
	s.mu.Lock()
	c.check = nil
	if k.err == nil {
		c.checked = now
	}
	s.mu.Unlock()
	close(k.done)
	return k.err
}

// examine verifies a known snapshot's file, and sets it aside if it is damaged.
func (s *snapshots) examine(c *checkpoint, through func(vfs.File, io.Reader) io.Reader) error {
	err := s.readThrough(c, through)
	switch {
	case err == nil:
		return nil
	case passing(err):
		return fmt.Errorf("%w: %s cannot be checked now: %w", ErrSnapshotNotFound, c.id, err)
	}
	s.condemn(c, err)
	return fmt.Errorf("%w: %s was found damaged", ErrSnapshotNotFound, c.id)
}

func (s *snapshots) readThrough(
	c *checkpoint, through func(vfs.File, io.Reader) io.Reader,
) error {
	f, err := s.fs.OpenRead(s.path(c.id))
	if err != nil {
		return err
	}
	r, err := vfs.NewReader(f, 0)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	_, err = verifyCheckpoint(through(f, r), c.sum)
	return errors.Join(err, r.Close())
}

// passing reports whether an error says nothing about the file: the process lacks a resource or is
// stopping.
func passing(err error) bool {
	for _, e := range []error{
		context.Canceled,
		syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EINTR, syscall.EAGAIN,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// condemn removes a damaged snapshot from the known ones and sets its file aside.
func (s *snapshots) condemn(c *checkpoint, why error) {
	s.mu.Lock()
	i := slices.Index(s.known, c)
	if i < 0 { // deleted meanwhile, or another check was faster
		s.mu.Unlock()
		return
	}
	s.known = slices.Delete(s.known, i, i+1)
	aside, err := s.setAside(c.id)
	s.mu.Unlock()
	if err != nil {
		s.log.Warn("cannot set a damaged snapshot aside", "snapshot", c.id.file(), "error", err)
	}
	s.log.Error("a snapshot was found damaged and is no longer served: check the disk. "+
		"If it was the newest, one of the current state takes its place",
		"snapshot", c.id.file(), "keptAs", aside, "error", why)
	s.foundBad(c.id)
}

// setAside renames a damaged file. One is kept at most, the last.
func (s *snapshots) setAside(id snapshotID) (aside string, err error) {
	aside = s.path(id) + badSuffix
	names, err := s.fs.List(s.dir)
	for _, name := range names {
		if strings.HasSuffix(name, checkpointSuffix+badSuffix) {
			err = errors.Join(err, s.fs.Remove(filepath.Join(s.dir, name)))
		}
	}
	if e := s.fs.Rename(s.path(id), aside); e != nil && !errors.Is(e, fs.ErrNotExist) {
		err = errors.Join(err, e)
	}
	return aside, err
}

// doubt invalidates verifications older than doubtAfter, because a served file could not be used.
func (s *snapshots) doubt(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.known {
		if now.Sub(c.checked) >= doubtAfter {
			c.checked = time.Time{}
		}
	}
}

// scrubDue returns the newest snapshot if it is time to verify it again, and starts the next
// interval.
func (s *snapshots) scrubDue(now time.Time) *checkpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) == 0 {
		return nil
	}
	c := s.known[len(s.known)-1]
	if c.sum.Bytes == 0 || now.Sub(c.scrubbed) < scrubInterval {
		return nil
	}
	c.scrubbed = now
	return c
}

// scrub verifies a snapshot on the disk, slowly, and sets it aside if it is damaged. Downloads
// never wait for a scrub.
func (s *snapshots) scrub(ctx context.Context, c *checkpoint) {
	_ = s.examine(c, func(f vfs.File, r io.Reader) io.Reader {
		vfs.DropCached(f)
		return newPacedReader(ctx, s.clock, r)
	})
}
