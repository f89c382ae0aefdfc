package node

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Names in a metadata log directory. All but wal are Kafka's.
const (
	partitionDir  = protocol.MetadataTopic + "-0"
	bootstrapFile = "bootstrap.checkpoint"
	foundingFile  = "00000000000000000000-0000000000.checkpoint"
	lockFile      = ".lock"
	walDir        = "wal"
)

// The metadata holds secrets: SCRAM credentials, delegation tokens, passwords of dynamic configs.
const (
	directoryMode = 0o700
	fileMode      = 0o600
)

// storage is a formatted metadata directory, locked by this process.
type storage struct {
	dir         string
	clusterID   string
	directoryID protocol.UUID
	bootstrap   []record.Record // the first records of a cluster; an active controller appends them
	voters      *record.Voters  // from the 0-0 checkpoint of a dynamic quorum; nil without one
	foundingErr error           // why bootstrap and voters are unknown, if there is a log
	hasLog      bool            // opening the log does not create one
	started     *startedInfo    // content of yakt.started; nil if it must be written
	lock        *os.File        // held until close; the kernel frees it when the process dies
}

func (s *storage) logDir() string { return filepath.Join(s.dir, partitionDir) }

// openStorage checks the directory that cfg names, takes its lock and reads what it was formatted
// with.
func openStorage(cfg *config.Config, logger *slog.Logger) (*storage, error) {
	s := &storage{dir: cfg.Storage.MetadataLogDir}
	d, err := Inspect(s.dir)
	if err != nil {
		return nil, err
	}
	if d.Kind != Formatted && d.Kind != InUse && d.Kind != Mixed {
		// Without the lock: its file must not appear in a directory that is not ours.
		return nil, d.startable(cfg)
	}
	if err := s.acquire(); err != nil {
		return nil, err
	}
	if err := s.read(cfg, logger); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// read reads the content of the locked directory.
func (s *storage) read(cfg *config.Config, logger *slog.Logger) error {
	d, err := Inspect(s.dir)
	if err != nil {
		return err
	}
	f, err := d.Fit(cfg)
	var unread *foundingError
	if errors.As(err, &unread) && d.hasLog() {
		s.foundingErr, err = unread, nil
		logger.Warn("the files that format wrote cannot be read; the log does not need them",
			"err", unread)
	}
	if err != nil {
		return err
	}
	if err := s.identify(d); err != nil {
		return err
	}
	if d.StartedErr != nil {
		logger.Warn("writing yakt.started again from the log's own identity", "err", d.StartedErr)
	}
	s.bootstrap, s.voters, s.hasLog, s.started = f.records, f.voters, d.hasLog(), d.StartedInfo
	if err := os.MkdirAll(s.logDir(), directoryMode); err != nil {
		return fmt.Errorf("cannot make the metadata log's directory: %w", err)
	}
	return nil
}

// identify reads the identity from meta.properties. A directory without a directory id, formatted
// before Kafka 3.7, gets one if no node has run on it.
func (s *storage) identify(d *Directory) error {
	meta := *d.Meta
	if meta.DirectoryID.IsZero() {
		meta.DirectoryID = protocol.NewUUID()
		if err := meta.Write(s.dir); err != nil {
			return err
		}
	}
	s.clusterID, s.directoryID = meta.ClusterID, meta.DirectoryID
	return nil
}

// acquire takes the lock that Kafka's own processes take.
func (s *storage) acquire() error {
	path := filepath.Join(s.dir, lockFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return fmt.Errorf("cannot write to the metadata directory: %w; give this user write "+
			"access to %s", err, s.dir)
	}
	// Java's FileChannel.lock is a POSIX record lock over the whole file, and so is this.
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &lock); err != nil {
		f.Close()
		return errLocked(path)
	}
	s.lock = f
	return nil
}

// recordStarted writes yakt.started, unless it already has this content.
func (s *storage) recordStarted(nodeID int32, incarnation [16]byte) error {
	info := startedInfo{
		version: startedVersion, clusterID: s.clusterID, nodeID: nodeID,
		directoryID: s.directoryID, incarnation: incarnation,
	}
	if s.started != nil && *s.started == info {
		return nil
	}
	if err := info.write(s.dir); err != nil {
		return fmt.Errorf("cannot write %s: %w; %s must be writable and have space",
			startedFile, err, s.dir)
	}
	return nil
}

func (s *storage) close() {
	if s.lock != nil {
		s.lock.Close()
		s.lock = nil
	}
}
