package wal

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/yakt/yakt/vfs"
)

// realDirs are directories on a disk and, where there is one, in memory.
func realDirs(t *testing.T) map[string]string {
	dirs := map[string]string{"temp": t.TempDir()}
	if dir := fmt.Sprintf("/dev/shm/yakt-wal-%d", os.Getpid()); os.Mkdir(dir, 0o700) == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		dirs["shm"] = dir
	}
	return dirs
}

// takesDirectWrites asks the system itself.
func takesDirectWrites(t *testing.T, dir string) bool {
	path := filepath.Join(dir, "probe")
	ok(t, os.WriteFile(path, make([]byte, 8192), 0o600))
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_DIRECT|unix.O_DSYNC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	n, err := unix.Pwrite(fd, alignedBuffer(4096)[:4096], 4096)
	return err == nil && n == 4096
}

// TestDirectDescriptor: without either flag everything else would pass too.
func TestDirectDescriptor(t *testing.T) {
	dir := t.TempDir()
	if !takesDirectWrites(t, dir) {
		t.Log("no direct writes in", dir)
		return
	}
	d, err := vfs.OS{}.OpenDirect(filepath.Join(dir, "probe"))
	ok(t, err)
	defer d.Close()
	flags, err := unix.FcntlInt(d.(*os.File).Fd(), unix.F_GETFL, 0)
	ok(t, err)
	if want := unix.O_WRONLY | unix.O_DIRECT | unix.O_DSYNC; flags&want != want {
		t.Errorf("opened with %o, want all of %o", flags, want)
	}
}
