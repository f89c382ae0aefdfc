package kafkaproto

import (
	"container/list"
	"errors"
	"sync"

	"github.com/yakt/yakt/turns"
)

// handshakes are the TLS handshakes that are not complete. A client that connects and says nothing
// costs memory until its time is over; so there are few of them, and the oldest that waits for its
// client gives way to a new one. One that waits for this node does not, and neither does one of an
// address with an authenticated connection, as brokers have, while there are others.
type handshakes struct {
	most, mostPerIP int

	mu    sync.Mutex
	all   list.List // of *conn, the oldest first
	perIP map[string]*greeted
	known map[string]int // authenticated connections by address
}

// greeted are the handshakes of one address. What they use of the processor counts for all of them,
// so that those of another address go first.
type greeted struct {
	count int
	usage turns.Usage
}

// of returns how many handshakes an address has. The caller holds the lock.
func (h *handshakes) of(ip string) int {
	if g := h.perIP[ip]; g != nil {
		return g.count
	}
	return 0
}

var (
	errHandshakes = errors.New("its TLS handshake was not complete when others began " +
		"(tls.handshakes)")
	errHandshakesPerIP = errors.New("its TLS handshake was not complete when others of its " +
		"address began (tls.handshakes.per.ip)")
)

// enter counts a handshake that begins, and returns its turn. If there is no room and none gives
// way, it is refused.
func (h *handshakes) enter(c *conn) (*turns.Turn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ip := c.caller.ClientAddr
	switch {
	case h.of(ip) >= h.mostPerIP:
		if !h.giveWay(ip, errHandshakesPerIP) {
			return nil, &frameError{refusedHandshakesPerIP, errHandshakesPerIP}
		}
	case h.all.Len() >= h.most:
		if !h.giveWay(h.heaviest(), errHandshakes) {
			return nil, &frameError{refusedHandshakes, errHandshakes}
		}
	}
	c.handshaking = h.all.PushBack(c)
	if h.perIP[ip] == nil {
		h.perIP[ip] = &greeted{}
	}
	h.perIP[ip].count++
	return c.server.cfg.Turns.Turn(&h.perIP[ip].usage), nil
}

// leave ends what enter began. The connection may have given way meanwhile.
func (h *handshakes) leave(c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.remove(c)
}

// remove forgets a handshake. The caller holds the lock.
func (h *handshakes) remove(c *conn) {
	if c.handshaking == nil {
		return
	}
	h.all.Remove(c.handshaking)
	c.handshaking = nil
	ip := c.caller.ClientAddr
	if h.perIP[ip].count--; h.perIP[ip].count == 0 {
		delete(h.perIP, ip)
	}
}

// meet counts a connection whose client has authenticated.
func (h *handshakes) meet(c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.known = true
	h.known[c.caller.ClientAddr]++
}

// part ends what meet began, if it did.
func (h *handshakes) part(c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ip := c.caller.ClientAddr
	if !c.known {
		return
	}
	c.known = false
	if h.known[ip]--; h.known[ip] == 0 {
		delete(h.known, ip)
	}
}

// heaviest returns the address with most handshakes, of those that are not known if there are any.
// The caller holds the lock.
func (h *handshakes) heaviest() string {
	address, most, known := "", 0, true
	for e := h.all.Front(); e != nil; e = e.Next() { // in order, so that the result is certain
		ip := e.Value.(*conn).caller.ClientAddr
		n, isKnown := h.of(ip), h.known[ip] > 0
		if known && !isKnown || known == isKnown && n > most {
			address, most, known = ip, n, isKnown
		}
	}
	return address
}

// giveWay closes the oldest connection of an address whose client has not answered. The caller
// holds the lock.
func (h *handshakes) giveWay(ip string, why error) bool {
	for e := h.all.Front(); e != nil; e = e.Next() {
		c := e.Value.(*conn)
		if c.caller.ClientAddr == ip && c.tls.wire.waits.Load() {
			h.remove(c)
			c.close(why)
			return true
		}
	}
	return false
}

func (h *handshakes) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all.Len()
}
