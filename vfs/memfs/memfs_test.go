package memfs

import (
	"bytes"
	"errors"
	"slices"
	"syscall"
	"testing"
	"unsafe"

	"github.com/yakt/yakt/vfs"
)

func content(t *testing.T, m *FS, path string) []byte {
	t.Helper()
	b, ok := m.Content(path)
	if !ok {
		t.Fatalf("there is no %s", path)
	}
	return b
}

func create(t *testing.T, m *FS, path string) vfs.File {
	t.Helper()
	f, err := m.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func write(t *testing.T, f vfs.File, b []byte) {
	t.Helper()
	if _, err := f.WriteAt(b, 0); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestCrashForgets: unsynced names and sectors are lost or kept independently, synced ones stay.
func TestCrashForgets(t *testing.T) {
	t.Parallel()
	m := New()
	f := create(t, m, "d/a")
	write(t, f, bytes.Repeat([]byte{1}, 1024))
	if got := m.Crash(LoseAll).Paths(); len(got) != 0 {
		t.Fatalf("an unsynced name survived: %v", got)
	}
	must(t, m.SyncDir("d"))
	must(t, f.Datasync())
	write(t, f, bytes.Repeat([]byte{2}, 1024))
	calls := 0
	torn := content(t, m.Crash(func(int) int { calls++; return calls % 2 }), "d/a")
	want := append(bytes.Repeat([]byte{1}, 512), bytes.Repeat([]byte{2}, 512)...)
	if !bytes.Equal(torn, want) {
		t.Fatalf("the sectors did not tear: %v", torn)
	}
	got := content(t, m.Crash(LoseAll), "d/a")
	if !bytes.Equal(got, bytes.Repeat([]byte{1}, 1024)) {
		t.Fatal("synced bytes were lost")
	}
}

// TestSyncDirIsOfOneDirectory: names in other directories stay as they were on the disk.
func TestSyncDirIsOfOneDirectory(t *testing.T) {
	t.Parallel()
	m := New()
	m.Put("d/old", []byte("x"))
	create(t, m, "d/e/inner")
	must(t, m.Rename("d/old", "d/new"))
	must(t, m.SyncDir("d/e"))
	if got := m.Crash(LoseAll).Paths(); !slices.Equal(got, []string{"d/e/inner", "d/old"}) {
		t.Fatalf("after a sync of the inner directory: %v", got)
	}
	must(t, m.SyncDir("d"))
	if got := m.Crash(LoseAll).Paths(); !slices.Equal(got, []string{"d/e/inner", "d/new"}) {
		t.Fatalf("after a sync of both: %v", got)
	}
	f, err := m.OpenRead("d/new")
	must(t, err)
	if _, err := f.WriteAt([]byte("y"), 0); !errors.Is(err, syscall.EBADF) {
		t.Errorf("a write to a file that is open for reading: %v", err)
	}
}

// aligned returns 4096 equal bytes at an address that is a multiple of 4096.
func aligned(value byte) []byte {
	raw := make([]byte, 2*4096)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(raw)))) & 4095
	b := raw[skip:][:4096]
	copy(b, bytes.Repeat([]byte{value}, 4096))
	return b
}

// TestDirectWrites: a direct write is durable on return; one that fails or that a power cut
// interrupts leaves some sectors and not others, each of them whole.
func TestDirectWrites(t *testing.T) {
	t.Parallel()
	m := New()
	f := create(t, m, "d/a")
	write(t, f, make([]byte, 8192))
	must(t, f.Datasync())
	must(t, m.SyncDir("d"))
	d, err := m.OpenDirect("d/a")
	must(t, err)
	second := func(m *FS) []byte { return content(t, m, "d/a")[4096:] }
	write := func(value byte, failing string, errno error) []byte {
		m.Fault = func(op, path string) error {
			if op == failing {
				return errno
			}
			return nil
		}
		if _, err := d.WriteAt(aligned(value), 4096); !errors.Is(err, errno) {
			t.Fatalf("%d: %v", value, err)
		}
		return second(m.Crash(LoseAll))
	}
	if got := write(1, "", nil); !bytes.Equal(got, bytes.Repeat([]byte{1}, 4096)) {
		t.Fatal("a direct write was lost")
	}
	if got := write(2, "sync", syscall.EIO); got[0] != 1 || second(m)[0] != 2 {
		t.Fatal("what the disk did not flush must read back and be lost")
	}
	if got := write(3, "write", ErrPower); got[0] != 1 || second(m.Crash(KeepAll))[0] != 3 {
		t.Fatal("a power cut keeps or loses what was being written")
	}
	sectors := slices.Compact(slices.Clone(write(4, "write", syscall.EIO)))
	if !slices.Contains(sectors, 4) || !slices.Contains(sectors, 1) {
		t.Fatalf("a failed write did not tear: %v", sectors)
	}
}
