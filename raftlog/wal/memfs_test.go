package wal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"unsafe"
)

// memFS is a disk that forgets: what was not synced before crash is kept or lost
// sector by sector and name by name, as the caller's randomness says.
type memFS struct {
	mu      sync.Mutex
	files   map[string]*inode // as the running system sees them
	durable map[string]*inode // names as of the last SyncDir
	// fault, if set, is asked before every change and sync; its error is returned.
	// A failing write leaves about half of its sectors behind; a failing sync drops what was
	// to be synced and, as Linux does, believes it clean; errPower leaves that to crash.
	fault func(op, path string) error
	// refuses says where direct writes are refused, as file systems without them do.
	refuses refusal
	failed  uint64 // direct writes
	// handles are the descriptors that are in use, most how many there were at a time.
	handles, most int
}

type refusal int

const (
	nowhere refusal = iota
	atOpen
	atWrite
	refusals
)

func (r refusal) String() string {
	return [...]string{"direct", "refused at open", "refused at write"}[r]
}

type inode struct {
	path       string // follows a rename
	data, disk []byte
	dirty      map[int]bool // sectors
}

type memFile struct {
	fs   *memFS
	node *inode
}

// memDirect is a file's second descriptor. The page cache has no part in what it writes.
type memDirect struct{ memFile }

// newMemFS takes direct writes.
func newMemFS() *memFS {
	return &memFS{files: map[string]*inode{}, durable: map[string]*inode{}}
}

func (m *memFS) begin(op, path string) error {
	m.mu.Lock()
	if m.fault != nil {
		return m.fault(op, path)
	}
	return nil
}

func (m *memFS) MkdirAll(string) error { return nil }

func (m *memFS) List(dir string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for path := range m.files {
		if filepath.Dir(path) == dir {
			names = append(names, filepath.Base(path))
		}
	}
	return names, nil
}

func (m *memFS) Open(path string) (File, error) { return m.open("open", path) }

func (m *memFS) open(op, path string) (*memFile, error) {
	err := m.begin(op, path)
	defer m.mu.Unlock()
	n := m.files[path]
	if err == nil && n == nil {
		err = &fs.PathError{Op: op, Path: path, Err: fs.ErrNotExist}
	}
	if err != nil {
		return nil, err
	}
	m.use(1)
	return &memFile{m, n}, nil
}

// use counts descriptors.
func (m *memFS) use(n int) {
	m.handles += n
	m.most = max(m.most, m.handles)
}

func (m *memFS) Create(path string) (File, error) {
	err := m.begin("create", path)
	defer m.mu.Unlock()
	if err != nil {
		return nil, err
	}
	m.use(1)
	n := &inode{path: path, dirty: map[int]bool{}}
	m.files[path] = n
	return &memFile{m, n}, nil
}

func (m *memFS) Rename(from, to string) error {
	err := m.begin("rename", to)
	defer m.mu.Unlock()
	if err == nil {
		m.files[to] = m.files[from]
		m.files[to].path = to
		delete(m.files, from)
	}
	return err
}

func (m *memFS) Remove(path string) error {
	err := m.begin("remove", path)
	defer m.mu.Unlock()
	if err == nil && m.files[path] == nil {
		err = &fs.PathError{Op: "remove", Path: path, Err: fs.ErrNotExist}
	}
	if err == nil {
		delete(m.files, path)
	}
	return err
}

func (m *memFS) SyncDir(dir string) error {
	err := m.begin("syncdir", dir)
	defer m.mu.Unlock()
	m.use(1)
	defer m.use(-1)
	if err == nil {
		m.durable = maps.Clone(m.files)
	}
	return err
}

func (m *memFS) OpenDirect(path string) (DirectFile, error) {
	if m.refuses == atOpen {
		return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.EINVAL}
	}
	f, err := m.open("opendirect", path)
	if err != nil {
		return nil, err
	}
	return &memDirect{*f}, nil
}

