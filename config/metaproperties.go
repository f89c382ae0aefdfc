package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/renameio/v2"

	"github.com/yakt/yakt/protocol"
)

// MetaPropertiesName is the file that names the owner of a directory.
const MetaPropertiesName = "meta.properties"

const (
	maxMetaPropertiesBytes = 16 << 10 // a longer file is not one, and is not read
	maxClusterIDBytes      = 255      // the log's owner field holds no more
)

// Keys that YAKt adds to a meta.properties. Kafka's tools ignore keys that they do not know.
const (
	checkpointsKey = "yakt.checkpoints.crc32c"
	checksumKey    = "yakt.crc32c"
)

// ErrNotFormatted is in the chain of the error for a directory without meta.properties.
var ErrNotFormatted = errors.New("not formatted")

// MetaPropertiesError is the error for an existing meta.properties that cannot be used. Its text
// gives no advice, which depends on the rest of the directory.
type MetaPropertiesError struct{ Path, Wrong string }

// Error names the file and what is wrong with it.
func (e *MetaPropertiesError) Error() string { return e.Path + " " + e.Wrong }

// MetaProperties is the content of meta.properties, version 1 (KIP-631, KIP-858): the cluster and
// node that a directory belongs to, and its own id.
type MetaProperties struct {
	ClusterID   string
	NodeID      int32
	DirectoryID protocol.UUID // zero in directories formatted before Kafka 3.7
	// Checkpoints is the CRC-32C of the checkpoint files that `yakt format` wrote with it, 0 if
	// unknown.
	Checkpoints uint32
}

// CheckClusterID accepts the ids that brokers accept: up to 255 bytes of text without control
// characters.
func CheckClusterID(id string) error {
	switch {
	case id == "":
		return errors.New("the cluster id is empty")
	case len(id) > maxClusterIDBytes:
		return fmt.Errorf("the cluster id has %d bytes and may have %d", len(id), maxClusterIDBytes)
	case !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl):
		return fmt.Errorf("the cluster id %q holds control characters or invalid UTF-8", id)
	}
	return nil
}

// ReadMetaProperties reads dir's meta.properties. The error is a *MetaPropertiesError if the file
// is there and cannot be used; ErrNotFormatted is in its chain if there is none.
func ReadMetaProperties(dir string) (MetaProperties, error) {
	path := filepath.Join(dir, MetaPropertiesName)
	data, err := readSmall(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return MetaProperties{}, fmt.Errorf("%s is %w: it has no %s", dir, ErrNotFormatted,
			MetaPropertiesName)
	case err != nil:
		return MetaProperties{}, fmt.Errorf(
			"the directory's identity cannot be read: %w; give this user access to %s", err, dir,
		)
	}
	m, err := parseMetaProperties(data)
	if err != nil {
		return MetaProperties{}, &MetaPropertiesError{path, err.Error()}
	}
	return m, nil
}

// readSmall reads at most one byte more than a meta.properties may have.
func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxMetaPropertiesBytes+1))
}

func parseMetaProperties(data []byte) (MetaProperties, error) {
	if len(data) > maxMetaPropertiesBytes {
		return MetaProperties{}, fmt.Errorf("is damaged: it is larger than %d bytes",
			maxMetaPropertiesBytes)
	}
	if bytes.IndexByte(data, 0) >= 0 {
		return MetaProperties{}, errors.New("is damaged: it holds zero bytes, as a power cut leaves " +
			"of a file that was not on the disk yet")
	}
	entries, err := ParseProperties(data)
	if err != nil {
		return MetaProperties{}, fmt.Errorf("is damaged: %w", err)
	}
	if len(entries) == 0 {
		return MetaProperties{}, errors.New("is damaged: it is empty")
	}
	values := map[string]string{}
	for _, e := range entries {
		values[e.Key] = e.Value
	}
	if sum, ok := values[checksumKey]; ok && sum != checksumOf(values) {
		return MetaProperties{}, fmt.Errorf("is damaged: its content has the checksum %s and it "+
			"names %q",
			checksumOf(values), sum)
	}
	return metaPropertiesOf(values)
}

// checksumOf returns the checksum of all entries but its own. Order and comments do not count.
func checksumOf(values map[string]string) string {
	var text []byte
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if key != checksumKey {
			text = appendProperty(text, key, values[key])
		}
	}
	return crcText(protocol.Checksum(text))
}

func crcText(crc uint32) string { return fmt.Sprintf("%08x", crc) }

