package node

import (
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/yakt/yakt/config"
)

const (
	testCluster  = "MkU3OEVBNTcwNTJENDM2Qk"
	otherCluster = "5L6g3nShT-eMCtK--X86sw"
)

// configFor is the configuration of a node on a directory; further lines come last.
func configFor(t *testing.T, id int, dir, quorum string, lines ...string) *config.Config {
	t.Helper()
	text := fmt.Sprintf(
		"process.roles=controller\nnode.id=%d\n%s\nlisteners=CONTROLLER://127.0.0.1:0\ncontroller.listener.names=CONTROLLER\nlog.dirs=%s\nyakt.http.listeners=\n",
		id, quorum, dir,
	)
	for _, line := range lines {
		text += line + "\n"
	}
	path := filepath.Join(t.TempDir(), "c.properties")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := config.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

const (
	staticOne   = "controller.quorum.voters=1@127.0.0.1:19091"
	staticThree = "controller.quorum.voters=1@127.0.0.1:19091,2@127.0.0.1:19092,3@127.0.0.1:19093"
	dynamic     = "controller.quorum.bootstrap.servers=127.0.0.1:19091"
)

func format(t *testing.T, cfg *config.Config, f Format) {
	t.Helper()
	f.Out = io.Discard
	if f.ClusterID == "" {
		f.ClusterID = testCluster
	}
	if _, err := FormatStorage(cfg, f); err != nil {
		t.Fatal(err)
	}
}

// openOnce opens a node, which makes its log, and closes it again before it takes part in anything.
func openOnce(cfg *config.Config, logger *slog.Logger) error {
	n, err := Open(cfg, logger, "test")
	if err == nil {
		n.release()
	}
	return err
}

// used makes a directory that a node has run on.
func used(t *testing.T, cfg *config.Config, f Format) {
	t.Helper()
	format(t, cfg, f)
	if err := openOnce(cfg, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
}

// touch makes files with a little content, and the folders that they are in.
func touch(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("0\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// copyTree copies a directory into a new one.
func copyTree(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// filesIn lists the files below a directory by their paths in it, but for the log's own.
func filesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, e fs.DirEntry, err error) error {
		if e != nil && e.IsDir() && e.Name() == walDir {
			return fs.SkipDir
		}
		if err == nil && !e.IsDir() && e.Name() != lockFile {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func inspect(t *testing.T, dir string) *Directory {
	t.Helper()
	d, err := Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(data), 0o600); err != nil {
		t.Fatal(err)
	}
}
