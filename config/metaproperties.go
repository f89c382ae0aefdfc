package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/google/renameio/v2"
)

const metaPropertiesName = "meta.properties"

// ErrNotFormatted is in the chain of the error for a directory without meta.properties.
var ErrNotFormatted = errors.New("not formatted")

// MetaProperties says which cluster and node a directory belongs to: the content of its meta.properties, version 1
// (KIP-631), with the directory's own id (KIP-858).
type MetaProperties struct {
	ClusterID   string
	NodeID      int32
	DirectoryID UUID // zero in directories formatted before Kafka 3.7
}

// ReadMetaProperties reads dir's meta.properties. Errors are one line that says what to do; see ErrNotFormatted.
func ReadMetaProperties(dir string) (MetaProperties, error) {
	path := filepath.Join(dir, metaPropertiesName)
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return MetaProperties{}, fmt.Errorf("%s is %w: it has no %s; run `yakt format` or `kafka-storage format` on it", dir, ErrNotFormatted, metaPropertiesName)
	case err != nil:
		return MetaProperties{}, fmt.Errorf("the directory's identity cannot be read: %w; give this user access to %s", err, dir)
	}
	entries, err := ParseProperties(data)
	if err != nil {
		return MetaProperties{}, fmt.Errorf("%s is damaged: %w; restore it from a backup or from another node's, with this node's node.id", path, err)
	}
	values := map[string]string{}
	for _, e := range entries {
		values[e.Key] = e.Value
	}
	m, err := metaPropertiesOf(values)
	if err != nil {
		return MetaProperties{}, fmt.Errorf("%s %w", path, err)
	}
	return m, nil
}

func metaPropertiesOf(values map[string]string) (m MetaProperties, err error) {
	const restore = "restore the file, or format an empty directory"
	switch version, ok := values["version"]; {
	case !ok || version == "0":
		return m, errors.New("has version 0, written by Kafka with ZooKeeper; format an empty directory with `yakt format` or `kafka-storage format`")
	case version != "1":
		return m, fmt.Errorf("has version %q, and only version 1 is known; use the software that wrote it, or %s", version, "format an empty directory")
	}
	if m.ClusterID = values["cluster.id"]; m.ClusterID == "" {
		return m, errors.New("has no cluster.id; " + restore)
	}
	node, err := strconv.ParseInt(values["node.id"], 10, 32)
	if err != nil || node < 0 {
		return m, fmt.Errorf("has node.id=%q, which is not an id; %s", values["node.id"], restore)
	}
	m.NodeID = int32(node)
	text, ok := values["directory.id"]
	if !ok {
		return m, nil
	}
	if m.DirectoryID, err = ParseUUID(text); err != nil {
		return m, fmt.Errorf("has a directory.id that cannot be read: %w; %s", err, restore)
	}
	if m.DirectoryID.Reserved() {
		return m, fmt.Errorf("has the reserved directory.id %s; %s", text, restore)
	}
	return m, nil
}

// Write puts meta.properties into dir: whole or not at all, and on the disk when it returns.
func (m MetaProperties) Write(dir string) error {
	data := []byte("#\n")
	data = appendProperty(data, "cluster.id", m.ClusterID)
	if !m.DirectoryID.IsZero() {
		data = appendProperty(data, "directory.id", m.DirectoryID.String())
	}
	data = appendProperty(data, "node.id", strconv.Itoa(int(m.NodeID)))
	data = appendProperty(data, "version", "1")
	path := filepath.Join(dir, metaPropertiesName)
	if err := renameio.WriteFile(path, data, 0o644, renameio.WithTempDir(dir)); err != nil {
		return fmt.Errorf("the directory's identity cannot be written: %w; %s must exist, be writable and have space", err, dir)
	}
	// renameio syncs the file; the new name is in the directory.
	return syncDirectory(dir)
}

func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// CheckCluster compares with the cluster id that another source knows, such as another directory or a peer; source names it.
func (m MetaProperties) CheckCluster(dir, clusterID, source string) error {
	if m.ClusterID == clusterID {
		return nil
	}
	return fmt.Errorf("%s has cluster.id=%s, but %s has cluster.id=%s; use the directory that belongs to this cluster, or format an empty one with `yakt format --cluster-id %s`",
		filepath.Join(dir, metaPropertiesName), m.ClusterID, source, clusterID, clusterID)
}

// MetaProperties reads and checks the identity of the configured directories: the metadata directory must be formatted, for this node.id,
// and the others that are must be of the same cluster and node. A metadata directory without directory.id is given one.
func (c *Config) MetaProperties() (MetaProperties, error) {
	m, err := ReadMetaProperties(c.MetadataLogDir)
	if errors.Is(err, ErrNotFormatted) {
		return m, fmt.Errorf("%s is %w: it has no %s; run `%s`, or `%s`, with the cluster.id of this cluster's other nodes",
			c.MetadataLogDir, ErrNotFormatted, metaPropertiesName, c.formatCommand("yakt format"), c.formatCommand("kafka-storage.sh format"))
	}
	if err == nil {
		err = c.checkNode(c.MetadataLogDir, m)
	}
	if err == nil {
		err = c.checkOtherDirectories(m)
	}
	if err == nil && m.DirectoryID.IsZero() {
		m.DirectoryID = NewUUID()
		err = m.Write(c.MetadataLogDir)
	}
	return m, err
}

// formatCommand writes the command line that formats this node's directories.
func (c *Config) formatCommand(command string) string {
	if c.Path != "" {
		command += " --config " + c.Path
	}
	command += " --cluster-id <id>"
	if len(c.Voters) == 0 {
		command += " --initial-controllers <list>"
	}
	return command
}

func (c *Config) checkNode(dir string, m MetaProperties) error {
	if m.NodeID == c.NodeID {
		return nil
	}
	return fmt.Errorf("%s has node.id=%d, but %s has node.id=%d; correct node.id, or use this node's own directory",
		filepath.Join(dir, metaPropertiesName), m.NodeID, c.name(), c.NodeID)
}

func (c *Config) checkOtherDirectories(m MetaProperties) error {
	for _, dir := range c.LogDirs {
		if filepath.Clean(dir) == filepath.Clean(c.MetadataLogDir) {
			continue
		}
		other, err := ReadMetaProperties(dir)
		if errors.Is(err, ErrNotFormatted) {
			continue // only brokers keep anything there
		}
		if err == nil {
			err = other.CheckCluster(dir, m.ClusterID, filepath.Join(c.MetadataLogDir, metaPropertiesName))
		}
		if err == nil {
			err = c.checkNode(dir, other)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
