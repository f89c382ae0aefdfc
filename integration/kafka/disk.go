package kafka

import (
	"os"
	"testing"
)

// BreakDir makes a log directory of a running broker unusable, like a failed disk: files that the
// broker has open stay open, any other access fails.
func (b *Broker) BreakDir(t testing.TB, i int) {
	t.Helper()
	if err := os.RemoveAll(b.Dirs[i] + ".broken"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(b.Dirs[i], b.Dirs[i]+".broken"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.Dirs[i], []byte("in the place of a directory"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// ReplaceDir replaces a broken directory by a new, formatted one; the broker must not be running.
func (b *Broker) ReplaceDir(t testing.TB, i int, clusterID string) {
	t.Helper()
	if err := os.Remove(b.Dirs[i]); err != nil {
		t.Fatal(err)
	}
	if err := writeMetaProperties(b.Dirs[i], clusterID, b.ID); err != nil {
		t.Fatal(err)
	}
}
