package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/yakt/yakt/config"
)

// StorageReport is the output of `yakt storage check`.
type StorageReport struct {
	Directory   string   `json:"directory"`
	Kind        Kind     `json:"kind"`
	Fit         bool     `json:"fitToStart"`
	Problem     string   `json:"problem,omitempty"` // why no node can start on it, and what to do
	Warnings    []string `json:"warnings,omitempty"`
	ClusterID   string   `json:"clusterId,omitempty"`
	NodeID      *int32   `json:"nodeId,omitempty"`
	DirectoryID string   `json:"directoryId,omitempty"`
	Incarnation string   `json:"incarnation,omitempty"` // the log's, drawn when it was made
	Started     bool     `json:"started"`               // yakt.started is there
	LogFiles    int      `json:"logFiles"`              // in the write-ahead log's folder
	Snapshots   []string `json:"snapshots"`
	Voters      []int32  `json:"voters,omitempty"`      // as the 0-0 checkpoint lists them
	ApacheFiles []string `json:"apacheFiles,omitempty"` // an Apache controller's or broker's
	OtherFiles  []string `json:"otherFiles,omitempty"`
	// things in the log's state that brokers do not accept
	Poisoned int      `json:"poisoned"`
	Poison   []string `json:"poison,omitempty"` // the first of them
}

// CheckStorage inspects the metadata log directory of cfg as a start does, and changes nothing. If
// a node can start, it replays the snapshot and the log. The error is not nil only if the directory
// cannot be read.
func CheckStorage(cfg *config.Config) (*StorageReport, error) {
	d, err := Inspect(cfg.Storage.MetadataLogDir)
	if err != nil {
		return nil, err
	}
	r := d.report()
	f, err := d.Fit(cfg)
	var unread *foundingError
	if errors.As(err, &unread) && d.hasLog() {
		r.Warnings = append(r.Warnings, unread.Error())
		err = nil
	}
	if err == nil {
		err = checkLock(d.Path)
	}
	if r.Fit = err == nil; !r.Fit {
		r.Problem = err.Error()
	}
	if r.Fit && d.hasLog() {
		r.readLog()
	}
	if f.voters != nil {
		r.Voters = voterIDs(*f.voters)
	}
	return r, nil
}

func (d *Directory) report() *StorageReport {
	r := &StorageReport{
		Directory: d.Path, Kind: d.Kind, Started: d.started(), LogFiles: len(d.Segments),
		Snapshots:   append([]string{}, d.Snapshots...),
		ApacheFiles: append(d.ControllerFiles, d.BrokerFiles...), OtherFiles: d.ForeignFiles,
	}
	if d.Meta != nil {
		r.ClusterID, r.NodeID = d.Meta.ClusterID, &d.Meta.NodeID
		if !d.Meta.DirectoryID.IsZero() {
			r.DirectoryID = d.Meta.DirectoryID.String()
		}
	}
	if d.Log.Known {
		r.Incarnation = fmt.Sprintf("%x", d.Log.Incarnation)
	}
	return r
}

// checkLock refuses a directory that another process has locked, without locking it.
func checkLock(dir string) error {
	path := filepath.Join(dir, lockFile)
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &lock); err != nil {
		return fmt.Errorf("cannot ask who has locked %s: %w", path, err)
	}
	if lock.Type != unix.F_UNLCK {
		return errLocked(path)
	}
	return nil
}

func errLocked(path string) error {
	return fmt.Errorf("%s is locked: another controller is running on "+
		"this directory; stop it first", path)
}
