package wal

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
)

// MaxClusterIDBytes bounds Identity.ClusterID.
const MaxClusterIDBytes = 255

// Identity identifies the node and directory that a log belongs to. The zero value is valid.
type Identity struct {
	ClusterID   string // MaxClusterIDBytes at most
	NodeID      int32
	DirectoryID [16]byte
}

// Owner distinguishes a log from all others: the identity it belongs to and the incarnation that
// was drawn when it was made.
type Owner struct {
	Identity
	Incarnation [16]byte // zero where any is meant
}

// String is a phrase for errors; it leaves out a zero incarnation.
func (o Owner) String() string {
	s := fmt.Sprintf("cluster %q, node %d, directory %s", o.ClusterID, o.NodeID,
		base64.RawURLEncoding.EncodeToString(o.DirectoryID[:]))
	if o.Incarnation != [16]byte{} {
		s += fmt.Sprintf(", incarnation %x", o.Incarnation)
	}
	return s
}

// ownerBytes is the size of an owner in a segment's header and in a slot of the durable mark:
//
//	 0  incarnation 16
//	16  directory id 16
//	32  node id 4
//	36  length of the cluster id 1
//	37  cluster id
const ownerBytes = 37 + MaxClusterIDBytes

func (o Owner) put(b []byte) {
	copy(b, o.Incarnation[:])
	copy(b[16:], o.DirectoryID[:])
	binary.LittleEndian.PutUint32(b[32:], uint32(o.NodeID))
	b[36] = byte(len(o.ClusterID))
	copy(b[37:], o.ClusterID)
}

func parseOwner(b []byte) Owner {
	o := Owner{Incarnation: [16]byte(b), Identity: Identity{
		DirectoryID: [16]byte(b[16:]),
		NodeID:      int32(binary.LittleEndian.Uint32(b[32:])),
	}}
	o.ClusterID = string(b[37 : 37+int(b[36])])
	return o
}

func (i Identity) check() error {
	if n := len(i.ClusterID); n > MaxClusterIDBytes {
		return fmt.Errorf("wal: a cluster id of %d bytes, where a log has room for %d",
			n, MaxClusterIDBytes)
	}
	return nil
}

func newOwner(i Identity) Owner {
	o := Owner{Identity: i}
	rand.Read(o.Incarnation[:]) // never fails
	return o
}
