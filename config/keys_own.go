package config

import (
	"slices"
	"time"
)

const ownTitle = "YAKt's own"

// ownKeys are the few settings Kafka has no name for.
func ownKeys() []use {
	return slices.Concat([]use{
		{name: "yakt.http.listeners", typ: "list", def: "127.0.0.1:8093", doc: "What the HTTP API " +
			"listens on, as `host:port`; an empty host is every address, an empty list turns it off. " +
			"A node whose default is taken runs without a port of its own, and says so."},
		{name: "yakt.http.insecure", typ: "boolean", def: "false", doc: "Lets yakt.http.listeners be " +
			"reached by other machines although the HTTP API asks nobody who they are: for a network where " +
			"everyone may do everything.",
			bind: toBool(func(c *Config) *bool { return &c.HTTP.Insecure })},
		{name: "yakt.http.hosts", typ: "list", def: "", doc: "Names in the `Host` header of HTTP " +
			"requests that are answered, besides IP addresses, this node's own names, names without a dot, " +
			"and those in `.localhost`, `.local` and `.internal`; `*` is any. " +
			"A page of another site whose name resolves to this node is kept out by it.",
			bind: toList(func(c *Config) *[]string { return &c.HTTP.Hosts })},
		{
			name: "yakt.http.max.connections", typ: "int", def: "5000", valid: ">=2",
			doc: "Most HTTP connections at once, of which one address may have half; each takes some 30 " +
				"KiB while it waits for news. A further one takes the place of the one that has been idle for " +
				"longest.",
			bind: toInt32(func(c *Config) *int32 { return &c.HTTP.MaxConnections }),
		},
		{
			name: "yakt.http.queued.max.bytes", typ: "long", def: "33554432", valid: ">=16777216",
			unit: "bytes",
			doc: "Memory for all large HTTP requests and their answers at once, of which one address may " +
				"have half. Where somebody waits for memory, those lose theirs, and are closed, that have " +
				"been slow.",
			bind: toInt64(func(c *Config) *int64 { return &c.HTTP.MaxQueuedBytes }),
		},
		{
			name: "yakt.max.parked.requests", typ: "int", def: "2000", valid: ">=1",
			doc: "Most requests that wait for something at once, such as a FETCH for new records; those " +
				"of less than a second or two are not counted. Further ones are answered with what there is.",
			bind: toInt32(func(c *Config) *int32 { return &c.Clients.MaxParked }),
		},
		{
			name: "yakt.max.parked.requests.per.ip", typ: "int", def: "500", valid: ">=1",
			doc:  "The same for the requests from one address.",
			bind: toInt32(func(c *Config) *int32 { return &c.Clients.MaxParkedPerIP }),
		},
		{
			name: "yakt.max.wait.ms", typ: "long", def: "60000", valid: ">=1000", unit: "ms",
			doc:  "How long such a request may wait, whatever it asks for, within a second or two.",
			bind: toDuration(time.Millisecond, func(c *Config) *time.Duration { return &c.Clients.MaxWait }),
		},
		{name: "yakt.debug.listeners", typ: "list", def: "", doc: "Where Go's profiles (/debug/pprof/) " +
			"are served, as `host:port` with a loopback address; empty turns it off."},
		{name: "yakt.peer.addresses", typ: "list", def: null, doc: "Where to reach voters instead of " +
			"where the log or controller.quorum.voters says, as `id@host:port`: for when controllers were " +
			"moved or renamed."},
		{
			name: "yakt.snapshots.kept", typ: "int", def: "2", valid: "2..100",
			doc:  "Snapshots kept; older ones and the log before them are removed.",
			bind: toInt32(func(c *Config) *int32 { return &c.Storage.SnapshotsKept }),
		},
		{
			name: "yakt.wal.segment.bytes", typ: "long", def: "67108864", valid: "1048576..1073741824",
			unit: "bytes",
			doc:  "Size of one file of the write-ahead log; disk space is taken in these steps.",
			bind: toInt64(func(c *Config) *int64 { return &c.Storage.WALSegmentBytes }),
		},
		{
			name: "yakt.log.level", typ: "string", def: "info", valid: "debug|info|warn|error",
			doc:  "Least severe messages that are logged.",
			bind: toString(func(c *Config) *string { return &c.Log.Level }),
		},
		{
			name: "yakt.log.format", typ: "string", def: "text", valid: "text|json",
			doc:  "How messages are logged.",
			bind: toString(func(c *Config) *string { return &c.Log.Format }),
		},
	}, requestLimitKeys())
}
