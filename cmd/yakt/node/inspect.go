package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/yakt/yakt/config"
)

// Kind classifies a metadata log directory.
type Kind string

const (
	Missing          Kind = "missing"           // there is no such directory
	Empty            Kind = "empty"             // nothing in it but what an interrupted format leaves
	Formatted        Kind = "formatted"         // formatted, and never started
	InUse            Kind = "in use"            // a node of YAKt has run on it
	ApacheController Kind = "Apache controller" // holds the log of an Apache Kafka controller
	ApacheBroker     Kind = "Apache broker"     // holds what an Apache Kafka broker keeps
	Mixed            Kind = "mixed"             // holds files of YAKt and of Apache Kafka
	Foreign          Kind = "foreign"           // holds other files, and was never formatted
)

// Directory is the content of a metadata log directory. Every message about a directory is derived
// from it.
type Directory struct {
	Path string
	Kind Kind

	Meta        *config.MetaProperties // nil when meta.properties is missing or cannot be used
	MetaErr     error                  // why it cannot be used
	StartedInfo *startedInfo           // yakt.started; nil when it is missing or cannot be used
	StartedErr  error                  // why it cannot be used
	Log         logIdentity            // what the write-ahead log says about itself
	LogErr      error                  // why the write-ahead log cannot be identified

	Bootstrap bool     // bootstrap.checkpoint is there
	Founding  bool     // the 0-0 checkpoint is there
	WAL       bool     // the folder wal is there
	Segments  []string // the files in it
	Snapshots []string // checkpoints other than 0-0: YAKt's and Apache's have the same names

	ControllerFiles []string // an Apache controller's log, relative to Path
	BrokerFiles     []string // files of an Apache broker, relative to Path
	ForeignFiles    []string
}

// Inspect reads a metadata log directory and changes nothing in it. The error is not nil only if it
// cannot be read.
func Inspect(dir string) (*Directory, error) {
	d := &Directory{Path: dir}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		d.Kind = Missing
		return d, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the directory cannot be read: %w; give this user access to %s",
			err, dir)
	}
	for _, e := range entries {
		d.sort(e)
	}
	if err := d.readPartition(); err != nil {
		return nil, err
	}
	if err := d.readIdentities(); err != nil {
		return nil, err
	}
	d.Kind = d.classify()
	return d, nil
}

// brokerFiles are found in every directory of an Apache broker that has run.
var brokerFiles = []string{
	"recovery-point-offset-checkpoint", "replication-offset-checkpoint", "log-start-offset-checkpoint",
	"cleaner-offset-checkpoint", ".kafka_cleanshutdown",
}

// partitionName matches the folder of a topic's partition.
var partitionName = regexp.MustCompile(
	`^[a-zA-Z0-9._-]+-[0-9]+(\.[0-9a-f]{32}-(delete|future|stray))?$`,
)

// isPartition reports whether a folder holds a topic's partition on a broker.
func (d *Directory) isPartition(name string) bool {
	return partitionName.MatchString(name) &&
		(exists(filepath.Join(d.Path, name, "partition.metadata")) ||
			exists(filepath.Join(d.Path, name, "leader-epoch-checkpoint")))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// harmless files say nothing about the owner of a directory: a lock, lost+found of a mount point,
// and temporary files of interrupted writes.
var harmless = regexp.MustCompile(
	`^(\.lock|lost\+found|\.(meta\.properties|bootstrap\.checkpoint|yakt\.started)[0-9]*)$`)

// sort adds one entry of the directory to the lists it belongs to.
func (d *Directory) sort(e fs.DirEntry) {
	switch name := e.Name(); {
	case name == config.MetaPropertiesName, name == startedFile, name == partitionDir:
	case name == bootstrapFile:
		d.Bootstrap = true
	case harmless.MatchString(name):
	case slices.Contains(brokerFiles, name), e.IsDir() && d.isPartition(name):
		d.BrokerFiles = append(d.BrokerFiles, name)
	default:
		d.ForeignFiles = append(d.ForeignFiles, name)
	}
}

// apacheLogFile matches the files of Apache's metadata log that YAKt never writes.
var apacheLogFile = regexp.MustCompile(`^(.*\.(log|index|timeindex|txnindex|snapshot|deleted)|` +
	`leader-epoch-checkpoint|quorum-state|partition\.metadata)$`)

// readPartition lists the folder of the metadata log.
func (d *Directory) readPartition() error {
	entries, err := readDirIfThere(filepath.Join(d.Path, partitionDir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch name := e.Name(); {
		case name == walDir:
			d.WAL = true
		case name == foundingFile:
			d.Founding = true
		case strings.HasSuffix(name, ".checkpoint"):
			d.Snapshots = append(d.Snapshots, name)
		case apacheLogFile.MatchString(name):
			d.ControllerFiles = append(d.ControllerFiles, filepath.Join(partitionDir, name))
		}
	}
	segments, err := readDirIfThere(d.walPath())
	for _, e := range segments {
		d.Segments = append(d.Segments, e.Name())
	}
	return err
}

func readDirIfThere(path string) ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the metadata log's directory cannot be read: %w; give this user "+
			"access to it", err)
	}
	return entries, nil
}

// readIdentities reads the owner of the directory from meta.properties, yakt.started and the log.
func (d *Directory) readIdentities() error {
	meta, err := config.ReadMetaProperties(d.Path)
	var unusable *config.MetaPropertiesError
	switch {
	case err == nil:
		d.Meta = &meta
	case errors.As(err, &unusable):
		d.MetaErr = err
	case !errors.Is(err, config.ErrNotFormatted):
		return err
	}
	info, err := readStarted(d.Path)
	switch {
	case err == nil:
		d.StartedInfo = info
	case errors.Is(err, errStartedDamaged):
		d.StartedErr = err
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s cannot be read: %w; give this user access to %s",
			startedFile, err, d.Path)
	}
	if len(d.Segments) > 0 {
		d.Log, d.LogErr = identifyLog(d.walPath())
	}
	return nil
}

func (d *Directory) classify() Kind {
	ours := d.started() || len(d.Segments) > 0
	switch apache := len(d.ControllerFiles)+len(d.BrokerFiles) > 0; {
	case ours && apache:
		return Mixed
	case len(d.BrokerFiles) > 0:
		return ApacheBroker
	case apache:
		return ApacheController
	case ours, len(d.Snapshots) > 0:
		return InUse
	case d.Meta != nil, d.MetaErr != nil:
		return Formatted // with an empty folder wal, too: the first start was interrupted
	case d.WAL:
		return InUse
	case len(d.ForeignFiles) > 0:
		return Foreign
	}
	return Empty
}

// started reports whether yakt.started is there, usable or not.
func (d *Directory) started() bool { return d.StartedInfo != nil || d.StartedErr != nil }

func (d *Directory) logPath() string { return filepath.Join(d.Path, partitionDir) }
func (d *Directory) walPath() string { return filepath.Join(d.logPath(), walDir) }
func (d *Directory) metaPath() string {
	return filepath.Join(d.Path, config.MetaPropertiesName)
}
func (d *Directory) startedPath() string  { return filepath.Join(d.Path, startedFile) }
func (d *Directory) foundingPath() string { return filepath.Join(d.logPath(), foundingFile) }
