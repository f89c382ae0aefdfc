package raftlog

import (
	"encoding/binary"
	"fmt"
	"time"
)

// inbound is one connection that a peer has opened to send to this node.
type inbound struct {
	l      *Log
	remote string
	may    func() error // see AcceptPeer
	asked  time.Time    // when may was last asked
	peer   *hello       // nil until its hello was accepted
	ended  bool         // refused or answered for good: further frames are malformed

	pulled *tunnelEnd // this connection carries its replies; nil for most
	pushed *tunnelEnd // receives what this connection sends; nil for most
}

// AcceptPeer accepts one inbound connection that uses PeerAPIKey. The caller calls frame with the
// body of each request, in order, and sends the reply unless it is nil; after an error it must
// close the connection. confirmed, called between frames, reports whether the other end has been
// confirmed as the peer that it claims to be. closed is called once, after the last frame. The body
// is not retained.
//
// may returns nil if whoever has authenticated on the connection may act as a peer, or why not, in
// a sentence for the other end that tells it nothing about this quorum. It is asked before anything
// else is looked at, and again before a frame that comes a moment (permissionAge) after the last
// answer, so that a permission can be taken away. nil: anyone may.
func (l *Log) AcceptPeer(remote string, may func() error) (
	frame func(body []byte) (reply []byte, err error), confirmed func() bool, closed func(),
) {
	if may == nil {
		may = func() error { return nil }
	}
	in := &inbound{l: l, remote: remote, may: may}
	return in.frame, func() bool { return in.peer != nil }, in.closed
}

func (in *inbound) frame(body []byte) ([]byte, error) {
	switch {
	case in.l.ctx.Err() != nil:
		return nil, ErrStopped
	case len(body) == 0 || in.ended:
		return nil, fmt.Errorf("%w: %d bytes from %s", errMalformed, len(body), in.remote)
	case in.peer == nil && body[0] != kindHello && body[0] != kindConfirm:
		return nil, fmt.Errorf("%w: kind %d before a hello from %s", errMalformed, body[0], in.remote)
	case in.peer != nil && !in.l.peers.isMember(raftID(in.peer.node)):
		return nil, fmt.Errorf("raftlog: node %d is no member any more", in.peer.node)
	}
	if err := in.permitted(body[0]); err != nil {
		if in.peer != nil {
			return nil, fmt.Errorf("raftlog: node %d is no peer any more: %w", in.peer.node, err)
		}
		in.ended = true
		return refusal(err), nil
	}
	switch rest := body[1:]; body[0] {
	case kindHello:
		return in.greet(rest), nil
	case kindMessages:
		return nil, in.step(rest)
	case kindConfirm:
		return in.confirm(rest), nil
	case kindPing:
		return in.ping(rest)
	case kindRead:
		return in.read(rest)
	case kindOpen:
		return in.openTunnel(), nil
	case kindPull:
		return in.pull()
	case kindPush:
		return nil, in.push(rest)
	case kindFailed:
		node := raftID(in.peer.node)
		in.l.snaps.doubt(in.l.now())
		in.l.input(func(c *core) { c.snapshotFailed(node) })
		return nil, nil
	}
	return nil, fmt.Errorf("%w: kind %d from node %d", errMalformed, body[0], in.peer.node)
}

// permissionAge is how long a peer's permission is believed without asking again, except for pings.
const permissionAge = 250 * time.Millisecond

// permitted returns why the other end may not send a frame as a peer; nil if it may.
func (in *inbound) permitted(kind byte) error {
	now := in.l.now()
	if in.peer != nil && kind != kindPing && now.Sub(in.asked) < permissionAge {
		return nil
	}
	in.asked = now
	return in.may()
}

// ping merges the peer's memory of the members into this node's, and checks that the quorum's
// records still give the peer the directory of its handshake.
func (in *inbound) ping(b []byte) ([]byte, error) {
	r := frameCursor{b: b}
	founding, heard := r.flag(), r.remembered()
	if r.bad {
		return nil, fmt.Errorf("%w: ping of %d bytes", errMalformed, len(b))
	}
	if d := in.l.cfg.VoterDirectory(in.peer.node); d != [16]byte{} && d != in.peer.dir {
		return nil, fmt.Errorf("raftlog: node %d has another directory now", in.peer.node)
	}
	replaced := false
	in.l.input(func(c *core) { replaced = c.hearMemory(heard, founding) })
	if replaced {
		if err := in.l.saveMemory(true); err != nil {
			return nil, err
		}
	}
	return []byte{}, nil
}

func (in *inbound) step(b []byte) error {
	ms, err := readMessages(b, raftID(in.peer.node), raftID(in.l.cfg.NodeID))
	if err != nil {
		in.l.log.Error(
			"a peer sent something invalid; its connection is closed", "peer", in.peer.node,
			"remote", in.remote, "error", err,
		)
		return err
	}
	in.l.peers.heard(in.peer.node, in.l.now())
	known := false
	in.l.input(func(c *core) {
		if known = c.knows(raftID(in.peer.node), in.peer.incarnation); known {
			c.step(ms...)
		}
	})
	if !known && in.l.ctx.Err() == nil {
		return fmt.Errorf("raftlog: node %d is known with another log now", in.peer.node)
	}
	return nil
}

// read serves a piece of a snapshot to a lagging follower.
func (in *inbound) read(b []byte) ([]byte, error) {
	r, err := readSnapshotRead(b)
	if err != nil {
		return nil, err
	}
	chunk, size, err := in.l.snaps.readAt(in.l.ctx, r.id, r.position, int(r.maxBytes), in.l.now())
	if err != nil {
		return refusal(err), nil
	}
	reply := binary.BigEndian.AppendUint64([]byte{verdictOK}, uint64(size))
	return append(reply, chunk...), nil
}
