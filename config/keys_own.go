package config

const ownTitle = "YAKt's own"

// ownKeys are the few settings Kafka has no name for.
func ownKeys() []use {
	return []use{
		{name: "yakt.http.listeners", typ: "list", def: "127.0.0.1:8093", doc: "What the HTTP API listens on, as `host:port`; an empty host is every address, an empty list turns it off."},
		{name: "yakt.http.insecure", typ: "boolean", def: "false", doc: "Lets yakt.http.listeners be reached by other machines although the HTTP API asks nobody who they are: for a network where everyone may do everything.",
			bind: toBool(func(c *Config) *bool { return &c.HTTPInsecure })},
		{name: "yakt.http.hosts", typ: "list", def: "", doc: "Names in the `Host` header of HTTP requests that are answered, besides IP addresses, this node's own names, names without a dot, and those in `.localhost`, `.local` and `.internal`; `*` is any. " +
			"A page of another site whose name resolves to this node is kept out by it.",
			bind: toList(func(c *Config) *[]string { return &c.HTTPHosts })},
		{name: "yakt.debug.listeners", typ: "list", def: "", doc: "Where Go's profiles (/debug/pprof/) are served, as `host:port` with a loopback address; empty turns it off."},
		{name: "yakt.peer.addresses", typ: "list", def: null, doc: "Where to reach voters instead of where the log or controller.quorum.voters says, as `id@host:port`: for when controllers were moved or renamed."},
		{name: "yakt.snapshots.kept", typ: "int", def: "2", valid: "2..100", doc: "Snapshots kept; older ones and the log before them are removed.",
			bind: toInt32(func(c *Config) *int32 { return &c.SnapshotsKept })},
		{name: "yakt.wal.segment.bytes", typ: "long", def: "67108864", valid: "1048576..1073741824", unit: "bytes", doc: "Size of one file of the write-ahead log; disk space is taken in these steps.",
			bind: toInt64(func(c *Config) *int64 { return &c.WALSegmentBytes })},
		{name: "yakt.log.level", typ: "string", def: "info", valid: "debug|info|warn|error", doc: "Least severe messages that are logged.",
			bind: toString(func(c *Config) *string { return &c.LogLevel })},
		{name: "yakt.log.format", typ: "string", def: "text", valid: "text|json", doc: "How messages are logged.",
			bind: toString(func(c *Config) *string { return &c.LogFormat })},
	}
}
