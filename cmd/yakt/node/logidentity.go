package node

import (
	"errors"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/raftlog/wal"
)

// logIdentity is whom a write-ahead log says that it belongs to. Known is false for logs of
// releases that did not write it down.
type logIdentity struct {
	Known       bool
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
	case errors.Is(err, wal.ErrCorrupt), info.Owner.Identity.ClusterID == "":
		return logIdentity{}, nil
	case err != nil:
		return logIdentity{}, err
	}
	id := info.Owner.Identity
	return logIdentity{true, id.ClusterID, id.NodeID, id.DirectoryID, info.Owner.Incarnation}, nil
}
