package kafkaproto

import (
	"context"
	"log/slog"

	"github.com/yakt/yakt/limits"
)

// refused counts the refusals of each limit. The names are the configuration's.
type refused struct {
	connections, connectionsPerIP *limits.Refusals
	handshakes, handshakesPerIP   *limits.Refusals
	memory                        *limits.Refusals
	parked, parkedPerIP, wait     *limits.Refusals
}

func newRefused(logger *slog.Logger) refused {
	limit := func(name string) *limits.Refusals { return limits.NewRefusals(name, logger) }
	return refused{
		connections: limit("max.connections"), connectionsPerIP: limit("max.connections.per.ip"),
		handshakes: limit("tls.handshakes"), handshakesPerIP: limit("tls.handshakes.per.ip"),
		memory:      limit("queued.max.request.bytes"),
		parked:      limit("yakt.max.parked.requests"),
		parkedPerIP: limit("yakt.max.parked.requests.per.ip"),
		wait:        limit("yakt.max.wait.ms"),
	}
}

// all returns the counts for Stats.
func (r *refused) all() []*limits.Refusals {
	return []*limits.Refusals{
		r.connections, r.connectionsPerIP, r.handshakes, r.handshakesPerIP, r.memory,
		r.parked, r.parkedPerIP, r.wait,
	}
}

// of returns the limit that closed a connection; nil if none did.
func (r *refused) of(reason closeReason) *limits.Refusals {
	switch reason {
	case refusedConnections, closedForOthers:
		return r.connections
	case refusedConnectionsPerIP:
		return r.connectionsPerIP
	case refusedHandshakes:
		return r.handshakes
	case refusedHandshakesPerIP:
		return r.handshakesPerIP
	case closedMemory, closedSlow:
		return r.memory
	}
	return nil
}

// report logs why a connection was closed: ordinary reasons at level debug, and of any other reason
// the first and then one line a minute.
func (c *conn) report(reason closeReason, err error) {
	s := c.server
	about := []any{"reason", reason, "client", c.remote, "listener", c.caller.Listener,
		"key", c.key, "version", c.version, "err", err}
	level := slog.LevelDebug
	switch reason {
	case closedByPeer, closedIdle, closedShutdown, closedPanic: // ordinary, or logged already
	case refusedConnections, refusedConnectionsPerIP, refusedHandshakes, refusedHandshakesPerIP,
		closedMemory, closedSlow, closedForOthers:
		s.refused.of(reason).Add(about...)
	default:
		since, count, due := s.closings[reason].Add()
		if !due {
			break
		}
		level = slog.LevelInfo
		if reason == closedFault {
			level = slog.LevelError
		}
		about = append(about, "closed", since, "in_all", count)
	}
	s.log.Log(context.Background(), level, "connection closed", about...)
}
