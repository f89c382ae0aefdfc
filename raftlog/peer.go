package raftlog

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/raft/v3/raftpb"
)

const (
	maxQueued      = 4096 // messages to one peer
	maxQueuedBytes = 64 << 20
	maxRetry       = time.Second
	pingInterval   = 500 * time.Millisecond
	// how long a commit-only message is delayed so that entries can carry the commit index
	commitPause  = 5 * time.Millisecond
	pongPatience = 3 * time.Second
	// writePieceBytes may take Config.WriteTimeout to be written: an entry of many MiB may take
	// long on a slow link as long as it makes progress.
	writePieceBytes = 1 << 20
)

// peer sends to one other member, over a connection that it dials again whenever it breaks.
type peer struct {
	l      *Log
	id     uint64
	cancel context.CancelFunc
	kick   chan struct{} // dial now

	mu         sync.Mutex
	facts      Peer
	founding   bool // waited for the quorum to be founded when it shook hands
	queue      []*raftpb.Message
	queueBytes int
	// the newest commit-only message; not in queue
	commit    *raftpb.Message
	commitDue *time.Timer // wakes the sender for it
	failures  [][]byte    // kindFailed bodies
	work      chan struct{}
	pinged    time.Time // when the unanswered ping was sent, zero if there is none
}

func newPeer(l *Log, id uint64) *peer {
	return &peer{
		l: l, id: id, facts: Peer{NodeID: nodeID(id)}, kick: make(chan struct{}, 1),
		work: make(chan struct{}, 1),
	}
}

// enqueue queues a message, unless there is no connection or the queue is full.
func (p *peer) enqueue(m *raftpb.Message) bool {
	size := 0
	for _, e := range m.GetEntries() {
		size += len(e.GetData())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.facts.Connected || len(p.queue) >= maxQueued || p.queueBytes+size > maxQueuedBytes {
		return false
	}
	if tellsCommitOnly(m) {
		p.holdCommit(m)
		return true
	}
	if m.GetType() == raftpb.MsgApp {
		p.commit = nil // m carries the commit index too
	}
	p.queue = append(p.queue, m)
	p.queueBytes += size
	notify(p.work)
	return true
}

// tellsCommitOnly reports whether m contains nothing but the commit index for a follower that has
// all entries.
func tellsCommitOnly(m *raftpb.Message) bool {
	return m.GetType() == raftpb.MsgApp && len(m.GetEntries()) == 0
}

// holdCommit delays m for a moment. While there are writes, the next entries carry the commit index
// too, and a separate message would cost both sides a write and the follower a response. The caller
// holds the lock.
func (p *peer) holdCommit(m *raftpb.Message) {
	switch {
	case p.commitDue == nil:
		p.commitDue = time.AfterFunc(commitPause, p.releaseCommit)
	case p.commit == nil:
		p.commitDue.Reset(commitPause)
	}
	p.commit = m
}

// releaseCommit sends a delayed commit index that no entries have carried.
func (p *peer) releaseCommit() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.commit == nil {
		return
	}
	p.queue = append(p.queue, p.commit)
	p.commit = nil
	notify(p.work)
}

// run dials until ctx ends: at once after a connection broke or the peer connected, otherwise with
// growing pauses.
func (p *peer) run(ctx context.Context) {
	firstRetry := p.l.cfg.RetryBackoff
	retry, broke := firstRetry, false
	for ctx.Err() == nil {
		conn, err := p.connect(ctx)
		if err == nil {
			retry, broke = firstRetry, true
			p.disconnected(p.serve(ctx, conn))
			continue
		}
		p.report(ctx, err)
		p.l.hearRefusal(p.id, err)
		if broke && errors.Is(err, syscall.ECONNREFUSED) {
			broke = false
			p.l.input(func(c *core) { c.leaderGone(p.id, err.Error()) })
		}
		pause := time.NewTimer(retry)
		select {
		case <-pause.C:
			retry = min(2*retry, max(maxRetry, firstRetry))
		case <-p.kick:
			retry = firstRetry
		case <-ctx.Done():
		}
		pause.Stop()
	}
}

// report records why there is no connection, and logs it when it changes.
func (p *peer) report(ctx context.Context, err error) {
	p.mu.Lock()
	was := p.facts.LastError
	p.facts.LastError = err.Error()
	p.mu.Unlock()
	if was != err.Error() && ctx.Err() == nil {
		p.l.log.Warn("no connection to a peer", "peer", p.facts.NodeID, "why", err)
	}
}

