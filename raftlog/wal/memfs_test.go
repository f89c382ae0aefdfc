package wal

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"sync"
	"testing"
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

func (m *memFS) Open(path string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.files[path]
	if n == nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return &memFile{m, n}, nil
}

func (m *memFS) Create(path string) (File, error) {
	err := m.begin("create", path)
	defer m.mu.Unlock()
	if err != nil {
		return nil, err
	}
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
	if err == nil {
		m.durable = maps.Clone(m.files)
	}
	return err
}

func (f *memFile) Close() error { return nil }

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
