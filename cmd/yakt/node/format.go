package node

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Format holds the options of a format; their names are those of kafka-storage format.
type Format struct {
	ClusterID          string           // empty: a new id
	Standalone         bool             // this node is the whole first voter set
	InitialControllers string           // "id@host:port:directory-id,…"
	NoInitial          bool             // join an existing quorum: refused
	ReleaseVersion     string           // metadata.version; empty: the latest production level
	Features           map[string]int16 // levels that replace those of the release
	Scram              []string         // first SCRAM credentials: MECHANISM=[name=…,password=…]
	IgnoreFormatted    bool             // leave formatted directories as they are
	Out                io.Writer        // progress, for people
}

// FormatStorage formats the directories of cfg as kafka-storage format does, and reports on f.Out
// what it did. It returns the cluster id, which is f.ClusterID or a new one.
func FormatStorage(cfg *config.Config, f Format) (clusterID string, err error) {
	version, records, err := f.bootstrap(cfg.Controller.UnstableFeatureVersions)
	if err != nil {
		return "", err
	}
	voters, directory, err := f.voters(cfg)
	if err != nil {
		return "", err
	}
	dirs, err := f.unformatted(cfg)
	if err != nil {
		return "", err
	}
	if f.ClusterID == "" {
		f.ClusterID = protocol.NewUUID().String()
	}
	for _, dir := range dirs {
		if err := f.formatDirectory(cfg, dir, directory, voters, records); err != nil {
			return "", err
		}
		level := ""
		if dir == cfg.Storage.MetadataLogDir { // no other directory holds it
			level = fmt.Sprintf(", metadata.version %v", version)
		}
		fmt.Fprintf(f.Out, "Formatted %s: cluster id %s, node id %d%s.\n",
			dir, f.ClusterID, cfg.NodeID, level)
		if level != "" && version == metadata.LatestVersion {
			fmt.Fprintf(f.Out, "Its brokers must be of Kafka %s or later; for older ones format it "+
				"with their --release-version.\n", version.Release())
		}
	}
	return f.ClusterID, nil
}

// unformatted returns the directories to format. It inspects all of them first, so that none is
// touched if one cannot be formatted. It takes the cluster id from those that are already
// formatted.
func (f *Format) unformatted(cfg *config.Config) ([]string, error) {
	if f.ClusterID != "" {
		if err := config.CheckClusterID(f.ClusterID); err != nil {
			return nil, fmt.Errorf("--cluster-id: %w; `yakt format` without --cluster-id makes one",
				err)
		}
	}
	all := slices.Sorted(slices.Values(append(slices.Clone(cfg.Storage.LogDirs),
		cfg.Storage.MetadataLogDir)))
	var dirs []string
	for _, dir := range slices.Compact(all) {
		d, err := Inspect(dir)
		if err != nil {
			return nil, err
		}
		if d.Meta != nil && f.IgnoreFormatted {
			err = f.adopt(cfg, d)
		} else if err = d.Formattable(); err == nil {
			dirs = append(dirs, dir)
		}
		if err != nil {
			return nil, err
		}
	}
	return dirs, nil
}

// adopt accepts a directory that is already formatted, and leaves it unchanged.
func (f *Format) adopt(cfg *config.Config, d *Directory) error {
	if d.Meta.NodeID != cfg.NodeID {
		return fmt.Errorf("%s has node.id=%d, but the configuration has node.id=%d; correct node.id, "+
			"or name this node's own directory in log.dirs", d.metaPath(), d.Meta.NodeID, cfg.NodeID)
	}
	if f.ClusterID != "" && f.ClusterID != d.Meta.ClusterID {
		return fmt.Errorf("%s has cluster.id=%s, but the directories are to be formatted with "+
			"%s; give --cluster-id %s, or none",
			d.metaPath(), d.Meta.ClusterID, f.ClusterID, d.Meta.ClusterID)
	}
	f.ClusterID = d.Meta.ClusterID
	fmt.Fprintf(f.Out, "%s is formatted already; left as it is.\n", d.Path)
	return nil
}