// WriteAt leaves any subset of its sectors behind when the write fails, as a power
// cut does. When the disk's flush fails all of them read back and none is durable.
func (f *memDirect) WriteAt(b []byte, off int64) (int, error) {
	f.verify(b, off)
	if f.fs.refuses == atWrite {
		return 0, &fs.PathError{Op: "write", Path: f.node.path, Err: syscall.EINVAL}
	}
	err := f.fs.begin("write", f.node.path)
	f.transfer(b, int(off), err)
	f.fs.mu.Unlock()
	if err != nil {
		return 0, err
	}
	err = f.fs.begin("sync", f.node.path)
	defer f.fs.mu.Unlock()
	if errors.Is(err, errPower) {
		return 0, err
	}
	if err == nil {
		copy(f.node.disk[off:], b)
	}
	for s := range len(b) / sectorBytes {
		delete(f.node.dirty, int(off)/sectorBytes+s)
	}
	return len(b), err
}

// verify panics rather than refusing as Linux would: a log that may fall back would hide it.
func (f *memDirect) verify(b []byte, off int64) {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	if len(b) == 0 || len(b)%4096 != 0 || off%4096 != 0 || at%4096 != 0 {
		panic(fmt.Sprintf("a direct write of %d bytes from address %x at %d", len(b), at, off))
	}
	if end := int(off) + len(b); end > len(f.node.data) || end > len(f.node.disk) {
		panic(fmt.Sprintf("a direct write up to %d of a file of %d bytes, %d of them durable", end, len(f.node.data), len(f.node.disk)))
	}
}

func (f *memDirect) transfer(b []byte, off int, err error) {
	if err == nil || errors.Is(err, errPower) {
		copy(f.node.data[off:], b)
		for s := range len(b) / sectorBytes {
			f.node.dirty[off/sectorBytes+s] = true
		}
		return
	}
	f.fs.failed++
	some := rand.New(rand.NewPCG(f.fs.failed, 2))
	for from := 0; from < len(b); from += sectorBytes {
		if some.IntN(2) == 0 {
			copy(f.node.data[off+from:], b[from:from+sectorBytes])
			copy(f.node.disk[off+from:], b[from:from+sectorBytes])
		}
	}
}

func (f *memFile) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.fs.use(-1)
	return nil
}

func (f *memFile) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return int64(len(f.node.data)), nil
}

func (f *memFile) ReadAt(b []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if off >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.node.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(b []byte, off int64) (int, error) {
	err := f.fs.begin("write", f.node.path)
	defer f.fs.mu.Unlock()
	if err != nil {
		half := (int(off) + len(b)/2) / sectorBytes * sectorBytes
		b = b[:max(0, half-int(off))]
	}
	end := int(off) + len(b)
	if grow := end - len(f.node.data); grow > 0 {
		f.node.data = append(f.node.data, make([]byte, grow)...)
	}
	copy(f.node.data[off:], b)
	for s := int(off) / sectorBytes; s*sectorBytes < end; s++ {
		f.node.dirty[s] = true
	}
	return len(b), err
}

func (f *memFile) Datasync() error {
	err := f.fs.begin("sync", f.node.path)
	defer f.fs.mu.Unlock()
	n := f.node
	if err == nil {
		n.disk = n.crashed(func(int) int { return 0 })
	}
	if !errors.Is(err, errPower) {
		clear(n.dirty)
	}
	return err
}

// crashed returns what the disk has after a power cut; choose(2) == 0 keeps a change.
func (n *inode) crashed(choose func(n int) int) []byte {
	disk := bytes.Clone(n.disk)
	if len(n.data) != len(disk) && choose(2) == 0 {
		disk = append(disk[:min(len(disk), len(n.data))], make([]byte, max(0, len(n.data)-len(disk)))...)
	}
	for s := range (len(disk) + sectorBytes - 1) / sectorBytes {
		if n.dirty[s] && choose(2) == 0 {
			from, to := s*sectorBytes, min((s+1)*sectorBytes, len(disk), len(n.data))
			copy(disk[from:max(from, to)], n.data[from:])
		}
	}
	return disk
}

// crash is a power cut. The old memFS must not be used any more.
func (m *memFS) crash(choose func(n int) int) *memFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	after := newMemFS()
	after.refuses = m.refuses
	names := maps.Clone(m.files)
	maps.Copy(names, m.durable)
	nodes := map[*inode]*inode{}
	for _, path := range sortedKeys(names) {
		n := m.files[path]
		if m.durable[path] != n && choose(2) != 0 {
			n = m.durable[path]
		}
		if n == nil {
			continue
		}
		if nodes[n] == nil {
			disk := n.crashed(choose)
			nodes[n] = &inode{path: path, data: disk, disk: bytes.Clone(disk), dirty: map[int]bool{}}
		}
		after.files[path], after.durable[path] = nodes[n], nodes[n]
	}
	return after
}

