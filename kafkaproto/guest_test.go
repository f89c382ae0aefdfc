package kafkaproto

import (
	"sync/atomic"
	"testing"
	"time"
)

// peersConfig serves clients, and echoes the frames of peers.
func peersConfig() Config {
	cfg, _ := testConfig(respond)
	cfg.StreamKey, cfg.StreamSlots = streamKey, 2
	cfg.Stream = func(Caller, string) Stream {
		return Stream{Frame: func(body []byte) ([]byte, error) { return body, nil }}
	}
	return cfg
}

// TestPeersGetInBeyondTheLimits exhausts every kind of limit with clients: a peer is still
// accepted, a client is not.
func TestPeersGetInBeyondTheLimits(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]func(*Config){
		"all":     func(c *Config) { c.MaxConnections = 3 },
		"address": func(c *Config) { c.MaxConnectionsPerIP = 3 },
		"shared": func(c *Config) {
			var open atomic.Int64
			c.Admit = func() (func(), bool) {
				if open.Add(1) > 3 {
					open.Add(-1)
					return nil, false
				}
				return func() { open.Add(-1) }, true
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := peersConfig()
			limit(&cfg)
			s, addr := start(t, cfg)
			var clients []client
			for i := range int32(3) {
				c := dial(t, addr)
				c.send(heartbeat(i))
				c.receive()
				clients = append(clients, c)
			}
			peer := dial(t, addr)
			for i := range int32(3) {
				peer.send(streamFrame(0, i, "hello"))
				peer.receive()
			}
			late := dial(t, addr)
			late.send(heartbeat(9))
			late.expectClose()
			// a peer that is here beyond the limits is not served as a client
			peer.send(heartbeat(9))
			peer.expectClose()
			clients[0].Close()
			expectClosed(t, s, closedByPeer, 1)
			eventually(t, func() string {
				if n := s.Stats().Connections; n != 2 {
					return "connections still count"
				}
				return ""
			})
			next := dial(t, addr)
			next.send(heartbeat(10))
			next.receive()
		})
	}
}

// TestGuestsAreFewAndBrief has silent connections beyond the limit: they occupy the slots of peers
// only for a short time, and never more than there are.
func TestGuestsAreFewAndBrief(t *testing.T) {
	t.Parallel()
	cfg := peersConfig()
	cfg.MaxConnections, cfg.StreamTimeout = 1, 200*time.Millisecond
	s, addr := start(t, cfg)
	first := dial(t, addr)
	first.send(heartbeat(1))
	first.receive()
	silent := []client{dial(t, addr), dial(t, addr)}
	silent[1].send([]byte{0, 0}) // begins a frame that never ends
	eventually(t, func() string {
		if s.Stats().Connections != 3 {
			return "not let in"
		}
		return ""
	})
	dial(t, addr).expectClose()
	expectClosed(t, s, refusedConnections, 1)
	for _, c := range silent {
		c.expectClose()
	}
	expectClosed(t, s, refusedConnections, 3)
	peer := dial(t, addr)
	peer.send(streamFrame(0, 1, "hello"))
	peer.receive()
}
