// Package memfs is a file system in memory for tests and simulations. It behaves like a disk: what
// was not synced is lost or kept at a power cut (Crash), sector by sector and name by name, and any
// change can be made to fail (FS.Fault).
package memfs

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"github.com/yakt/yakt/vfs"
)

// sectorBytes is the unit that a disk writes completely or not at all.
const sectorBytes = 512

// ErrPower is the error with which Fault reports that the power was cut during a change. Crash
// decides which sectors of the change survive.
var ErrPower = errors.New("power cut")

// FS is a file system in memory. The zero value is not usable: see New. Its methods may be called
// concurrently; Fault and Refuses may be set only while no other call is in progress (see
// SetFault).
type FS struct {
	mu sync.Mutex
	// files are the names as the running system sees them, durable those of the last SyncDir of
	// their directory. Both share inodes.
	files, durable map[string]*inode
	// Fault, if set, is asked before every change, sync and opening; its error is returned. A
	// failing write leaves about half of its sectors behind. A failing sync discards what was to be
	// synced and, as Linux does, believes it clean. ErrPower leaves that to Crash. The operations
	// are named open, opendirect, create, rename, remove, syncdir, write and sync.
	Fault func(op, path string) error
	// Refuses says where direct writes are refused, as file systems without them do.
	Refuses Refusal
	failed  uint64 // direct writes; seeds what the next failing one leaves
	// handles are the descriptors in use, most is their largest number so far.
	handles, most int
}

// Refusal is where a file system without direct writes refuses them.
type Refusal int

// The ways to refuse direct writes; Refusals is their number.
const (
	Nowhere Refusal = iota
	AtOpen
	AtWrite
	Refusals
)

// String names subtests.
func (r Refusal) String() string {
	return [...]string{"direct", "refused at open", "refused at write"}[r]
}

// New returns an empty file system that accepts direct writes.
func New() *FS { return &FS{files: map[string]*inode{}, durable: map[string]*inode{}} }

// SetFault sets Fault. It may be called at any time.
func (m *FS) SetFault(fault func(op, path string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Fault = fault
}

// KeepAll is a choice for Crash: every change had reached the disk.
func KeepAll(int) int { return 0 }

// LoseAll is a choice for Crash: only what was synced had reached the disk.
func LoseAll(int) int { return 1 }

// Crash returns the file system that a power cut leaves; m must not be used afterwards. Each change
// that was not synced is kept if choose(2) returns 0.
func (m *FS) Crash(choose func(n int) int) *FS {
	m.mu.Lock()
	defer m.mu.Unlock()
	after := New()
	after.Refuses = m.Refuses
	names := maps.Clone(m.files)
	maps.Copy(names, m.durable)
	nodes := map[*inode]*inode{}
	for _, path := range slices.Sorted(maps.Keys(names)) {
		n := m.files[path]
		if m.durable[path] != n && choose(2) != 0 {
			n = m.durable[path]
		}
		if n == nil {
			continue
		}
		if nodes[n] == nil {
			nodes[n] = newInode(path, n.crashed(choose))
		}
		after.files[path], after.durable[path] = nodes[n], nodes[n]
	}
	return after
}

// Clone returns a copy in which all that m holds is durable.
func (m *FS) Clone() *FS { return m.Crash(KeepAll) }

// Paths returns the paths of all files, sorted.
func (m *FS) Paths() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.files))
}

// Content returns the bytes of a file as the running system sees them, and false if there is none.
// The caller may change the bytes in place, which damages the file, while nobody else uses it.
func (m *FS) Content(path string) ([]byte, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.files[path]
	if n == nil {
		return nil, false
	}
	return n.data, true
}

// Put makes a file with a copy of content, durable in name and content.
func (m *FS) Put(path string, content []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := newInode(path, content)
	m.files[path], m.durable[path] = n, n
}

// Delete removes a file durably, without asking Fault.
func (m *FS) Delete(path string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.files, path)
	delete(m.durable, path)
}

// Handles returns how many descriptors are in use, and the largest number there were at a time.
func (m *FS) Handles() (now, most int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.handles, m.most
}

// begin locks m and asks Fault. The caller unlocks.
func (m *FS) begin(op, path string) error {
	m.mu.Lock()
	if m.Fault != nil {
		return m.Fault(op, path)
	}
	return nil
}

// use counts descriptors. The caller holds the lock.
func (m *FS) use(n int) {
	m.handles += n
	m.most = max(m.most, m.handles)
}

