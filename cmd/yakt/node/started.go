package node

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/protocol"
)

// startedFile records that this directory has had a log, and which one. Should that log vanish or
// be replaced, the node must not continue with another one.
const startedFile = "yakt.started"

// The versions of yakt.started. Version 1 is the cluster id alone, on one line. Version 2 is
//
//	version=2
//	cluster.id=...
//	node.id=...
//	directory.id=...
//	incarnation=...        of the log, in hexadecimal
//	crc32c=...             of the lines above
//
// A newer version is refused: a release that does not know it must not guess what it protects.
const startedVersion = 2

// maxStartedBytes is far more than a valid file has; a longer one is damaged.
const maxStartedBytes = 4 << 10

// errStartedDamaged is in the chain of every error for an unusable yakt.started, errStartedLater in
// that for one written by a later release.
var (
	errStartedDamaged = errors.New("cannot be used")
	errStartedLater   = errors.New("it is of a later release")
)

// startedInfo is the content of yakt.started.
type startedInfo struct {
	version     int
	clusterID   string
	nodeID      int32 // from version 2 on, as is the rest
	directoryID protocol.UUID
	incarnation [16]byte // zero if it was not known when the file was written
}

func (m startedInfo) encode() []byte {
	text := fmt.Sprintf("version=%d\ncluster.id=%s\nnode.id=%d\ndirectory.id=%s\nincarnation=%x\n",
		startedVersion, m.clusterID, m.nodeID, m.directoryID, m.incarnation)
	return []byte(text + sumLine(text))
}

func sumLine(text string) string {
	return fmt.Sprintf("crc32c=%08x\n", protocol.Checksum([]byte(text)))
}

// readStarted reads dir's yakt.started. errStartedDamaged is in the error's chain if the file is
// there and unusable.
func readStarted(dir string) (*startedInfo, error) {
	f, err := os.Open(filepath.Join(dir, startedFile))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxStartedBytes+1))
	if err != nil {
		return nil, err
	}
	m, err := parseStarted(string(data))
	if err != nil {
		return nil, fmt.Errorf("%s %w: %w", f.Name(), errStartedDamaged, err)
	}
	return m, nil
}

func parseStarted(text string) (*startedInfo, error) {
	lines := strings.SplitAfter(text, "\n")
	if id, one := strings.CutSuffix(lines[0], "\n"); one && len(lines) == 2 && lines[1] == "" {
		if config.CheckClusterID(id) != nil {
			return nil, errors.New("its only line is not a cluster id")
		}
		return &startedInfo{version: 1, clusterID: id}, nil
	}
	const fields = 5
	if version, ok := strings.CutPrefix(lines[0], "version="); ok {
		if n, err := strconv.Atoi(strings.TrimSpace(version)); err == nil && n > startedVersion {
			return nil, fmt.Errorf("%w: it has version %d, and this one knows up to %d; start "+
				"this node with the release that wrote it, or a later one",
				errStartedLater, n, startedVersion)
		}
	}
	if len(lines) != fields+2 || lines[fields] != sumLine(strings.Join(lines[:fields], "")) {
		return nil, errors.New("its checksum does not match its content")
	}
	return parseStartedFields(lines[:fields])
}

// parseStartedFields reads the lines, whose checksum is right.
func parseStartedFields(lines []string) (*startedInfo, error) {
	var values [5]string
	for i, key := range []string{
		"version=", "cluster.id=", "node.id=", "directory.id=", "incarnation=",
	} {
		value, ok := strings.CutPrefix(strings.TrimSuffix(lines[i], "\n"), key)
		if !ok {
			return nil, fmt.Errorf("it has no line %s", key)
		}
		values[i] = value
	}
	node, errNode := strconv.ParseInt(values[2], 10, 32)
	directory, errDirectory := protocol.ParseUUID(values[3])
	incarnation, errIncarnation := hex.DecodeString(values[4])
	m := &startedInfo{
		version: startedVersion, clusterID: values[1], nodeID: int32(node), directoryID: directory,
	}
	err := errors.Join(errNode, errDirectory, errIncarnation)
	if err != nil || len(incarnation) != len(m.incarnation) {
		return nil, errors.New("its lines cannot be read")
	}
	m.incarnation = [16]byte(incarnation)
	return m, nil
}

// write writes yakt.started into dir, durably.
func (m startedInfo) write(dir string) error {
	return config.WriteDurably(filepath.Join(dir, startedFile), m.encode(), fileMode)
}
