package kafka

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Cached returns a folder that later test runs share and nobody changes. It is named after name and
// key. If it is not there yet, fill makes its content in an empty folder; the folder appears
// complete or not at all. fill must not depend on the path: the folder is renamed. Safe for
// concurrent tests and test processes.
func Cached(t testing.TB, name string, key []byte, fill func(dir string) error) string {
	t.Helper()
	dir, err := cached(name, key, fill)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func cached(name string, key []byte, fill func(dir string) error) (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, name+"-"+shortHash(key))
	unlock, err := lockFile(dir + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	work := dir + ".fetch" // remains of an interrupted run are useless
	if err := errors.Join(os.RemoveAll(work), os.Mkdir(work, 0o755)); err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	if err := fill(work); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return dir, os.Rename(work, dir)
}
