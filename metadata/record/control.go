package record

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/yakt/yakt/protocol"
)

// ControlType is the type in a control record's key. Brokers exit on types that they do not know,
// so only these are written.
type ControlType int16

// The control records that are written, with the numbers of Kafka's ControlRecordType.
const (
	ControlLeaderChange   ControlType = 2
	ControlSnapshotHeader ControlType = 3
	ControlSnapshotFooter ControlType = 4
	ControlKRaftVersion   ControlType = 5
	ControlVoters         ControlType = 6
)

// String is Kafka's name of such a record.
func (t ControlType) String() string {
	switch t {
	case ControlLeaderChange:
		return "LeaderChangeMessage"
	case ControlSnapshotHeader:
		return "SnapshotHeaderRecord"
	case ControlSnapshotFooter:
		return "SnapshotFooterRecord"
	case ControlKRaftVersion:
		return "KRaftVersionRecord"
	case ControlVoters:
		return "VotersRecord"
	}
	return fmt.Sprintf("control record %d", int16(t))
}

// Control is a record of the raft layer in the metadata log or a snapshot.
type Control interface {
	ControlType() ControlType
	code(c *coder)
}

// AppendControlKey appends the key of a control record: int16 version 0, int16 type.
func AppendControlKey(dst []byte, t ControlType) []byte {
	return binary.BigEndian.AppendUint16(append(dst, 0, 0), uint16(t))
}

// AppendControl appends the value of a control record. All are written in version 0.
func AppendControl(dst []byte, r Control) ([]byte, error) {
	c := coder{buf: dst}
	var version int16
	c.int16(&version)
	r.code(&c)
	c.check(r)
	var field *fieldError
	switch {
	case errors.As(c.err, &field):
		return dst, fmt.Errorf(
			"control record %d is invalid: %s %s", r.ControlType(), field.name(r), field.problem,
		)
	case c.err != nil:
		return dst, fmt.Errorf("control record %d: %w", r.ControlType(), c.err)
	}
	return c.buf, nil
}

// DecodeControl reads a control record from its key and value. LeaderChange also in version 1,
// which a quorum of another release may have written.
func DecodeControl(key, value []byte) (Control, error) {
	if len(key) != 4 || key[0] != 0 || key[1] != 0 {
		return nil, fmt.Errorf("control record: the key % x is not of version 0", key)
	}
	t := ControlType(binary.BigEndian.Uint16(key[2:]))
	r, maxVersion := newControl(t)
	if r == nil {
		return nil, fmt.Errorf("control record: unknown type %d", t)
	}
	c := coder{buf: value, decoding: true}
	c.int16(&c.version)
	if c.err == nil && (c.version < 0 || c.version > maxVersion) {
		c.fail(fmt.Errorf("version %d is newer than this release reads (%d)", c.version, maxVersion))
	}
	r.code(&c)
	if c.err == nil && len(c.buf) != 0 {
		c.fail(fmt.Errorf("%d bytes follow the record", len(c.buf)))
	}
	if c.err != nil {
		return nil, fmt.Errorf("control record %d: %w", t, c.err)
	}
	return r, nil
}

func newControl(t ControlType) (r Control, maxVersion int16) {
	switch t {
	case ControlLeaderChange:
		return new(LeaderChange), 1
	case ControlSnapshotHeader:
		return new(SnapshotHeader), 0
	case ControlSnapshotFooter:
		return new(SnapshotFooter), 0
	case ControlKRaftVersion:
		return new(KRaftVersion), 0
	case ControlVoters:
		return new(Voters), 0
	}
	return nil, 0
}

// LeaderChange opens an epoch. Version 1 adds the voters' directory ids; Kafka 4.4 and we write
// version 0.
type LeaderChange struct {
	LeaderID       int32
	Voters         []int32
	GrantingVoters []int32
}

// ControlType implements Control.
func (*LeaderChange) ControlType() ControlType { return ControlLeaderChange }

func (r *LeaderChange) code(c *coder) {
	voter := func(c *coder, id *int32) {
		c.int32(id)
		if c.version >= 1 {
			var directory protocol.UUID
			c.uuid(&directory)
		}
		c.noTags()
	}
	c.int32(&r.LeaderID)
	array(c, &r.Voters, 5, voter)
	array(c, &r.GrantingVoters, 5, voter)
	c.noTags()
}

// SnapshotHeader is the first record of a snapshot.
type SnapshotHeader struct {
	// ms since 1970: append time of the last record that the snapshot covers
	LastContainedLogTimestamp int64
}

// ControlType implements Control.
func (*SnapshotHeader) ControlType() ControlType { return ControlSnapshotHeader }

func (r *SnapshotHeader) code(c *coder) {
	c.int64(&r.LastContainedLogTimestamp)
	c.noTags()
}

// SnapshotFooter is the last record of a snapshot.
type SnapshotFooter struct{}

// ControlType implements Control.
func (*SnapshotFooter) ControlType() ControlType { return ControlSnapshotFooter }
func (*SnapshotFooter) code(c *coder)            { c.noTags() }

// KRaftVersion is the finalized kraft.version: with 1 the voters are named by records in the log
// (KIP-853).
type KRaftVersion struct{ Version int16 }

// ControlType implements Control.
func (*KRaftVersion) ControlType() ControlType { return ControlKRaftVersion }

func (r *KRaftVersion) code(c *coder) {
	c.int16(&r.Version)
	c.noTags()
}

// Voters is the whole voter set. Every voter needs an endpoint for each controller listener name
// that a broker uses, because brokers find the leader by it.
type Voters struct{ Voters []Voter }

// Voter is one member of the quorum.
type Voter struct {
	ID              int32
	DirectoryID     protocol.UUID // zero: not known yet
	Endpoints       []VoterEndpoint
	KRaftVersionMin int16
	KRaftVersionMax int16
}

// VoterEndpoint is a controller listener of a voter.
type VoterEndpoint struct {
	Name string
	Host string
	Port uint16
}

// ControlType implements Control.
func (*Voters) ControlType() ControlType { return ControlVoters }

func (r *Voters) code(c *coder) {
	array(c, &r.Voters, 4+16+1+5+1, func(c *coder, v *Voter) { v.code(c) })
	c.noTags()
}

func (v *Voter) code(c *coder) {
	c.int32(&v.ID)
	c.uuid(&v.DirectoryID)
	array(c, &v.Endpoints, 1+1+2+1, func(c *coder, e *VoterEndpoint) {
		c.string(&e.Name)
		c.string(&e.Host)
		c.uint16(&e.Port)
		c.noTags()
	})
	c.int16(&v.KRaftVersionMin)
	c.int16(&v.KRaftVersionMax)
	c.noTags()
	c.noTags()
}