func (p *peer) disconnected(err error) {
	p.mu.Lock()
	p.facts.Connected, p.facts.LastError = false, ""
	p.queue, p.queueBytes, p.commit, p.failures, p.pinged = nil, 0, nil, nil, time.Time{}
	p.mu.Unlock()
	p.report(p.l.ctx, fmt.Errorf("the connection broke: %w", err))
	p.l.input(func(c *core) { c.disconnected(p.id) })
}

// connect dials the peer and shakes hands.
func (p *peer) connect(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, p.l.cfg.DialTimeout)
	defer cancel()
	return p.l.dialNode(ctx, p.facts.NodeID)
}

// dialNode opens a connection to a node and shakes hands. The error is a refused connection
// (ECONNREFUSED) only if all its addresses refused.
func (l *Log) dialNode(ctx context.Context, node int32) (net.Conn, error) {
	addrs := l.cfg.Addr(node)
	if len(addrs) == 0 {
		return nil, fmt.Errorf("no address of node %d is known", node)
	}
	var other, refused error
	for _, addr := range addrs {
		conn, err := l.cfg.Dial(ctx, addr)
		if err == nil {
			if err = l.shakeHands(ctx, conn, node); err == nil {
				return conn, nil
			}
			_ = conn.Close()
			err = fmt.Errorf("handshake with %s: %w", addr, err)
		} else {
			err = fmt.Errorf("dialling %s: %w", addr, err)
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			refused = err
		} else {
			other = err
		}
	}
	if other != nil {
		return nil, other
	}
	return nil, refused
}

// serve writes queued messages until the connection ends, and returns why it ended.
func (p *peer) serve(ctx context.Context, conn net.Conn) error {
	defer conn.Close()
	p.mu.Lock()
	p.facts.Connected, p.facts.LastError = true, ""
	p.mu.Unlock()
	p.l.log.Info("connected to a peer", "peer", p.facts.NodeID, "address", conn.RemoteAddr().String())
	p.l.peers.connected()
	out := &sender{peer: p, conn: conn}
	if err := out.ping(); err != nil {
		return err
	}

	broken := make(chan error, 1)
	p.l.goLoop(func() { broken <- p.readPongs(conn) })
	ping := time.NewTicker(pingInterval)
	defer ping.Stop()
	for {
		select {
		case <-p.work:
			if err := out.drain(); err != nil {
				return err
			}
		case <-ping.C:
			if err := out.ping(); err != nil {
				return err
			}
		case err := <-broken:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// readPongs reads replies to pings. Above all it notices at once when the connection ends.
func (p *peer) readPongs(conn net.Conn) error {
	for {
		if _, _, err := readReply(conn, maxSentenceBytes); err != nil {
			return err
		}
		now := p.l.now()
		p.mu.Lock()
		if !p.pinged.IsZero() {
			p.facts.RTT, p.pinged = now.Sub(p.pinged), time.Time{}
		}
		p.mu.Unlock()
	}
}

// sender encodes the queue as frames, with many messages in a frame and many frames in a write.
type sender struct {
	peer *peer
	conn net.Conn
	buf  []byte
}

func (s *sender) drain() error {
	p := s.peer
	p.mu.Lock()
	queue, failures := p.queue, p.failures
	p.queue, p.queueBytes, p.failures = nil, 0, nil
	p.mu.Unlock()
	for _, body := range failures {
		if err := s.write(append(beginFrame(s.buf[:0], 0), body...)); err != nil {
			return err
		}
	}
	for len(queue) > 0 {
		frame, n, err := frameMessages(beginFrame(s.buf[:0], 0), queue)
		if err == nil {
			err = s.write(frame)
		}
		if err != nil {
			return err
		}
		queue = queue[n:]
	}
	return nil
}

func (s *sender) ping() error {
	p, now := s.peer, s.peer.l.now()
	p.mu.Lock()
	waiting := p.pinged
	if waiting.IsZero() {
		p.pinged = now
	}
	p.mu.Unlock()
	if waiting.IsZero() {
		return s.write(p.l.appendPing(append(beginFrame(s.buf[:0], 1), kindPing)))
	}
	if now.Sub(waiting) > pongPatience {
		return fmt.Errorf("no answer for %v", pongPatience)
	}
	return nil
}

func (s *sender) write(frame []byte) error {
	s.buf = frame
	if cap(s.buf) > 2*frameBytes {
		s.buf = nil
	}
	for piece := range slices.Chunk(finishFrame(frame), writePieceBytes) {
		if err := s.conn.SetWriteDeadline(time.Now().Add(s.peer.l.cfg.WriteTimeout)); err != nil {
			return err
		}
		if _, err := s.conn.Write(piece); err != nil {
			return err
		}
	}
	return nil
}
