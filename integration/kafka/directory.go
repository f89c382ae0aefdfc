package kafka

import (
	"os"
	"testing"
)

// CopyDir replaces the folder to by a copy of the folder from.
func CopyDir(t testing.TB, from, to string) {
	t.Helper()
	RemoveDir(t, to)
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// RemoveDir deletes a folder and its contents.
func RemoveDir(t testing.TB, dir string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
}
