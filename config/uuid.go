package config

import "github.com/yakt/yakt/protocol"

// UUID is protocol.UUID.
type UUID = protocol.UUID

// NewUUID is protocol.NewUUID.
func NewUUID() UUID { return protocol.NewUUID() }

// ParseUUID is protocol.ParseUUID.
func ParseUUID(text string) (UUID, error) { return protocol.ParseUUID(text) }