func metaPropertiesOf(values map[string]string) (m MetaProperties, err error) {
	_, zooKeeper := values["broker.id"] // Kafka takes a missing version for 0
	switch version, ok := values["version"]; {
	case !ok && !zooKeeper:
		return m, errors.New("is damaged: it names no version")
	case !ok, version == "0":
		return m, errors.New("has version 0, as Kafka with ZooKeeper wrote it, and only version " +
			"1 is known")
	case version != "1":
		return m, fmt.Errorf("has version %q, and only version 1 is known", version)
	}
	m.ClusterID = values["cluster.id"]
	if err := CheckClusterID(m.ClusterID); err != nil {
		return m, fmt.Errorf("has no usable cluster.id: %w", err)
	}
	node, err := strconv.ParseInt(values["node.id"], 10, 32)
	if err != nil || node < 0 {
		return m, fmt.Errorf("has node.id=%q, which is not an id", values["node.id"])
	}
	m.NodeID = int32(node)
	if text, ok := values[checkpointsKey]; ok {
		sum, err := strconv.ParseUint(text, 16, 32)
		if err != nil || crcText(uint32(sum)) != text {
			return m, fmt.Errorf("has %s=%q, which is not a checksum", checkpointsKey, text)
		}
		m.Checkpoints = uint32(sum)
	}
	m.DirectoryID, err = directoryIDOf(values)
	return m, err
}

func directoryIDOf(values map[string]string) (id protocol.UUID, err error) {
	text, ok := values["directory.id"]
	if !ok {
		return id, nil
	}
	if id, err = protocol.ParseUUID(text); err != nil {
		return id, fmt.Errorf("has a directory.id that cannot be read: %w", err)
	}
	if id.Reserved() {
		return id, fmt.Errorf("has the reserved directory.id %s", text)
	}
	return id, nil
}

// Write writes meta.properties into dir, whole or not at all. It is on the disk when Write returns.
// Its checksum is one more entry.
func (m MetaProperties) Write(dir string) error {
	values := map[string]string{
		"cluster.id": m.ClusterID, "node.id": strconv.Itoa(int(m.NodeID)), "version": "1",
	}
	if !m.DirectoryID.IsZero() {
		values["directory.id"] = m.DirectoryID.String()
	}
	if m.Checkpoints != 0 {
		values[checkpointsKey] = crcText(m.Checkpoints)
	}
	values[checksumKey] = checksumOf(values)
	data := []byte("#\n")
	for _, key := range slices.Sorted(maps.Keys(values)) {
		data = appendProperty(data, key, values[key])
	}
	if err := WriteDurably(filepath.Join(dir, MetaPropertiesName), data, 0o600); err != nil {
		return fmt.Errorf(
			"the directory's identity cannot be written: %w; %s must exist, be writable and have space", err,
			dir,
		)
	}
	return nil
}

// WriteDurably writes a file whole or not at all. The file and its name are on the disk when it
// returns.
func WriteDurably(path string, data []byte, mode fs.FileMode) error {
	dir := filepath.Dir(path)
	if err := renameio.WriteFile(path, data, mode, renameio.WithTempDir(dir)); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// CheckMetaProperties checks that the identity of the metadata directory is that of this
// configuration and of all other configured directories that are formatted.
func (c *Config) CheckMetaProperties(m MetaProperties) error {
	if err := c.checkNode(c.Storage.MetadataLogDir, m); err != nil {
		return err
	}
	for _, dir := range c.Storage.LogDirs {
		if filepath.Clean(dir) == filepath.Clean(c.Storage.MetadataLogDir) {
			continue
		}
		other, err := ReadMetaProperties(dir)
		if errors.Is(err, ErrNotFormatted) {
			continue // only brokers need it
		}
		if err == nil {
			err = c.checkCluster(dir, other, m)
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

func (c *Config) checkCluster(dir string, other, m MetaProperties) error {
	if other.ClusterID == m.ClusterID {
		return nil
	}
	return fmt.Errorf("%s has cluster.id=%s, but %s has cluster.id=%s; name directories of one "+
		"cluster in log.dirs",
		filepath.Join(dir, MetaPropertiesName), other.ClusterID,
		filepath.Join(c.Storage.MetadataLogDir, MetaPropertiesName), m.ClusterID)
}

func (c *Config) checkNode(dir string, m MetaProperties) error {
	if m.NodeID == c.NodeID {
		return nil
	}
	return fmt.Errorf("%s has node.id=%d, but %s has node.id=%d; correct node.id, or name this "+
		"node's own directory in log.dirs",
		filepath.Join(dir, MetaPropertiesName), m.NodeID, c.name(), c.NodeID)
}
