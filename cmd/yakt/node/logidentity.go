package node

import (
	"errors"

	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/raftlog/wal"
)

// logIdentity is the owner that a write-ahead log names.
type logIdentity struct {
	Exists      bool // there is a log, so that opening it would not create one
	Known       bool // it names its owner; logs of the first format do not
	ClusterID   string
	NodeID      int32
	DirectoryID protocol.UUID
	Incarnation [16]byte // drawn when the log was made
}

// identifyLog reads the owner of the write-ahead log in dir and changes nothing. It leaves a
// damaged durable mark for the opening of the log, which reports it in full.
func identifyLog(dir string) (logIdentity, error) {
	info, err := wal.Inspect(dir)
	switch {
	case errors.Is(err, wal.ErrCorrupt), info.Owner.ClusterID == "":
		return logIdentity{Exists: !info.Empty()}, nil
	case err != nil:
		return logIdentity{Exists: !info.Empty()}, err
	}
	id := info.Owner.Identity
	return logIdentity{
		true, true, id.ClusterID, id.NodeID, id.DirectoryID, info.Owner.Incarnation,
	}, nil
}
