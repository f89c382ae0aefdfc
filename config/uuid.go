package config

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
)

// UUID is an id as Kafka writes it: 22 characters of URL-safe base64 without padding.
type UUID [16]byte

// NewUUID returns a random (version 4) id. Like Kafka's, it is never reserved and never begins with
// a dash, which a command line would take for an option.
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

// ParseUUID reads the form that String and Kafka's Uuid write.
func ParseUUID(text string) (UUID, error) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil || len(raw) != len(UUID{}) {
		return UUID{}, fmt.Errorf("%q is not an id of Kafka's form: 22 letters of URL-safe base64", text)
	}
	return UUID(raw), nil
}

// String returns the form that ParseUUID reads.
func (u UUID) String() string { return base64.RawURLEncoding.EncodeToString(u[:]) }

// IsZero reports whether the id is all zeros, which stands for none.
func (u UUID) IsZero() bool { return u == UUID{} }

// Reserved reports whether Kafka reserves the id: the first hundred have meanings such as "lost"
// and "unassigned".
func (u UUID) Reserved() bool {
	const first = 100
	return binary.BigEndian.Uint64(u[:8]) == 0 && binary.BigEndian.Uint64(u[8:]) < first
}
