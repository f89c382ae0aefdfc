// Package waltest changes write-ahead logs for tests.
package waltest

import (
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/yakt/yakt/raftlog/wal"
)

// terms is how far the term of an appended entry is from those of the others: two entries of one
// place and term must be the same, and nobody has proposed this one.
const terms = 10

// Append appends an entry of a later term to a log that nobody has open, as if its leader had
// written it and died.
func Append(dir string, owner wal.Identity, data []byte) error {
	w, st, err := wal.Open(dir, wal.Options{Identity: owner})
	if err != nil {
		return err
	}
	defer w.Close()
	index := st.Mark.Index + uint64(len(st.Entries)) + 1
	hard := proto.Clone(st.HardState).(*raftpb.HardState)
	hard.Term, hard.Vote = new(hard.GetTerm()+terms), new(uint64(0))
	if err := w.Append(hard,
		[]*raftpb.Entry{{Index: &index, Term: hard.Term, Data: data}}); err != nil {
		return err
	}
	return w.Sync()
}
