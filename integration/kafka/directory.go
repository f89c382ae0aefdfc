package kafka

import (
	"os"
	"testing"
)

// CopyDir makes to a copy of the folder from; what to was before is gone.
func CopyDir(t testing.TB, from, to string) {
	t.Helper()
	RemoveDir(t, to)
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// RemoveDir deletes a folder with all that is in it.
func RemoveDir(t testing.TB, dir string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
}
