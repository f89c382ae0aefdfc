package node

import (
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/yakt/yakt/config"
)

// othersMode are the permissions of everybody but the owner of a file.
const othersMode fs.FileMode = 0o077

// warnOfModes warns of secrets that other users of this machine can read: files of an earlier
// release or of Kafka's tool, and a configuration file with passwords. It changes nothing: who
// reads them now may have a reason.
func warnOfModes(cfg *config.Config, logger *slog.Logger) {
	dir := cfg.Storage.MetadataLogDir
	if open := openToOthers(dir); len(open) > 0 {
		logger.Warn("other users of this machine can read the metadata, which may hold secrets; "+
			"take that away: chmod -R go-rwx "+dir, "files", listed(open))
	}
	if cfg.Path == "" || !cfg.HoldsSecrets() {
		return
	}
	if info, err := os.Stat(cfg.Path); err == nil && info.Mode()&othersMode != 0 {
		logger.Warn("other users of this machine can read the passwords in the configuration file; "+
			"take that away: chmod go-rwx "+cfg.Path, "mode", fmt.Sprintf("%04o", info.Mode().Perm()))
	}
}

// openToOthers returns the files with metadata in a directory that its owner shares. Where the
// directory itself is closed, nobody reaches them.
func openToOthers(dir string) (open []string) {
	info, err := os.Stat(dir)
	if err != nil || info.Mode()&othersMode == 0 {
		return nil
	}
	// What cannot be read does not stop the others from being named.
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && holdsMetadata(path) && isOpen(e) {
			open = append(open, path)
		}
		return nil
	})
	return open
}

func holdsMetadata(path string) bool {
	return strings.HasSuffix(path, ".checkpoint") || filepath.Base(filepath.Dir(path)) == walDir
}

func isOpen(e fs.DirEntry) bool {
	info, err := e.Info()
	return err == nil && info.Mode()&othersMode != 0
}
