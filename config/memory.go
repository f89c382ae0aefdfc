package config

// DefaultMaxConnections is the default of max.connections.
const DefaultMaxConnections = 10_000

const (
	// defaultRequestBytes is far more than clients send to a controller, which writes at most 10,000
	// records for one request.
	defaultRequestBytes = 8 << 20
	// defaultRequestMemory is the meaning of queued.max.request.bytes=-1.
	defaultRequestMemory = 64 << 20
)

// RequestMemory returns how many bytes the requests of all clients and their answers may take
// together.
func (c *Config) RequestMemory() int64 {
	if c.Clients.MaxQueuedBytes <= 0 {
		return defaultRequestMemory
	}
	return c.Clients.MaxQueuedBytes
}

// LongestRequest returns the greatest size of one request in bytes: the configured one, but no more
// than half of a default RequestMemory.
func (c *Config) LongestRequest() int {
	if c.Clients.MaxQueuedBytes <= 0 {
		return int(min(int64(c.Clients.MaxRequestBytes), defaultRequestMemory/2))
	}
	return int(c.Clients.MaxRequestBytes)
}
