package record

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
)

// UUID is Kafka's Uuid: 16 raw bytes on the wire, unpadded URL-safe base64 (22 characters) as text.
type UUID [16]byte

// Directory ids with a meaning of their own (KIP-858, DirectoryId.java).
var (
	// DirMigrating: written by a release, or under a metadata.version, that knows no directories.
	DirMigrating = UUID{}
	// DirUnassigned: the broker has several directories and has not said which one it chose.
	DirUnassigned = UUID{15: 1}
	// DirLost: the broker holds the replica in a directory that it no longer has.
	DirLost = UUID{15: 2}
)

// MetadataTopicID is the topic id of __cluster_metadata.
var MetadataTopicID = UUID{15: 1}

// ParseUUID reads Kafka's text form.
func ParseUUID(s string) (UUID, error) {
	var u UUID
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != len(u) {
		return u, fmt.Errorf("%q is not a Kafka UUID: want 22 characters of URL-safe base64", s)
	}
	copy(u[:], b)
	return u, nil
}

func (u UUID) String() string { return base64.RawURLEncoding.EncodeToString(u[:]) }

// MarshalText and UnmarshalText give JSON and YAML the same text form.
func (u UUID) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

func (u *UUID) UnmarshalText(b []byte) error {
	v, err := ParseUUID(string(b))
	if err == nil {
		*u = v
	}
	return err
}

// IsZero reports whether u is all zero.
func (u UUID) IsZero() bool { return u == UUID{} }

// Reserved reports whether u is one of the first hundred ids, which no directory may have.
func (u UUID) Reserved() bool {
	return binary.BigEndian.Uint64(u[:8]) == 0 && int64(binary.BigEndian.Uint64(u[8:])) < 100
}

// Compare orders ids by their bytes; the order of topics in an image and a snapshot.
func (u UUID) Compare(v UUID) int {
	if a, b := binary.BigEndian.Uint64(u[:8]), binary.BigEndian.Uint64(v[:8]); a != b {
		return less(a < b)
	}
	a, b := binary.BigEndian.Uint64(u[8:]), binary.BigEndian.Uint64(v[8:])
	if a == b {
		return 0
	}
	return less(a < b)
}

func less(yes bool) int {
	if yes {
		return -1
	}
	return 1
}
