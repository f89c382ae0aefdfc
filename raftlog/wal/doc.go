// Package wal is the write-ahead log under a raft node: hard state, entries
// and snapshot marks, made durable by one direct write, or one fdatasync, for
// everything appended since the last.
//
// What it promises:
//
//   - What Sync (or SetMark) has returned nil for is there after any crash.
//   - One Append is atomic: after a crash it is there whole or not at all.
//   - Damage is told apart from a torn last write. A write that a crash cut
//     short was never acknowledged: Open cuts it and says so in State.TornTail.
//     Anything else that does not verify is ErrCorrupt, and Open repairs nothing:
//     a node that repairs its own log by guessing votes with a shortened one
//     (Alagappan et al., "Protocol-Aware Recovery for Consensus-Based Storage",
//     FAST '18).
//   - A failed write or fdatasync is final (Rebello et al., "Can Applications
//     Recover from fsync Failures?", ATC '20): every later call returns it.
//
// How appends reach the disk. On Linux they go round the page cache (O_DIRECT with
// O_DSYNC) in whole blocks of 4096 bytes. Where the file system has no such writes,
// on other systems, and into segments of another size that older versions made,
// they go through it and are synced. The files are the same either way.
//
// How a torn write is recognised. Segments are zeroed before use, so a sector
// that never reached the disk reads as zeros. Every record carries the position
// up to which the segment was durable when the record was written, so any later
// record convicts a bad one below that position. And a small file beside the
// segments, the durable mark, names a position that was synced; it trails the
// log by at most Options.MarkEvery syncs or a quarter of a second, whichever is
// sooner, and is exact after Close.
//
// One damage stays undecidable, here as in any log: above the durable mark, the
// loss of whole sectors of the last sync group or of the log's last sector, or
// damage to the very last batch, is what a power cut during the last write looks
// like. It is cut, and TornTail says so.
package wal
