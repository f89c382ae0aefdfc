package record

import "github.com/yakt/yakt/protocol"

// UUID is protocol.UUID.
type UUID = protocol.UUID

// The special directory ids and the metadata topic's id, see protocol.
var (
	DirMigrating    = protocol.DirMigrating
	DirUnassigned   = protocol.DirUnassigned
	DirLost         = protocol.DirLost
	MetadataTopicID = protocol.MetadataTopicID
)

// ParseUUID is protocol.ParseUUID.
func ParseUUID(s string) (UUID, error) { return protocol.ParseUUID(s) }
