package raftlog

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/yakt/yakt/raftlog/wal"
)

// maxConfirming bounds the concurrent callbacks to one member, because anybody can send hellos.
const maxConfirming = 4

// uuid formats an id as Kafka does.
func uuid(id [16]byte) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

func newToken() (t [tokenLen]byte) {
	rand.Read(t[:]) // never fails
	return t
}

// newSalt distinguishes two starts with the same count.
func newSalt() uint32 {
	t := newToken()
	return binary.BigEndian.Uint32(t[:])
}

// hello introduces this node.
func (l *Log) hello(to int32, token [tokenLen]byte) hello {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.core
	voters := nodeIDs(c.voters())
	slices.Sort(voters)
	return hello{
		cluster: l.cfg.ClusterID, node: l.cfg.NodeID, to: to, dir: l.cfg.DirectoryID,
		incarnation: c.cfg.incarnation, token: token, boot: c.memory.boot, founding: c.founding,
		end: c.logEnd(), voters: voters, info: l.cfg.Info,
	}
}

// shakeHands introduces this node on a connection that it has dialled, and checks the response.
func (l *Log) shakeHands(ctx context.Context, conn net.Conn, node int32) error {
	token := newToken()
	defer l.peers.attempt(token, node)()
	frame := append(beginFrame(nil, 0), kindHello)
	body, err := ask(ctx, conn, appendHello(frame, l.hello(node, token)))
	if err != nil {
		return err
	}
	h, err := readHello(body)
	switch {
	case err != nil:
		return err
	case h.cluster != l.cfg.ClusterID || h.node != node:
		return fmt.Errorf("this is node %d of cluster %s, not node %d of cluster %s",
			h.node, h.cluster, node, l.cfg.ClusterID)
	}
	if err := l.judge(h); err != nil {
		return err
	}
	l.peers.greeted(h, false)
	return conn.SetDeadline(time.Time{})
}

// ask sends a request and returns the bytes after a positive verdict. The deadline of ctx remains
// set on the connection.
func ask(ctx context.Context, conn net.Conn, frame []byte) ([]byte, error) {
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if _, err := conn.Write(finishFrame(frame)); err != nil {
		return nil, err
	}
	_, body, err := readReply(conn, maxInfoBytes+maxSentenceBytes)
	if err != nil {
		return nil, err
	}
	if body, err = readVerdict(body); err != nil {
		return nil, fmt.Errorf("refused: %w", err)
	}
	if !stop() {
		return nil, ctx.Err()
	}
	return body, nil
}

// greet answers a hello with this node's own, or with the reason why the peer is refused.
func (in *inbound) greet(b []byte) []byte {
	h, err := readHello(b)
	if err == nil {
		err = in.l.admits(h)
	}
	if err == nil {
		err = in.l.confirmed(h)
	}
	if err == nil {
		err = in.l.judge(h)
	}
	if err != nil {
		in.ended = true
		in.l.peers.refused(h.node, in.remote, err)
		return refusal(err)
	}
	in.peer = &h
	in.l.peers.greeted(h, true)
	return appendHello([]byte{verdictOK}, in.l.hello(h.node, [tokenLen]byte{}))
}

// admits returns nil, or why a peer is refused, in a sentence on which the peer's operator can act.
func (l *Log) admits(h hello) error {
	l.mu.Lock()
	founding, voters := l.core.founding, nodeIDs(l.core.voters())
	l.mu.Unlock()
	slices.Sort(voters)
	switch {
	case h.cluster != l.cfg.ClusterID:
		return &refusedError{
			verdictForeign,
			fmt.Sprintf("node %d belongs to cluster %q, this node %d to "+
				"cluster %q: check cluster.id and the addresses of the quorum",
				h.node, h.cluster, l.cfg.NodeID, l.cfg.ClusterID),
		}
	case h.to != l.cfg.NodeID:
		return fmt.Errorf(
			"node %d meant to reach node %d, but this is node %d: "+
				"check the addresses of the quorum",
			h.node, h.to, l.cfg.NodeID,
		)
	case h.node == l.cfg.NodeID:
		return fmt.Errorf("another process uses node id %d too", h.node)
	case !l.peers.isMember(raftID(h.node)):
		return &refusedError{
			verdictStranger,
			fmt.Sprintf("node %d is not a member of the quorum of node "+
				"%d, whose voters are %v", h.node, l.cfg.NodeID, voters),
		}
	case founding && h.founding && !slices.Equal(voters, h.voters):
		return fmt.Errorf(
			"node %d was formatted with the voters %v, node %d with "+
				"%v: format both with the same",
			h.node, h.voters, l.cfg.NodeID, voters,
		)
	}
	return nil
}