// bootstrap returns the metadata.version and the bootstrap records of the new cluster.
func (f Format) bootstrap(unstable bool) (metadata.Version, []record.Record, error) {
	if level, ok := f.Features[metadata.FeatureKRaft]; ok && level != kraftVersionMax {
		return 0, nil, fmt.Errorf("--feature %s=%d: the quorums of this release have %s %d",
			metadata.FeatureKRaft, level, metadata.FeatureKRaft, kraftVersionMax)
	}
	version := metadata.LatestVersion
	if f.ReleaseVersion != "" {
		v, err := metadata.ParseVersion(f.ReleaseVersion)
		if err != nil {
			return 0, nil, err
		}
		version = v
	}
	if level, ok := f.Features[metadata.FeatureMetadata]; ok {
		version = metadata.Version(level)
	}
	records := metadata.BootstrapFeatures(version)
	for _, name := range slices.Sorted(maps.Keys(f.Features)) {
		records = setFeature(records, name, f.Features[name])
	}
	if err := checkFeatures(records, unstable); err != nil {
		return 0, nil, err
	}
	credentials, err := scramRecords(f.Scram, version)
	return version, append(records, credentials...), err
}

// setFeature replaces the default level of a feature; level 0 removes the feature. As kafka-storage
// writes them, the first record is that of metadata.version, and the others are in the order of
// their names. The level of kraft.version is in the control records of the log.
func setFeature(records []record.Record, name string, level int16) []record.Record {
	if name == metadata.FeatureMetadata || name == metadata.FeatureKRaft {
		return records
	}
	records = slices.DeleteFunc(records,
		func(r record.Record) bool { return r.(*record.FeatureLevel).Name == name })
	if level == 0 {
		return records
	}
	at := slices.IndexFunc(records[1:],
		func(r record.Record) bool { return r.(*record.FeatureLevel).Name > name })
	if at < 0 {
		at = len(records) - 1
	}
	return slices.Insert(records, at+1, record.Record(&record.FeatureLevel{Name: name, Level: level}))
}

// checkFeatures refuses levels that this release does not know, and those that depend on others
// which the records do not have.
func checkFeatures(records []record.Record, unstable bool) error {
	supported := metadata.SupportedFeatures(unstable)
	levels := make(map[string]int16, len(records))
	for _, r := range records {
		f := r.(*record.FeatureLevel)
		levels[f.Name] = f.Level
	}
	for _, r := range records {
		f := r.(*record.FeatureLevel)
		i := slices.IndexFunc(supported, func(s record.FeatureRange) bool { return s.Name == f.Name })
		if i < 0 {
			return fmt.Errorf("unknown feature %q", f.Name)
		}
		if s := supported[i]; f.Level < s.Min || f.Level > s.Max {
			return fmt.Errorf("feature %s cannot be %d: this release supports %d to %d", f.Name, f.Level,
				s.Min, s.Max)
		}
		if unmet := metadata.UnmetDependency(f.Name, f.Level, levels); unmet != "" {
			return errors.New(unmet)
		}
	}
	return nil
}

// voters returns the first voter set of a dynamic quorum, nil for a static one, and the directory
// id of this node.
func (f Format) voters(cfg *config.Config) (*record.Voters, protocol.UUID, error) {
	directory := protocol.NewUUID()
	chosen := 0
	for _, set := range []bool{f.Standalone, f.InitialControllers != ""} {
		if set {
			chosen++
		}
	}
	static := len(cfg.Quorum.Voters) > 0 && !cfg.Embedded
	switch {
	case f.NoInitial:
		return nil, directory, errors.New("--no-initial-controllers is for a node that joins a " +
			"quorum, and this release cannot add a node to a quorum; a new quorum is formatted " +
			"with --initial-controllers on each of its nodes, or with --standalone")
	case chosen > 1:
		return nil, directory, errors.New("give only one of --standalone and --initial-controllers")
	case static && chosen > 0:
		return nil, directory, errors.New("controller.quorum.voters is set, which names the " +
			"voters; remove it to use --standalone or --initial-controllers")
	case static:
		return nil, directory, nil
	case chosen == 0 && !cfg.Embedded:
		return nil, directory, errors.New("the voters of this quorum are not known: set " +
			"controller.quorum.voters, or give --initial-controllers, or --standalone if this " +
			"node is to be the only one")
	case f.InitialControllers != "":
		set, directory, err := parseInitialControllers(f.InitialControllers, cfg)
		return set, directory, err
	}
	v := record.Voter{ID: cfg.NodeID, DirectoryID: directory, KRaftVersionMax: kraftVersionMax}
	for _, l := range cfg.AdvertisedListeners {
		v.Endpoints = append(v.Endpoints,
			record.VoterEndpoint{Name: l.Name, Host: l.Host, Port: uint16(l.Port)})
	}
	return &record.Voters{Voters: []record.Voter{v}}, directory, nil
}

