package kafkaproto

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// crowd opens connections until every one is taken; each client has been served.
func crowd(t *testing.T, s *Server, cfg Config, n int, ip func(i int) string) []client {
	var clients []client
	for i := range n {
		c := connectTo(t, s, cfg, ip(i))
		clients = append(clients, c)
	}
	return clients
}

// served reports whether a client's request is answered.
func served(c client) bool {
	_, err := c.Write(heartbeat(1))
	if err == nil {
		_, err = c.Read(make([]byte, 100))
	}
	return err == nil
}

// TestIdleConnectionsGiveWay: when all connections are taken, one that never sent a request is
// closed first, then an idle one of the address that has most; an active one stays.
func TestIdleConnectionsGiveWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := testConfig(respond)
		cfg.MaxConnections = 5
		s := bubbleServer(t, cfg)
		w := &sweeper{server: s}
		ips := []string{"10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.3", "10.0.0.4"}
		all := crowd(t, s, cfg, len(ips), func(i int) string { return ips[i] })
		for _, c := range all[:4] { // the last never sends any
			if !served(c) {
				t.Fatal("refused")
			}
		}
		if served(connectTo(t, s, cfg, "10.0.0.9")) {
			t.Error("one gave way at once")
		}
		time.Sleep(silentAfter)
		if !served(connectTo(t, s, cfg, "10.0.0.9")) {
			t.Error("the silent one did not give way")
		}
		time.Sleep(roomInterval)
		if served(connectTo(t, s, cfg, "10.0.0.9")) {
			t.Error("one gave way that is at work")
		}
		for range idleSweeps + 1 {
			w.sweep()
		}
		time.Sleep(roomInterval)
		if !served(connectTo(t, s, cfg, "10.0.0.9")) {
			t.Error("no idle one gave way")
		}
		if served(all[1]) == served(all[2]) {
			t.Error("it was not one of the address that has most")
		}
		for _, i := range []int{0, 3} {
			if !served(all[i]) {
				t.Errorf("client %d was closed", i)
			}
		}
		if n := s.Stats().Closed["gave-way"]; n != 2 {
			t.Errorf("%d gave way", n)
		}
	})
}

// TestAddressMakesRoomForItself: beyond the limit of one address its own idle connections are
// closed.
func TestAddressMakesRoomForItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := testConfig(respond)
		cfg.MaxConnectionsPerIP = 3
		s := bubbleServer(t, cfg)
		others := crowd(t, s, cfg, 3, func(i int) string { return fmt.Sprint("10.0.1.", i) })
		crowd(t, s, cfg, 3, func(int) string { return "10.0.0.1" })
		time.Sleep(silentAfter)
		if !served(connectTo(t, s, cfg, "10.0.0.1")) {
			t.Error("no room")
		}
		for i, c := range others {
			if !served(c) {
				t.Errorf("another address lost connection %d", i)
			}
		}
	})
}

// TestCrowdOfIdleConnections: a good client is accepted at once, however many there are.
func TestCrowdOfIdleConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := testConfig(respond)
		cfg.MaxConnections = 500
		s := bubbleServer(t, cfg)
		for range 4 {
			crowd(t, s, cfg, 500, func(i int) string { return fmt.Sprintf("10.0.1.%d", i%250) })
			time.Sleep(silentAfter)
			if !served(connectTo(t, s, cfg, "10.0.0.1")) {
				t.Error("a good client was refused")
			}
		}
	})
}
