package kafka

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// SmallDisk is a file system of a few MiB that only programs started in it see; it goes away with the test, however that ends.
// It takes root, or a kernel that lets users make namespaces.
type SmallDisk struct {
	dir    string
	holder *process // its mount namespace is where the file system is mounted
	root   bool
}

// NewSmallDisk makes one of this size at dir.
func NewSmallDisk(t testing.TB, dir string, mib int) *SmallDisk {
	t.Helper()
	d := &SmallDisk{dir: dir, root: os.Geteuid() == 0}
	flags := "-rm"
	if d.root {
		flags = "-m"
	}
	out := filepath.Join(t.TempDir(), "holder.out")
	script := fmt.Sprintf("mkdir -p %[1]s && mount -t tmpfs -o size=%[2]dm,mode=755 small %[1]s && echo mounted && exec sleep 3600", dir, mib)
	p, err := startProcess(command{argv: []string{"unshare", flags, "sh", "-c", script}, env: os.Environ()}, out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	d.holder = p
	Eventually(t, Patience, "a small file system is mounted (as root, or where kernel.unprivileged_userns_clone and AppArmor let users)", func() error {
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

// enter is the command line that runs argv where the file system is.
func (d *SmallDisk) enter(argv []string) []string {
	nsenter := []string{"nsenter", "-t", fmt.Sprint(d.holder.cmd.Process.Pid), "-m"}
	if !d.root {
		nsenter = append(nsenter, "-U", "--preserve-credentials")
	}
	return append(append(nsenter, "--"), argv...)
}

// View is the path under which this process sees a file of the file system.
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

// Fill takes this many bytes away, until the returned function gives them back.
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

// FillAll leaves no space at all.
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
