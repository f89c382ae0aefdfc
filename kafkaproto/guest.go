package kafkaproto

import (
	"errors"
	"fmt"
	"time"
)

// A guest is a connection beyond the limits. It is accepted for the private stream alone: the peers
// of this node must get through when clients, or strangers, hold every other connection. Until its
// first frame it occupies a slot for a short time; see Config.StreamSlots.

var errNotAPeer = errors.New("there is no room for a further client")

// guestIdleFactor is how many StreamTimeouts a guest may be silent between two frames.
const guestIdleFactor time.Duration = 10

// beGuest makes a connection a guest, before it is served. reason is the limit that it exceeds.
func (c *conn) beGuest(reason closeReason) {
	c.guest, c.refused = true, reason
	c.in.deadline.idleTimeout = c.server.cfg.StreamTimeout
	c.in.deadline.frameTimeout = min(c.in.deadline.frameTimeout, c.server.cfg.StreamTimeout)
}

// welcome makes a connection a peer's once its stream is confirmed: its frames may be larger and
// use memory that clients cannot take.
func (c *conn) welcome() {
	if c.stream.Confirmed != nil && !c.stream.Confirmed() {
		return
	}
	c.isPeer.Store(true)
	c.in.widen(streamBufferBytes)
	c.in.maxBytes = c.server.cfg.MaxStreamFrameBytes
	c.in.account.close()
	c.in.account = c.server.peerBudget.open(c.caller.ClientAddr, c.close)
}

// stay lets a guest stay after its first frame of the private stream.
func (c *conn) stay() {
	if !c.guest {
		return
	}
	cfg := c.server.cfg
	c.in.deadline.idleTimeout = min(cfg.IdleTimeout, guestIdleFactor*cfg.StreamTimeout)
	c.in.deadline.frameTimeout = cfg.FrameTimeout
	c.in.deadline.idleSet = time.Time{}
}

// unproven turns the timeout of a guest without a first frame into the refusal by its limit.
func (c *conn) unproven(err error) error {
	e, ok := errors.AsType[*frameError](err)
	slow := ok && (e.reason == closedIdle || e.reason == closedFrameTimeout)
	if !slow || !c.guest || c.stream.Frame != nil {
		return err
	}
	err = fmt.Errorf("%w, and it sent no frame of a peer: %w", errNotAPeer, err)
	return &frameError{c.refused, err}
}
