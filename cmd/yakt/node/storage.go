package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// Names that Kafka gives to what lies in a metadata log directory.
const (
	partitionDir    = "__cluster_metadata-0"
	bootstrapFile   = "bootstrap.checkpoint"
	votersFile      = "00000000000000000000-0000000000.checkpoint"
	lockFile        = ".lock"
	directoryMode   = 0o750
	firstSegmentLog = "00000000000000000000.log"
	walDir          = "wal"
	// startedFile says that this directory has had a log: should the log vanish, the node must not go on as a new one.
	startedFile = "yakt.started"
)

// storage is a formatted metadata directory, held by this process.
type storage struct {
	dir         string
	clusterID   string
	directoryID record.UUID
	bootstrap   []record.Record
	voters      *record.Voters // from the 0-0 checkpoint of a dynamic quorum; nil without one
	lock        *os.File
}

func (s *storage) logDir() string { return filepath.Join(s.dir, partitionDir) }

// openStorage checks the directory that cfg names, takes its lock and reads what it was formatted with.
func openStorage(cfg *config.Config) (*storage, error) {
	s := &storage{dir: cfg.MetadataLogDir}
	meta, err := cfg.MetaProperties()
	if err != nil {
		return nil, err
	}
	s.clusterID, s.directoryID = meta.ClusterID, record.UUID(meta.DirectoryID)
	if err := s.acquire(); err != nil {
		return nil, err
	}
	if err := s.read(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// acquire takes the lock that Kafka's own processes take, too.
func (s *storage) acquire() error {
	path := filepath.Join(s.dir, lockFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return fmt.Errorf("cannot write to the metadata directory: %w; give this user write access to %s", err, s.dir)
	}
	// Java's FileChannel.lock is a POSIX record lock over the whole file: so is this.
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &lock); err != nil {
		f.Close()
		return fmt.Errorf("%s is locked: another controller is running on this directory; stop it first", path)
	}
	s.lock = f
	return nil
}

func (s *storage) read() error {
	if err := os.MkdirAll(s.logDir(), directoryMode); err != nil {
		return fmt.Errorf("cannot make the metadata log's directory: %w", err)
	}
	if _, err := os.Stat(filepath.Join(s.logDir(), firstSegmentLog)); err == nil {
		return fmt.Errorf("%s holds the log of an Apache Kafka controller, which this release does not take over; "+
			"format a directory of its own for this node", s.logDir())
	}
	if err := s.checkLogThere(); err != nil {
		return err
	}
	boot, err := readCheckpoint(filepath.Join(s.dir, bootstrapFile))
	if err != nil {
		return err
	}
	s.bootstrap = bootstrapRecords(boot)
	first, err := readCheckpoint(filepath.Join(s.logDir(), votersFile))
	if err != nil {
		return err
	}
	s.voters = votersIn(first)
	return nil
}

// checkLogThere refuses a directory that lost its log. A voter that has forgotten what it voted for and acknowledged could
// help to elect a leader without what is committed.
func (s *storage) checkLogThere() error {
	wal := filepath.Join(s.logDir(), walDir)
	if _, err := os.Stat(filepath.Join(s.dir, startedFile)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if files, err := os.ReadDir(wal); err != nil && !errors.Is(err, fs.ErrNotExist) || len(files) > 0 {
		return err
	}
	return fmt.Errorf("%s is gone or empty, but this node has had a log, and without it it must not vote; put it back, "+
		"or format an empty directory and let the node join anew", wal)
}

// noteStarted remembers that there is a log now.
func (s *storage) noteStarted() error {
	path := filepath.Join(s.dir, startedFile)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return renameio.WriteFile(path, []byte(s.clusterID+"\n"), 0o640)
}

// readCheckpoint reads a checkpoint file; nil when there is none.
func readCheckpoint(path string) (*metadata.Checkpoint, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c, err := metadata.ReadCheckpoint(f)
	if err != nil {
		return nil, fmt.Errorf("%s is damaged: %w; format the directory again", path, err)
	}
	return c, nil
}

// bootstrapRecords are what an empty cluster begins with: what the directory was formatted with, or this release's defaults.
func bootstrapRecords(c *metadata.Checkpoint) []record.Record {
	if c == nil || len(c.Records) == 0 {
		return metadata.BootstrapFeatures(metadata.LatestVersion)
	}
	return c.Records
}

func votersIn(c *metadata.Checkpoint) *record.Voters {
	if c == nil {
		return nil
	}
	for _, r := range c.Control {
		if v, ok := r.(*record.Voters); ok {
			return v
		}
	}
	return nil
}

func (s *storage) close() {
	if s.lock != nil {
		s.lock.Close()
		s.lock = nil
	}
}
