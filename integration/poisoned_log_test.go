package integration

import (
	"path/filepath"
	"testing"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/metadata/record/recordtest"
	"github.com/yakt/yakt/raftlog/wal"
	"github.com/yakt/yakt/raftlog/wal/waltest"
)

// spoil writes records into the logs of all nodes as an earlier release would have, whether or not
// Kafka's brokers accept them. The nodes are killed and restarted. No other writes may be in
// progress.
func spoil(t testing.TB, q *kafka.Controllers, records ...record.Record) {
	t.Helper()
	batch, err := recordtest.Batch(records...)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range q.Nodes() {
		q.Kill(id)
	}
	for _, id := range q.Nodes() {
		meta, err := config.ReadMetaProperties(q.Dir(id))
		if err != nil {
			t.Fatal(err)
		}
		owner := wal.Identity{ClusterID: meta.ClusterID, NodeID: meta.NodeID,
			DirectoryID: meta.DirectoryID}
		log := filepath.Join(q.Dir(id), "__cluster_metadata-0", "wal")
		if err := waltest.Append(log, owner, batch); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range q.Nodes() {
		q.Start(t, id)
	}
	kafka.WaitLeader(t, q, kafka.Patience)
}
