package node

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// founding is what a new quorum begins with, read from the files that format wrote. A node with
// anything in its log no longer needs it.
type founding struct {
	records []record.Record
	voters  *record.Voters // nil in a static quorum
	sum     uint32         // CRC-32C of these files
}

// maxFoundingBytes bounds a checkpoint file written by format, which holds features and SCRAM
// users.
const maxFoundingBytes = 16 << 20

// readFounding reads the checkpoint files that format wrote. The bootstrap records come from the
// 0-0 checkpoint (Kafka 4.4 and later), else from bootstrap.checkpoint, else they are the defaults
// of this release.
func (d *Directory) readFounding(unstable bool) (founding, error) {
	boot, bootSum, err := readCheckpoint(filepath.Join(d.Path, bootstrapFile), 0)
	if err != nil {
		return founding{}, fmt.Errorf("%w; %s", err, d.formatAgain())
	}
	first, sum, err := readCheckpoint(d.foundingPath(), bootSum)
	if err != nil {
		return founding{}, fmt.Errorf("%w; %s", err, d.formatAgain())
	}
	f := founding{voters: votersIn(first), sum: sum}
	if want := d.Meta.Checkpoints; want != 0 && want != sum {
		return f, fmt.Errorf("%s and %s are not both as this directory was formatted (checksum "+
			"%08x, and %s names %08x); %s",
			filepath.Join(d.Path, bootstrapFile), d.foundingPath(), sum, d.metaPath(), want,
			d.formatAgain())
	}
	if f.voters == nil && dynamicIn(first) {
		return f, fmt.Errorf("%s was formatted with --no-initial-controllers, for a node that "+
			"joins a quorum; this release cannot add a node to a quorum. For a node of a new "+
			"quorum, move it away and run `yakt format` with --initial-controllers or "+
			"--standalone (`yakt format --help`)", d.Path)
	}
	f.records = bootstrapRecords(first, boot)
	if err := d.checkFoundingRecords(f); err != nil {
		return f, err
	}
	return f, d.checkLevels(f.records, unstable)
}

// checkFoundingRecords refuses records that brokers would not accept: the first leader would write
// them into the log.
func (d *Directory) checkFoundingRecords(f founding) error {
	for _, r := range f.records {
		if err := record.Check(r); err != nil {
			return fmt.Errorf("a bootstrap record of %s cannot be used, since brokers would not "+
				"accept it: %w; %s", d.Path, err, d.formatAgain())
		}
	}
	if f.voters == nil {
		return nil
	}
	if _, err := record.AppendControl(nil, f.voters); err != nil {
		return fmt.Errorf("the voters in %s cannot be used, since brokers would not accept "+
			"them: %w; %s", d.foundingPath(), err, d.formatAgain())
	}
	return nil
}

// readCheckpoint reads a checkpoint file, nil if there is none, and continues a CRC-32C over it.
func readCheckpoint(path string, sum uint32) (*metadata.Checkpoint, uint32, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, sum, nil
	}
	if err != nil {
		return nil, sum, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFoundingBytes+1))
	if err != nil {
		return nil, sum, err
	}
	if len(data) > maxFoundingBytes {
		return nil, sum, fmt.Errorf("%s is damaged: it is larger than %d bytes",
			path, maxFoundingBytes)
	}
	c, err := metadata.ReadCheckpoint(bytes.NewReader(data))
	if err != nil {
		return nil, sum, fmt.Errorf("%s is damaged: %w", path, err)
	}
	return c, protocol.ExtendChecksum(sum, data), nil
}

// bootstrapRecords returns the records of the first checkpoint that has any, or this release's
// defaults.
func bootstrapRecords(checkpoints ...*metadata.Checkpoint) []record.Record {
	for _, c := range checkpoints {
		if c != nil && len(c.Records) > 0 {
			return c.Records
		}
	}
	return metadata.BootstrapFeatures(metadata.LatestVersion)
}

// dynamicIn reports whether the voters of the quorum are in its log.
func dynamicIn(c *metadata.Checkpoint) bool {
	return c != nil && slices.ContainsFunc(c.Control, func(r record.Control) bool {
		v, ok := r.(*record.KRaftVersion)
		return ok && v.Version > 0
	})
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

// checkLevels refuses feature levels that this release does not know, or that the log could not
// hold. A cluster never starts at
// levels other than those it was formatted for.
func (d *Directory) checkLevels(records []record.Record, unstable bool) error {
	var levels []record.Record
	leveled := false
	for _, r := range records {
		if f, ok := r.(*record.FeatureLevel); ok {
			levels = append(levels, r)
			leveled = leveled || f.Name == metadata.FeatureMetadata
		}
	}
	if !leveled {
		return fmt.Errorf("the bootstrap records of %s name no metadata.version; %s",
			d.Path, d.formatAgain())
	}
	if err := checkFeatures(levels, unstable); err != nil {
		return fmt.Errorf("%s was formatted at a level that this release cannot use: %w. It "+
			"knows metadata.version up to %v; if no node has run on this directory yet, move it "+
			"away and format it again with --release-version %v or lower",
			d.Path, err, metadata.LatestVersion, metadata.LatestVersion)
	}
	return nil
}

// checkFoundingVoters compares the voters in the 0-0 checkpoint with the identity of the directory
// and with the configured voters.
func (d *Directory) checkFoundingVoters(cfg *config.Config, voters *record.Voters) error {
	if voters == nil {
		return nil
	}
	own := slices.Index(voterIDs(*voters), d.Meta.NodeID)
	switch {
	case own < 0:
		return fmt.Errorf("%s names the voters %v, but %s is of node %d: they do not belong "+
			"together; %s",
			d.foundingPath(), voterIDs(*voters), d.metaPath(), d.Meta.NodeID, originalBack(d.Path))
	case voters.Voters[own].DirectoryID != d.Meta.DirectoryID:
		return fmt.Errorf("%s has directory id %v for node %d, but %s has directory.id=%v: they "+
			"do not belong together; %s",
			d.foundingPath(), voters.Voters[own].DirectoryID, d.Meta.NodeID,
			d.metaPath(), d.Meta.DirectoryID, originalBack(d.Path))
	}
	return checkConfiguredVoters(cfg, voterIDs(*voters), d.foundingPath())
}

func originalBack(dir string) string {
	return "if one of them was copied here, put the original back; otherwise " + stayStopped(dir)
}

// checkConfiguredVoters compares controller.quorum.voters, if set, with the voters named by a
// source.
func checkConfiguredVoters(cfg *config.Config, voters []int32, source string) error {
	var configured []int32
	for _, v := range cfg.Quorum.Voters {
		configured = append(configured, v.ID)
	}
	if cfg.Embedded || len(configured) == 0 {
		return nil
	}
	return compareVoters(configured, voters, source)
}

func compareVoters(configured, voters []int32, source string) error {
	configured = slices.Sorted(slices.Values(configured))
	voters = slices.Sorted(slices.Values(voters))
	if slices.Equal(configured, voters) {
		return nil
	}
	return fmt.Errorf("controller.quorum.voters names the voters %v, but those of this quorum "+
		"are %v (%s). Set controller.quorum.voters to these, on every node; this release cannot "+
		"change the voters of a quorum",
		configured, voters, source)
}
