// Package wal is the write-ahead log under a raft node: hard state, entries
// and snapshot marks, made durable by one direct write, or one fdatasync, for
// everything appended since the last.
//
// What it promises:
//
//   - What Sync (or SetMark) has returned nil for is there after any crash.
//   - One Append is atomic: after a crash it is there whole or not at all.
//   - Damage is told apart from a torn last write. What a power cut left of the last
//     write is cut off, and State.Cut says what. Anything else that does not verify is
//     ErrCorrupt, and Open repairs nothing: a node that repairs its own log by guessing
//     votes with a shortened one (Alagappan et al., "Protocol-Aware Recovery for
//     Consensus-Based Storage", FAST '18).
//   - A log is opened for its owner only, and with no file of another log in it (ErrForeign).
//   - A failed fdatasync, or a write that failed for another reason than a shortage, is final
//     (Rebello et al., "Can Applications Recover from fsync Failures?", ATC '20): every later
//     call returns it. Without space or descriptors nothing has moved (ErrRetry).
//
// How appends reach the disk. On Linux they go round the page cache (O_DIRECT with
// O_DSYNC) in whole blocks of 4096 bytes. Where the file system has no such writes,
// on other systems, and into segments of another size that older versions made,
// they go through it and are synced. The files are the same either way.
//
// How a torn write is recognised. A disk writes a sector of 512 bytes whole or not at
// all, in any order, and segments are zeroed before use. So a record that a power cut
// spoiled has a sector that is zero from where the record begins in it; a bad record
// all of whose sectors were written is damage, wherever it is. Every record carries the
// position up to which the segment was durable when the record was written, so any later
// record convicts a bad one below that position. And a small file beside the segments,
// the durable mark, names a position that was synced. While appends follow one another it
// trails the log by at most Options.MarkEvery syncs or a quarter of a second, whichever is
// sooner; it is exact a few milliseconds after the last sync, and after Close.
//
// One damage stays undecidable, here as in any log: above the durable mark, sectors of the
// last sync group, or all sectors from one on to the end of the log, that read as zeros are what
// a power cut during the last write looks like. They are cut, and State.Cut says so. A node
// that had acknowledged more than it has now is for its peers to find out.
//
// Whose log it is. Cluster, node and directory id, and an incarnation that is drawn when the
// log is made, are in the durable mark and in the header of every segment.
//
// Versions of the format. A release reads the format of the release before it and writes only
// its own: Open gives a log of version 1 an owner, and seals what it has for new records to go
// into segments of version 2. That cannot be undone: the release before refuses the log from then
// on by the version in the new segment's header. A format of a later release is ErrVersion.
package wal