// confirmed dials the node that a hello named and asks whether it sent that hello.
func (l *Log) confirmed(h hello) error {
	done, ok := l.peers.confirming(h.node)
	if !ok {
		return fmt.Errorf(
			"%d introductions of node %d are being confirmed already", maxConfirming, h.node,
		)
	}
	defer done()
	ctx, cancel := context.WithTimeout(l.ctx, l.cfg.DialTimeout)
	defer cancel()
	err := fmt.Errorf("no address of node %d is known", h.node)
	for _, addr := range l.cfg.Addr(h.node) {
		if err = l.confirmAt(ctx, addr, h); err == nil {
			return nil
		}
	}
	return fmt.Errorf(
		"nobody confirms at the address of node %d that it has connected to node %d: %w; "+
			"check its address in controller.quorum.voters and yakt.peer.addresses",
		h.node, l.cfg.NodeID, err,
	)
}

func (l *Log) confirmAt(ctx context.Context, addr string, h hello) error {
	conn, err := l.cfg.Dial(ctx, addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	question := confirm{cluster: l.cfg.ClusterID, node: l.cfg.NodeID, to: h.node, token: h.token}
	_, err = ask(ctx, conn, appendConfirm(append(beginFrame(nil, 0), kindConfirm), question))
	return err
}

// confirm answers whether this node is connecting to the one that asks.
func (in *inbound) confirm(b []byte) []byte {
	in.ended = true // no other frame follows on this connection
	c, err := readConfirm(b)
	switch {
	case err != nil:
	case c.cluster != in.l.cfg.ClusterID || c.to != in.l.cfg.NodeID:
		err = fmt.Errorf("this is node %d of cluster %q", in.l.cfg.NodeID, in.l.cfg.ClusterID)
	case !in.l.peers.isAttempt(c.token, c.node):
		err = fmt.Errorf("node %d is not connecting to node %d", in.l.cfg.NodeID, c.node)
	}
	if err != nil {
		return refusal(err)
	}
	return []byte{verdictOK}
}

// judge compares a peer's hello with this node's memory of the peer, and makes the updated memory
// durable before messages of the peer are accepted.
func (l *Log) judge(h hello) error {
	directory := l.cfg.VoterDirectory(h.node)
	l.mu.Lock()
	learned, err := l.core.memory.judge(h, directory, l.core.founding)
	l.mu.Unlock()
	if err == nil && learned {
		err = l.saveMemory(true)
	}
	return err
}

// saveMemory passes the memory of the members to the write-ahead log if it has changed; with sync
// it is durable on return. After wal.ErrRetry it is not durable yet; any other error has stopped
// the log.
func (l *Log) saveMemory(sync bool) error {
	l.memoryMu.Lock()
	defer l.memoryMu.Unlock()
	l.mu.Lock()
	memory := l.core.memory.encode()
	l.mu.Unlock()
	if bytes.Equal(memory, l.savedMemory) && !sync {
		return nil
	}
	if err := l.writer.disk.SetNote(memory, sync); err != nil {
		err = fmt.Errorf("raftlog: remembering the other members: %w", err)
		if l.ctx.Err() == nil && !errors.Is(err, wal.ErrRetry) {
			l.fail(err)
		}
		return err
	}
	l.savedMemory = memory
	return nil
}

// hearRefusal processes a peer's reason for refusing this node.
func (l *Log) hearRefusal(peer uint64, err error) {
	r, ok := errors.AsType[*heardRefusal](err)
	if !ok {
		return
	}
	switch r.verdict {
	case verdictForeign:
		l.peers.isForeign(peer, r)
	case verdictForgot:
		l.suspend(fmt.Sprintf("node %d says: %s", nodeID(peer), r.sentence))
	}
}

// suspend excludes this node from the quorum, durably.
func (l *Log) suspend(why string) {
	suspended := false
	l.input(func(c *core) { suspended = c.suspend(why) })
	if !suspended {
		return
	}
	l.log.Error("this node takes no part in the quorum: it does not vote, acknowledge or lead",
		"why", why)
	// without space for it, the peers refuse this node again after the next start
	_ = l.saveMemory(true)
}
