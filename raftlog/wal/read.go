package wal

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
)

// Read returns what Open would, of a log that nobody has open, and changes nothing. What Open would
// cut off the end is left out. Errors are those of Open; a directory without a log is fs.ErrNotExist.
func Read(dir string) (State, error) {
	o := Options{FS: readOnlyFS{}, Logger: slog.New(slog.DiscardHandler)}
	op := &opening{dir: dir, Options: o.withDefaults()}
	st, err := op.readState()
	_ = op.release() // read only
	return st, err
}

func (op *opening) readState() (st State, err error) {
	if op.mark, err = openDurableMark(op.FS, op.dir, op.Logger); err != nil {
		return State{}, err
	}
	names, err := op.FS.List(op.dir)
	if err != nil {
		return State{}, explain(err, "listing", op.dir)
	}
	for _, name := range names {
		if seq, ok := parseSegmentName(name); ok && seq >= op.mark.firstSeq {
			op.seqs = append(op.seqs, seq)
		}
	}
	slices.Sort(op.seqs)
	if len(op.seqs) == 0 {
		return State{}, corrupt(segmentPath(op.dir, op.mark.firstSeq), 0, "the segment is missing")
	}
	if err := op.read(); err != nil {
		return State{}, err
	}
	if err := op.verifyWhole(); err != nil {
		return State{}, err
	}
	st = op.replay.state()
	st.Incarnation, st.Note = op.mark.owner.Incarnation, op.mark.note
	return st, nil
}

// readOnlyFS opens existing files, and for reading alone.
type readOnlyFS struct{ osFS }

func (readOnlyFS) Open(path string) (File, error)   { return openFile(path, os.O_RDONLY) }
func (readOnlyFS) MkdirAll(dir string) error        { return readOnly("mkdir", dir) }
func (readOnlyFS) Create(path string) (File, error) { return nil, readOnly("create", path) }
func (readOnlyFS) Rename(from, _ string) error      { return readOnly("rename", from) }
func (readOnlyFS) Remove(path string) error         { return readOnly("remove", path) }
func (readOnlyFS) SyncDir(dir string) error         { return readOnly("sync", dir) }
func (readOnlyFS) OpenDirect(path string) (DirectFile, error) {
	return nil, readOnly("open", path)
}

func readOnly(op, path string) error {
	return &fs.PathError{Op: op, Path: filepath.Clean(path), Err: fs.ErrPermission}
}
