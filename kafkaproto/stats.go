package kafkaproto

import "sync/atomic"

// closeReason is why a connection was closed.
type closeReason int

const (
	closedByPeer closeReason = iota
	closedNetworkError
	closedIdle
	closedFrameTimeout
	closedWriteTimeout
	closedFrameLength
	closedUnknownKey
	closedUnsupportedVersion
	closedMalformed
	closedMemory
	closedSlow
	closedForOthers
	closedAuthentication
	closedExpired
	closedWrongProtocol
	closedHandshake
	closedHandshakeTimeout
	closedStream
	closedByHandler
	closedPanic
	closedFault
	closedShutdown
	refusedConnections
	refusedConnectionsPerIP
	refusedHandshakes
	refusedHandshakesPerIP
	closeReasons // number of reasons
)

var closeReasonNames = [closeReasons]string{
	"peer", "network-error", "idle", "frame-timeout", "write-timeout", "frame-length",
	"unknown-key", "unsupported-version", "malformed",
	"memory", "slow", "gave-way", "authentication", "expired", "wrong-protocol", "tls-handshake",
	"tls-timeout", "stream", "handler", "panic", "fault", "shutdown",
	"max-connections", "max-connections-per-ip", "tls-handshakes", "tls-handshakes-per-ip",
}

func (r closeReason) String() string { return closeReasonNames[r] }

type counters struct {
	connections, accepted  atomic.Int64
	requests, streamFrames atomic.Int64
	bytesIn, bytesOut      atomic.Int64
	closed                 [closeReasons]atomic.Int64

	authenticated, authenticationsFailed     atomic.Int64
	reauthenticated, reauthenticationsFailed atomic.Int64
}

// Stats is a snapshot of a Server's counters since its start. They are read one after the other, so
// they may not match exactly.
type Stats struct {
	Connections   int64 // open now
	Handshakes    int64 // of TLS, not complete
	Accepted      int64
	Requests      int64 // passed to Config.Handle, or answered in its place
	StreamFrames  int64 // passed to Config.Stream's frame function
	BytesIn       int64 // complete frames with their length
	BytesOut      int64
	InFlightBytes int64 // memory in use of Config.MaxInFlightBytes
	PeerBytes     int64 // memory in use of the peers' budget
	StrangerBytes int64 // memory in use of connections that are not authenticated

	// Authentications by SASL, the first ones of connections and later ones.
	Authenticated, AuthenticationsFailed     int64
	Reauthenticated, ReauthenticationsFailed int64
	// connections closed or refused, by reason; contains every reason
	Closed  map[string]int64
	Refused map[string]int64 // by limit, under the name of its configuration key
}

// Stats may be called at any time, from any goroutine.
func (s *Server) Stats() Stats {
	stats := Stats{
		Connections:   s.count.connections.Load(),
		Handshakes:    int64(s.handshakes.count()),
		Accepted:      s.count.accepted.Load(),
		Requests:      s.count.requests.Load(),
		StreamFrames:  s.count.streamFrames.Load(),
		BytesIn:       s.count.bytesIn.Load(),
		BytesOut:      s.count.bytesOut.Load(),
		InFlightBytes: s.budget.inUse(),
		PeerBytes:     s.peerBudget.inUse(),
		StrangerBytes: s.strangers.inUse(),

		Authenticated:           s.count.authenticated.Load(),
		AuthenticationsFailed:   s.count.authenticationsFailed.Load(),
		Reauthenticated:         s.count.reauthenticated.Load(),
		ReauthenticationsFailed: s.count.reauthenticationsFailed.Load(),

		Refused: make(map[string]int64),
		Closed:  make(map[string]int64, closeReasons),
	}
	for r := range closeReasons {
		stats.Closed[r.String()] = s.count.closed[r].Load()
	}
	for _, r := range s.refused.all() {
		stats.Refused[r.Name()] = r.Count()
	}
	return stats
}
