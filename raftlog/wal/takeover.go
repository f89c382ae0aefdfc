package wal

import "path/filepath"

// checkOwner refuses a segment that does not belong to the durable mark's log.
func (op *opening) checkOwner(path string, h segmentHeader) error {
	d := op.mark
	switch {
	case d.version == versionBefore && h.version == versionBefore:
		return nil
	case d.version == versionBefore:
		return corrupt(d.path, 0, "the durable mark has format version %d and %s version %d: "+
			"the mark is older than the log", d.version, filepath.Base(path), h.version)
	case h.version == versionBefore && h.seq < d.ownedFrom:
		return nil
	case h.version == versionBefore:
		return corrupt(path, 0, "the segment has format version %d, and this log has version %d "+
			"from segment %d on: the file is of another log", h.version, d.version, d.ownedFrom)
	case h.owner != d.owner:
		by := "the durable mark beside it"
		return &ForeignError{Path: path, Found: h.owner, Expected: d.owner, By: by}
	}
	return nil
}

// takeOver gives a log of the previous release an owner and prepares a segment with that owner. The
// order matters: the spare segment of version 1 is removed first; then both slots of the mark name
// the first segment with an owner; then that segment is made. A crash before the mark is written
// leaves a log that the previous release still reads; after a later crash Open finds the owner that
// was drawn.
func (op *opening) takeOver() error {
	if op.active.version == formatVersion {
		return nil
	}
	next := op.active.seq + 1
	if op.mark.version == versionBefore {
		if err := op.removeSpare(); err != nil {
			return err
		}
		if err := op.mark.adopt(newOwner(op.Identity), next); err != nil {
			return explain(err, "writing", op.mark.path)
		}
		op.Logger.Info("wal: took over a log of the release before",
			"dir", op.dir, "owner", op.mark.owner.String())
	}
	if op.spare != nil {
		return nil
	}
	var err error
	op.spare, err = createSegment(op.FS, op.dir, next, op.firstBytes(), op.mark.owner, nil)
	return err
}

func (op *opening) removeSpare() error {
	if op.spare == nil {
		return nil
	}
	path := op.spare.path
	err := op.spare.close()
	op.spare = nil
	if err == nil {
		err = op.FS.Remove(path)
	}
	if err == nil {
		err = op.FS.SyncDir(op.dir)
	}
	if err != nil {
		return explain(err, "removing", path)
	}
	return nil
}