func missing(op, path string) error {
	return &fs.PathError{Op: op, Path: path, Err: fs.ErrNotExist}
}

// MkdirAll implements vfs.FS. Directories exist as soon as they are named.
func (m *FS) MkdirAll(string) error { return nil }

// List implements vfs.FS. It lists files, not directories.
func (m *FS) List(dir string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for path := range m.files {
		if filepath.Dir(path) == filepath.Clean(dir) {
			names = append(names, filepath.Base(path))
		}
	}
	return names, nil
}

// Open implements vfs.FS.
func (m *FS) Open(path string) (vfs.File, error) { return m.open("open", path) }

// OpenRead implements vfs.FS.
func (m *FS) OpenRead(path string) (vfs.File, error) {
	f, err := m.open("open", path)
	if err != nil {
		return nil, err
	}
	f.readOnly = true
	return f, nil
}

func (m *FS) open(op, path string) (*file, error) {
	err := m.begin(op, path)
	defer m.mu.Unlock()
	n := m.files[path]
	if err == nil && n == nil {
		err = missing(op, path)
	}
	if err != nil {
		return nil, err
	}
	m.use(1)
	return &file{fs: m, node: n}, nil
}

// Create implements vfs.FS.
func (m *FS) Create(path string) (vfs.File, error) {
	err := m.begin("create", path)
	defer m.mu.Unlock()
	if err != nil {
		return nil, err
	}
	m.use(1)
	n := newInode(path, nil)
	m.files[path] = n
	return &file{fs: m, node: n}, nil
}

// Rename implements vfs.FS.
func (m *FS) Rename(from, to string) error {
	err := m.begin("rename", to)
	defer m.mu.Unlock()
	if err == nil && m.files[from] == nil {
		err = missing("rename", from)
	}
	if err == nil {
		m.files[to] = m.files[from]
		m.files[to].path = to
		delete(m.files, from)
	}
	return err
}

// Remove implements vfs.FS.
func (m *FS) Remove(path string) error {
	err := m.begin("remove", path)
	defer m.mu.Unlock()
	if err == nil && m.files[path] == nil {
		err = missing("remove", path)
	}
	if err == nil {
		delete(m.files, path)
	}
	return err
}

// SyncDir implements vfs.FS: the names in dir, and only those, are durable from here on.
func (m *FS) SyncDir(dir string) error {
	err := m.begin("syncdir", dir)
	defer m.mu.Unlock()
	m.use(1)
	defer m.use(-1)
	if err != nil {
		return err
	}
	in := func(path string, _ *inode) bool { return filepath.Dir(path) == filepath.Clean(dir) }
	maps.DeleteFunc(m.durable, in)
	for path, n := range m.files {
		if in(path, n) {
			m.durable[path] = n
		}
	}
	return nil
}

// OpenDirect implements vfs.FS.
func (m *FS) OpenDirect(path string) (vfs.DirectFile, error) {
	if m.Refuses == AtOpen {
		return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.EINVAL}
	}
	f, err := m.open("opendirect", path)
	if err != nil {
		return nil, err
	}
	return &directFile{*f}, nil
}

// inode is one file's content; names refer to it.
type inode struct {
	path  string       // its last name
	data  []byte       // as the running system sees it
	disk  []byte       // as of the last sync
	dirty map[int]bool // sectors written since the last sync
}

// newInode returns a file with a copy of content, which is durable.
func newInode(path string, content []byte) *inode {
	return &inode{
		path: path, data: bytes.Clone(content), disk: bytes.Clone(content), dirty: map[int]bool{},
	}
}

// crashed returns what the disk has after a power cut. The size, if it changed, and each dirty
// sector are kept if choose(2) returns 0.
func (n *inode) crashed(choose func(n int) int) []byte {
	disk := bytes.Clone(n.disk)
	if len(n.data) != len(disk) && choose(2) == 0 {
		kept := disk[:min(len(disk), len(n.data))]
		disk = append(kept, make([]byte, max(0, len(n.data)-len(disk)))...)
	}
	for s := range (len(disk) + sectorBytes - 1) / sectorBytes {
		if n.dirty[s] && choose(2) == 0 {
			from, to := s*sectorBytes, min((s+1)*sectorBytes, len(disk), len(n.data))
			copy(disk[from:max(from, to)], n.data[from:])
		}
	}
	return disk
}
