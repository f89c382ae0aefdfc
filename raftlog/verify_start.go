package raftlog

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/yakt/yakt/raftlog/wal"
)

// leaveStopped is the advice for a voter whose disk lost or changed what the voter had
// acknowledged.
const leaveStopped = "leave this node stopped and keep its directory for inspection: the other " +
	"voters, if there are any, continue without it as long as they are a majority; this release " +
	"cannot replace a voter"

// verifyStart verifies the snapshot that the log starts from and returns the size and CRC of its
// file. It forgets newer files: their marks were never written, and they are made or downloaded
// again.
func (s *snapshots) verifyStart(m mark) (wal.FileSum, error) {
	if m.Index == 0 {
		return wal.FileSum{}, s.verifyWithoutMark(m)
	}
	id := snapshotID{m.EndOffset, m.Epoch}
	s.known = slices.DeleteFunc(s.known, func(c *checkpoint) bool { return c.id.compare(id) > 0 })
	c := s.find(id)
	if c == nil {
		return wal.FileSum{}, s.missing(id)
	}
	sum, err := s.verifyFile(s.path(id), m.File)
	switch {
	case err == nil:
		c.sum = sum
		return sum, nil
	case passing(err):
		return sum, fmt.Errorf("raftlog: cannot check the snapshot the log starts from: %w", err)
	case errors.Is(err, errOtherSum):
		return sum, fmt.Errorf(
			"raftlog: the log in %s starts from snapshot %s, but the file of that "+
				"name is damaged or another node's: %w. If the file was replaced, put the original back; "+
				"otherwise %s",
			s.dir, id.file(), err, leaveStopped,
		)
	}
	return sum, fmt.Errorf(
		"raftlog: the log in %s starts from snapshot %s, which is damaged: %w. %s", s.dir,
		id.file(), err, capitalized(leaveStopped),
	)
}

func (s *snapshots) verifyWithoutMark(m mark) error {
	if m.ConfState != nil { // there is a log: its first snapshot was not finished
		s.known = nil
	}
	if len(s.known) == 0 {
		return nil
	}
	return fmt.Errorf(
		"raftlog: %s holds snapshot %s but no log: the log was removed or never belonged "+
			"to this directory; a node without its log must not vote. If the folder %s was moved away "+
			"while this node was stopped, put that same folder back, and no copy of it; "+
			"otherwise %s",
		s.dir, s.known[0].id.file(), walDir, leaveStopped,
	)
}

func (s *snapshots) missing(id snapshotID) error {
	bad := s.path(id) + badSuffix
	names, _ := s.fs.List(s.dir)
	if slices.Contains(names, filepath.Base(bad)) {
		return fmt.Errorf(
			"raftlog: the log in %s starts from snapshot %s, which was found damaged, and "+
				"this node stopped before another one took its place (the damaged file is %s). %s",
			s.dir, id.file(), bad, capitalized(leaveStopped),
		)
	}
	return fmt.Errorf(
		"raftlog: the log in %s starts from snapshot %s, but that file is missing. If it "+
			"was moved away, put it back (its content is checked); otherwise %s",
		s.dir, id.file(), leaveStopped,
	)
}

func capitalized(s string) string { return string(s[0]-'a'+'A') + s[1:] }

// bindMark records the sum of the file that the mark names, for a log of a release that did not. If
// there is no space for it, the next mark records it.
func bindMark(cfg Config, d disk, m mark) error {
	err := d.SetMark(m)
	if shortageOf(err) != nil {
		cfg.Logger.Warn("cannot record the checksum of the snapshot yet", "error", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("raftlog: recording the checksum of the snapshot: %w", err)
	}
	return nil
}
