package node

import (
	"errors"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/raftlog/wal"
)

// logIdentity is whom a write-ahead log says that it belongs to.
type logIdentity struct {
	Exists      bool // there is a log: opening it would not make one
	Known       bool // it says whom it belongs to, as logs of the first format do not
	ClusterID   string
	NodeID      int32
	DirectoryID config.UUID
	Incarnation [16]byte
}

// identifyLog reads whom the write-ahead log in dir belongs to, and changes nothing. A log whose
// durable mark is damaged tells nothing here: opening it says in full what is wrong.
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
