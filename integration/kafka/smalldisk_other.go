//go:build !linux

package kafka

import "testing"

// SmallDisk is a file system of a few MiB, on Linux only.
type SmallDisk struct{}

func NewSmallDisk(t testing.TB, _ string, _ int) *SmallDisk {
	t.Fatal("a small file system needs Linux")
	return nil
}

func NewBlockDisk(t testing.TB, dir string, mib int) *SmallDisk { return NewSmallDisk(t, dir, mib) }

func (*SmallDisk) Break(testing.TB)                   {}
func (*SmallDisk) enter(argv []string) []string       { return argv }
func (*SmallDisk) View(path string) string            { return path }
func (*SmallDisk) ReadOnly(testing.TB)                {}
func (*SmallDisk) Fill(testing.TB, int) (free func()) { return func() {} }
func (*SmallDisk) FillAll(testing.TB)                 {}
func (*SmallDisk) RemoveAll(string) error             { return nil }
func (*SmallDisk) Freeze(testing.TB) (thaw func())    { return func() {} }
