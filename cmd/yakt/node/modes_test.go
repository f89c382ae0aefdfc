package node

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/logtest"
)

// TestModes: whatever a node and its format write is for its owner alone.
func TestModes(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "d")
	cfg := configFor(t, 1, dir, "controller.quorum.voters=1@127.0.0.1:1",
		"metadata.log.max.snapshot.interval.ms=1")
	format(t, cfg, Format{})
	n := startNode(t, cfg, discard)
	awaitActive(t, n)
	if err := n.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := openOnce(cfg, discard); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		want := fs.FileMode(0o600)
		if e.IsDir() {
			want = 0o700
		}
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
		files++
		return nil
	})
	if err != nil || files < 8 {
		t.Errorf("%d files, %v", files, err)
	}
}

// TestWarningsOfModes: what others can read and might hold secrets is named, with the command that
// closes it.
func TestWarningsOfModes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	chmod := func(path string, mode fs.FileMode) {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	warned := func(cfg *config.Config) string {
		var log logtest.Buffer
		warnOfModes(cfg, slog.New(slog.NewTextHandler(&log, nil)))
		return log.String()
	}
	cfg := configFor(t, 1, dir, staticOne)
	format(t, cfg, Format{})
	chmod(dir, 0o755)
	if log := warned(cfg); log != "" {
		t.Errorf("files are closed: %s", log)
	}
	chmod(filepath.Join(dir, bootstrapFile), 0o640)
	if log := warned(cfg); !strings.Contains(log, "chmod -R go-rwx "+dir) ||
		!strings.Contains(log, bootstrapFile) || strings.Contains(log, metaFile) {
		t.Errorf("an open file: %q", log)
	}
	chmod(dir, 0o700)
	if log := warned(cfg); log != "" {
		t.Errorf("nobody reaches the file: %s", log)
	}
	chmod(cfg.Path, 0o644)
	if log := warned(cfg); log != "" {
		t.Errorf("a configuration without secrets: %s", log)
	}
	cfg = configFor(t, 1, dir, staticOne, "delegation.token.secret.key=canary")
	chmod(cfg.Path, 0o644)
	if log := warned(cfg); !strings.Contains(log, "chmod go-rwx "+cfg.Path) ||
		strings.Contains(log, "canary") {
		t.Errorf("a configuration with secrets: %q", log)
	}
}
