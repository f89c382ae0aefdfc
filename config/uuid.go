package config

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
)

// UUID is a Kafka id, written as 22 letters of URL-safe base64 without padding.
type UUID [16]byte

// NewUUID makes a random (version 4) id as Kafka does: never one of the reserved ones, and never
// with a leading dash, which a command line would take for an option.
func NewUUID() UUID {
	for {
		var id UUID
		rand.Read(id[:]) // never fails
		id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
		if !id.Reserved() && !strings.HasPrefix(id.String(), "-") {
			return id
		}
	}
}

// ParseUUID reads what String and Kafka's Uuid write.
func ParseUUID(text string) (UUID, error) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil || len(raw) != len(UUID{}) {
		return UUID{}, fmt.Errorf("%q is not an id of Kafka's form: 22 letters of URL-safe base64", text)
	}
	return UUID(raw), nil
}

func (u UUID) String() string { return base64.RawURLEncoding.EncodeToString(u[:]) }

// IsZero says whether there is no id.
func (u UUID) IsZero() bool { return u == UUID{} }

// Reserved says whether Kafka keeps the id for a meaning of its own: the first hundred, among them
// "lost" and "unassigned".
func (u UUID) Reserved() bool {
	const first = 100
	return binary.BigEndian.Uint64(u[:8]) == 0 && binary.BigEndian.Uint64(u[8:]) < first
}
