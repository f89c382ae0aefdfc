package kafka

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/yakt/yakt/protocol"
)

// properties is a Java properties file with keys and values in plain ASCII.
type properties map[string]string

func (p properties) write(path string) error {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(p)) {
		fmt.Fprintf(&b, "%s=%s\n", k, strings.ReplaceAll(p[k], `\`, `\\`))
	}
	return os.WriteFile(path, []byte(b.String()), 0o600)
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
		"directory.id": protocol.NewUUID().String(),
	}.write(filepath.Join(dir, "meta.properties"))
}
