package config

// DefaultMaxConnections is max.connections where it is not set.
const DefaultMaxConnections = 10_000

const (
	// defaultRequestBytes is far above what clients of a controller send: it writes at most 10,000
	// records for one request.
	defaultRequestBytes = 8 << 20
	// defaultRequestMemory is what queued.max.request.bytes=-1 stands for.
	defaultRequestMemory = 64 << 20
)

// RequestMemory is how many bytes the requests of all clients and their answers may take at once.
func (c *Config) RequestMemory() int64 {
	if c.Clients.MaxQueuedBytes <= 0 {
		return defaultRequestMemory
	}
	return c.Clients.MaxQueuedBytes
}

// LongestRequest is how many bytes one request may take on the wire: what is configured, as far as
// the memory for all goes.
func (c *Config) LongestRequest() int {
	if c.Clients.MaxQueuedBytes <= 0 {
		return int(min(int64(c.Clients.MaxRequestBytes), defaultRequestMemory/2))
	}
	return int(c.Clients.MaxRequestBytes)
}
