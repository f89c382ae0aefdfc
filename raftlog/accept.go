package raftlog

import (
	"encoding/binary"
	"fmt"
)

// inbound is one connection on which a peer sends to this node.
type inbound struct {
	l      *Log
	remote string
	peer   *hello // nil until its hello was accepted
	told   bool   // it was refused
}

// AcceptPeer takes over one inbound connection that uses PeerAPIKey. frame is called with the body of each of its
// requests, in order; a nil reply means none is sent; after an error the connection must be closed. closed is called
// once, after the last frame. The body is not kept.
func (l *Log) AcceptPeer(remote string) (frame func(body []byte) (reply []byte, err error), closed func()) {
	in := &inbound{l: l, remote: remote}
	return in.frame, func() {}
}

func (in *inbound) frame(body []byte) ([]byte, error) {
	switch {
	case in.l.ctx.Err() != nil:
		return nil, ErrStopped
	case len(body) == 0 || in.told:
		return nil, fmt.Errorf("%w: %d bytes from %s", errMalformed, len(body), in.remote)
	case in.peer == nil && body[0] != kindHello:
		return nil, fmt.Errorf("%w: kind %d before a hello from %s", errMalformed, body[0], in.remote)
	}
	switch rest := body[1:]; body[0] {
	case kindHello:
		return in.greet(rest), nil
	case kindMessages:
		return nil, in.step(rest)
	case kindPing:
		return []byte{}, nil
	case kindRead:
		return in.read(rest)
	case kindFailed:
		node := raftID(in.peer.node)
		in.l.snaps.doubt(in.l.now())
		in.l.input(func(c *core) { c.snapshotFailed(node) })
		return nil, nil
	}
	return nil, fmt.Errorf("%w: kind %d from node %d", errMalformed, body[0], in.peer.node)
}

func (in *inbound) greet(b []byte) []byte {
	h, err := readHello(b)
	if err == nil {
		err = in.l.admits(h)
	}
	if err != nil {
		in.told = true
		in.l.log.Warn("refused a peer", "node", h.node, "remote", in.remote, "why", err)
		if h.cluster != in.l.cfg.ClusterID {
			return refusalAs(verdictForeign, err.Error())
		}
		return refusal(err.Error())
	}
	in.peer = &h
	in.l.peers.greeted(h, true)
	return appendHello([]byte{verdictOK}, in.l.hello(h.node))
}

// admits says what is wrong with a peer, in a sentence the peer's operator can act on.
func (l *Log) admits(h hello) error {
	switch {
	case h.cluster != l.cfg.ClusterID:
		return fmt.Errorf("node %d belongs to cluster %q, this node %d to cluster %q: check cluster.id and the addresses of the quorum", h.node, h.cluster, l.cfg.NodeID, l.cfg.ClusterID)
	case h.to != l.cfg.NodeID:
		return fmt.Errorf("node %d meant to reach node %d, but this is node %d: check the addresses of the quorum", h.node, h.to, l.cfg.NodeID)
	case h.node == l.cfg.NodeID:
		return fmt.Errorf("another process uses node id %d too", h.node)
	case !l.peers.isMember(raftID(h.node)):
		return fmt.Errorf("node %d is not a member of this quorum", h.node)
	}
	return l.cfg.CheckPeer(h.node, h.dir)
}

func (in *inbound) step(b []byte) error {
	ms, err := readMessages(b, raftID(in.peer.node), raftID(in.l.cfg.NodeID))
	if err != nil {
		in.l.log.Error("a peer sent something invalid; its connection is closed", "node", in.peer.node, "remote", in.remote, "error", err)
		return err
	}
	in.l.peers.heard(in.peer.node, in.l.now())
	in.l.input(func(c *core) { c.step(ms...) })
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
		return refusal(err.Error()), nil
	}
	reply := binary.BigEndian.AppendUint64([]byte{verdictOK}, uint64(size))
	return append(reply, chunk...), nil
}
