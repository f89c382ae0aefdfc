package kafka

import (
	"os"
	"testing"
)

// BreakDir makes a log directory of a running broker unusable, as a disk that fails: what the broker has open there stays open, all
// else is an error.
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

// ReplaceDir puts a new formatted directory in the place of a broken one; the broker must not be running.
func (b *Broker) ReplaceDir(t testing.TB, i int, clusterID string) {
	t.Helper()
	if err := os.Remove(b.Dirs[i]); err != nil {
		t.Fatal(err)
	}
	if err := writeMetaProperties(b.Dirs[i], clusterID, b.ID); err != nil {
		t.Fatal(err)
	}
}