// clone copies the disk with everything on it durable.
func (m *memFS) clone() *memFS { return m.crash(func(int) int { return 0 }) }

func keepAll(int) int { return 0 }
func loseAll(int) int { return 1 }

// TestMemFSForgets keeps the test disk itself honest.
func TestMemFSForgets(t *testing.T) {
	fsys := newMemFS()
	f, _ := fsys.Create("d/a")
	f.WriteAt(bytes.Repeat([]byte{1}, 1024), 0)
	if got := fsys.crash(loseAll).files; len(got) != 0 {
		t.Fatalf("an unsynced name survived: %v", got)
	}
	fsys.SyncDir("d")
	f.Datasync()
	f.WriteAt(bytes.Repeat([]byte{2}, 1024), 0)
	calls := 0
	torn := fsys.crash(func(int) int { calls++; return calls % 2 }).files["d/a"].data
	if want := append(bytes.Repeat([]byte{1}, 512), bytes.Repeat([]byte{2}, 512)...); !bytes.Equal(torn, want) {
		t.Fatalf("the sectors did not tear: %v", torn)
	}
	if got := fsys.crash(loseAll).files["d/a"].data; !bytes.Equal(got, bytes.Repeat([]byte{1}, 1024)) {
		t.Fatal("synced bytes were lost")
	}
}

// TestMemFSDirect: a direct write is durable on return; one that fails or that a power
// cut interrupts leaves some sectors and not others, whole.
func TestMemFSDirect(t *testing.T) {
	fsys := newMemFS()
	f, _ := fsys.Create("d/a")
	f.WriteAt(make([]byte, 8192), 0)
	f.Datasync()
	fsys.SyncDir("d")
	d, err := fsys.OpenDirect("d/a")
	ok(t, err)
	write := func(value byte, failing string, errno error) []byte {
		fsys.fault = func(op, path string) error {
			if op == failing {
				return errno
			}
			return nil
		}
		if _, err := d.WriteAt(append(alignedBuffer(4096), bytes.Repeat([]byte{value}, 4096)...), 4096); !errors.Is(err, errno) {
			t.Fatalf("%d: %v", value, err)
		}
		return fsys.crash(loseAll).files["d/a"].data[4096:]
	}
	if got := write(1, "", nil); !bytes.Equal(got, bytes.Repeat([]byte{1}, 4096)) {
		t.Fatal("a direct write was lost")
	}
	if got := write(2, "sync", syscall.EIO); got[0] != 1 || fsys.files["d/a"].data[4096] != 2 {
		t.Fatal("what the disk did not flush must read back and be lost")
	}
	if got := write(3, "write", errPower); got[0] != 1 || fsys.crash(keepAll).files["d/a"].data[4096] != 3 {
		t.Fatal("a power cut keeps or loses what was on its way")
	}
	got := write(4, "write", syscall.EIO)
	if sectors := slices.Compact(slices.Clone(got)); !slices.Contains(sectors, 4) || !slices.Contains(sectors, 1) {
		t.Fatalf("a failed write did not tear: %v", sectors)
	}
}
