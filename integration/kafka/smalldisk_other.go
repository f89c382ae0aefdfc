//go:build !linux

package kafka

import "testing"

// SmallDisk is a file system of a few MiB, on Linux only.
type SmallDisk struct{}

// NewSmallDisk fails the test.
func NewSmallDisk(t testing.TB, _ string, _ int) *SmallDisk {
	t.Fatal("a small file system needs Linux")
	return nil
}

// NewBlockDisk fails the test.
func NewBlockDisk(t testing.TB, dir string, mib int) *SmallDisk { return NewSmallDisk(t, dir, mib) }

func (*SmallDisk) enter(argv []string) []string { return argv }

// Break is never reached, like every method here: there is no SmallDisk.
func (*SmallDisk) Break(testing.TB) {}

// View is never reached.
func (*SmallDisk) View(path string) string { return path }

// ReadOnly is never reached.
func (*SmallDisk) ReadOnly(testing.TB) {}

// Fill is never reached.
func (*SmallDisk) Fill(testing.TB, int) (free func()) { return func() {} }

// FillAll is never reached.
func (*SmallDisk) FillAll(testing.TB) {}

// RemoveAll is never reached.
func (*SmallDisk) RemoveAll(string) error { return nil }

// Freeze is never reached.
func (*SmallDisk) Freeze(testing.TB) (thaw func()) { return func() {} }
