// Package raftlog is the replicated log of a controller quorum: Raft (go.etcd.io/raft) below, the
// offsets, epochs, checkpoint files and fetch rules of Kafka's __cluster_metadata partition above.
//
// A raft entry carries one or more finished Kafka record batches (format 2), of which the log reads
// only the headers. Proposals that arrive while earlier entries are being written wait and then
// share one entry (propose.go). An [Index] counts raft entries; an offset (int64) counts records.
// The offsets of an entry depend only on the entries before it, so all replicas that hold an entry
// give it the same offsets (storage.go). The leader epoch of a batch is the term of its entry.
//
// Only committed and applied batches leave the log. To brokers and the application a node is the
// leader only after it leads in raft and the first batch of its own epoch (the EpochStart batch) is
// applied: then it has claimed the epoch.
//
// The layers, from the inside out:
//
//	core      sans-IO state machine around raft.RawNode, without goroutines, clock, disk or
//	          network (core.go, propose.go, ready.go, campaign.go, storage.go)
//	view      the part of the log that fetchers may see: committed batches, epoch history,
//	          leadership (view.go, fetch.go)
//	Log       the driver: one mutex around core; goroutines for disk, application, ticks and
//	          peers (log.go, writer.go, applier.go)
//	peers     raft messages in Kafka frames over the controller listener (frame.go, peer.go,
//	          accept.go)
//	snapshots Kafka checkpoint files, made in the background and downloaded by followers that
//	          lag (snapshot.go, replace.go, vouch.go, pull.go)
//
// A broken invariant, a panic of raft among them, and a failed write to the disk stop the replica:
// see [Log.Failed].
package raftlog
