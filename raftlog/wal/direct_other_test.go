//go:build !linux

package wal

import "testing"

func realDirs(t *testing.T) map[string]string { return map[string]string{"temp": t.TempDir()} }

func takesDirectWrites(*testing.T, string) bool { return false }
