package config

import (
	"slices"
	"time"
)

const ownTitle = "YAKt's own"

// ownKeys lists the settings for which Kafka has no name.
func ownKeys() []use {
	return slices.Concat(httpKeys(), parkingKeys(), nodeOwnKeys(), requestLimitKeys())
}

func httpKeys() []use {
	return []use{
		{
			name: "yakt.http.listeners", typ: "list", def: "127.0.0.1:8093",
			doc: "Where the HTTP API listens, as `host:port`; an empty host is every address, an empty " +
				"list turns it off. If the default is taken, the node runs without a port of its own and " +
				"logs that.",
		},
		{
			name: "yakt.http.security.protocol", typ: "string", def: "PLAINTEXT",
			valid: "PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL",
			doc: "Security of the HTTP API and of yakt.debug.listeners. PLAINTEXT: no credentials, " +
				"everyone is `User:ANONYMOUS`. SSL: HTTPS, and clients may have to show certificates " +
				"(ssl.client.auth). SASL_PLAINTEXT, SASL_SSL: clients send passwords or tokens, without and " +
				"with HTTPS; the mechanisms are those of sasl.enabled.mechanisms. The keys of TLS and SASL " +
				"apply, and with the prefix `listener.name.http.` for HTTP alone.",
		},
		{
			name: "yakt.http.insecure", typ: "boolean", def: "false",
			doc: "Permits yakt.http.listeners that other machines can reach without TLS and without " +
				"authentication: for networks where everyone may do everything.",
			bind: toBool(func(c *Config) *bool { return &c.HTTP.Insecure }),
		},
		{
			name: "yakt.http.hosts", typ: "list", def: "",
			doc: "Further names that the `Host` header of HTTP requests may have, besides IP addresses, " +
				"this node's own names, names without a dot, and those in `.localhost`, `.local` and " +
				"`.internal`; `*` is any. The check keeps out pages of other sites whose names resolve to " +
				"this node.",
			bind: toList(func(c *Config) *[]string { return &c.HTTP.Hosts }),
		},
		{
			name: "yakt.http.max.connections", typ: "int", def: "5000", valid: ">=2",
			doc: "Most HTTP connections at once; one address may have half of them. Each takes some 30 " +
				"KiB while it waits for changes. A further connection replaces the one that has been idle " +
				"for longest.",
			bind: toInt32(func(c *Config) *int32 { return &c.HTTP.MaxConnections }),
		},
		{
			name: "yakt.http.queued.max.bytes", typ: "long", def: "33554432", valid: ">=16777216",
			unit: "bytes",
			doc: "Memory for all large HTTP requests and their answers together; one address may have " +
				"half of it. When a request has to wait for memory, the slowest connections are closed to " +
				"free theirs.",
			bind: toInt64(func(c *Config) *int64 { return &c.HTTP.MaxQueuedBytes }),
		},
	}
}

// parkingKeys bound the requests that wait, such as a FETCH for new records.
func parkingKeys() []use {
	return []use{
		{
			name: "yakt.max.parked.requests", typ: "int", def: "2000", valid: ">=1",
			doc: "Most requests that wait at once, such as a FETCH for new records; waits of less than a " +
				"second or two do not count. Further requests are answered at once with what there is.",
			bind: toInt32(func(c *Config) *int32 { return &c.Clients.MaxParked }),
		},
		{
			name: "yakt.max.parked.requests.per.ip", typ: "int", def: "500", valid: ">=1",
			doc:  "Most requests from one address that wait at once.",
			bind: toInt32(func(c *Config) *int32 { return &c.Clients.MaxParkedPerIP }),
		},
		{
			name: "yakt.max.wait.ms", typ: "long", def: "60000", valid: ">=1000", unit: "ms",
			doc:  "Longest time that a request may wait, whatever it asks for; exact to a second or two.",
			bind: toDuration(time.Millisecond, func(c *Config) *time.Duration { return &c.Clients.MaxWait }),
		},
	}
}

func nodeOwnKeys() []use {
	return []use{
		{
			name: "yakt.debug.listeners", typ: "list", def: "",
			doc: "Where Go's profiles (/debug/pprof/) are served, as `host:port` with a loopback " +
				"address; empty turns them off.",
		},
		{
			name: "yakt.peer.addresses", typ: "list", def: null,
			doc: "Addresses of voters, as `id@host:port`, which override those in the log and in " +
				"controller.quorum.voters: for controllers that were moved or renamed.",
		},
		{
			name: "yakt.snapshots.kept", typ: "int", def: "2", valid: "2..100",
			doc:  "Number of snapshots to keep; older ones and the log before them are removed.",
			bind: toInt32(func(c *Config) *int32 { return &c.Storage.SnapshotsKept }),
		},
		{
			name: "yakt.wal.segment.bytes", typ: "long", def: "67108864", valid: "1048576..1073741824",
			unit: "bytes",
			doc:  "Size of one file of the write-ahead log; disk space is allocated in these steps.",
			bind: toInt64(func(c *Config) *int64 { return &c.Storage.WALSegmentBytes }),
		},
		{
			name: "yakt.log.level", typ: "string", def: "info", valid: "debug|info|warn|error",
			doc:  "Least severity of messages that are logged.",
			bind: toString(func(c *Config) *string { return &c.Log.Level }),
		},
		{
			name: "yakt.log.format", typ: "string", def: "text", valid: "text|json",
			doc:  "Format of the log.",
			bind: toString(func(c *Config) *string { return &c.Log.Format }),
		},
	}
}
