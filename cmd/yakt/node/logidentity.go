package node

import "github.com/yakt/yakt/config"

// logIdentity is whom a write-ahead log says that it belongs to. Known is false for logs of
// releases that did not write it down.
type logIdentity struct {
	Known       bool
	ClusterID   string
	NodeID      int32
	DirectoryID config.UUID
	Incarnation [16]byte
}

// identifyLog reads whom the write-ahead log in dir belongs to, and changes nothing.
//
// TODO: ask wal.Inspect, once it is there. Until then no log has a known identity.
func identifyLog(string) (logIdentity, error) { return logIdentity{}, nil }
