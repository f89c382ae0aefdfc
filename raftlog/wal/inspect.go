package wal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/yakt/yakt/vfs"
)

// Info describes the directory of a log without reading its records.
type Info struct {
	Exists   bool     // the directory is there
	Segments int      // files of records, the spare one included
	Marked   bool     // the durable mark is there
	Others   []string // other files, sorted
	Owner    Owner    // the log's owner; zero in version 1
	Version  int      // format version of the log; 0 when there is none
	Note     []byte   // the note in the durable mark
}

// Empty reports whether Open would make a new log.
func (i Info) Empty() bool { return i.Segments == 0 && !i.Marked }

// Inspect describes the directory of a log. It changes nothing and needs no permission to write;
// the log may be open. If the durable mark is damaged, missing or of a later release, Inspect
// returns an error (ErrCorrupt, ErrVersion) together with all that is known. A missing directory is
// no error.
func Inspect(dir string) (Info, error) {
	names, err := vfs.ReadOnly{}.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return Info{}, nil
	}
	if err != nil {
		return Info{}, fmt.Errorf("wal: listing %s: %w", dir, err)
	}
	info := Info{Exists: true}
	for _, name := range names {
		_, segment := parseSegmentName(name)
		switch {
		case segment:
			info.Segments++
		case name == durableName:
			info.Marked = true
		case !strings.HasSuffix(name, temporarySuffix):
			info.Others = append(info.Others, name)
		}
	}
	slices.Sort(info.Others)
	if info.Empty() {
		return info, nil
	}
	return info, info.readMark(dir)
}

func (i *Info) readMark(dir string) error {
	d := durableMark{path: filepath.Join(dir, durableName)}
	if !i.Marked {
		return corrupt(d.path, 0, "the durable mark is missing beside %d segments", i.Segments)
	}
	f, err := vfs.ReadOnly{}.Open(d.path)
	if err != nil {
		return fmt.Errorf("wal: opening %s: %w", d.path, err)
	}
	defer f.Close()
	b := make([]byte, 2*slotBytes)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("wal: reading %s: %w", d.path, err)
	}
	_, err = d.parse(b[:n])
	i.Version, i.Owner, i.Note = int(d.version), d.owner, d.note
	return err
}
