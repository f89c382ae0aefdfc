package node

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/yakt/yakt/config"
)

// stayStopped is the advice for a node whose directory cannot be trusted. Nothing else is safe: a
// voter that has lost what it acknowledged could help to elect a leader that lacks it, too.
func stayStopped(dir string) string {
	return fmt.Sprintf("leave this node stopped and keep %s for inspection: the other voters go "+
		"on without it as long as they are a majority, and this release cannot replace a voter",
		dir)
}

// listed joins names, and only counts those after the first few.
func listed(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// Formattable returns nil if `yakt format` may write to the directory: it is missing or empty.
func (d *Directory) Formattable() error {
	switch d.Kind {
	case Missing, Empty:
		return nil
	case Formatted:
		if d.MetaErr != nil {
			return d.damagedMeta()
		}
		return fmt.Errorf("log directory %s is already formatted; use --ignore-formatted to "+
			"leave it as it is", d.Path)
	case InUse:
		return d.inUse()
	}
	return fmt.Errorf("log directory %s is not empty: %s. Nothing was changed; name an empty "+
		"directory in log.dirs",
		d.Path, d.contents())
}

func (d *Directory) inUse() error {
	advice := "name an empty directory in log.dirs if this is to be a new node"
	if d.Meta != nil {
		advice += ", or use --ignore-formatted to leave this one as it is"
	}
	return fmt.Errorf("log directory %s is in use: it holds %s, and formatting it would found "+
		"another log over that one. Nothing was changed; %s", d.Path, listed(d.traces()), advice)
}

// traces lists what a running node leaves in its directory.
func (d *Directory) traces() []string {
	var found []string
	if d.started() {
		found = append(found, startedFile)
	}
	if d.WAL {
		found = append(found, filepath.Join(partitionDir, walDir))
	}
	if len(d.Snapshots) > 0 {
		found = append(found, fmt.Sprintf("%d snapshots (%s)", len(d.Snapshots), listed(d.Snapshots)))
	}
	if d.Meta != nil || d.MetaErr != nil {
		found = append(found, config.MetaPropertiesName)
	}
	return found
}

// contents describes the content of a directory in words.
func (d *Directory) contents() string {
	switch d.Kind {
	case Missing:
		return "there is no such directory"
	case Empty:
		return "it is empty"
	case ApacheController:
		return fmt.Sprintf("it holds the log of an Apache Kafka controller (%s)",
			listed(d.ControllerFiles))
	case ApacheBroker:
		return fmt.Sprintf("it holds the files of an Apache Kafka broker (%s)",
			listed(d.BrokerFiles))
	case Mixed:
		return fmt.Sprintf("it holds files of YAKt (%s) and of Apache Kafka (%s)",
			listed(d.traces()),
			listed(slices.Concat(d.ControllerFiles, d.BrokerFiles)))
	case Foreign:
		return fmt.Sprintf("it holds files that are neither YAKt's nor Apache Kafka's (%s)",
			listed(d.ForeignFiles))
	case Formatted:
		return "it is formatted, and no node has run on it"
	}
	return fmt.Sprintf("a node has run on it (%s)", listed(d.traces()))
}

// startable returns nil if the files of a directory belong together and a node has run on it or may
// run for the first time.
func (d *Directory) startable(cfg *config.Config) error {
	switch d.Kind {
	case Missing, Empty:
		return d.notFormatted(cfg)
	case Formatted:
		if d.MetaErr != nil {
			return d.damagedMeta()
		}
		return nil
	case InUse:
		return d.consistent()
	case Mixed:
		return fmt.Errorf("%s cannot be started: %s. Nothing was changed; %s",
			d.Path, d.contents(), stayStopped(d.Path))
	case ApacheController:
		return fmt.Errorf("%s cannot be started: %s, which this release does not take over. "+
			"Nothing was changed; run Apache's controller on it, or name a directory of this "+
			"node in log.dirs", d.Path, d.contents())
	}
	return fmt.Errorf("%s cannot be started: %s. Nothing was changed; name a directory of this "+
		"node in log.dirs",
		d.Path, d.contents())
}

// notFormatted is the error for a missing or empty directory. It names the command that formats it.
func (d *Directory) notFormatted(cfg *config.Config) error {
	format := cfg.Command("yakt format")
	if len(cfg.Quorum.Voters) > 0 {
		return fmt.Errorf("%s is %w: %s. If this is a new node of a new quorum, run `%s`: the "+
			"first node's makes a cluster id and prints it, the other nodes and the brokers are "+
			"given the same one by --cluster-id",
			d.Path, config.ErrNotFormatted, d.contents(), format)
	}
	return fmt.Errorf("%s is %w: %s. If this is a new node of a new quorum, run `%s` with "+
		"--cluster-id, the same for all, and with --initial-controllers and the list of all its "+
		"voters, or --standalone if it is to be the only one (`yakt format --help`); this "+
		"release cannot add a node to a quorum that exists",
		d.Path, config.ErrNotFormatted, d.contents(), format)
}

// damagedMeta is the error for an unusable meta.properties in a directory that no node has run on.
func (d *Directory) damagedMeta() error {
	return fmt.Errorf("%w; %s", d.MetaErr, d.formatAgain())
}

// consistent returns nil if everything in a used directory belongs together.
func (d *Directory) consistent() error {
	switch {
	case d.MetaErr != nil:
		return fmt.Errorf("%w; if it was changed or copied here, put the original back; "+
			"otherwise %s", d.MetaErr, stayStopped(d.Path))
	case d.Meta == nil:
		return fmt.Errorf("%s is %w: it has no %s, but %s, so that a node has run on it. Do not "+
			"format it; move the file back if it was moved away, otherwise %s",
			d.Path, config.ErrNotFormatted, config.MetaPropertiesName,
			listed(d.traces()), stayStopped(d.Path))
	case d.Meta.DirectoryID.IsZero():
		return fmt.Errorf("%s has no directory.id, but a node has run on this directory (%s), "+
			"which gave it one; %s",
			d.metaPath(), listed(d.traces()), stayStopped(d.Path))
	case !d.hasLog():
		return d.lostLog()
	case d.LogErr != nil:
		return d.LogErr
	}
	if err := d.checkStarted(); err != nil {
		return err
	}
	return d.checkLog()
}

func (d *Directory) lostLog() error {
	because := fmt.Sprintf("%s says that this node has had a log", d.startedPath())
	if !d.started() {
		because = fmt.Sprintf("%s holds snapshots of one (%s)", d.logPath(), listed(d.Snapshots))
	}
	return fmt.Errorf("%s is gone or empty, but %s, and without it the node must not vote; put "+
		"it back if it was moved away, but never an older copy, otherwise %s",
		d.walPath(), because, stayStopped(d.Path))
}

// checkStarted compares meta.properties with yakt.started. A missing yakt.started is written again,
// since the log has the identity as well.
func (d *Directory) checkStarted() error {
	switch m := d.StartedInfo; {
	case errors.Is(d.StartedErr, errStartedLater):
		return d.StartedErr
	case d.StartedErr != nil && d.Log.Known:
		return nil // written again from the log's own identity
	case d.StartedErr != nil:
		return fmt.Errorf("%w; %s", d.StartedErr, stayStopped(d.Path))
	case m == nil:
		return nil
	case m.clusterID != d.Meta.ClusterID:
		return d.disagree(d.startedPath(), "cluster.id", m.clusterID, d.Meta.ClusterID)
	case m.version == 1:
		return nil
	case m.nodeID != d.Meta.NodeID:
		return d.disagree(d.startedPath(), "node.id", m.nodeID, d.Meta.NodeID)
	case m.directoryID != d.Meta.DirectoryID:
		return d.disagree(d.startedPath(), "directory.id", m.directoryID, d.Meta.DirectoryID)
	}
	return nil
}

// disagree is the error for a source that names an owner other than meta.properties does.
func (d *Directory) disagree(source, what string, there, here any) error {
	return fmt.Errorf("%s has %s=%v, but %s has %s=%v: they do not belong together. If one of "+
		"them was copied here, put the original back; otherwise %s",
		source, what, there, d.metaPath(), what, here, stayStopped(d.Path))
}

// checkLog compares the log's own identity with meta.properties and yakt.started.
func (d *Directory) checkLog() error {
	log := d.Log
	if !log.Known {
		return nil
	}
	switch {
	case log.ClusterID != d.Meta.ClusterID:
		return d.disagree(d.walPath(), "cluster.id", log.ClusterID, d.Meta.ClusterID)
	case log.NodeID != d.Meta.NodeID:
		return d.disagree(d.walPath(), "node.id", log.NodeID, d.Meta.NodeID)
	case log.DirectoryID != d.Meta.DirectoryID:
		return d.disagree(d.walPath(), "directory.id", log.DirectoryID, d.Meta.DirectoryID)
	}
	return d.checkIncarnation(log.Incarnation)
}

// checkIncarnation compares the log's incarnation with that in yakt.started.
func (d *Directory) checkIncarnation(log [16]byte) error {
	if d.StartedInfo == nil || d.StartedInfo.incarnation == [16]byte{} || log == [16]byte{} ||
		d.StartedInfo.incarnation == log {
		return nil
	}
	return otherIncarnation(d.Path, d.StartedInfo.incarnation, log)
}

func otherIncarnation(dir string, recorded, log [16]byte) error {
	return fmt.Errorf(
		"%s names the log of incarnation %x, but that in %s is of incarnation %x: it was "+
			"made a second time, and has forgotten what the first has acknowledged; put the first back if "+
			"it was moved away, but never an older copy, otherwise %s", filepath.Join(dir, startedFile),
		recorded, filepath.Join(dir, partitionDir, walDir), log, stayStopped(dir),
	)
}

// formatAgain is the advice for a directory without a log.
func (d *Directory) formatAgain() string {
	return fmt.Sprintf("if no node has run on this directory yet, move %s away and run `yakt "+
		"format` with the flags that it was formatted with", d.Path)
}