// parseInitialControllers reads "0@host:9093:directory-id,…". This node must be in the list.
func parseInitialControllers(
	text string, cfg *config.Config,
) (*record.Voters, protocol.UUID, error) {
	set, own := new(record.Voters), protocol.UUID{}
	for _, part := range strings.Split(strings.TrimSuffix(text, ","), ",") {
		v, err := parseInitialController(strings.TrimSpace(part), cfg.ControllerListenerNames[0])
		if err != nil {
			return nil, own, fmt.Errorf("--initial-controllers: %q %w; write id@host:port:directory-id",
				part, err)
		}
		if slices.ContainsFunc(set.Voters, func(o record.Voter) bool { return o.ID == v.ID }) {
			return nil, own, fmt.Errorf("--initial-controllers names controller %d twice", v.ID)
		}
		if v.ID == cfg.NodeID {
			own = v.DirectoryID
		}
		set.Voters = append(set.Voters, v)
	}
	if own.IsZero() {
		return nil, own, fmt.Errorf("--initial-controllers does not name this node (node.id=%d)",
			cfg.NodeID)
	}
	return set, own, nil
}

func parseInitialController(text, listener string) (record.Voter, error) {
	v := record.Voter{KRaftVersionMax: kraftVersionMax}
	id, rest, ok := strings.Cut(text, "@")
	n, err := strconv.ParseInt(id, 10, 32)
	if !ok || err != nil || n < 0 {
		return v, errors.New("does not begin with a node id")
	}
	colon := strings.LastIndexByte(rest, ':')
	if colon < 0 {
		return v, errors.New("has no directory id")
	}
	if v.DirectoryID, err = protocol.ParseUUID(rest[colon+1:]); err != nil {
		return v, fmt.Errorf("has a bad directory id: %w", err)
	}
	host, port, ok := cutLast(rest[:colon], ':')
	p, err := strconv.ParseUint(port, 10, 16)
	if !ok || err != nil || host == "" {
		return v, errors.New("has no host and port")
	}
	v.ID = int32(n)
	v.Endpoints = []record.VoterEndpoint{
		{Name: listener, Host: strings.Trim(host, "[]"), Port: uint16(p)},
	}
	return v, nil
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// formatDirectory writes one log directory. meta.properties, which makes it a formatted one, is
// written last.
func (f Format) formatDirectory(
	cfg *config.Config, dir string, directory protocol.UUID, voters *record.Voters,
	records []record.Record,
) error {
	if err := os.MkdirAll(dir, directoryMode); err != nil {
		return fmt.Errorf("cannot make the log directory: %w", err)
	}
	meta := config.MetaProperties{
		ClusterID: f.ClusterID, NodeID: cfg.NodeID, DirectoryID: directory,
	}
	if dir != cfg.Storage.MetadataLogDir {
		meta.DirectoryID = protocol.NewUUID()
		return meta.Write(dir)
	}
	sum, err := writeFounding(dir, voters, records)
	if err != nil {
		return err
	}
	meta.Checkpoints = sum
	return meta.Write(dir)
}

// writeFounding writes the checkpoint files that a quorum is founded with, and returns the CRC-32C
// of both. It replaces what an interrupted format left. Both files have the bootstrap records:
// Kafka 4.4's controllers take them from the 0-0 checkpoint and would ignore the other file, while
// those of 4.3 and earlier take only the voters from it.
func writeFounding(dir string, voters *record.Voters, records []record.Record) (uint32, error) {
	sum, err := writeCheckpoint(filepath.Join(dir, bootstrapFile), 0, nil, records)
	if err != nil {
		return 0, err
	}
	path := filepath.Join(dir, partitionDir, foundingFile)
	if err := os.MkdirAll(filepath.Dir(path), directoryMode); err != nil {
		return 0, err
	}
	var controls []record.Control
	if voters != nil {
		controls = []record.Control{&record.KRaftVersion{Version: kraftVersionMax}, voters}
	}
	return writeCheckpoint(path, sum, controls, records)
}

// writeCheckpoint writes a checkpoint file and returns the CRC-32C continued over it.
func writeCheckpoint(
	path string, sum uint32, controls []record.Control, records []record.Record,
) (uint32, error) {
	var b bytes.Buffer
	if err := metadata.WriteCheckpoint(&b, time.Now().UnixMilli(), controls, records); err != nil {
		return 0, err
	}
	return protocol.ExtendChecksum(sum, b.Bytes()), config.WriteDurably(path, b.Bytes(), fileMode)
}
