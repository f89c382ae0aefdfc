package wal

import (
	"log/slog"
	"slices"

	"github.com/yakt/yakt/vfs"
)

// Read returns what Open would, of a log that nobody has open, and changes nothing. What Open would
// cut off the end is left out. Errors are those of Open; a directory without a log is fs.ErrNotExist.
func Read(dir string) (State, error) {
	o := Options{FS: vfs.ReadOnly{}, Logger: slog.New(slog.DiscardHandler)}
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
