package integration

import (
	"path/filepath"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/metadata/record/recordtest"
	"github.com/yakt/yakt/raftlog/wal"
)

// poison writes records into the logs of all nodes as an earlier release would have: whether Kafka's
// brokers accept them or not. The nodes are killed, and started again. None may be writing.
func poison(t testing.TB, q *kafka.Controllers, records ...record.Record) {
	t.Helper()
	batch, err := recordtest.Batch(records...)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range q.Nodes() {
		q.Kill(id)
	}
	for _, id := range q.Nodes() {
		if err := appendToLog(q.Dir(id), batch); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range q.Nodes() {
		q.Start(t, id)
	}
	kafka.WaitLeader(t, q, kafka.Patience)
}

// poisonTerms is how far the term of an entry that nobody has proposed is from those of the others:
// two entries of one place and term must be the same.
const poisonTerms = 10

// appendToLog appends a batch to the log of a stopped node, as an entry of a later term.
func appendToLog(dir string, batch []byte) error {
	meta, err := config.ReadMetaProperties(dir)
	if err != nil {
		return err
	}
	identity := wal.Identity{ClusterID: meta.ClusterID, NodeID: meta.NodeID, DirectoryID: meta.DirectoryID}
	w, st, err := wal.Open(filepath.Join(dir, "__cluster_metadata-0", "wal"), wal.Options{Identity: identity})
	if err != nil {
		return err
	}
	defer w.Close()
	index := st.Mark.Index + uint64(len(st.Entries)) + 1
	hard := proto.Clone(st.HardState).(*raftpb.HardState)
	hard.Term, hard.Vote = new(hard.GetTerm()+poisonTerms), new(uint64(0))
	entry := &raftpb.Entry{Index: &index, Term: hard.Term, Data: batch}
	if err := w.Append(hard, []*raftpb.Entry{entry}); err != nil {
		return err
	}
	return w.Sync()
}
