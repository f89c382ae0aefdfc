package kafka

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// properties is a Java properties file with keys and values in plain ASCII.
type properties map[string]string

func (p properties) write(path string) error {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(p)) {
		fmt.Fprintf(&b, "%s=%s\n", k, strings.ReplaceAll(p[k], `\`, `\\`))
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

// newUUID returns a random UUID in Kafka's notation, unpadded URL-safe base64. It never starts with
// a dash, which tools would take for an option.
func newUUID() string {
	var id [16]byte
	rand.Read(id[:])
	id[0] &= 0x7f
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// writeMetaProperties formats a broker's log directory: this file is all that a broker requires.
func writeMetaProperties(dir, clusterID string, nodeID int32) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return properties{
		"version":      "1",
		"cluster.id":   clusterID,
		"node.id":      fmt.Sprint(nodeID),
		"directory.id": newUUID(),
	}.write(filepath.Join(dir, "meta.properties"))
}
