// Package wal is the write-ahead log under a raft node: hard state, entries and snapshot marks,
// made durable by one direct write, or one fdatasync, for everything appended since the last.
//
// Guarantees:
//
//   - Everything appended before Sync (or SetMark) returned nil is there after any crash.
//   - One Append is atomic: after a crash it is there whole or not at all.
//   - Damage is distinguished from a torn last write. The remains of a write that a power cut
//     interrupted are cut off, and State.Cut describes them. Anything else that does not verify
//     is ErrCorrupt, and Open repairs nothing: a node that repairs its own log by guessing votes
//     with a shortened one (Alagappan et al., "Protocol-Aware Recovery for Consensus-Based
//     Storage", FAST '18).
//   - A log is opened for its owner only, and with no file of another log in it (ErrForeign).
//   - A failed fdatasync, or a write that failed other than for a shortage, is final
//     (Rebello et al., "Can Applications Recover from fsync Failures?", ATC '20): every later
//     call returns it. A call that lacks space or descriptors has changed nothing (ErrRetry).
//
// How appends reach the disk. On Linux they bypass the page cache (O_DIRECT with O_DSYNC) in whole
// blocks of 4096 bytes. They use the page cache and are synced where the file system has no such
// writes, on other systems, and in segments of other sizes that older versions made. The files are
// the same either way.
//
// How a torn write is recognised. A disk writes a sector of 512 bytes whole or not at all, in any
// order, and segments are zeroed before use. So a record that was torn by a power cut has a sector
// that is zero from the point where the record begins in it; a bad record all of whose sectors were
// written is damage, wherever it is. Every record contains the position up to which the segment was
// durable when the record was written, so any later record proves that a bad record below that
// position is damage. A small file beside the segments, the durable mark, names a position that was
// synced. During continuous appends it trails the log by at most Options.MarkEvery syncs or a
// quarter of a second, whichever is sooner; it is exact a few milliseconds after the last sync, and
// after Close.
//
// One kind of damage is undecidable, here as in any log. If sectors of the last synced group above
// the durable mark, or all sectors from one of them to the end of the log, read as zeros, they look
// like a power cut during the last write. They are cut off and reported in State.Cut. Only the
// peers can detect that the node had acknowledged more than it has now.
//
// Owner. The durable mark and the header of every segment contain cluster, node and directory id,
// and an incarnation that is drawn when the log is made.
//
// Versions of the format. A release reads the format of the previous release and writes only its
// own: Open gives a log of version 1 an owner and seals it, so that new records go into segments of
// version 2. That cannot be undone: the previous release then refuses the log because of the
// version in the new segment's header. A format of a later release is ErrVersion.
package wal
