// Package raftlog is the replicated log of a controller quorum: Raft (go.etcd.io/raft) below, the
// offsets, epochs, checkpoint files and fetch rules of Kafka's __cluster_metadata partition above.
//
// A raft entry carries one finished Kafka record batch (format v2), opaque but for its header. An
// [Index] counts raft entries; an offset (int64) counts records. The offset after an entry depends
// only on the entries before it, so every replica that holds an entry gives it the same offsets
// (see storage.go). A batch's partitionLeaderEpoch is its entry's term.
//
// Only committed and applied batches leave the log. A node is the leader for brokers and for the
// application once it leads in raft and the first batch of its own epoch (the EpochStart batch) is
// applied: it has "claimed" the epoch.
//
// The layers, inside out:
//
//	core      sans-IO state machine around raft.RawNode: no goroutine, clock, disk or network (core.go, ready.go, election.go, storage.go)
//	view      what fetchers may see: committed batches, epoch history, leadership (view.go, fetch.go)
//	Log       the driver: one mutex around core; goroutines for disk, application, ticks and peers (log.go, writer.go, applier.go)
//	peers     raft messages in Kafka frames over the controller listener (frame.go, peer.go, accept.go)
//	snapshots Kafka checkpoint files, made in the background, pulled by lagging followers (snapshot*.go)
//
// Any broken invariant, raft panics included, and any failed disk write stop the replica: see
// [Log.Failed].
package raftlog
