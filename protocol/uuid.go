package protocol

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
)

// UUID is Kafka's Uuid: 16 raw bytes on the wire, 22 characters of URL-safe base64 without padding
// as text, in JSON and YAML too.
type UUID [16]byte

// Directory ids with a special meaning (KIP-858, DirectoryId.java).
var (
	// DirMigrating: written by a release, or under a metadata.version, without directory ids.
	DirMigrating = UUID{}
	// DirUnassigned: the broker has several directories and has not reported which one it chose.
	DirUnassigned = UUID{15: 1}
	// DirLost: the broker holds the replica in a directory that it no longer has.
	DirLost = UUID{15: 2}
)

// reservedUUIDs is how many of the lowest ids Kafka reserves for special meanings.
const reservedUUIDs = 100

// NewUUID returns a random id, as DrawUUID does, from the operating system's randomness.
func NewUUID() UUID {
	return DrawUUID(func() (b [16]byte) {
		rand.Read(b[:]) // never fails
		return b
	})
}

// DrawUUID makes a version 4 id from random bytes, as Kafka's Uuid.randomUuid does. It draws again
// until the id is not reserved and does not begin with a dash, which command lines would take for
// an option.
func DrawUUID(draw func() [16]byte) UUID {
	for {
		id := UUID(draw())
		id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
		if !id.Reserved() && !strings.HasPrefix(id.String(), "-") {
			return id
		}
	}
}

// ParseUUID reads Kafka's text form. As in Kafka, padding is allowed.
func ParseUUID(text string) (UUID, error) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil || len(raw) != len(UUID{}) {
		return UUID{}, fmt.Errorf("%q is not a Kafka UUID: want 22 characters of URL-safe base64", text)
	}
	return UUID(raw), nil
}

// String is Kafka's text form: URL-safe base64 without padding, 22 characters.
func (u UUID) String() string { return base64.RawURLEncoding.EncodeToString(u[:]) }

// MarshalText implements encoding.TextMarshaler.
func (u UUID) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. After an error u is unchanged.
func (u *UUID) UnmarshalText(b []byte) error {
	v, err := ParseUUID(string(b))
	if err == nil {
		*u = v
	}
	return err
}

// IsZero reports whether u is all zero.
func (u UUID) IsZero() bool { return u == UUID{} }

// Reserved reports whether u is one of the lowest hundred ids, which no directory may have.
func (u UUID) Reserved() bool {
	return binary.BigEndian.Uint64(u[:8]) == 0 &&
		int64(binary.BigEndian.Uint64(u[8:])) < reservedUUIDs
}

// Compare orders ids by their bytes. It is the order of topics in an image and a snapshot.
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
