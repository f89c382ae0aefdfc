package kafka

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// SmallDisk is a file system of a few MiB that only programs started in it see; it vanishes with
// the test, however that ends. It requires root, or a kernel that lets users make namespaces.
type SmallDisk struct {
	dir    string
	holder *process // the file system is mounted in its mount namespace
	root   bool
}

// NewSmallDisk mounts one of this size at dir, in memory.
func NewSmallDisk(t testing.TB, dir string, mib int) *SmallDisk {
	t.Helper()
	return mountDisk(t, dir, fmt.Sprintf("mount -t tmpfs -o size=%dm,mode=755 small %s", mib, dir))
}

// NewBlockDisk mounts one of this size at dir on a block device that Break can break. It requires
// root.
func NewBlockDisk(t testing.TB, dir string, mib int) *SmallDisk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test breaks a disk, for which it mounts a loop device: run it as root")
	}
	image := filepath.Join(t.TempDir(), "disk")
	const script = "truncate -s %dM %s && mkfs.ext4 -q %[2]s && mount -o loop %[2]s %[3]s"
	return mountDisk(t, dir, fmt.Sprintf(script, mib, image, dir))
}

// mountDisk runs the shell commands that mount a file system at dir, visible only to this process's
// helpers.
func mountDisk(t testing.TB, dir, mount string) *SmallDisk {
	t.Helper()
	d := &SmallDisk{dir: dir, root: os.Geteuid() == 0}
	flags := "-rm"
	if d.root {
		flags = "-m"
	}
	out := filepath.Join(t.TempDir(), "holder.out")
	script := fmt.Sprintf("mkdir -p %s && %s && echo mounted && exec sleep 3600", dir, mount)
	p, err := startProcess(command{argv: []string{"unshare", flags, "sh", "-c", script},
		env: os.Environ()}, out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	d.holder = p
	Eventually(t, Patience, "a small file system is mounted (as root, or where "+
		"kernel.unprivileged_userns_clone and AppArmor let users)", func() error {
		b, _ := os.ReadFile(out)
		if strings.Contains(string(b), "mounted") {
			return nil
		}
		err := fmt.Errorf("unshare %s says: %s", flags, b)
		if !p.alive() {
			return final(err)
		}
		return err
	})
	return d
}

// enter returns the command line that runs argv where the file system is mounted.
func (d *SmallDisk) enter(argv []string) []string {
	nsenter := []string{"nsenter", "-t", fmt.Sprint(d.holder.cmd.Process.Pid), "-m"}
	if !d.root {
		nsenter = append(nsenter, "-U", "--preserve-credentials")
	}
	return append(append(nsenter, "--"), argv...)
}

// View returns the path under which this process sees a file of the file system.
func (d *SmallDisk) View(path string) string {
	return filepath.Join("/proc", fmt.Sprint(d.holder.cmd.Process.Pid), "root", path)
}

// ReadOnly makes the file system read-only.
func (d *SmallDisk) ReadOnly(t testing.TB) {
	t.Helper()
	c := command{argv: d.enter([]string{"mount", "-o", "remount,ro", d.dir}), env: os.Environ()}
	res, err := c.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	res.MustSucceed(t)
}

// ext4Shutdown is EXT4_IOC_SHUTDOWN: the file system stops at once, as if its device were gone.
const (
	ext4Shutdown = 0x8004587d
	noLogFlush   = 2 // without flushing first
)

// Break makes every further write and sync on a block disk fail with EIO.
func (d *SmallDisk) Break(t testing.TB) {
	t.Helper()
	dir, err := os.Open(d.View(d.dir))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	how := uint32(noLogFlush)
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, dir.Fd(), ext4Shutdown,
		uintptr(unsafe.Pointer(&how)))
	if errno != 0 {
		t.Fatalf("shutting %s down: %v", d.dir, errno)
	}
}

// Fill occupies this many bytes until the returned function frees them.
func (d *SmallDisk) Fill(t testing.TB, bytes int) (free func()) {
	t.Helper()
	ballast := d.View(filepath.Join(d.dir, "ballast"))
	if err := os.WriteFile(ballast, make([]byte, bytes), 0o600); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(ballast); err != nil {
			t.Error(err)
		}
	}
}

// FillAll occupies all remaining space.
func (d *SmallDisk) FillAll(t testing.TB) {
	t.Helper()
	f, err := os.Create(d.View(filepath.Join(d.dir, "ballast")))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); ; {
		if _, err := f.Write(block); err != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			return
		}
	}
}

// RemoveAll deletes a file or folder of the file system.
func (d *SmallDisk) RemoveAll(path string) error { return os.RemoveAll(d.View(path)) }
